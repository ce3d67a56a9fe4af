"""Searches on a real database: pages, plans and limits."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from pymongo.errors import ExecutionTimeout

from service.change import Party, Resource, Write
from service.fhir.cursor import Cursor
from service.fhir.date import instant
from service.fhir.definitions import Definitions
from service.fhir.index import Indexer
from service.fhir.query import Query, place
from service.fhir.search import parse
from service.problem import Category, Refused
from service.store import search
from service.store.mongo import Mongo, connect
from service.store.row import Projection, Row, draft
from service.store.search import Searches, indexes
from service.store.search_filter import after_filter, filter_of, order_of
from service.store.visible import Visible

INDEXER = Indexer(Definitions.load(Path(__file__).resolve().parents[2] / "profiles"))
START = datetime(2026, 1, 1, tzinfo=UTC)
STATUSES = ("draft", "requested", "accepted")


def project(resource: Resource, tokens: Any) -> Projection:
    index = INDEXER.index(resource, tokens)
    return Projection(index, index.patients, {})


def task(number: int, **members: Any) -> Resource:
    return {
        "resourceType": "Task",
        "id": f"t{number:04}",
        "status": STATUSES[number % 3],
        "code": {"coding": [{"system": "http://s", "code": f"c{number % 7}"}]},
        "authoredOn": instant(START + timedelta(hours=number // 2)),
        "for": {"reference": f"Patient/p{number % 40}"},
        "owner": {"reference": f"Organization/o{number % 5}"},
        **members,
    }


async def put(
    mongo: Mongo, resources: list[Resource], at: datetime = START, *, custodian: str = "Organization/o", party: str = ""
) -> None:
    parties = (Party(party),) if party else ()
    for number, resource in enumerate(resources):
        when = at + timedelta(minutes=number)
        stamped = {**resource, "meta": {"lastUpdated": instant(when)}}
        row = draft(Write(stamped, 0, custodian, parties=parties), when, project).current
        await mongo.collection("r.Task").replace_one({"_id": row["_id"]}, row, upsert=True)


@pytest_asyncio.fixture(loop_scope="session", scope="module")
async def tasks(mongod: str) -> AsyncIterator[Mongo]:
    """300 tasks, indexed as the store does. Nobody changes them."""
    mongo = await connect(mongod, "test_search_tasks", "pymongo")
    await mongo.ensure_indexes({"r.Task": indexes("Task")})
    await put(mongo, [task(number) for number in range(300)])
    yield mongo
    await mongo.client.drop_database("test_search_tasks")
    await mongo.close()


def query(*params: tuple[str, str]) -> Query:
    found = parse("Task", params, INDEXER.parameters)
    assert isinstance(found, Query), found
    return found


async def pages(mongo: Mongo, asked: Query, size: int, between: Any = None) -> list[Row]:
    """All rows of a search, read page by page; `between` is awaited after the first page."""
    searches = Searches(mongo, project)
    found: list[Row] = []
    last: Cursor | None = None
    while page := await searches.find(asked, after=last, limit=size):
        found += page
        last = Cursor(place(asked, page[-1].index))
        if between:
            await between()
            between = None
    return found


SORTS = [
    "",
    "_id",
    "-_id",
    "_lastUpdated",
    "-_lastUpdated",
    "authored-on",
    "-authored-on",
    "due",
    "code,-authored-on",
    "-status,code",
    "-due,status",
]


@pytest.mark.parametrize("sort", SORTS)
async def test_pages_give_each_match_once_in_order(tasks: Mongo, sort: str) -> None:
    asked = query(("status", "draft,accepted"), *([("_sort", sort)] if sort else []))
    whole = await Searches(tasks, project).find(asked, limit=1000)
    assert len(whole) == 200
    assert [row.id for row in await pages(tasks, asked, 17)] == [row.id for row in whole]


@pytest.mark.parametrize("sort", ["authored-on", "-due"])
async def test_records_without_a_sort_value_are_paged_too(fresh_mongo: Mongo, sort: str) -> None:
    some = [task(number) for number in range(10)]
    for each in some[::2]:
        del each["authoredOn"]
    await put(fresh_mongo, some)
    found = await pages(fresh_mongo, query(("_sort", sort)), 3)
    assert sorted(row.id for row in found) == sorted(each["id"] for each in some)


async def test_writes_between_pages_move_no_match_in_or_out(fresh_mongo: Mongo) -> None:
    """By default the order is by id, which no update changes."""
    await put(fresh_mongo, [task(number) for number in range(40)])

    async def write() -> None:
        later = START + timedelta(days=9)
        await put(fresh_mongo, [task(number, priority="stat") for number in range(0, 40, 3)], later)
        await put(fresh_mongo, [task(number) for number in range(100, 105)], later)
        await fresh_mongo.collection("r.Task").delete_one({"_id": "t0001"})

    found = [row.id for row in await pages(fresh_mongo, query(), 10, write)]
    assert len(found) == len(set(found))
    assert {f"t{number:04}" for number in range(40)} <= set(found)


async def test_a_deleted_record_is_never_a_match(fresh_mongo: Mongo) -> None:
    await put(fresh_mongo, [task(1)])
    gone = draft(Write(task(1), 1, "Organization/o", deleted=True), START, project).current
    await fresh_mongo.collection("r.Task").replace_one({"_id": "t0001"}, gone)
    assert await Searches(fresh_mongo, project).find(query(("status:not", "x")), limit=10) == []


VISIBLE = [
    (Visible(), set()),
    (Visible("Organization/a"), {"t0001"}),
    (Visible("Organization/b"), {"t0002"}),
    (Visible(patients=("Patient/p3",)), {"t0003"}),
    (Visible(public=True), {"t0004"}),
    (Visible(everything=True), {"t0001", "t0002", "t0003", "t0004"}),
]


@pytest.mark.parametrize(("visible", "expected"), VISIBLE)
async def test_only_visible_rows_are_found_and_counted(fresh_mongo: Mongo, visible: Visible, expected: set[str]) -> None:
    await fresh_mongo.ensure_indexes({"r.Task": indexes("Task")})
    await put(fresh_mongo, [task(1)], custodian="Organization/a")
    await put(fresh_mongo, [task(2)], party="Organization/b")
    await put(fresh_mongo, [task(3)])
    await put(fresh_mongo, [task(4, **{"for": {"reference": "Group/g"}})])
    searches = Searches(fresh_mongo, project)
    found = {row.id for row in await searches.find(query(), visible=visible, limit=10)}
    assert (found, await searches._counted(query(), filter_of(query(), visible), 100)) == (expected, len(expected))


async def test_motor_answers_alike(tasks: Mongo, mongod: str) -> None:
    motor = await connect(mongod, tasks.database.name, "motor")
    asked = query(("status", "draft"), ("_sort", "-authored-on"))
    found = [await Searches(each, project).find(asked, limit=30) for each in (tasks, motor)]
    assert [row.id for row in found[0]] == [row.id for row in found[1]]
    assert await Searches(motor, project)._counted(asked, filter_of(asked), 100) == 100
    await motor.close()


async def test_a_search_that_takes_too_long_is_too_costly(tasks: Mongo) -> None:
    with pytest.raises(Refused) as refused:
        await Searches(tasks, project)._timed(_late())
    assert refused.value.problem.category is Category.TOO_COSTLY


async def _late() -> None:
    raise ExecutionTimeout("operation exceeded time limit")


async def test_counting_stops_at_the_first_that_is_too_many(tasks: Mongo) -> None:
    assert await Searches(tasks, project, most_scanned=50)._counted(query(), filter_of(query()), 50) == 51


async def test_a_sort_without_an_index_over_too_many_is_too_costly(tasks: Mongo) -> None:
    with pytest.raises(Refused) as refused:
        await Searches(tasks, project, most_scanned=50).find(query(("_sort", "priority")), limit=5)
    assert refused.value.problem.category is Category.TOO_COSTLY


async def test_a_sort_without_an_index_over_few_is_answered(tasks: Mongo) -> None:
    asked = query(("patient", "p1"), ("_sort", "status"))
    assert len(await Searches(tasks, project, most_scanned=50).find(asked, limit=50)) == 8


async def test_an_ordered_sort_has_no_limit_of_matches(tasks: Mongo) -> None:
    found = await Searches(tasks, project, most_scanned=50).find(query(("_sort", "-authored-on")), limit=5)
    assert len(found) == 5


def stages(plan: Mapping[str, Any]) -> set[str]:
    """The names of the stages of a plan."""
    below = [plan[name] for name in ("inputStage", "queryPlan") if name in plan] + list(plan.get("inputStages", ()))
    return {plan["stage"]} | {name for each in below for name in stages(each)} if "stage" in plan else stages(below[0])


EVERY_KIND = [
    [],
    [("status", "draft")],
    [("status", "draft,accepted")],
    [("status:not", "draft")],
    [("code", "http://s|c1"), ("status", "draft")],
    [("code", "http://s|")],
    [("code:text", "x")],
    [("code:missing", "true")],
    [("owner", "Organization/o1")],
    [("owner", "o1")],
    [("patient", "Patient/p1")],
    [("owner:identifier", "x")],
    [("authored-on", "ge2026-01-02"), ("authored-on", "lt2026-01-03")],
    [("authored-on", "ne2026-01-02")],
    [("due:missing", "true")],
    [("_id", "t0001,t0002")],
    [("_lastUpdated", "gt2026-01-02")],
    [("_tag", "x")],
]
ANYBODY = None
AGENCY = Visible("Organization/o", tuple(f"Patient/p{number}" for number in range(20)), public=True)


@pytest.mark.parametrize("params", EVERY_KIND, ids=lambda params: "&".join("=".join(each) for each in params) or "all")
@pytest.mark.parametrize("visible", [ANYBODY, AGENCY], ids=["anybody", "agency"])
@pytest.mark.parametrize("sort", ["_id", "-_lastUpdated", "authored-on"])
async def test_no_search_scans_the_collection(
    tasks: Mongo, params: list[tuple[str, str]], visible: Visible | None, sort: str
) -> None:
    """And a sort in memory keeps no more than a page."""
    asked = query(*params, ("_sort", sort))
    command = {"find": "r.Task", "filter": filter_of(asked, visible), "sort": dict(order_of(asked)), "limit": 20}
    plan = (await tasks.database.command("explain", command, verbosity="queryPlanner"))["queryPlanner"]["winningPlan"]
    assert "COLLSCAN" not in stages(plan)
    assert all(each.get("limitAmount") == 20 for each in sorts_of(plan))


def sorts_of(plan: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    below = [plan[name] for name in ("inputStage", "queryPlan") if name in plan] + list(plan.get("inputStages", ()))
    return [each for part in below for each in sorts_of(part)] + ([plan] if plan.get("stage") == "SORT" else [])


@pytest.mark.parametrize(
    ("params", "sort"),
    [
        ([("status", "draft")], "_id"),
        ([("status", "draft")], "-_lastUpdated"),
        ([("owner", "o1")], "_lastUpdated"),
        ([], "-authored-on"),
        ([], "due"),
    ],
)
async def test_the_common_searches_are_read_in_order_from_an_index(
    tasks: Mongo, params: list[tuple[str, str]], sort: str
) -> None:
    asked = query(*params, ("_sort", sort))
    command = {"find": "r.Task", "filter": filter_of(asked), "sort": dict(order_of(asked)), "limit": 20}
    plan = (await tasks.database.command("explain", command, verbosity="queryPlanner"))["queryPlanner"]["winningPlan"]
    assert sorts_of(plan) == []


@pytest.mark.parametrize("sort", ["_id", "-_id", "_lastUpdated", "-_lastUpdated"])
async def test_the_next_page_is_read_from_its_place_on(tasks: Mongo, sort: str) -> None:
    """The last page costs what the first does: no more keys are looked at than the page holds, give or take."""
    await looked_at_most(tasks, query(("status", "draft"), ("_sort", sort)), 25)


@pytest.mark.parametrize("sort", ["authored-on", "-authored-on"])
async def test_the_next_page_by_date_is_read_from_its_place_on(tasks: Mongo, sort: str) -> None:
    await looked_at_most(tasks, query(("_sort", sort)), 25)


async def looked_at_most(mongo: Mongo, asked: Query, most: int) -> None:
    row = (await Searches(mongo, project).find(asked, limit=60))[-1]
    matched = {"$and": [*filter_of(asked)["$and"], after_filter(asked, Cursor(place(asked, row.index)))]}
    command = {"find": "r.Task", "filter": matched, "sort": dict(order_of(asked)), "limit": 20}
    stats = (await mongo.database.command("explain", command, verbosity="executionStats"))["executionStats"]
    assert (stats["nReturned"], stats["totalKeysExamined"] <= most) == (20, True), stats["totalKeysExamined"]


PEOPLE = Visible("Organization/none", ("Patient/p1", "Patient/p2"), public=True)


@pytest.mark.parametrize(
    ("visible", "params", "sort", "hint"),
    [
        (PEOPLE, [("status", "draft")], "_id", "vis_id"),
        (PEOPLE, [("status", "draft")], "-_lastUpdated", "vis_lu_id"),
        (PEOPLE, [], "_id", "vis_id"),
        (PEOPLE, [("status", "draft")], "authored-on", ""),
        (PEOPLE, [("identifier", "x")], "_id", ""),
        (PEOPLE, [("status", "draft"), ("authored-on", "ge2026-01-02")], "_id", "vis_id"),
        (PEOPLE, [("authored-on", "ge2026-01-02")], "_id", ""),
        (PEOPLE, [("status:not", "completed")], "_id", ""),
        (replace(PEOPLE, narrow=True), [("status", "draft")], "_id", ""),
        (replace(PEOPLE, patients=tuple(f"Patient/p{number}" for number in range(200))), [("status", "draft")], "_id", ""),
        (Visible(everything=True), [("status", "draft")], "_id", ""),
        (None, [("status", "draft")], "_id", ""),
    ],
)
async def test_a_search_starts_from_few_people_where_there_are_more_matches(
    tasks: Mongo, monkeypatch: pytest.MonkeyPatch, visible: Visible | None, params: Any, sort: str, hint: str
) -> None:
    """By counts, and in an order that the database merges their rows in."""
    monkeypatch.setattr(search, "FEW", 10)
    asked = query(*params, ("_sort", sort))
    assert await Searches(tasks, project)._hint(asked, visible) == hint


@pytest.mark.parametrize("sort", ["_id", "-_lastUpdated"])
async def test_few_people_s_rows_are_merged_and_not_sorted(tasks: Mongo, sort: str) -> None:
    """However many the matches are: the rows looked at are those of a page and of each name's beginning."""
    asked = query(("status", "draft"), ("_sort", sort))
    command = {
        "find": "r.Task",
        "filter": filter_of(asked, PEOPLE),
        "sort": dict(order_of(asked)),
        "limit": 3,
        "hint": search.NAMED[asked.sort[0].name],
    }
    explained = await tasks.database.command("explain", command, verbosity="executionStats")
    assert "SORT_MERGE" in stages(explained["queryPlanner"]["winningPlan"])
    assert sorts_of(explained["queryPlanner"]["winningPlan"]) == []
    assert explained["executionStats"]["totalDocsExamined"] <= 15
