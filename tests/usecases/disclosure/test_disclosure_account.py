"""`$access-history`: who saw what of a person, told to the person and to the agency that keeps their record."""

from __future__ import annotations

from typing import Any

import pytest
from fhir.resources.R4B.auditevent import AuditEvent

from tests.locality import Agency, Locality

Resource = dict[str, Any]


async def themselves(locality: Locality, make: Any) -> Agency:
    """The person's own app."""
    return await locality.agency("trust", "patient/*.rs", user=make.person, patient=make.person)


def events(answer: Any) -> list[Resource]:
    """The AuditEvents of a page."""
    return [each["resource"] for each in answer.json().get("entry", ())]


def named(event: Resource) -> list[str]:
    """The references an event tells of."""
    return [each["what"]["reference"] for each in event["entity"] if "what" in each]


async def seen(locality: Locality, make: Any) -> str:
    """The crisis team reads a record; gives its versioned reference."""
    await make.tied("crisis")
    await make.stored("trust", make.condition("plain"))
    crisis = await locality.agency("crisis")
    assert (await crisis.get(f"Condition/{make.id('plain')}")).status_code == 200
    return f"Condition/{make.id('plain')}/_history/1"


@pytest.mark.parametrize("who", ["person", "trust"])
async def test_a_read_is_told(locality: Locality, make: Any, who: str) -> None:
    """What was read, by whom, and by which authority."""
    record = await seen(locality, make)
    asker = await themselves(locality, make) if who == "person" else await locality.agency("trust")
    answer = await asker.get(make.path("access-history"))
    assert answer.status_code == 200, answer.text
    (event,) = [each for each in events(answer) if record in named(each)]
    assert {"reference": "Organization/crisis"} in [each["who"] for each in event["agent"]]
    assert event["outcomeDesc"] == "policy/uk-1#L5.implied-care"


async def test_the_events_are_sound(locality: Locality, make: Any) -> None:
    """Each is a FHIR AuditEvent."""
    await seen(locality, make)
    trust = await locality.agency("trust")
    assert [AuditEvent.model_validate(each) for each in events(await trust.get(make.path("access-history")))]


async def test_an_event_has_no_address_that_its_reader_could_not_read(locality: Locality, make: Any) -> None:
    """Each is a copy for the account; the log that it is from is its custodian's."""
    await seen(locality, make)
    entries = (await (await themselves(locality, make)).get(make.path("access-history"))).json()["entry"]
    assert {each["fullUrl"].rpartition(":")[0] for each in entries} == {"urn:uuid"}
    assert [each["fullUrl"].rpartition(":")[2] for each in entries] == [each["resource"]["id"] for each in entries]


@pytest.mark.parametrize("who", ["crisis", "voluntary"])
async def test_other_agencies_are_told_nothing(locality: Locality, make: Any, who: str) -> None:
    """Not even one that takes part in the person's care: it is as if the Patient were not there."""
    await seen(locality, make)
    agency = await locality.agency(who)
    hidden, absent = [await agency.get(f"{each}/$access-history") for each in (make.person, "Patient/not-there")]
    assert (hidden.status_code, absent.status_code) == (404, 404)
    assert hidden.text.replace(make.person, "Patient/not-there") == absent.text


async def test_another_person_is_told_nothing(locality: Locality, make: Any) -> None:
    """One's own account is one's own."""
    from tests.locality import person

    await seen(locality, make)
    other = await person(locality.built)
    app = await locality.agency("trust", "patient/*.rs", user=other, patient=other)
    assert (await app.get(make.path("access-history"))).status_code == 404


async def test_the_custodian_is_not_told_of_what_it_may_not_see(locality: Locality, make: Any) -> None:
    """Another agency's record about the same Patient stays that agency's."""
    await make.stored("voluntary", make.condition("theirs"))
    voluntary, trust = await locality.agency("voluntary"), await locality.agency("trust")
    assert (await voluntary.get(f"Condition/{make.id('theirs')}")).status_code == 200
    assert make.id("theirs") not in (await trust.get(make.path("access-history"))).text


async def test_the_person_is_told_of_every_agency(locality: Locality, make: Any) -> None:
    """L1: the account of the whole record."""
    await make.stored("voluntary", make.condition("theirs"))
    voluntary = await locality.agency("voluntary")
    await voluntary.get(f"Condition/{make.id('theirs')}")
    answer = await (await themselves(locality, make)).get(make.path("access-history"))
    assert make.id("theirs") in answer.text


async def test_a_search_over_two_people_tells_each_of_themselves(locality: Locality, make: Any) -> None:
    """What else a search showed is nobody else's business."""
    from tests.locality import person

    other = await person(locality.built)
    await make.stored("trust", make.condition("plain"), {**make.condition("other"), "subject": {"reference": other}})
    trust = await locality.agency("trust")
    await trust.get(f"Condition?_id={make.id('plain')},{make.id('other')}")
    answer = await (await themselves(locality, make)).get(make.path("access-history"))
    assert make.id("plain") in answer.text
    assert make.id("other") not in answer.text
    assert other not in answer.text


async def test_pages_hold_each_event_once_newest_first(locality: Locality, make: Any) -> None:
    """Paging leaves none out and repeats none."""
    await make.stored("trust", make.condition("plain"))
    trust, app = await locality.agency("trust"), await themselves(locality, make)
    for _ in range(5):
        await trust.get(f"Condition/{make.id('plain')}")
    found, answer = [], await app.get(make.path("access-history") + "?_count=2")
    while True:
        found += events(answer)
        following = [each["url"] for each in answer.json()["link"] if each["relation"] == "next"]
        if not following:
            break
        answer = await app.get(following[0])
    reads = [each["id"] for each in found if any("Condition/" in ref for ref in named(each))]
    assert len(reads) == len(set(reads)) == 5
    assert [each["recorded"] for each in found] == sorted((each["recorded"] for each in found), reverse=True)


async def test_a_cursor_is_its_askers_own(locality: Locality, make: Any) -> None:
    """A stolen next link opens nothing."""
    await make.stored("trust", make.condition("plain"))
    trust = await locality.agency("trust")
    for _ in range(3):
        await trust.get(f"Condition/{make.id('plain')}")
    answer = await (await themselves(locality, make)).get(make.path("access-history") + "?_count=1")
    following = next(each["url"] for each in answer.json()["link"] if each["relation"] == "next")
    assert (await trust.get(following)).status_code == 400


async def test_a_deferred_override_is_not_told_to_the_person_and_is_to_the_custodian(locality: Locality, make: Any) -> None:
    """Nor is what was read under it."""
    await make.tied("crisis")
    await make.stored("trust", make.condition("plain"), make.consent("deny", to="crisis", identity="no"))
    crisis = await make.user("crisis")
    given = [
        {"name": "kind", "valueCode": "safeguarding"},
        {"name": "reason", "valueString": "A strategy meeting asked for the history."},
        {"name": "defer", "valueString": "The person's partner reads their messages."},
    ]
    await crisis.post(make.path("break-glass"), {"resourceType": "Parameters", "parameter": given})
    assert (await crisis.get(f"Condition/{make.id('plain')}")).status_code == 200
    own = (await (await themselves(locality, make)).get(make.path("access-history"))).text
    kept = (await (await locality.agency("trust")).get(make.path("access-history"))).text
    assert ("crisis-lead" in own, "crisis-lead" in kept) == (False, True)


async def test_an_override_is_told_as_one(locality: Locality, make: Any) -> None:
    """With its kind, and the purpose break-the-glass."""
    await make.tied("crisis")
    crisis = await make.user("crisis")
    given = [
        {"name": "kind", "valueCode": "vital-interests"},
        {"name": "reason", "valueString": "Found unconscious at home, crew needs the history."},
    ]
    task = (await crisis.post(make.path("break-glass"), {"resourceType": "Parameters", "parameter": given})).json()
    answer = await (await themselves(locality, make)).get(make.path("access-history"))
    (event,) = [each for each in events(answer) if f"Task/{task['id']}" in named(each)]
    purposes = [each["coding"][0]["code"] for each in event["purposeOfEvent"]]
    assert (event["outcomeDesc"], "BTG" in purposes) == ("override/vital-interests", True)


async def test_a_disclosure_is_told_with_its_recipient(locality: Locality, make: Any) -> None:
    """Who was told is part of the account."""
    await make.tied("crisis")
    await make.stored("trust", make.condition("plain"))
    trust = await locality.agency("trust")
    record = make.value((await trust.post(make.path("disclose"), make.asked())).json(), "disclosure")
    answer = await (await themselves(locality, make)).get(make.path("access-history"))
    (event,) = [each for each in events(answer) if f"Communication/{record['id']}" in named(each)]
    assert {"reference": "Organization/crisis"} in [each["who"] for each in event["agent"]]


async def test_an_unknown_parameter_is_named(locality: Locality, make: Any) -> None:
    """It is not ignored."""
    trust = await locality.agency("trust")
    answer = await trust.get(make.path("access-history") + "?_sort=date")
    assert (answer.status_code, "_sort" in answer.text) == (400, True)


async def test_nobody_is_asked_to_log_in(locality: Locality, make: Any) -> None:
    """Anonymous: 401."""
    assert (await locality.anonymous().get(make.path("access-history"))).status_code == 401


async def test_the_scope_of_audit_events_is_needed(locality: Locality, make: Any) -> None:
    """Wrong scope: 403."""
    trust = await locality.agency("trust", "system/Patient.rs")
    assert (await trust.get(make.path("access-history"))).status_code == 403
