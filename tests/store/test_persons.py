"""What decisions look at of a person comes whole, and with nothing of anybody else."""

from __future__ import annotations

import asyncio

import pytest
import pytest_asyncio

from service.change import Party
from service.store.mongo import Mongo
from service.store.persons import TYPES, Persons
from tests.store.conftest import project

HOUSING = "Organization/housing"


def subject(number: int) -> dict[str, object]:
    """Whose record it is."""
    return {"subject": {"reference": f"Patient/p{number}"}}


def identity(type_: str, number: int) -> str:
    """The id of somebody's record of a type; of the record of themselves, their own."""
    return f"p{number}" if type_ == "Patient" else f"{type_.lower()}{number}"


@pytest_asyncio.fixture
async def persons(records, mongo: Mongo, make) -> Persons:
    """Two people, each with a record of every type that counts and one that does not; housing is tied to the first by a Task."""
    for number in (1, 2):
        writes = [make.write(type_, identity(type_, number), **subject(number)) for type_ in (*TYPES, "Observation")]
        await records.commit(make.change(*writes))
    await records.commit(make.change(make.write("Task", "task1", 1, parties=(Party(HOUSING),), **subject(1))))
    return Persons(mongo, project)


@pytest.mark.parametrize("type_", TYPES)
async def test_the_records_of_each_type_are_there(persons, type_):
    assert [row.reference for row in (await persons.about(["Patient/p1"])).of(type_)] == [f"{type_}/{identity(type_, 1)}"]


async def test_what_is_there_is_the_current_version(persons):
    [task] = (await persons.about(["Patient/p1"])).of("Task")
    assert task.version == 2


async def test_who_is_tied_is_there(persons):
    assert [each.organization for each in (await persons.about(["Patient/p1"])).relations] == [HOUSING]


async def test_nothing_of_anybody_else_is_there(persons):
    assert not (await persons.about(["Patient/p2"])).relations


async def test_two_patients_of_one_person_are_taken_together(persons):
    kept = await persons.about(["Patient/p1", "Patient/p2"])
    assert ([len(kept.of(type_)) for type_ in TYPES], len(kept.relations)) == ([2] * len(TYPES), 1)


async def test_a_record_about_two_patients_is_there_once(persons, records, make):
    await records.commit(make.change(make.write("Consent", "both", **subject(1)), make.write("Task", "only", **subject(2))))
    kept = await persons.about(["Patient/p1", "Patient/p1"])
    assert len(kept.of("Consent")) == 2


async def test_a_deleted_record_is_not_there(persons, records, make):
    await records.commit(make.change(make.write("Consent", "consent1", 1, deleted=True, **subject(1))))
    assert (await persons.about(["Patient/p1"])).of("Consent") == []


async def test_nobody_has_nothing(persons):
    kept = await persons.about(["Patient/none"])
    assert ([kept.of(type_) for type_ in TYPES], kept.relations) == ([[]] * len(TYPES), {})


async def test_those_who_ask_at_once_get_each_their_own(persons):
    both = await asyncio.gather(*(persons.about([f"Patient/p{number}"]) for number in (1, 2)))
    assert [[row.id for row in kept.of("Consent")] for kept in both] == [["consent1"], ["consent2"]]
