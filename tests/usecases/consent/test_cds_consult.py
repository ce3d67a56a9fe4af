"""`patient-consent-consult`: the decision of `$evaluate` as a CDS Hooks card."""

from __future__ import annotations

from typing import Any

import pytest

from service.consent.facts import INLINE_LABEL as INLINE
from service.fhir.canonical import ACT_CODE, CONFIDENTIALITY, RECORD_MARK
from tests.locality import BASE, Agency, Locality

PATH = f"{BASE}/cds-services/patient-consent-consult"
MRN = "https://trust.example/mrn"
ODS = "https://fhir.nhs.uk/Id/ods-organization-code"
RESOURCE_TYPES = "http://hl7.org/fhir/resource-types"
Resource = dict[str, Any]


def hook(person: str, to: str = "", **context: Any) -> Resource:
    """A hook's request about a person, by reference."""
    asked: Resource = {"scope": "patient-privacy", "patientId": [{"value": person}], "purposeOfUse": "TREAT", **context}
    if to:
        asked["actor"] = [{"value": f"Organization/{to}"}]
    return {"hook": "patient-consent-consult", "hookInstance": "d1577c69-dfbe-44ad-ba6d-3e05e953b2ea", "context": asked}


async def card(agency: Agency, body: Resource) -> Resource:
    """The one card of an answer."""
    answer = await agency.post(PATH, body)
    assert answer.status_code == 200, answer.text
    (found,) = answer.json()["cards"]
    return dict(found)


def redacted(found: Resource) -> list[tuple[str, str]]:
    """The labels a card asks to redact."""
    duties = [each for each in found["extension"]["obligations"] if each["id"]["code"] == "REDACT"]
    return [(each["system"], each["code"]) for duty in duties for each in duty["parameters"]["codes"]]


async def test_discovery_needs_no_token(locality: Locality) -> None:
    """It names the hook and its id."""
    answer = await locality.anonymous().get(f"{BASE}/cds-services")
    assert answer.status_code == 200
    assert [(each["hook"], each["id"]) for each in answer.json()["services"]] == [("patient-consent-consult",) * 2]


async def test_a_consent_permits(locality: Locality, make: Any) -> None:
    """The card names the Consent in its version."""
    await make.tied("housing")
    await make.stored("trust", make.consent(identity="yes", provision=make.at_most("N")))
    found = await card(await locality.agency("trust"), hook(make.person, "housing"))
    assert (found["summary"], found["indicator"], found["extension"]["decision"]) == ("CONSENT_PERMIT", "info", "CONSENT_PERMIT")
    assert found["extension"]["basedOn"] == f"{BASE}/fhir/Consent/{make.id('yes')}/_history/1"


async def test_a_permit_says_what_it_does_not_cover(locality: Locality, make: Any) -> None:
    """A ceiling of N leaves R and V to be redacted."""
    await make.tied("housing")
    await make.stored("trust", make.consent(identity="yes", provision=make.at_most("N")))
    found = redacted(await card(await locality.agency("trust"), hook(make.person, "housing")))
    assert {code for system, code in found if system == CONFIDENTIALITY} == {"R", "V"}


async def test_a_denied_label_is_an_obligation(locality: Locality, make: Any) -> None:
    """A Consent that denies psychiatric records to the crisis team leaves the rest permitted."""
    await make.tied("crisis")
    label = {"securityLabel": [{"system": ACT_CODE, "code": "PSY"}]}
    await make.stored("trust", make.consent("deny", to="crisis", identity="some", provision=label))
    found = await card(await locality.agency("trust"), hook(make.person, "crisis"))
    assert found["extension"]["effect"] == "permit"
    assert (ACT_CODE, "PSY") in redacted(found)
    assert (ACT_CODE, "HIV") not in redacted(found)


async def test_what_the_law_bars_is_an_obligation(locality: Locality, make: Any) -> None:
    """L0 by label, whatever the person agreed to."""
    await make.tied("crisis")
    await make.stored("trust", make.consent(to="crisis", identity="yes"))
    found = redacted(await card(await locality.agency("trust"), hook(make.person, "crisis")))
    assert found == [(RECORD_MARK, "legally-barred")]


async def test_a_person_is_told_what_is_kept_from_them(locality: Locality, make: Any) -> None:
    """L1: their own record, less what is marked."""
    agency = await locality.agency("trust", "patient/*.rs", user=make.person, patient=make.person)
    found = await card(agency, hook(make.person))
    assert found["summary"] == "CONSENT_PERMIT"
    assert {(RECORD_MARK, "third-party"), (ACT_CODE, "NOPAT")} < set(redacted(found))


async def test_a_redacted_identifier_finds_nobody(locality: Locality, make: Any) -> None:
    """A name that was taken out of what the asker sees is no way to ask whether it is this person's."""
    person = make.id("marked")
    label = {"url": INLINE, "valueCoding": {"system": CONFIDENTIALITY, "code": "R"}}
    names = [{"extension": [label], "system": MRN, "value": person}, {"system": ODS, "value": person}]
    known = {"resourceType": "Patient", "id": person, "name": [{"family": "Known"}], "identifier": names}
    await make.stored("trust", {**known, "meta": {"security": [{"system": CONFIDENTIALITY, "code": "N"}]}})
    team = {"resourceType": "CareTeam", "id": make.id("team"), "status": "active", "subject": {"reference": f"Patient/{person}"}}
    await make.stored("trust", {**team, "participant": [{"member": {"reference": "Organization/crisis"}}]})
    crisis = await locality.agency("crisis")
    asked = [hook("", patientId={"system": system, "value": person}) for system in (MRN, ODS)]
    assert [(await crisis.post(PATH, each)).status_code for each in asked] == [404, 200]


async def test_a_consent_denies(locality: Locality, make: Any) -> None:
    """With no obligation: nothing is given."""
    await make.tied("crisis")
    await make.stored("trust", make.consent("deny", to="crisis", identity="no"))
    found = await card(await locality.agency("trust"), hook(make.person, "crisis"))
    assert (found["summary"], found["indicator"], found["extension"]["obligations"]) == ("CONSENT_DENY", "critical", [])
    assert found["extension"]["basedOn"].endswith(f"Consent/{make.id('no')}/_history/1")


@pytest.mark.parametrize(("to", "effect"), [("crisis", "permit"), ("housing", "deny")])
async def test_no_consent_leaves_it_to_the_policy(locality: Locality, make: Any, to: str, effect: str) -> None:
    """L5: the default is told beside it, and no Consent is named."""
    await make.tied(to)
    found = await card(await locality.agency("trust"), hook(make.person, to))
    assert (found["summary"], found["indicator"], found["extension"]["effect"]) == ("NO_CONSENT", "warning", effect)
    assert "basedOn" not in found["extension"]


async def test_no_relationship_is_a_denial(locality: Locality, make: Any) -> None:
    """L0 is no matter of consent: an enforcer that permits where there is no Consent must not permit here."""
    found = await card(await locality.agency("trust"), hook(make.person, "crisis"))
    assert found["summary"] == "CONSENT_DENY"


async def test_the_strictest_class_decides(locality: Locality, make: Any) -> None:
    """A Consent that denies one type of record denies a request for two."""
    await make.tied("crisis")
    kinds = [{"system": RESOURCE_TYPES, "code": code} for code in ("Observation", "Condition")]
    await make.stored("trust", make.consent("deny", to="crisis", identity="no", provision={"class": kinds[:1]}))
    trust = await locality.agency("trust")
    both = await card(trust, hook(make.person, "crisis", **{"class": kinds}))
    other = await card(trust, hook(make.person, "crisis", **{"class": kinds[1:]}))
    assert (both["extension"]["decision"], both["extension"]["effect"]) == ("CONSENT_DENY", "deny")
    assert (other["extension"]["decision"], other["extension"]["effect"]) == ("NO_CONSENT", "permit")


async def test_it_is_the_decision_of_evaluate(locality: Locality, make: Any) -> None:
    """Word for word the same explanation."""
    await make.tied("crisis")
    crisis = await locality.agency("crisis")
    given = [
        {"name": "patient", "valueReference": {"reference": make.person}},
        {"name": "purpose", "valueCode": "TREAT"},
    ]
    evaluated = await crisis.post("Consent/$evaluate", {"resourceType": "Parameters", "parameter": given})
    found = make.parts(make.named(evaluated.json(), "evaluation")[0])
    told = await card(crisis, hook(make.person))
    assert (told["detail"], told["extension"]["effect"]) == (found["summary"], found["decision"])


async def test_identifiers_name_patient_and_actor(locality: Locality, make: Any) -> None:
    """By system and value, one or a list of them, as LEAP's and its successors' clients send them."""
    person, agency = make.id("known"), make.id("agency")
    identified = {"identifier": [{"system": MRN, "value": person}]}
    organization = {"resourceType": "Organization", "id": agency, "active": True, "name": "Agency"}
    await make.stored("trust", {"resourceType": "Patient", "id": person, "name": [{"family": "Known"}], **identified})
    await make.stored("trust", {**organization, "identifier": [{"system": ODS, "value": agency}]})
    trust = await locality.agency("trust")
    actor = {"system": ODS, "value": agency}
    one = await card(trust, hook("", patientId={"system": MRN, "value": person}, actor=actor))
    many = await card(trust, hook("", patientId=[{"system": MRN, "value": person}], actor=[actor]))
    assert one["summary"] == many["summary"] == "CONSENT_DENY"
    assert one["detail"] == many["detail"]


async def test_a_hidden_person_is_an_absent_one(locality: Locality, make: Any) -> None:
    """404 in the same words, by reference and by identifier."""
    person = make.id("hidden")
    identified = {"identifier": [{"system": MRN, "value": person}]}
    await make.stored("trust", {"resourceType": "Patient", "id": person, "name": [{"family": "Known"}], **identified})
    voluntary = await locality.agency("voluntary")
    asked = [{"value": f"Patient/{person}"}, {"value": "Patient/not-there"}]
    asked += [{"system": MRN, "value": person}, {"system": MRN, "value": "not-there"}]
    answers = [await voluntary.post(PATH, hook("", patientId=[each])) for each in asked]
    assert {each.status_code for each in answers} == {404}
    assert len({each.text for each in answers}) == 1


async def test_two_people_are_not_asked_about_at_once(locality: Locality, make: Any) -> None:
    """Identifiers are all of one person."""
    other = make.id("other")
    await make.stored("trust", {"resourceType": "Patient", "id": other, "name": [{"family": "Other"}]})
    trust = await locality.agency("trust")
    both = [{"value": make.person}, {"value": f"Patient/{other}"}]
    assert (await trust.post(PATH, hook("", patientId=both))).status_code == 404


async def test_a_partner_does_not_ask_about_another(locality: Locality, make: Any) -> None:
    """Only the agency that keeps the record does."""
    await make.tied("crisis")
    crisis = await locality.agency("crisis")
    assert (await crisis.post(PATH, hook(make.person, "housing"))).status_code == 403


async def test_a_consultation_is_audited(locality: Locality, make: Any) -> None:
    """Durable before the card leaves."""
    trail = locality.built.services.mongo.collection("r.AuditEvent")
    trust = await locality.agency("trust")
    before = await trail.count_documents({})
    await card(trust, hook(make.person))
    assert await trail.count_documents({}) == before + 1


@pytest.mark.parametrize("scope", ["system/Consent.r", "system/Patient.r"])
async def test_the_scopes_are_needed(locality: Locality, make: Any, scope: str) -> None:
    """Wrong scope: 403."""
    trust = await locality.agency("trust", scope)
    assert (await trust.post(PATH, hook(make.person))).status_code == 403


async def test_nobody_is_asked_to_log_in(locality: Locality, make: Any) -> None:
    """Anonymous: 401."""
    assert (await locality.anonymous().post(PATH, hook(make.person))).status_code == 401


@pytest.mark.parametrize(
    ("wrong", "where"),
    [
        ({"hook": "patient-view"}, "hook"),
        ({"hookInstance": ""}, "hookInstance"),
        ({"context": []}, "context"),
        ({"context": {}}, "context.patientId"),
        ({"context": {"patientId": "Patient/x"}}, "context.patientId"),
        ({"context": {"patientId": [{"system": MRN}]}}, "context.patientId"),
        ({"context": {"patientId": [{"value": "Patient/x"}], "actor": []}}, "context.actor"),
        ({"context": {"patientId": [{"value": "Patient/x"}], "scope": "research"}}, "context.scope"),
        ({"context": {"patientId": [{"value": "Patient/x"}], "purposeOfUse": [{}]}}, "context.purposeOfUse"),
        ({"context": {"patientId": [{"value": "Patient/x"}], "class": [{"system": "urn:x", "code": "y"}]}}, "context.class"),
        (
            {"context": {"patientId": [{"value": "Patient/x"}], "class": {"system": RESOURCE_TYPES, "code": "Thing"}}},
            "context.class",
        ),
        ({"context": {"patientId": [{"value": "Patient/x"}], "content": {"resourceType": "Bundle"}}}, "context.content"),
    ],
)
async def test_what_cannot_be_read_is_named(locality: Locality, wrong: Resource, where: str) -> None:
    """400 with the place."""
    trust = await locality.agency("trust")
    answer = await trust.post(PATH, {**hook("Patient/x"), **wrong})
    assert answer.status_code == 400
    assert where in [each for issue in answer.json()["issue"] for each in issue["expression"]]


async def test_an_unknown_actor_is_refused(locality: Locality, make: Any) -> None:
    """A decision about nobody would be read as one about somebody."""
    trust = await locality.agency("trust")
    assert (await trust.post(PATH, hook(make.person, "nowhere"))).status_code == 400
