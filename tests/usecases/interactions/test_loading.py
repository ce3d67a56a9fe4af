"""A load takes all its files as one account of the world: what is named twice, elsewhere, or not at all."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from service.app import Built
from service.fhir.bundle import Sent, resources
from service.usecases.interactions.loading import Fate, Loading, Verdict
from tests.locality import BASE

TRUST = "Organization/trust"
WARD = "0c5fb4a8-6c0f-4d6a-9f0c-0d3f9b0c0001"
OTHER = "0c5fb4a8-6c0f-4d6a-9f0c-0d3f9b0c0002"
Resource = dict[str, Any]


def patient(identity: str, keeper: str = "") -> Resource:
    """A person, kept by whom this refers to."""
    kept = {"managingOrganization": {"reference": keeper}} if keeper else {}
    return {"resourceType": "Patient", "id": identity, "name": [{"text": identity}], **kept}


def ward(**more: Any) -> Resource:
    """An Organization with an identifier."""
    return {"resourceType": "Organization", "name": "Ward", "identifier": [{"system": "urn:ods", "value": "w1"}], **more}


def once(identity: str, condition: str = "identifier=urn:ods|w1") -> Resource:
    """An entry with the ward, to be stored only if there is none."""
    asked = {"method": "POST", "url": "Organization", "ifNoneExist": condition}
    return {"fullUrl": f"urn:uuid:{identity}", "resource": ward(), "request": asked}


def opened(*entries: Resource) -> list[Sent]:
    """The records of a Bundle."""
    bundle = {"resourceType": "Bundle", "type": "transaction", "entry": list(entries)}
    return [each for each in resources(bundle, BASE) if isinstance(each, Sent)]


async def loaded(built: Built, *chunks: list[Sent]) -> list[Verdict]:
    """The Verdicts of one load, which reads its files in these chunks."""
    use = Loading(built.services, built.base, TRUST)
    for chunk in chunks:
        await use.survey(chunk)
    return [verdict for chunk in chunks for verdict in await use.load(chunk)]


def fates(verdicts: list[Verdict]) -> list[str]:
    return [str(each.fate) for each in verdicts]


async def keeper(built: Built, identity: str) -> str:
    """Who keeps a person, as stored."""
    row = await built.services.records.read("Patient", identity)
    assert row is not None
    return str(row.resource["managingOrganization"]["reference"])


@pytest.mark.parametrize("foreign", [{"seed": 7}, *({"resourceType": each} for each in (7, ["Patient"], "Visit", "Parameters"))])
async def test_what_is_no_record_is_put_aside(built: Built, foreign: Resource) -> None:
    """A file among the others that is none of FHIR's, or only travels with operations, keeps nothing else from being loaded."""
    verdicts = await loaded(built, [Sent(foreign), Sent(patient("ann"))])
    assert fates(verdicts) == [Fate.REFUSED, Fate.LOADED]
    assert "no R4 resource" in str(verdicts[0].reason)


@pytest.mark.parametrize("condition", ["identifier=urn:ods|w1", "?identifier=urn:ods%7Cw1"])
async def test_a_bundle_leads_to_what_its_condition_finds_wherever_that_stands(built: Built, condition: str) -> None:
    """Also what was read long before the conditional create."""
    entries = opened({"fullUrl": "urn:uuid:a", "resource": patient("ann", f"urn:uuid:{OTHER}")}, once(OTHER, condition))
    assert fates(await loaded(built, opened(once(WARD)), entries[:1], entries[1:])) == [Fate.LOADED, Fate.LOADED, Fate.THERE]
    assert await keeper(built, "ann") == f"Organization/{WARD}"


@pytest.mark.parametrize("before", [True, False])
async def test_a_record_found_under_another_id_answers_to_no_other(built: Built, before: bool) -> None:
    """Whether it was stored before or is sent with it: a reference to the id that it would have had leads nowhere."""
    first = opened(once(WARD))
    if before:
        await loaded(built, first)
    verdicts = await loaded(built, first, [Sent(patient("ann", f"Organization/{OTHER}"))], opened(once(OTHER)))
    assert fates(verdicts)[1:] == [Fate.REFUSED, Fate.THERE]
    assert f"Nothing answers `Organization/{OTHER}`" in str(verdicts[1].reason)


async def test_what_a_refused_record_would_have_been_is_refused(built: Built) -> None:
    faulty = once(WARD)
    faulty["resource"] = ward(active="yes")
    verdicts = await loaded(built, opened(faulty, once(OTHER)))
    assert fates(verdicts) == [Fate.REFUSED, Fate.REFUSED]
    assert f"`Organization/{WARD}`" in str(verdicts[1].reason)


@pytest.mark.parametrize("base", ["", f"{BASE}/fhir/"])
async def test_a_conditional_reference_is_resolved(built: Built, base: str) -> None:
    """By itself or with our own base URL before it."""
    asks = f"{built.base}/Organization?identifier=urn:ods|w1" if base else "Organization?identifier=urn:ods|w1"
    await loaded(built, opened(once(WARD)))
    assert fates(await loaded(built, [Sent(patient("ann", asks))])) == [Fate.LOADED]
    assert await keeper(built, "ann") == f"Organization/{WARD}"


async def test_another_version_of_a_record_keeps_what_refers_to_it(built: Built) -> None:
    """Two Bundles that give one record by one fullUrl mean one record: the second content is put aside, and nothing else."""
    name = f"urn:uuid:{WARD}"
    first = opened({"fullUrl": name, "resource": ward(active=True)})
    second = opened(
        {"fullUrl": name, "resource": ward(active=False)}, {"fullUrl": "urn:uuid:a", "resource": patient("ann", name)}
    )
    verdicts = await loaded(built, first, second[:1], second[1:])
    assert fates(verdicts) == [Fate.LOADED, Fate.REFUSED, Fate.LOADED]


async def test_another_content_of_an_id_takes_what_refers_to_it_along(built: Built) -> None:
    """Records without a fullUrl, or with one that anybody might choose, may be different ones that share an id."""
    ann, ben = patient("1"), {**patient("1"), "name": [{"text": "Ben"}]}
    flag = {"resourceType": "Flag", "id": "f", "status": "active", "code": {"text": "x"}, "subject": {"reference": "Patient/1"}}
    verdicts = await loaded(built, [Sent(ann), Sent(ben)], [Sent(flag)])
    assert fates(verdicts) == [Fate.LOADED, Fate.REFUSED, Fate.REFUSED]


async def test_of_two_contents_of_an_id_the_first_counts(built: Built) -> None:
    """Whatever else is loaded at the same moment."""
    twice = [Sent(each) for at in range(10) for each in (patient(f"p{at}"), {**patient(f"p{at}"), "gender": "other"})]
    assert fates(await loaded(built, twice)) == [Fate.LOADED, Fate.REFUSED] * 10


async def test_a_large_directory_is_loaded_at_the_first_try(built: Built) -> None:
    """Each entry is decided by the directory as it is: nobody is told to decide again."""
    people = [
        {"resourceType": "Practitioner", "id": f"p{at}", "identifier": [{"system": "urn:npi", "value": f"{at}"}]}
        for at in range(60)
    ]
    assert fates(await loaded(built, [Sent(each) for each in people])) == [Fate.LOADED] * 60


MESSAGE: Resource = {
    "resourceType": "Bundle",
    "id": "m",
    "type": "message",
    "entry": [
        {
            "fullUrl": "urn:uuid:0c5fb4a8-6c0f-4d6a-9f0c-0d3f9b0c0003",
            "resource": {
                "resourceType": "MessageHeader",
                "eventUri": "https://example.org/event",
                "source": {"endpoint": "https://example.org"},
                "focus": [{"reference": "urn:uuid:0c5fb4a8-6c0f-4d6a-9f0c-0d3f9b0c0004"}],
            },
        },
        {
            "fullUrl": "urn:uuid:0c5fb4a8-6c0f-4d6a-9f0c-0d3f9b0c0004",
            "resource": {
                "resourceType": "Encounter",
                "status": "finished",
                "class": {"code": "AMB"},
                "subject": {"reference": "Patient/of-the-sender"},
                "serviceProvider": {"reference": "Organization?identifier=urn:ods|nowhere"},
                "episodeOfCare": [{"reference": f"{BASE}/fhir/EpisodeOfCare/1"}],
            },
        },
    ],
}


async def test_a_message_is_kept_as_it_is(built: Built) -> None:
    """What its entries refer to is its own, and looked for nowhere."""
    assert fates(await loaded(built, [Sent(MESSAGE)])) == [Fate.LOADED]
    row = await built.services.records.read("Bundle", "m")
    assert row is not None
    assert row.resource["entry"] == MESSAGE["entry"]


async def test_two_loads_at_once_store_everything_once(built: Built) -> None:
    people = [Sent(patient(f"p{each}")) for each in range(20)]
    verdicts = await asyncio.gather(loaded(built, opened(once(WARD)), people), loaded(built, opened(once(OTHER)), people))
    assert [each.reason for load in verdicts for each in load if each.reason is not None] == []
    assert sum(each.fate == Fate.LOADED for load in verdicts for each in load) == len(people) + 1
