"""A database that can never be had with the settings is refused at once with the setting, and not waited for."""

from __future__ import annotations

import secrets

import pytest
from pymongo.errors import DuplicateKeyError, OperationFailure

from service.problem import Category, Refused
from service.store.mongo import connect, connected

pytestmark = pytest.mark.parametrize("driver", ["pymongo", "motor"])
NOWHERE = "mongodb://sam:hunter2@127.0.0.1:9/?serverSelectionTimeoutMS=50"


def named(refused: pytest.ExceptionInfo[Refused], setting: str) -> None:
    """Told with the setting, as what is not waited for, without a secret."""
    assert f"`BATON_MONGODB_{setting}`" in str(refused.value)
    assert refused.value.problem.category is Category.RULE
    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize(
    "uri",
    [
        "mongodb://127.0.0.1:999999",
        "mongodb://a b@:@",
        "mongodb+srv://nowhere.invalid",
        "mongodb://a:hunter2%zz@127.0.0.1:9/",
        f"{NOWHERE}&tls=true&tlsCAFile=/nowhere",
        "mongodb://a,b/?directConnection=true",
    ],
)
async def test_a_uri_that_cannot_be_used_is_named(driver: str, uri: str) -> None:
    with pytest.raises(Refused) as refused:
        await connect(uri, "x", driver)
    named(refused, "URI")


@pytest.mark.parametrize("more", ["directConnection=true&replicaSet=wrong", "replicaSet=wrong"])
async def test_the_name_of_another_replica_set_is_named(mongod: str, driver: str, more: str) -> None:
    """Its servers answer: to try again later is no use."""
    with pytest.raises(Refused, match="replicaSet") as refused:
        await connect(f"{mongod.partition('?')[0]}?{more}&serverSelectionTimeoutMS=300", "x", driver)
    named(refused, "URI")


async def test_a_user_whom_the_database_does_not_know_is_named(mongod: str, driver: str) -> None:
    with pytest.raises(Refused) as refused:
        await connect(mongod.replace("://", "://sam:hunter2@"), "x", driver)
    named(refused, "USER")


async def test_a_name_that_differs_by_case_is_named(mongod: str, driver: str) -> None:
    name = f"case_{secrets.token_hex(4)}"
    async with connected(mongod, name, driver) as mongo:
        await mongo.collection("x").insert_one({})
        with pytest.raises(Refused) as refused:
            async with connected(mongod, name.upper(), driver) as other:
                await other.collection("x").insert_one({})
        named(refused, "DATABASE")
        await mongo.client.drop_database(name)


ALONE = "Transaction numbers are only allowed on a replica set member or mongos"


@pytest.mark.parametrize(
    ("error", "setting"),
    [
        (OperationFailure("not authorized on x to execute { find: 'Ada' }", 13), "USER"),
        (OperationFailure("Invalid namespace", 73), "DATABASE"),
        (OperationFailure(ALONE, 20), "URI"),
    ],
)
async def test_what_shows_only_as_the_database_is_used_is_named(mongod: str, driver: str, error: Exception, setting: str) -> None:
    with pytest.raises(Refused) as refused:
        async with connected(mongod, "x", driver):
            raise error
    named(refused, setting)
    assert "Ada" not in str(refused.value)


async def test_what_says_nothing_of_the_settings_stays_a_fault(mongod: str, driver: str) -> None:
    fault = DuplicateKeyError("dup", 11000)
    with pytest.raises(DuplicateKeyError) as raised:
        async with connected(mongod, "x", driver):
            raise fault
    assert raised.value is fault
