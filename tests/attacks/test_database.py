"""Whoever edits the database past the service is found by `baton check`, which names what was edited.

The editor can write anything to MongoDB, and has neither the ledger's secret nor the data folder.
"""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pymongo.errors import BulkWriteError

from service import clock
from service.store.integrity import Integrity
from service.store.ledger import ENTRIES, SEALS, STREAMS
from service.store.mongo import connect
from service.store.record_check import UNKNOWN
from service.usecases.register import integrity
from tests.locality import Locality, handed_over

Document = dict[str, Any]
ADDED = "added"
PAGE = ("_id", "page", "body", "cust", "pts", "lu", "del", "idx", "dt", "so", "w", "f", "s", "n", "h")
ROW = ("_id", "v", "body", "cust", "pts", "facts", "parties", "tk", "m", "lu", "del", "idx", "dt", "so", "keys", "vis", ADDED)
PLAN = (*ROW, "by")
PAST = ("_id", "v", "body", "cust", "pts", "facts", "parties", "tk", "m", "lu", "del", ADDED)
SEAL = ("_id", "at", "heads", "h", "sig", ADDED)
RELATION = ("_id", "source", "pts", "org", "cust", "s", "e", ADDED)
KEY = ("_id", "ref")
AGREEMENT = ("_id", "sector", "purposes", "categories", "start", "end", "by", "at", "contacts", "lead", "senior", "duty", ADDED)
CLIENT = (
    "_id",
    "organization",
    "scope",
    "method",
    "name",
    "agency",
    "redirect_uris",
    "purposes",
    "secret",
    "jwks",
    "jwks_url",
    ADDED,
)
LOGIN = ("_id", "reference", "password", ADDED)
ANSWERS = {"answer": {"$exists": True}}
ANSWER = ("_id", "answer", "until", ADDED)
PLACES: dict[str, tuple[str, tuple[str, ...]]] = {
    "page": (ENTRIES, (*PAGE, ADDED)),
    "row": ("r.CarePlan", PLAN),
    "team": ("r.CareTeam", ROW),
    "past": ("history", PAST),
    "seal": (SEALS, SEAL),
    "relation": ("relations", RELATION),
    "key": ("keys", KEY),
    "answer": ("keys", ANSWER),
    "agreement": ("partners", AGREEMENT),
    "client": ("auth.clients", CLIENT),
    "login": ("auth.users", LOGIN),
}
SOUGHT: dict[str, dict[str, Any]] = {
    "page": {"pts.0": {"$exists": True}, "w": {"$exists": True}},
    "past": {"v": 2},
    "key": {"ref": {"$exists": True}},
    "answer": ANSWERS,
}
"""Which document of a place an editor changes, where not any."""
FIELDS = [(place, name) for place, (_, names) in PLACES.items() for name in names]


class Database:
    """The database as an editor reaches it. Every edit is taken back after its check."""

    def __init__(self, locality: Locality) -> None:
        self.built = locality.built
        self.services = self.built.services
        self.mongo = self.services.mongo

    def rows(self, name: str) -> Any:
        return self.mongo.collection(name)

    async def findings(self) -> list[str]:
        """What the check finds in ledger, records and all that is drawn from them."""
        integrity = Integrity(self.mongo, self.services.records.projector)
        return await integrity.contradictions(self.services.ledger)

    async def one(self, place: str) -> Document:
        """The document of a place that has the most to lose."""
        name, fields = PLACES[place]
        found: Document = await self.rows(name).find_one(SOUGHT.get(place, {}), sort=[("_id", 1)])
        assert set(fields) - {ADDED} <= found.keys(), f"{place}: {sorted(found)}"
        return found

    async def found_after(self, name: str, old: Document | None, new: Document | None) -> list[str]:
        """What is found once `new` stands in the place of `old`, each None for no document."""
        async with self.edited(name, [old] if old else [], [new] if new else []) as stored:
            return await self.findings() if stored else ["The database itself refuses it."]

    @asynccontextmanager
    async def edited(self, name: str, old: list[Document], new: list[Document]) -> AsyncIterator[bool]:
        """The database with documents in the place of others; afterwards as before. Gives whether the database takes them."""
        rows = self.rows(name)
        await rows.delete_many({"_id": {"$in": [each["_id"] for each in old]}})
        taken = True
        try:
            if new:
                await rows.insert_many(new)
        except BulkWriteError:
            taken = False
        try:
            yield taken
        finally:
            if taken:
                await rows.delete_many({"_id": {"$in": [each["_id"] for each in new]}})
            if old:
                await rows.insert_many(old)


@pytest_asyncio.fixture(scope="module")
async def database(mongod: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Database]:
    """After a handover and some reads, sealed three times."""
    mongo = await connect(mongod, f"test_{secrets.token_hex(6)}", "pymongo")
    async with handed_over(mongo, Path(tmp_path_factory.mktemp("edits"))) as locality:
        trust = await locality.agency("trust")
        await locality.built.users.add_user("pat", locality.person, "correct horse battery")
        for _ in range(3):
            assert (await trust.get(locality.person)).status_code == 200
            await locality.built.services.ledger.seal(clock.now())
        yield Database(locality)
    await mongo.client.drop_database(mongo.database.name)
    await mongo.close()


def names(place: str, document: Document) -> str:
    """By what a finding must name a document."""
    type_ = PLACES[place][0].removeprefix("r.")
    return {
        "page": f"stream `{document.get('s')}`",
        "past": "/".join(str(document["_id"]).split("/")[:2]),
        "seal": "eal",
        "relation": str(document["_id"]).partition("#")[0],
        "key": str(document.get("ref")),
        "answer": str(document["_id"]),
        "agreement": f"partners/{document['_id']}",
        "client": f"auth.clients/{document['_id']}",
        "login": f"auth.users/{document['_id']}",
    }.get(place, f"{type_}/{document['_id']}")


def other(value: Any) -> Any:
    """Something else of the same kind."""
    match value:
        case bool():
            return not value
        case int():
            return value + 1000
        case str():
            return f"{value}x"
        case bytes():
            return value[:-1] + bytes([value[-1] ^ 1])
        case datetime():
            return value.replace(year=value.year - 1)
        case list():
            return value[:-1] if value else ["x"]
        case dict():
            return {**value, "x": 1}
    return datetime(2020, 1, 1, tzinfo=UTC)


async def test_nothing_is_found_in_a_database_that_nobody_edited(database: Database):
    assert await database.findings() == []


@pytest.mark.parametrize(("place", "name"), FIELDS)
async def test_a_changed_field_is_found_and_named(database: Database, place: str, name: str):
    """Each field of each document becomes another of the same kind, or one is added."""
    old = await database.one(place)
    found = await database.found_after(PLACES[place][0], old, {**old, name: other(old.get(name))})
    named = names(place, old).lower(), names(place, {**old, name: other(old.get(name))}).lower()
    assert any(name in each.lower() for each in found for name in named), found


@pytest.mark.parametrize(("place", "name"), [each for each in FIELDS if each[1] not in ("_id", ADDED)])
async def test_a_removed_field_is_found_and_named(database: Database, place: str, name: str):
    old = await database.one(place)
    found = await database.found_after(PLACES[place][0], old, {each: value for each, value in old.items() if each != name})
    assert any(names(place, old).lower() in each.lower() for each in found), found


@pytest.mark.parametrize("place", [each for each in PLACES if each != "answer"])
async def test_a_removed_document_is_found_and_named(database: Database, place: str):
    """A kept answer may be forgotten: the database forgets each when its time is over."""
    old = await database.one(place)
    found = await database.found_after(PLACES[place][0], old, None)
    assert any(names(place, old).lower() in each.lower() for each in found), found


@pytest.mark.parametrize("place", PLACES)
async def test_an_added_document_is_found_and_named(database: Database, place: str):
    old = await database.one(place)
    more = {"page": {"n": 9999}, "seal": {"_id": 9999}, "past": {"_id": f"{old['_id']}0"}}.get(place, {"_id": f"{old['_id']}x"})
    made = {"_id": f"{old['_id']}x"} if place == "page" else {}
    new = {**old, **made, **more}
    found = await database.found_after(PLACES[place][0], None, new)
    assert any(names(place, new).lower() in each.lower() for each in found), found


async def test_a_person_taken_out_of_a_page_is_found(database: Database):
    """It would leave `$access-history` empty."""
    old = await database.one("page")
    keys = [each for each in old["idx"] if "Patient/" not in each]
    found = await database.found_after(ENTRIES, old, {**old, "idx": keys, "pts": []})
    assert len(found) == 1
    assert found[0].startswith(
        f"ledger: Page `{old['n']}` of stream `{old['s']}` is not what was written there, so nothing vouches"
    )


async def test_a_page_taken_out_of_its_stream_is_found(database: Database):
    """It would be taken for another system's AuditEvent, which is in no stream."""
    old = await database.one("page")
    found = await database.found_after(ENTRIES, old, {name: value for name, value in old.items() if name not in ("s", "n", "h")})
    assert f"record: `AuditEvent/{old['_id']}` {UNKNOWN}." in found


async def test_a_record_put_back_to_an_earlier_version_is_found(database: Database):
    """With its history, as if the later version had never been."""
    row = await database.rows("r.CareTeam").find_one({"v": {"$gt": 1}})
    name = f"CareTeam/{row['_id']}"
    past, later = [await database.rows("history").find_one({"_id": f"{name}/{number}"}) for number in (1, row["v"])]
    earlier = {**row, **{field: value for field, value in past.items() if field != "_id"}}
    async with database.edited("history", [later], []):
        found = await database.found_after("r.CareTeam", row, earlier)
    assert found[0] == f"record: `{name}` stands at version 1, and version {row['v']} was written last: it was put back."
    assert f"history: `{name}` version {row['v']} is missing." in found


async def test_a_collection_that_is_gone_is_found(database: Database):
    rows = await database.rows("r.CarePlan").find({}).to_list(None)
    async with database.edited("r.CarePlan", rows, []):
        found = await database.findings()
    assert [each for each in found if each.startswith("record: ")] == [
        f"record: `CarePlan/{row['_id']}` is missing; version {row['v']} was written last." for row in rows
    ]


async def test_a_history_of_no_type_is_found(database: Database):
    found = await database.found_after("history", None, {"_id": "x"})
    assert found == [f"history: `x/` version  {UNKNOWN}."]


@pytest.mark.parametrize("seals", [1, 2])
async def test_an_end_that_was_cut_off_is_found(database: Database, seals: int):
    """The last seals go with every page and mark under them: nothing in the database tells of it, the data folder does."""
    every = await database.rows(SEALS).find({}).sort("_id", 1).to_list(None)
    left = {stream: number for seal in every[:-seals] for stream, number, _ in seal["heads"]}
    pages = await database.rows(ENTRIES).find({"s": {"$exists": True}}).to_list(None)
    streams = await database.rows(STREAMS).find({}).to_list(None)
    marks = [{**each, "n": left[each["_id"]]} for each in streams if each["_id"] in left]
    async with (
        database.edited(SEALS, every[-seals:], []),
        database.edited(ENTRIES, [each for each in pages if each["n"] > left.get(each["s"], 0)], []),
        database.edited(STREAMS, streams, marks),
    ):
        found = [each for each in await database.findings() if each.startswith("ledger: ")]
    told = "kept outside the database and missing from it: the end was cut off, or an older database took its place"
    assert found == [f"ledger: Seals `{len(every) - seals + 1}` to `{len(every)}` are {told}."]


BSON = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False),
    st.text(max_size=20),
    st.binary(max_size=40),
    st.datetimes().map(lambda at: at.replace(tzinfo=UTC, microsecond=0)),
    st.lists(st.text(max_size=5), max_size=3),
    st.dictionaries(st.from_regex(r"[a-z]{1,4}", fullmatch=True), st.integers(0, 9), max_size=3),
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(field=st.sampled_from([each for each in FIELDS if each[1] != "_id"]), value=BSON)
async def test_any_other_value_of_any_field_is_found(database: Database, field: tuple[str, str], value: Any):
    """Whatever BSON can hold, of whatever kind."""
    place, name = field
    old = await database.one(place)
    new = {**old, name: value}
    if name in old and type(old[name]) is type(value) and old[name] == value:
        return
    assert await database.found_after(PLACES[place][0], old, new)


async def test_a_client_put_back_after_it_was_removed_is_found(database: Database):
    registration = database.built.registration
    await registration.add_client("gone", "Organization/trust", "system/*.cruds", secret=True)
    row = await database.rows("auth.clients").find_one({"_id": "gone"})
    await registration.remove_client("gone")
    assert await database.findings() == []
    assert await database.found_after("auth.clients", None, row) == [
        "register: `auth.clients/gone` is not what its change 2, the last, made it."
    ]


async def test_what_the_database_forgets_by_itself_is_not_found(database: Database):
    """A kept answer goes when its time is over."""
    async with database.edited("keys", await database.rows("keys").find(ANSWERS).to_list(None), []):
        assert await database.findings() == []


@pytest.mark.parametrize("place", ["row", "past"])
@pytest.mark.parametrize("field", ["v", "cust", "pts", "body", "facts"])
async def test_a_plan_that_cannot_be_read_any_more_ends_no_check(database: Database, place: str, field: str):
    """What `baton check` prints names the plan, and says that what depends on it was not checked."""
    plan = await database.one("row")
    old = plan if place == "row" else await database.rows("history").find_one({"_id": f"CarePlan/{plan['_id']}/1"})
    assert old is not None
    async with database.edited(PLACES[place][0], [old], [{name: value for name, value in old.items() if name != field}]):
        found = [each async for each in integrity.findings(database.services, clock.now())]
    assert any(names(place, old) in each for each in found)
    assert found[-1].startswith("check: ")
