"""Every command that mints, adds or removes writes an AuditEvent in the ledger, together with what it changes."""

from __future__ import annotations

import json
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from pymongo import MongoClient

from service import clock
from service.app import Built
from service.cli import main
from service.store.ledger import ENTRIES, Link
from service.store.mongo import Mongo
from service.store.partners import Partner
from service.usecases.register import partners
from tests.locality import handed_over

Baton = Callable[..., list[dict[str, Any]]]
PARTNER = ("partner", "add", "--organization", "Organization/trust", "--sector", "health", "--name", "Trust")
CLIENT = ("client", "add", "--id", "app", "--organization", "Organization/trust", "--scope", "system/*.rs", "--secret")
USER = ("user", "add", "--username", "pat", "--patient", "Patient/trust.pat")
BEFORE = {"client": [PARTNER], "token": [PARTNER, CLIENT], "user": [PARTNER]}
ORDER = [
    (PARTNER, "U", "partner Organization/trust", "Organization/trust"),
    (CLIENT, "C", "client app", "Organization/trust"),
    (("token", "--client", "app"), "C", "token for client app", "Organization/trust"),
    (("client", "remove", "--id", "app"), "D", "client app", "Organization/trust"),
    (USER, "C", "login pat", ""),
    (("user", "remove", "--username", "pat"), "D", "login pat", ""),
    (("keys", "rotate"), "U", "signing key", ""),
]


@pytest.fixture(scope="module")
def folder(mongod: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("audited")


@pytest.fixture
def baton(folder: Path, mongod: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Baton:
    """Runs a command, and gives the AuditEvents that it wrote into the ledger."""
    name = f"cli_{folder.name}"
    for variable, value in {"DATA": str(folder), "MONGODB_URI": mongod, "MONGODB_DATABASE": name}.items():
        monkeypatch.setenv(f"BATON_{variable}", value)

    def told() -> list[dict[str, Any]]:
        with MongoClient(mongod) as client:
            return [each for page in client[name][ENTRIES].find({}) for each in json.loads(page["body"])]

    def run(*arguments: str, status: int = 0) -> list[dict[str, Any]]:
        monkeypatch.setattr(sys, "stdin", StringIO("correct horse battery\n"))
        before = {each["id"] for each in told()}
        with pytest.raises(SystemExit) as ended:
            main(arguments)
        assert int(ended.value.code or 0) == status, capsys.readouterr().err
        return [each for each in told() if each["id"] not in before]

    return run


@pytest.fixture(scope="module")
def person(folder: Path) -> str:
    """A file with the person who logs in."""
    path = folder / "pat.json"
    managed = {"managingOrganization": {"reference": "Organization/trust"}}
    path.write_text(json.dumps({"resourceType": "Patient", "id": "trust.pat", **managed}))
    return str(path)


def entities(event: dict[str, Any]) -> list[str]:
    return [each["name"] for each in event["entity"] if "name" in each]


def test_each_command_is_audited_as_it_is_carried_out(baton: Baton, person: str) -> None:
    """In an order in which each finds what it needs; each writes one AuditEvent about itself."""
    for arguments, action, what, agency in ORDER:
        if arguments is USER:
            baton("load", person)
        (event,) = [each for each in baton(*arguments) if what in entities(each)]
        agencies = [each["who"]["reference"] for each in event["agent"] if "reference" in each["who"]]
        assert (event["action"], event["outcome"], agencies) == (action, "0", [agency] if agency else [])


def test_a_login_for_a_person_is_in_that_persons_history(baton: Baton, person: str) -> None:
    baton(*PARTNER)
    baton("load", person)
    (event,) = baton("user", "add", "--username", "pat2", "--patient", "Patient/trust.pat")
    assert [each["what"]["reference"] for each in event["entity"] if "what" in each] == ["Patient/trust.pat"]


def test_a_loaded_record_is_audited_for_its_custodian(baton: Baton, folder: Path) -> None:
    path = folder / "lee.json"
    path.write_text(json.dumps({"resourceType": "Patient", "id": "trust.lee"}))
    baton(*PARTNER)
    events = baton("load", str(path), "--custodian", "Organization/trust")
    told = [(each["action"], each["agent"][1]["who"]["reference"]) for each in events if "Patient/trust.lee" in entities(each)]
    assert told == [("C", "Organization/trust")]


def test_the_operator_is_named(baton: Baton) -> None:
    """By the machine's own name for the user."""
    (event,) = baton("keys", "rotate")
    asked = [each["who"]["identifier"]["value"] for each in event["agent"] if each["requestor"]]
    assert len(asked) == 1
    assert asked[0] not in ("", "baton-operator")


@pytest.mark.parametrize(
    "arguments", [("client", "remove", "--id", "gone"), ("user", "remove", "--username", "gone"), ("token", "--client", "gone")]
)
def test_what_changes_nothing_writes_nothing(baton: Baton, arguments: tuple[str, ...]) -> None:
    assert baton(*arguments, status=1) == []


def test_a_database_that_commands_wrote_is_whole(baton: Baton) -> None:
    baton("check")


@pytest_asyncio.fixture
async def built(fresh_mongo: Mongo, tmp_path: Path) -> AsyncIterator[Built]:
    async with handed_over(fresh_mongo, tmp_path) as locality:
        yield locality.built


async def _partner(built: Built) -> None:
    await partners.register(built.services, built.base, Partner("Organization/trust", "police", added_at=clock.now()))


async def _client(built: Built) -> None:
    await built.registration.add_client("app", "Organization/trust", "system/*.rs", public=False, secret=True)


async def _client_removed(built: Built) -> None:
    client, *_ = await built.registration.list_clients()
    await built.registration.remove_client(client["client_id"])


async def _token(built: Built) -> None:
    client, *_ = await built.registration.list_clients()
    await built.registration.mint(client["client_id"])


async def _user(built: Built) -> None:
    await built.users.add_user("lee", "PractitionerRole/trust-lead", "correct horse battery")


async def _keys(built: Built) -> None:
    await built.registration.rotate_keys()


REGISTERS = ("partners", "auth.clients", "auth.tokens", "auth.users", "auth.keys")


@pytest.mark.parametrize("change", [_partner, _client, _client_removed, _token, _user, _keys])
async def test_what_cannot_be_audited_is_not_done(
    built: Built, monkeypatch: pytest.MonkeyPatch, change: Callable[[Built], Awaitable[None]]
) -> None:
    """The change and its AuditEvent are one transaction."""

    async def full(*_: object, **__: object) -> None:
        raise OSError("no room")

    async def registers() -> list[Any]:
        return [await built.services.mongo.collection(name).find({}).sort("_id", 1).to_list(None) for name in REGISTERS]

    before = await registers()
    with monkeypatch.context() as patch:
        patch.setattr(Link, "write", full)
        with pytest.raises(OSError, match="no room"):
            await change(built)
    assert await registers() == before
    await change(built)
    assert await registers() != before
