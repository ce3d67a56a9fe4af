"""A link that is not confirmed changes no byte of anybody else's answer (IDN-4), whatever the newcomer writes."""

from __future__ import annotations

from typing import Any

import httpx
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from service import clock
from service.app import Built
from tests.attacks.newcomers import compared, patient
from tests.attacks.records import denial, observation
from tests.locality import Agency, stored, valid_nhs_number
from tests.properties.test_noninterference import Note, World, answers, notes, ties, words

Stored = dict[str, Any]
CRISIS, SELF = {"reference": "Organization/crisis"}, {"reference": "Organization/voluntary"}
quick = settings(
    max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


def claims(person: str) -> dict[str, Stored]:
    """What a newcomer may write about its own Patient."""
    subject = {"reference": person}
    said = {**denial(person), "organization": [SELF]}
    return {
        "deny": said,
        "permit": {**said, "dateTime": "2026-06-01", "provision": {**said["provision"], "type": "permit"}},
        "team": {"resourceType": "CareTeam", "status": "active", "subject": subject, "participant": [{"member": CRISIS}]},
        "own team": {"resourceType": "CareTeam", "status": "active", "subject": subject, "participant": [{"member": SELF}]},
        "task": {
            "resourceType": "Task", "status": "requested", "intent": "order", "for": subject, "requester": SELF, "owner": CRISIS,
        },
        "episode": {"resourceType": "EpisodeOfCare", "status": "active", "patient": subject, "managingOrganization": SELF},
        "note": observation(person),
    }  # fmt: skip


@quick
@given(
    tied=ties,
    word=words,
    held=st.lists(notes, min_size=1, max_size=3),
    wrote=st.lists(st.sampled_from(sorted(claims("Patient/x"))), min_size=1, max_size=4, unique=True),
    born=st.sampled_from(["1986-05-02", "1990-01-01"]),
)
async def test_idn_4_an_unconfirmed_link_changes_no_byte(
    service: tuple[Built, httpx.AsyncClient],
    tied: set[str],
    word: dict[str, str],
    held: list[Note],
    wrote: list[str],
    born: str,
) -> None:
    """The custodians' and the crisis team's answers about the person stay as they were."""
    world = World(*service)
    tied, word = tied - {"voluntary"}, {**word, "voluntary": ""}  # an agency that was named would be recognised by it
    await world.settled(tied, word, held)
    number = valid_nhs_number(int(world.people[0][-7:], 16))
    keeper = await world.locality.agency("trust")
    row = await world.built.services.records.read("Patient", world.people[0].partition("/")[2])
    assert row is not None
    known = {**patient(number), "id": row.id, "meta": {"versionId": str(row.version)}}
    assert (await keeper.put(known)).status_code == 200
    others: list[Agency] = [keeper, *[await world.locality.agency(each) for each in ("housing", "crisis")]]
    before = [await answers(each, world.asked()) for each in others]
    newcomer = await world.locality.agency("voluntary")
    made = f"Patient/{(await newcomer.created(patient(number, birthDate=born)))['id']}"
    for name in wrote:
        record = claims(made)[name]
        await stored(world.built, "Organization/voluntary", {**record, "id": clock.new_id()})
    await compared(world.locality, made)
    assert [await answers(each, world.asked()) for each in others] == before
