"""Attack list, consent (consent rules, sections 2.2 and 2.8): an agency that lies in the Consents it records gains nothing."""

from __future__ import annotations

import re
from typing import Any

import pytest

from service import clock
from tests.attacks.callers import alike, tied
from tests.attacks.records import CONFIDENTIALITY, PARTICIPATION, Stored, denial, observation
from tests.locality import Agency, Locality, patient, stored


def labelled(locality: Locality, code: str) -> Stored:
    """A note of the trust about the person with a confidentiality."""
    security = {"security": [{"system": CONFIDENTIALITY, "code": code}]}
    return observation(locality.person, id=clock.new_id(), meta=security)


def permit(locality: Locality, to: str, by: str, **more: Any) -> Stored:
    """A Consent in the person's name that permits an agency everything, under the control of another."""
    role = {"coding": [{"system": PARTICIPATION, "code": "IRCP"}]}
    actor = {"role": role, "reference": {"reference": f"Organization/{to}"}}
    made = {**denial(locality.person), "organization": [{"reference": f"Organization/{by}"}]}
    return {**made, "provision": {"type": "permit", "actor": [actor]}, **more}


async def seen(agency: Agency, *notes: Stored) -> list[bool]:
    """Which of these an agency reads."""
    return [(await agency.get(f"Observation/{each['id']}")).status_code == 200 for each in notes]


@pytest.fixture
def notes(locality: Locality) -> tuple[Stored, Stored, Stored]:
    """What the trust knows of the person: normal, restricted, very restricted."""
    return labelled(locality, "N"), labelled(locality, "R"), labelled(locality, "V")


async def gaining(locality: Locality, *notes: Stored) -> tuple[Agency, Stored]:
    """The crisis team, of the person's care team, and the Consent that it recorded for itself."""
    await stored(locality.built, "Organization/trust", *notes)
    await tied(locality, "crisis")
    crisis = await locality.agency("crisis")
    return crisis, await crisis.created(permit(locality, "crisis", "crisis"))


def verified(consent: Stored, person: str) -> Stored:
    """The Consent, verified with the person."""
    return {**consent, "verification": [{"verified": True, "verifiedWith": {"reference": person}}]}


async def test_an_agency_permits_itself_normal_records_only(locality: Locality, notes: tuple[Stored, ...]) -> None:
    """2.8: what it says the person said opens N, and neither R nor V."""
    crisis, _ = await gaining(locality, *notes)
    assert await seen(crisis, *notes) == [True, False, False]


async def test_its_own_verification_is_none(locality: Locality, notes: tuple[Stored, ...]) -> None:
    """Nor by an update, nor at the start."""
    crisis, made = await gaining(locality, *notes)
    assert (await crisis.put(verified(made, locality.person))).status_code == 200
    again = permit(locality, "crisis", "crisis", dateTime="2026-02-02")
    await crisis.created(verified(again, locality.person))
    assert await seen(crisis, *notes) == [True, False, False]


async def test_another_agency_with_standing_verifies_it(locality: Locality, notes: tuple[Stored, ...]) -> None:
    """And it permits all it says, until the recorder says something else."""
    crisis, made = await gaining(locality, *notes)
    trust = await locality.agency("trust")
    answer = await trust.put(verified(made, locality.person))
    assert answer.status_code == 200, answer.text
    opened = await seen(crisis, *notes)
    stands = answer.json()
    wider = {**stands, "provision": {**stands["provision"], "purpose": [{"code": "TREAT", "system": ACT_REASON}]}}
    assert (await crisis.put(wider)).status_code == 200
    assert (opened, await seen(crisis, *notes)) == ([True, True, True], [True, False, False])


ACT_REASON = "http://terminology.hl7.org/CodeSystem/v3-ActReason"


@pytest.mark.parametrize("way", ["provision", "status", "other", "nobody", "more"])
async def test_who_verifies_changes_nothing_else(locality: Locality, notes: tuple[Stored, ...], way: str) -> None:
    """Another agency's Consent is not rewritten on the pretext of a verification."""
    _, made = await gaining(locality, *notes)
    trust = await locality.agency("trust")
    sound = verified(made, locality.person)
    changed = {
        "provision": {**sound, "provision": {"type": "deny"}},
        "status": {**sound, "status": "inactive"},
        "other": verified(made, "Patient/another"),
        "nobody": {**made, "verification": [{"verified": True}]},
        "more": {**sound, "verification": [*sound["verification"], {"verified": False}]},
    }[way]
    assert (await trust.put(changed)).status_code == 403


async def test_an_agency_without_standing_verifies_nothing(locality: Locality, notes: tuple[Stored, ...]) -> None:
    """It does not see the Consent."""
    _, made = await gaining(locality, *notes)
    voluntary = await locality.agency("voluntary")
    assert (await voluntary.put(verified(made, locality.person))).status_code == 404


async def test_the_person_signed_in_verifies_it(locality: Locality, notes: tuple[Stored, ...]) -> None:
    """In whichever agency's app."""
    crisis, made = await gaining(locality, *notes)
    app = await locality.agency("trust", "patient/*.cruds", user=locality.person, patient=locality.person)
    answer = await app.put(verified(made, locality.person))
    assert answer.status_code == 200, answer.text
    assert await seen(crisis, *notes) == [True, True, True]


async def test_what_ended_is_not_revived_with_its_verification(locality: Locality, notes: tuple[Stored, ...]) -> None:
    """The person withdraws; the recorder makes it active again, and has its own word only."""
    crisis, made = await gaining(locality, *notes)
    app = await locality.agency("trust", "patient/*.cruds", user=locality.person, patient=locality.person)
    stands = (await app.put(verified(made, locality.person))).json()
    ended = await app.put({**stands, "status": "inactive"})
    assert ended.status_code == 200, ended.text
    assert (await crisis.put({**ended.json(), "status": "active"})).status_code == 200
    assert await seen(crisis, *notes) == [True, False, False]


async def test_what_the_person_says_signed_in_needs_no_verification(locality: Locality, notes: tuple[Stored, ...]) -> None:
    """Though the app is of the agency that gains."""
    await stored(locality.built, "Organization/trust", *notes)
    await tied(locality, "crisis")
    app = await locality.agency("crisis", "patient/*.cruds", user=locality.person, patient=locality.person)
    await app.created(permit(locality, "crisis", "crisis"))
    assert await seen(await locality.agency("crisis"), *notes) == [True, True, True]


async def test_the_custodian_is_told_of_a_consent_from_which_its_recorder_gains(
    locality: Locality, notes: tuple[Stored, ...]
) -> None:
    """A message that it can read, and a notice on its way."""
    _, made = await gaining(locality, *notes)
    trust = await locality.agency("trust")
    (entry,) = (await trust.get(f"Communication?subject={locality.person}")).json()["entry"]
    told = entry["resource"]
    notice = await locality.built.services.mongo.collection("outbox").find_one({"focus": f"Communication/{told['id']}"})
    assert (told["category"][0]["coding"][0]["code"], notice["to"]) == ("consent-recorded", "Organization/trust")
    assert told["about"] == [{"reference": f"Consent/{made['id']}"}]


async def test_nobody_is_told_of_a_consent_from_which_its_recorder_gains_nothing(locality: Locality) -> None:
    """Nor of a denial."""
    await tied(locality, "crisis")
    crisis = await locality.agency("crisis")
    await crisis.created(permit(locality, "housing", "crisis"))
    await crisis.created({**permit(locality, "crisis", "crisis"), "provision": {"type": "deny"}})
    trust = await locality.agency("trust")
    assert "entry" not in (await trust.get(f"Communication?subject={locality.person}")).json()


@pytest.mark.parametrize("word", ["permit", "deny"])
async def test_a_consent_of_an_agency_without_standing_says_nothing(
    locality: Locality, notes: tuple[Stored, ...], word: str
) -> None:
    """It neither opens the record to anybody nor closes it to the crisis team."""
    await stored(locality.built, "Organization/trust", *notes)
    await tied(locality, "crisis")
    crisis = await locality.agency("crisis")
    before = await seen(crisis, *notes)
    made = {**permit(locality, "crisis", "voluntary"), "id": clock.new_id()}
    made["provision"]["type"] = word
    await stored(locality.built, "Organization/voluntary", made)
    assert await seen(crisis, *notes) == before == [True, False, False]


async def test_a_denial_outlasts_the_standing_of_who_recorded_it(locality: Locality, notes: tuple[Stored, ...]) -> None:
    """The person said it to an agency with standing; that this agency left the team unsays nothing."""
    await stored(locality.built, "Organization/trust", *notes)
    trust, crisis = await locality.agency("trust"), await locality.agency("crisis")
    team = {"resourceType": "CareTeam", "status": "active", "subject": {"reference": locality.person}}
    members = [{"member": {"reference": f"Organization/{each}"}} for each in ("crisis", "voluntary")]
    kept = await trust.created({**team, "participant": members})
    await trust.created(permit(locality, "voluntary", "trust"))
    told = permit(locality, "voluntary", "crisis")
    await crisis.created({**told, "provision": {**told["provision"], "type": "deny"}})
    assert (await trust.put({**kept, "participant": members[1:]})).status_code == 200
    assert await seen(await locality.agency("voluntary"), *notes) == [False, False, False]


BOTH = [{"reference": "Organization/trust"}, {"reference": "Organization/crisis"}]


async def status(trust: Agency, consent: Stored) -> str:
    """Where a Consent stands."""
    return str((await trust.get(f"Consent/{consent['id']}")).json()["status"])


async def test_no_agency_s_consent_ends_another_agency_s(locality: Locality) -> None:
    """2.2: a later permit on the very terms of the custodian's denial stands beside it, and the denial is heard."""
    await stored(locality.built, "Organization/trust", note := labelled(locality, "N"))
    await tied(locality, "crisis")
    trust, crisis = await locality.agency("trust"), await locality.agency("crisis")
    told = permit(locality, "crisis", "trust", organization=BOTH, dateTime="2026-03-03")
    terms = {**told["provision"], "data": [{"meaning": "instance", "reference": {"reference": f"Observation/{note['id']}"}}]}
    kept = await trust.created({**told, "dateTime": "2026-01-01", "provision": {**terms, "type": "deny"}})
    await crisis.created({**told, "provision": terms})
    assert (await status(trust, kept), await seen(crisis, note)) == ("active", [False])


async def test_what_the_person_says_signed_in_ends_what_an_agency_recorded(locality: Locality) -> None:
    """On the same terms, whoever keeps it."""
    trust = await locality.agency("trust")
    kept = await trust.created(denial(locality.person))
    app = await locality.agency("crisis", "patient/*.cruds", user=locality.person, patient=locality.person)
    await app.created(permit(locality, "crisis", "trust", dateTime="2026-03-03"))
    assert await status(trust, kept) == "inactive"


async def test_no_agency_s_consent_ends_what_the_person_said(locality: Locality) -> None:
    """Not even that of the agency whose app the person used."""
    app = await locality.agency("trust", "patient/*.cruds", user=locality.person, patient=locality.person)
    kept = await app.created(denial(locality.person))
    trust = await locality.agency("trust")
    await trust.created(permit(locality, "crisis", "trust", dateTime="2026-03-03"))
    assert await status(trust, kept) == "active"


async def test_a_denial_by_code_hides_nothing_that_has_no_code(locality: Locality) -> None:
    """The Patient and a Goal stay visible; what is coded so, or in words only, does not."""
    goal = {"resourceType": "Goal", "lifecycleStatus": "active", "description": {"text": "To sleep"}}
    about = {"subject": {"reference": locality.person}, "id": clock.new_id()}
    mine = [{**goal, **about}, observation(locality.person, id=clock.new_id())]
    mine.append({"resourceType": "Condition", **about, "code": {"text": "in words"}})
    await stored(locality.built, "Organization/trust", *mine)
    await tied(locality, "crisis")
    trust, crisis = await locality.agency("trust"), await locality.agency("crisis")
    said = permit(locality, "crisis", "trust")
    excepted = {"type": "deny", "code": [{"coding": [{"system": "https://example.org/sample", "code": "sleep"}]}]}
    await trust.created({**said, "provision": {**said["provision"], "provision": [excepted]}})
    paths = [locality.person, *(f"{each['resourceType']}/{each['id']}" for each in mine)]
    assert [(await crisis.get(path)).status_code for path in paths] == [200, 200, 404, 404]


UNHEARD: dict[str, Stored] = {
    "a label in the old v3 system": {"securityLabel": [{"system": "http://hl7.org/fhir/v3/ActCode", "code": "PSY"}]},
    "a label of a value set": {
        "securityLabel": [{"system": "http://terminology.hl7.org/ValueSet/v3-Confidentiality", "code": "R"}]
    },
    "a label in lower case": {"securityLabel": [{"system": CONFIDENTIALITY, "code": "r"}]},
    "a profile nobody knows": {"class": [{"system": "http://hl7.org/fhir/resource-types", "code": "http://x.example/Profile"}]},
    "an agency that is not here": {"actor": "Organization/crisys"},
    "a team that is not here": {"actor": "CareTeam/none"},
    "an identifier nobody has": {
        "actor": {"identifier": {"system": "https://fhir.nhs.uk/Id/ods-organization-code", "value": "X0"}}
    },
}


@pytest.mark.parametrize("way", UNHEARD)
async def test_a_denial_that_would_do_nothing_is_refused(locality: Locality, way: str) -> None:
    """2.8: with the element, and nothing stored."""
    trust = await locality.agency("trust")
    ((name, value),) = UNHEARD[way].items()
    made = denial(locality.person)
    if name == "actor":
        reference = value if isinstance(value, dict) else {"reference": value}
        value = [{**made["provision"]["actor"][0], "reference": reference}]
    answer = await trust.post("Consent", {**made, "provision": {**made["provision"], name: value}})
    issue = answer.json()["issue"][0]
    within = rf"Consent\.provision\.{name}(\[0\]\.code)?"  # R4's own code systems name the code
    assert answer.status_code == 422
    assert re.fullmatch(within, issue["expression"][0]), issue
    assert "entry" not in (await trust.get(f"Consent?patient={locality.person}")).json()


async def test_a_team_that_the_writer_may_not_see_is_named_like_one_that_is_not_here(locality: Locality) -> None:
    """The refusals are the same, byte for byte, but for the id."""
    other = clock.new_id()
    hidden = {"resourceType": "CareTeam", "id": clock.new_id(), "status": "active", "subject": {"reference": f"Patient/{other}"}}
    await stored(locality.built, "Organization/voluntary", patient(id=other), hidden)
    trust = await locality.agency("trust")
    answers = []
    for team in (hidden["id"], "none"):
        made = denial(locality.person)
        made["provision"]["actor"][0]["reference"] = {"reference": f"CareTeam/{team}"}
        answers.append(await trust.post("Consent", made))
    assert answers[0].status_code == 422
    assert alike(*answers, str(hidden["id"]), "none")
