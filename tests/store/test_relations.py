"""Who is tied to a person, while a record says so."""

from __future__ import annotations

import pytest
import pytest_asyncio

from service.change import Party
from service.store.relations import Relations

HOUSING = "Organization/housing"
SUBJECT = {"subject": {"reference": "Patient/p1"}}


@pytest_asyncio.fixture
async def tied(records, make) -> Relations:
    """Housing is tied to p1 by a Task for one day."""
    party = Party(HOUSING, make.at, make.later(days=1))
    await records.commit(make.change(make.write("Task", "t1", parties=(party,), **SUBJECT)))
    return Relations(records.mongo)


async def test_a_record_ties_its_parties_to_its_person(tied):
    [relation] = await tied.of(["Patient/p1"])
    assert (relation.organization, relation.source, relation.patients) == (HOUSING, "Task/t1", ("Patient/p1",))


async def test_others_are_not_tied(tied):
    assert await tied.of(["Patient/p2"]) == []


async def test_a_relation_has_the_start_and_the_end_of_its_record(tied, make):
    [relation] = await tied.of(["Patient/p1"])
    assert (relation.start, relation.end) == (make.at, make.later(days=1))


@pytest.mark.parametrize(("days", "found"), [(-1, []), (0, ["Patient/p1"]), (0.5, ["Patient/p1"]), (1, [])])
async def test_an_organisation_finds_its_persons_at_an_instant(tied, make, days, found):
    assert await tied.patients(HOUSING, make.later(days=days)) == found


async def test_open_ends_never_begin_and_never_end(records, make):
    await records.commit(make.change(make.write("Task", "t1", parties=(Party(HOUSING),), **SUBJECT)))
    assert await Relations(records.mongo).patients(HOUSING, make.later(days=9000)) == ["Patient/p1"]


async def test_a_new_version_replaces_the_relations_of_the_old(tied, records, make):
    await records.commit(make.change(make.write("Task", "t1", 1, parties=(Party("Organization/police"),), **SUBJECT)))
    assert [each.organization for each in await tied.of(["Patient/p1"])] == ["Organization/police"]


async def test_a_deleted_record_ties_nobody(tied, records, make):
    await records.commit(make.change(make.write("Task", "t1", 1, deleted=True, **SUBJECT)))
    assert await tied.of(["Patient/p1"]) == []
