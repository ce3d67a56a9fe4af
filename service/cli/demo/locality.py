"""The locality of the demonstration: five agencies, three people, their teams, plans, consents and records.

Every record is made up: the NHS numbers are of the range that is never issued (999), and every record has the tag `synthetic`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from service.change import Resource
from service.fhir.canonical import (
    ACT_CODE,
    ACT_REASON,
    CARE_COORDINATOR,
    CARE_PLAN,
    CONFIDENTIALITY,
    EPISODE_OF_CARE,
    HL7,
    INLINE_LABEL,
    LOINC,
    NHS_NUMBER,
    PARTICIPANT_AGENCY,
    PARTICIPATION,
    SNOMED,
    TAG,
    TASK_OUTPUT,
    dataset,
)
from service.fhir.coding import concept

ADA, BEN, DAN = "Patient/ada", "Patient/ben", "Patient/dan"
PLAN, TEAM, EPISODE = "CarePlan/ada-plan", "CareTeam/ada-team", "EpisodeOfCare/ada-episode"
NOTED, REFUSED = "Condition/ada-depression", "Condition/ben-anxiety"
SECRET = "Discloses alcohol use; asked that only the clinical team knows."  # noqa: S105 - a confidence, not a password


@dataclass(frozen=True, slots=True)
class Agency:
    """One agency: the id of its Organization, its name, its sector and the names of its staff."""

    id: str
    name: str
    sector: str
    staff: tuple[str, ...]

    @property
    def reference(self) -> str:
        return f"Organization/{self.id}"

    def role(self, name: str) -> str:
        """The PractitionerRole reference of a member of the agency's staff."""
        return f"PractitionerRole/{self.id}-{name}"


TRUST = Agency("trust", "Northmoor NHS Trust, community team", "health", ("tara",))
CRISIS = Agency("crisis", "Northmoor crisis team", "health", ("carl", "cora"))
HOUSING = Agency("housing", "Harbour Housing Association", "housing", ("hugo",))
VOLUNTARY = Agency("voluntary", "The Kettle Project", "voluntary", ("vera",))
SURGERY = Agency("surgery", "Elm Street Surgery", "health", ("gita",))
AGENCIES = (TRUST, CRISIS, HOUSING, VOLUNTARY, SURGERY)


def bundles() -> dict[str, Resource]:
    """The records that each agency loads, as a collection Bundle by Organization reference: the agency's directory entries and
    its own records."""
    own = {TRUST: _trust(), SURGERY: _surgery(), HOUSING: [_patient("dan", "Dan", "9990000034")]}
    return {agency.reference: _bundle([*_directory(agency), *own.get(agency, [])]) for agency in AGENCIES}


def _bundle(resources: list[Resource]) -> Resource:
    tagged = [{**each, "meta": {**each.get("meta", {}), "tag": [{"system": TAG, "code": "synthetic"}]}} for each in resources]
    return {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": each} for each in tagged]}


def _directory(agency: Agency) -> list[Resource]:
    made: list[Resource] = [{"resourceType": "Organization", "id": agency.id, "active": True, "name": agency.name}]
    for name in agency.staff:
        made += [
            {"resourceType": "Practitioner", "id": f"{agency.id}-{name}", "active": True, "name": [{"text": name.title()}]},
            {
                "resourceType": "PractitionerRole",
                "id": f"{agency.id}-{name}",
                "active": True,
                "practitioner": {"reference": f"Practitioner/{agency.id}-{name}"},
                "organization": {"reference": agency.reference},
            },
        ]
    return made


def _trust() -> list[Resource]:
    return [
        _patient("ada", "Ada", "9990000018"),
        _patient("ben", "Ben", "9990000026"),
        _episode(),
        _team("ada-team", ADA, HOUSING.reference, lead=TRUST.role("tara")),
        _team("ben-team", BEN, CRISIS.reference, HOUSING.reference),
        _plan(),
        _condition("ada-depression", ADA, "Recurrent depression", note=[_secret(), {"text": "Rings the surgery when unwell."}]),
        _condition("ben-anxiety", BEN, "Severe anxiety; keeps insulin in the fridge door"),
        _consent("ada-housing", ADA, HOUSING, "permit", ceiling="N"),
        _consent("ben-crisis", BEN, CRISIS, "deny"),
    ]


def _surgery() -> list[Resource]:
    """The surgery's records: its own Patient for Ada, with the same NHS number as the trust's Patient, which proposes that both
    are one person (IDN-1)."""
    registered = {
        "resourceType": "EpisodeOfCare",
        "id": "ada-registration",
        "status": "active",
        "patient": {"reference": "Patient/ada-surgery"},
        "managingOrganization": {"reference": SURGERY.reference},
        "period": {"start": "2019-04-01"},
    }
    return [_patient("ada-surgery", "Ada", "9990000018"), registered]


def _patient(identity: str, name: str, number: str) -> Resource:
    return {
        "resourceType": "Patient",
        "id": identity,
        "identifier": [{"system": NHS_NUMBER, "value": number}],
        "name": [{"family": "Synthetic", "given": [name]}],
        "birthDate": "1986-05-02",
    }


def _episode() -> Resource:
    return {
        "resourceType": "EpisodeOfCare",
        "id": "ada-episode",
        "status": "active",
        "patient": {"reference": ADA},
        "managingOrganization": {"reference": TRUST.reference},
        "period": {"start": "2026-09-01"},
        "careManager": {"reference": TRUST.role("tara")},
    }


def _team(identity: str, patient: str, *members: str, lead: str = "") -> Resource:
    coordinator = {
        "extension": [{"url": PARTICIPANT_AGENCY, "valueReference": {"reference": TRUST.reference}}],
        "role": [concept(SNOMED, CARE_COORDINATOR)],
        "member": {"reference": lead},
        "period": {"start": "2026-09-01"},
    }
    others = ({"role": [{"text": "Takes part in the plan"}], "member": {"reference": each}} for each in members)
    return {
        "resourceType": "CareTeam",
        "id": identity,
        "status": "active",
        "subject": {"reference": patient},
        "participant": [*([coordinator] if lead else []), *others],
    }


def _plan() -> Resource:
    return {
        "resourceType": "CarePlan",
        "id": "ada-plan",
        "extension": [{"url": EPISODE_OF_CARE, "valueReference": {"reference": EPISODE}}],
        "status": "active",
        "intent": "plan",
        "category": [concept(SNOMED, CARE_PLAN)],
        "title": "Community care plan",
        "subject": {"reference": ADA},
        "author": {"reference": TRUST.role("tara")},
        "careTeam": [{"reference": TEAM}],
    }


def _condition(identity: str, patient: str, text: str, **more: Any) -> Resource:
    return {
        "resourceType": "Condition",
        "id": identity,
        "meta": {"security": [{"system": CONFIDENTIALITY, "code": "N"}]},
        "code": {"text": text},
        "subject": {"reference": patient},
        "recordedDate": "2026-10-05",
        **more,
    }


def _secret() -> Resource:
    label = {"system": CONFIDENTIALITY, "code": "R"}
    return {"extension": [{"url": INLINE_LABEL, "valueCoding": label}], "text": SECRET}


def _consent(identity: str, patient: str, to: Agency, effect: str, ceiling: str = "") -> Resource:
    label = {"securityLabel": [{"system": CONFIDENTIALITY, "code": ceiling}]} if ceiling else {}
    return {
        "resourceType": "Consent",
        "id": identity,
        "status": "active",
        "scope": concept(f"{HL7}/consentscope", "patient-privacy"),
        "category": [concept(LOINC, "59284-0")],
        "patient": {"reference": patient},
        "dateTime": "2026-10-01T12:00:00Z",
        "performer": [{"reference": patient}],
        "organization": [{"reference": TRUST.reference}],
        "policyRule": concept(ACT_CODE, "OPTIN"),
        "provision": {
            "type": effect,
            "actor": [{"role": concept(PARTICIPATION, "IRCP"), "reference": {"reference": to.reference}}],
            "purpose": [{"system": ACT_REASON, "code": "TREAT"}],
            **label,
        },
    }


SAID = {
    "presenting-need": "Low mood since he lost his job, and panic at night",
    "functional-impact": "Not sleeping, not eating and not leaving the stairwell",
}
"""What is said of Dan, who is referred."""


def answers(name: str, patient: str, author: str, items: list[Resource], without: tuple[str, ...] = ()) -> Resource:
    """A minimum dataset, `mds-<name>`, with an answer to every item of its questionnaire except the linkIds in `without`."""
    said = SAID if patient == DAN else {}
    given = [
        {"linkId": item["linkId"], "answer": [{"valueString": said.get(item["linkId"], "Asked and recorded")}]}
        for item in items
        if item["linkId"] not in without
    ]
    return {
        "resourceType": "QuestionnaireResponse",
        "questionnaire": dataset(name),
        "status": "completed",
        "subject": {"reference": patient},
        "author": {"reference": author},
        "item": given,
    }


def output(kind: str, **value: Any) -> Resource:
    """An output of a Task."""
    return {"type": concept(TASK_OUTPUT, kind), **value}
