"""The locality over HTTP, as the API tests have it, and what disclosures need besides."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.conftest import locality, service
from tests.locality import Agency, Locality, stored

ACT_REASON = "http://terminology.hl7.org/CodeSystem/v3-ActReason"
CONFIDENTIALITY = "http://terminology.hl7.org/CodeSystem/v3-Confidentiality"
PARTICIPATION = "http://terminology.hl7.org/CodeSystem/v3-ParticipationType"
INLINE = "http://hl7.org/fhir/uv/security-label-ds4p/StructureDefinition/extension-inline-sec-label"
BASIS = "https://baton.example/fhir/CodeSystem/lawful-basis"
Resource = dict[str, Any]

__all__ = ["locality", "service"]


class Make:
    """Builders of what one test stores and asks about its own person."""

    def __init__(self, locality: Locality) -> None:
        self.locality = locality
        self.person = locality.person
        self.prefix = locality.person.partition("/")[2][:8]

    def id(self, name: str) -> str:
        """An id of this test's own."""
        return f"{self.prefix}-{name}"

    def path(self, operation: str) -> str:
        """Where an operation on the person is."""
        return f"{self.person}/${operation}"

    async def stored(self, agency: str, *resources: Resource) -> None:
        """Commits records as an agency's."""
        await stored(self.locality.built, f"Organization/{agency}", *resources)

    async def tied(self, *agencies: str) -> None:
        """Ties agencies to the person by a care team of the trust."""
        team = {
            "resourceType": "CareTeam",
            "id": self.id("team-" + "-".join(agencies)),
            "status": "active",
            "subject": {"reference": self.person},
            "participant": [{"member": {"reference": f"Organization/{agency}"}} for agency in agencies],
        }
        await self.stored("trust", team)

    async def user(self, agency: str, role: str = "lead", scope: str = "user/*.cruds") -> Agency:
        """A client that one of an agency's staff signed in to."""
        return await self.locality.agency(agency, scope, user=f"PractitionerRole/{agency}-{role}")

    def condition(self, identity: str, label: str = "N", **more: Any) -> Resource:
        """A Condition of the person with a confidentiality."""
        return {
            "resourceType": "Condition",
            "id": self.id(identity),
            **({"meta": {"security": [{"system": CONFIDENTIALITY, "code": label}]}} if label else {}),
            "code": {"text": "content-of-" + identity},
            "subject": {"reference": self.person},
            "recordedDate": "2026-03-01",
            **more,
        }

    @staticmethod
    def secret_note() -> list[Resource]:
        """A note whose inline label makes it restricted."""
        label = {"url": INLINE, "valueCoding": {"system": CONFIDENTIALITY, "code": "R"}}
        return [{"extension": [label], "text": "secret words"}, {"text": "open words"}]

    def consent(self, effect: str = "permit", to: str = "housing", identity: str = "", **more: Any) -> Resource:
        """A Consent of the person, controlled by the trust, about one recipient."""
        provision: Resource = {
            "type": effect,
            "actor": [
                {
                    "role": {"coding": [{"system": PARTICIPATION, "code": "IRCP"}]},
                    "reference": {"reference": f"Organization/{to}"},
                }
            ],
            "purpose": [{"system": ACT_REASON, "code": "TREAT"}],
            **more.pop("provision", {}),
        }
        made = {
            "resourceType": "Consent",
            "status": "active",
            "scope": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/consentscope", "code": "patient-privacy"}]},
            "category": [{"coding": [{"system": "http://loinc.org", "code": "59284-0"}]}],
            "patient": {"reference": self.person},
            "dateTime": "2026-01-01T12:00:00Z",
            "performer": [{"reference": self.person}],
            "organization": [{"reference": "Organization/trust"}],
            "policyRule": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "OPTIN"}]},
            "provision": provision,
            **more,
        }
        return {**made, "id": self.id(identity)} if identity else made

    @staticmethod
    def at_most(code: str) -> Resource:
        """A provision's ceiling of confidentiality."""
        return {"securityLabel": [{"system": CONFIDENTIALITY, "code": code}]}

    @staticmethod
    def asked(to: str = "crisis", mode: str = "release", basis: str = "", text: str = "", **more: Any) -> Resource:
        """The Parameters of `$disclose`."""
        listed: list[Resource] = [
            {"name": "recipient", "valueReference": {"reference": f"Organization/{to}"}},
            {"name": "purpose", "valueCode": more.pop("purpose", "TREAT")},
            {"name": "reason", "valueString": "They take part in the plan."},
            {"name": "mode", "valueCode": mode},
            *({"name": "type", "valueCode": kind} for kind in more.pop("types", ("Condition",))),
        ]
        if basis:
            concept: Resource = {"coding": [{"system": BASIS, "code": basis}]}
            listed.append({"name": "basis", "valueCodeableConcept": {**concept, "text": text} if text else concept})
        listed += [{"name": name, "valueString": value} for name, value in more.items()]
        return {"resourceType": "Parameters", "parameter": listed}

    @staticmethod
    def named(answer: Resource, name: str) -> list[Resource]:
        """The parameters of one name in an answer."""
        return [each for each in answer.get("parameter", ()) if each["name"] == name]

    @classmethod
    def value(cls, answer: Resource, name: str) -> Any:
        """The value of the one parameter of a name."""
        (found,) = cls.named(answer, name)
        return next(value for member, value in found.items() if member != "name")

    @staticmethod
    def parts(parameter: Resource) -> Resource:
        """The parts of a parameter by name, with their values."""
        return {
            part["name"]: part.get("part") or next(value for member, value in part.items() if member != "name")
            for part in parameter["part"]
        }


@pytest.fixture
def make(locality: Locality) -> Make:
    """The builders."""
    return Make(locality)
