"""The worklist of an agency: its open Tasks, due first, read in order from an index; and the upgrade that names them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from service.change import Write
from service.fhir.cursor import Cursor
from service.fhir.date import instant
from service.fhir.query import Query, matches, place
from service.store import worklist
from service.store.mongo import Mongo
from service.store.row import draft, row_of
from service.store.search import Searches, indexes
from service.store.search_filter import after_filter, filter_of, order_of
from tests.store.test_search import START, project, query, sorts_of, task

MINE = "Organization/mine"
WAITING = (("worklist", MINE), ("_sort", "due"))


def document(number: int, **members: Any) -> dict[str, Any]:
    """The row of a Task that the agency owns, due at an hour of its own; every third is open."""
    status = ("requested", "completed", "cancelled")[number % 3]
    due = {"period": {"start": instant(START), "end": instant(START + timedelta(hours=(number * 37) % 300))}}
    made = {**task(number), "status": status, "restriction": due, "meta": {"lastUpdated": instant(START)}, **members}
    waits = (f"worklist={MINE}", "worklist=Organization/asks") if status == "requested" else ()
    write = Write(made, 0, "Organization/asks", tokens=(f"owner-organization={MINE}", *waits))
    return draft(write, START, project).current


async def filled(mongo: Mongo) -> None:
    await mongo.ensure_indexes({worklist.COLLECTION: indexes(worklist.TYPE)})
    await mongo.collection(worklist.COLLECTION).insert_many([document(number) for number in range(300)])


def test_an_open_task_names_its_agencies_and_a_closed_one_none() -> None:
    assert document(0)[worklist.AGENCIES] == ["Organization/asks", MINE]
    assert worklist.AGENCIES not in document(1)


@pytest.mark.parametrize("agency", [MINE, "Organization/asks"])
def test_a_row_is_matched_in_memory_as_it_is_in_the_store(agency: str) -> None:
    """The keys are drawn from the field, so that a row of an older layout is matched, too."""
    row = row_of("Task", document(0), project)
    assert matches(query(("worklist", agency)), row.index)
    assert not matches(query(("worklist", agency)), row_of("Task", document(1), project).index)


async def test_a_worklist_holds_what_is_open_due_first(fresh_mongo: Mongo) -> None:
    """On pages that neither repeat nor leave out one."""
    await filled(fresh_mongo)
    searches, found, last = Searches(fresh_mongo, project), list[Any](), None
    while page := await searches.find(query(*WAITING), after=last, limit=30):
        found += page
        last = Cursor(place(query(*WAITING), page[-1].index))
    assert len({row.id for row in found}) == len(found) == 100
    due = [row.resource["restriction"]["period"]["end"] for row in found]
    assert due == sorted(due)


@pytest.mark.parametrize("more", [(), (("status", "requested"),), (("owner-organization", MINE),)])
async def test_a_page_is_read_in_order_from_an_index(fresh_mongo: Mongo, more: tuple[tuple[str, str], ...]) -> None:
    """The first page, and any other from its place on: nothing is sorted, and no more is looked at than the page holds."""
    await filled(fresh_mongo)
    asked = query(*WAITING, *more)
    row = (await Searches(fresh_mongo, project).find(asked, limit=60))[-1]
    for cursor in (None, Cursor(place(asked, row.index))):
        stats = await explained(fresh_mongo, asked, cursor)
        assert sorts_of(stats["queryPlanner"]["winningPlan"]) == []
        assert worklist.INDEX in str(stats["queryPlanner"]["winningPlan"])
        assert stats["executionStats"]["nReturned"] == 20
        assert stats["executionStats"]["totalKeysExamined"] <= 25


async def explained(mongo: Mongo, asked: Query, cursor: Cursor | None) -> Any:
    matched = filter_of(asked)
    whole = {"$and": [*matched["$and"], after_filter(asked, cursor)]} if cursor else matched
    command = {"find": worklist.COLLECTION, "filter": whole, "sort": dict(order_of(asked)), "limit": 20}
    return await mongo.database.command("explain", command, verbosity="executionStats")


async def test_tasks_of_an_older_layout_are_named_by_what_is_known_of_them(fresh_mongo: Mongo) -> None:
    """Their keeper and their owner; a closed one is left, and a second run changes nothing."""
    rows = fresh_mongo.collection(worklist.COLLECTION)
    for number in (0, 1):
        old = {name: value for name, value in document(number).items() if name != worklist.AGENCIES}
        await rows.insert_one({**old, "idx": [each for each in old["idx"] if not each.startswith(worklist.KEY)]})
    for _ in range(2):
        await worklist.drawn_anew(fresh_mongo)
        named = [each.get(worklist.AGENCIES) async for each in rows.find({}).sort("_id", 1)]
        assert named == [["Organization/asks", MINE], None]
