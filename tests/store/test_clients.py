"""The store of clients and tokens: what may happen once happens once, under both drivers."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import pytest
import pytest_asyncio

from service import clock
from service.auth.assertions import Assertion
from service.auth.clients import Client, digest
from service.auth.tokens import ACCESS, Code, Grant, Token
from service.auth.users import Launch, Session, User
from service.store.clients import Clients
from service.store.mongo import Mongo, connect
from service.store.signing_keys import OVERLAP, SigningKeys
from service.store.tokens import Tokens

APP = Client("app", "Organization/o", "patient/*.rs", "none", redirect_uris=("https://a.test",), purposes=("TREAT", "COC"))
WINDOW = timedelta(minutes=15)


@pytest_asyncio.fixture(params=["pymongo", "motor"])
async def mongo(request: pytest.FixtureRequest, mongod: str) -> AsyncIterator[Mongo]:
    made = await connect(mongod, "test_clients", request.param)
    for store in (Clients(made), Tokens(made), SigningKeys(made, clock.new_id)):
        await store.ensure_indexes()
    for name in await made.database.list_collection_names():
        await made.collection(name).delete_many({})
    yield made
    await made.close()


def grant() -> Grant:
    return Grant(clock.new_id(), "app", "sam", "PractitionerRole/s", "Patient/p", "patient/*.rs", "s", clock.now())


def token(grant: str = "") -> Token:
    now = clock.now()
    return Token(secrets.token_hex(32), ACCESS, "app", "Organization/o", "patient/*.rs", now, now + WINDOW, grant)


async def granted(tokens: Tokens) -> Code:
    """A kept code of a kept grant."""
    now = clock.now()
    code = Code(digest("code"), grant(), "https://a.test", "c", "n", now + WINDOW)
    await tokens.add_code(code, now + WINDOW)
    return code


async def test_a_client_comes_back_as_it_was_registered(mongo: Mongo) -> None:
    store = Clients(mongo)
    client = replace(APP, jwks={"keys": [{"kid": "1", "kty": "EC", "x5c": ["a"]}]})
    await store.add_client(client)
    assert await store.client("app") == client
    assert await store.clients() == [client]


async def test_a_client_id_is_taken_once(mongo: Mongo) -> None:
    store = Clients(mongo)
    assert sorted(await asyncio.gather(*(store.add_client(APP) for _ in range(5)))) == [False] * 4 + [True]


async def test_a_user_comes_back_as_it_was_added(mongo: Mongo) -> None:
    store = Clients(mongo)
    await store.add_user(User("sam", "PractitionerRole/s", "hash"))
    assert await store.user("sam") == User("sam", "PractitionerRole/s", "hash")
    assert not await store.add_user(User("sam", "Patient/p", "hash"))


async def test_a_session_ends_at_its_hour(mongo: Mongo) -> None:
    store, now = Clients(mongo), clock.now()
    session = Session("h", "sam", now, now + WINDOW)
    await store.add_session(session)
    assert await store.session("h", now) == session
    assert await store.session("h", now + WINDOW) is None


async def test_of_many_that_take_a_launch_one_gets_it(mongo: Mongo) -> None:
    store, now = Clients(mongo), clock.now()
    launch = Launch("h", "app", "PractitionerRole/s", "Patient/p", "", now + WINDOW)
    await store.add_launch(launch)
    taken = await asyncio.gather(*(store.take_launch("h", now) for _ in range(5)))
    assert [each for each in taken if each] == [launch]


async def test_attempts_at_once_are_all_counted(mongo: Mongo) -> None:
    store, now = Clients(mongo), clock.now()
    await store.attempt("k", now, WINDOW)
    assert sorted(await asyncio.gather(*(store.attempt("k", now, WINDOW) for _ in range(9)))) == list(range(2, 11))


async def test_attempts_are_forgotten_after_their_window(mongo: Mongo) -> None:
    store, now = Clients(mongo), clock.now()
    await store.attempt("k", now, WINDOW)
    assert await store.attempt("k", now + WINDOW, WINDOW) == 1


async def test_of_many_that_spend_an_assertion_one_does(mongo: Mongo) -> None:
    store, spent = Tokens(mongo), Assertion("app", "jti", clock.now() + WINDOW)
    assert sorted(await asyncio.gather(*(store.spend_assertion(spent) for _ in range(5)))) == [False] * 4 + [True]


async def test_two_clients_may_use_the_same_jti(mongo: Mongo) -> None:
    store, until = Tokens(mongo), clock.now() + WINDOW
    assert await store.spend_assertion(Assertion("app", "jti", until))
    assert await store.spend_assertion(Assertion("other", "jti", until))


async def test_of_many_that_spend_a_code_one_does(mongo: Mongo) -> None:
    store = Tokens(mongo)
    code = await granted(store)
    assert sorted(await asyncio.gather(*(store.spend_code(code) for _ in range(5)))) == [False] * 4 + [True]


async def test_a_code_comes_back_with_its_grant(mongo: Mongo) -> None:
    store = Tokens(mongo)
    code = await granted(store)
    assert await store.code("code") == code


async def test_many_lookups_at_once_find_their_own_tokens(mongo: Mongo) -> None:
    store = Tokens(mongo)
    await Clients(mongo).add_client(APP)
    made = {f"secret {n}": replace(token(), hash=digest(f"secret {n}")) for n in range(50)}
    await store.issue(list(made.values()))
    assert await asyncio.gather(*map(store.token, made)) == list(made.values())
    assert await store.token("ghost") is None


async def test_revoking_a_grant_ends_its_tokens_and_no_others(mongo: Mongo) -> None:
    store = Tokens(mongo)
    await Clients(mongo).add_client(APP)
    code, other = await granted(store), token()
    await store.issue([token(code.grant.id), token(code.grant.id), other])
    await store.revoke_grant(code.grant.id)
    assert [row["_id"] async for row in mongo.collection("auth.tokens").find()] == [other.hash]


async def test_nothing_is_issued_from_a_revoked_grant(mongo: Mongo) -> None:
    store = Tokens(mongo)
    await Clients(mongo).add_client(APP)
    code = await granted(store)
    await store.revoke_grant(code.grant.id)
    assert not await store.issue([token(code.grant.id)])
    assert await mongo.collection("auth.tokens").count_documents({}) == 0


async def test_issue_and_revocation_that_cross_leave_no_token(mongo: Mongo) -> None:
    store = Tokens(mongo)
    await Clients(mongo).add_client(APP)
    code = await granted(store)
    await asyncio.gather(*(store.issue([token(code.grant.id)]) for _ in range(10)), store.revoke_grant(code.grant.id))
    assert await mongo.collection("auth.tokens").count_documents({}) == 0


async def test_nothing_is_issued_to_a_client_that_is_gone(mongo: Mongo) -> None:
    assert not await Tokens(mongo).issue([token()])


async def test_workers_that_ask_at_once_share_a_secret(mongo: Mongo) -> None:
    found = await asyncio.gather(*(SigningKeys(mongo, clock.new_id).secret("cursor", secrets.token_bytes(32)) for _ in range(5)))
    assert len(set(found)) == 1


async def test_an_old_key_is_published_until_the_overlap_ends(mongo: Mongo) -> None:
    keys, now = SigningKeys(mongo, clock.new_id), clock.now()
    old = (await keys.signing(now))["kid"]
    new = await keys.rotate(now)
    assert [key["kid"] for key in await keys.published(now)] == [new, old]
    assert [key["kid"] for key in await keys.published(now + OVERLAP)] == [new]
