"""The entries of a page are records of their own: read, found, ordered and counted one by one."""

from __future__ import annotations

from dataclasses import replace

import pytest
import pytest_asyncio
from hypothesis import given
from hypothesis import strategies as st

from service.fhir.cursor import Cursor
from service.fhir.query import Identity, Key, Query, Sort, Term, Updated, follows, place
from service.problem import Category, Refused
from service.store.ledger import Entry
from service.store.ledger_page import TYPE, page, page_of, rows_of
from service.store.search import Searches
from service.store.visible import Visible
from tests.store.conftest import AT, TRUST, project

ORDERS = [
    (Sort("_id"),),
    (Sort("_id", descending=True),),
    (Sort("_lastUpdated"), Sort("_id")),
    (Sort("_lastUpdated", descending=True), Sort("_id", descending=True)),
]


def event(number: int) -> dict[str, object]:
    """An entry with a status to find it by, of one of three persons."""
    status = "odd" if number % 2 else "even"
    return {
        "resourceType": TYPE,
        "status": status,
        "outcomeDesc": str(number),
        "subject": {"reference": f"Patient/p{number % 3}"},
    }


@pytest_asyncio.fixture
async def told(records, mongo, make) -> list[str]:
    """Twenty entries on three pages of one stream, and one event of another system's; their ids in order of time."""
    head = None
    for minute, numbers in enumerate((range(8), range(8, 9), range(9, 20))):
        at = make.later(minutes=minute)
        link = records.ledger.link(await records.ledger.begun(head), [Entry(event(n), at, TRUST) for n in numbers])
        await link.write(mongo)
        head = link.head
    await records.commit(
        make.change(make.write(TYPE, "foreign", status="odd", subject={"reference": "Patient/p1"}), at=make.later(hours=1))
    )
    found = await Searches(mongo, project).find(Query(TYPE, sort=ORDERS[2]), limit=100)
    return [each.id for each in found]


def statuses(status: str, *, negated: bool = False) -> Term:
    """Asks for entries of a status, or of any other."""
    return Term("status", (Key(f"status={status}"),), negated)


async def walked(searches: Searches, query: Query, visible: Visible | None, size: int) -> list[str]:
    """All matches, a page of `size` at a time."""
    found: list[str] = []
    after = None
    while rows := await searches.find(query, visible=visible, after=after, limit=size):
        found += [row.id for row in rows]
        after = Cursor(place(query, rows[-1].index))
    return found


async def test_each_entry_is_found(told):
    assert len(told) == 21


@pytest.mark.parametrize("size", [1, 2, 3, 7, 8, 50])
@pytest.mark.parametrize("order", ORDERS)
async def test_pages_of_any_size_show_each_entry_once_in_order(told, mongo, order, size):
    found = await walked(Searches(mongo, project), Query(TYPE, sort=order), None, size)
    ascending = told if order[0].name == "_lastUpdated" else sorted(told)
    assert found == (ascending[::-1] if order[0].descending else ascending)


@pytest.mark.parametrize("size", [1, 3, 50])
@pytest.mark.parametrize(
    ("term", "count"),
    [(statuses("odd"), 11), (statuses("odd", negated=True), 10), (statuses("none"), 0), (statuses("none", negated=True), 21)],
)
async def test_an_entry_matches_by_what_it_holds_itself(told, mongo, term, count, size):
    """Not by what another entry of its page holds."""
    assert len(await walked(Searches(mongo, project), Query(TYPE, (term,)), None, size)) == count


@pytest.mark.parametrize(("visible", "count"), [(Visible(patients=("Patient/p1",)), 8), (Visible(TRUST), 21), (Visible(), 0)])
async def test_only_the_entries_that_may_be_seen_are_found(told, mongo, visible, count):
    assert len(await walked(Searches(mongo, project), Query(TYPE), visible, 4)) == count


async def test_an_entry_is_found_by_its_id(told, mongo):
    query = Query(TYPE, (Term("_id", (Identity(told[3]),)),))
    assert [row.id for row in await Searches(mongo, project).find(query, limit=5)] == [told[3]]


async def test_an_entry_is_found_by_when_it_was_told(told, mongo, make):
    low = int(make.later(minutes=1).timestamp() * 1000)
    query = Query(TYPE, (Term("_lastUpdated", (Updated("ge", low, low + 1),)),))
    assert len(await Searches(mongo, project).find(query, limit=50)) == 13


async def test_no_other_order_is_made_up(told, mongo):
    with pytest.raises(Refused) as refused:
        await Searches(mongo, project).find(Query(TYPE, sort=(Sort("agent"), Sort("_id"))), limit=5)
    assert refused.value.problem.category is Category.TOO_COSTLY


async def test_a_search_that_looks_at_too_many_entries_is_refused(told, mongo):
    """Every page has one of each status, and no entry has both."""
    with pytest.raises(Refused) as refused:
        await Searches(mongo, project, most_scanned=5).find(Query(TYPE, (statuses("even"), statuses("odd"))), limit=1)
    assert refused.value.problem.category is Category.TOO_COSTLY


async def test_an_entry_is_read_as_an_audit_event_of_its_person(told, records):
    row = await records.read(TYPE, told[1])
    assert (row.patients, row.custodian, row.version, row.resource["id"]) == (("Patient/p1",), TRUST, 1, told[1])


async def test_the_one_version_of_an_entry_can_be_read(told, records):
    history = await records.history(TYPE, told[1], limit=10)
    assert [await records.version(TYPE, told[1], 1)] == history


@pytest.mark.parametrize("change", ["page", "beyond", "other"])
async def test_what_is_no_entry_is_not_read(told, records, change):
    """Neither a page itself, nor a number it does not have, nor another page's."""
    id_ = {"page": page_of(told[0]), "beyond": f"{page_of(told[0])}.900", "other": f"{'0' * 36}.000"}[change]
    assert await records.read(TYPE, id_) is None


async def test_a_page_without_entries_is_not_found(records, mongo, make):
    """A commit without AuditEvents still names its versions in the ledger."""
    await records.commit(make.change(make.write("Task", "t1")))
    (kept,) = await mongo.collection("r.AuditEvent").find({}).to_list(None)
    assert (kept["page"], [name for name, _, _ in kept["w"]]) == (0, ["Task/t1/1"])
    assert await Searches(mongo, project).find(Query(TYPE), limit=5) == []
    assert await records.read(TYPE, kept["_id"]) is None


@given(numbers=st.lists(st.integers(0, 30), min_size=1, max_size=40))
def test_a_page_is_found_by_everything_its_entries_are_found_by(numbers):
    document = page([event(number) for number in numbers], AT, TRUST, project)
    rows = list(rows_of("AuditEvent", document, project))
    assert set(document["idx"]) == {key for row in rows for key in row.index.keys}
    assert set(document["pts"]) == {patient for row in rows for patient in row.patients}
    assert [row.resource["outcomeDesc"] for row in rows] == [str(number) for number in numbers]


@given(order=st.sampled_from(ORDERS), here=st.integers(0, 19), there=st.integers(0, 19))
def test_following_is_the_order_itself(order, here, there):
    rows = list(rows_of("AuditEvent", page([event(number) for number in range(20)], AT, TRUST, project), project))
    query = replace(Query(TYPE), sort=order)
    after = follows(query, rows[here].index, Cursor(place(query, rows[there].index)))
    assert after == ((here > there) != order[0].descending and here != there)
