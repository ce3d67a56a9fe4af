"""Counters that tell caches when to forget."""

from __future__ import annotations

import asyncio

import pytest

from service.problem import Refused
from service.store.commit import Moved
from service.store.generations import Generations
from service.store.partners import Partner, Partners

SUBJECT = {"subject": {"reference": "Patient/p1"}}


@pytest.fixture
def generations(records) -> Generations:
    return Generations(records.mongo)


async def test_what_was_never_written_is_at_zero(generations):
    assert await generations.current(("Patient/p1",)) == {"Patient/p1": 0}


@pytest.mark.parametrize("type_", ["Consent", "CareTeam", "Task", "ServiceRequest", "EpisodeOfCare", "Communication"])
async def test_a_write_that_can_change_a_decision_raises_its_persons_counter(records, make, generations, type_):
    await records.commit(make.change(make.write(type_, "x", **SUBJECT)))
    assert await generations.current(("Patient/p1", "Patient/p2")) == {"Patient/p1": 1, "Patient/p2": 0}


async def test_a_write_of_the_patient_raises_the_patients_counter(records, make, generations):
    await records.commit(make.change(make.write("Patient", "p1")))
    assert await generations.current(("Patient/p1",)) == {"Patient/p1": 1}


async def test_a_write_that_changes_no_decision_raises_nothing(records, make, generations):
    await records.commit(make.change(make.write("Observation", "x", **SUBJECT)))
    assert await generations.current(("Patient/p1", "directory")) == {"Patient/p1": 0, "directory": 0}


@pytest.mark.parametrize("type_", ["Organization", "PractitionerRole", "Group", "HealthcareService"])
async def test_a_write_of_the_directory_raises_the_directorys_counter(records, make, generations, type_):
    await records.commit(make.change(make.write(type_, "x")))
    assert await generations.current(("directory",)) == {"directory": 1}


async def test_a_record_that_moves_to_another_person_raises_both(records, make, generations):
    await records.commit(make.change(make.write("Consent", "c", **SUBJECT)))
    await records.commit(make.change(make.write("Consent", "c", 1, subject={"reference": "Patient/p2"})))
    assert await generations.current(("Patient/p1", "Patient/p2")) == {"Patient/p1": 2, "Patient/p2": 1}


async def test_the_keys_a_write_touches_are_raised(records, make, generations):
    await records.commit(make.change(make.write("Patient", "p1", touches=("person:nhs|1",))))
    assert await generations.current(("person:nhs|1",)) == {"person:nhs|1": 1}


async def test_a_refused_change_raises_nothing(records, make, generations):
    with pytest.raises(Refused):
        await records.commit(make.change(make.write("Consent", "c", 3, **SUBJECT)))
    assert await generations.current(("Patient/p1",)) == {"Patient/p1": 0}


async def test_a_change_of_the_partner_register_raises_the_directorys_counter(records, generations):
    partners = Partners(records.mongo)
    await partners.add(Partner("Organization/h", "housing"))
    await partners.add(Partner("Organization/h", "health"))
    assert await generations.current(("directory",)) == {"directory": 2}


async def test_a_change_is_refused_when_a_premise_moved(records, make):
    """A consent came between the decision and its commit."""
    await records.commit(make.change(make.write("Consent", "c1", subject={"reference": "Patient/p1"})))
    decided = make.change(make.write("Observation", "o1"), premises=(("Patient/p1", 0),))
    with pytest.raises(Moved):
        await records.commit(decided)
    assert await records.read("Observation", "o1") is None


@pytest.mark.parametrize("raised", [0, 1, 3])
async def test_a_change_whose_premise_stands_is_committed(records, make, raised):
    for number in range(raised):
        await records.commit(make.change(make.write("Consent", f"c{number}", subject={"reference": "Patient/p1"})))
    await records.commit(make.change(make.write("Observation", "o1"), premises=(("Patient/p1", raised),)))
    assert await records.read("Observation", "o1") is not None


async def test_a_premise_is_no_change(records, make):
    """Who rests on a generation does not make others look again."""
    await records.commit(make.change(make.write("Observation", "o1"), premises=(("Patient/p1", 0),)))
    assert await Generations(records.mongo).current(["Patient/p1"]) == {"Patient/p1": 0}


async def test_a_change_may_raise_what_it_rests_on(records, make):
    write = make.write("Consent", "c1", subject={"reference": "Patient/p1"})
    await records.commit(make.change(write, premises=(("Patient/p1", 0),)))
    assert await Generations(records.mongo).current(["Patient/p1"]) == {"Patient/p1": 1}


async def test_of_a_consent_and_what_rests_on_there_being_none_one_waits_for_the_other(records, other, make):
    """Through two connections at once: never both the denial first and the release decided without it."""
    for number in range(12):
        patient = f"Patient/q{number}"
        denial = records.commit(make.change(make.write("Consent", f"d{number}", subject={"reference": patient})))
        release = other.commit(make.change(make.write("Observation", f"r{number}"), premises=((patient, 0),)))
        _, released = await asyncio.gather(denial, release, return_exceptions=True)
        assert isinstance(released, Moved) or await records.read("Observation", f"r{number}") is not None
        after = make.change(make.write("Observation", f"s{number}"), premises=((patient, 0),))
        with pytest.raises(Moved):
            await other.commit(after)


async def test_changes_that_rest_on_one_person_take_turns(records, make):
    """In one process, too: the second of them was decided before what the first says."""
    consent = make.change(make.write("Consent", "c1", subject={"reference": "Patient/p1"}))
    release = make.change(make.write("Observation", "o1"), premises=(("Patient/p1", 0),))
    _, released = await asyncio.gather(records.commit(consent), records.commit(release), return_exceptions=True)
    assert isinstance(released, Moved)
