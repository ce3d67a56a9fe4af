"""What cannot be read in a Consent is found, and can only deny (consent rules, section 2)."""

from __future__ import annotations

import pytest

from service.fhir.canonical import (
    MEDIA_TYPES,
)
from service.problem import Issue
from tests.consent.readings import (
    Json,
    compiled,
    recipient,
    warned,
)

UNREAD: list[tuple[Json, Issue, bool]] = [
    (
        {"provision": "all"},
        warned("`provision` is not an object; write it as one.", "provision", "structure"),
        True,
    ),
    (
        {"dateTime": "yesterday"},
        warned("`dateTime` cannot be read; write a FHIR dateTime.", "dateTime"),
        True,
    ),
    (
        {"dateTime": 7},
        warned("`dateTime` cannot be read; write a FHIR dateTime.", "dateTime"),
        True,
    ),
    (
        {"provision": {"type": "permit", "period": {"start": "2026-02-01", "end": "2026-01-01"}}},
        warned("`provision.period` cannot be read; write FHIR dates, the end not before the start.", "provision.period"),
        True,
    ),
    (
        {"patient": {"reference": "Organization/a"}},
        warned("A Consent says whose it is: give `patient` a reference to a Patient.", "patient", "required"),
        True,
    ),
    (
        {"performer": [{"display": "me"}]},
        warned(
            "Nobody is named as giving it: give `performer`, the person or a verified representative.", "performer", "required"
        ),
        False,
    ),
    (
        {
            "provision": {
                "type": "permit",
                "code": [{"modifierExtension": [{"url": "urn:x"}], "coding": [{"system": "urn:s", "code": "c"}]}],
            }
        },
        warned("It holds a `modifierExtension` that is not known here; leave it out.", "modifierExtension", "extension"),
        True,
    ),
    (
        {"scope": {"coding": [{"code": "adr"}]}},
        warned("Its `scope` is not about sharing records; use `patient-privacy` or `research`.", "scope", "business-rule"),
        True,
    ),
    (
        {"provision": {"type": "maybe"}},
        warned("`provision.type` is neither `permit` nor `deny`.", "provision.type", "code-invalid"),
        True,
    ),
]


@pytest.mark.parametrize(("members", "issue", "doubt"), UNREAD, ids=[issue.expression for _, issue, _ in UNREAD])
def test_what_cannot_be_read_is_found_and_permits_nothing(members: Json, issue: Issue, doubt: bool) -> None:
    found = compiled(members.get("provision", {"type": "permit"}), **{k: v for k, v in members.items() if k != "provision"})
    assert (found.findings[0], found.doubt) == (issue, doubt)


@pytest.mark.parametrize("scope", ["patient-privacy", "research"])
def test_a_consent_about_sharing_is_in_no_doubt(scope: str) -> None:
    found = compiled({"type": "permit"}, scope={"coding": [{"code": scope}]})
    assert (found.findings, found.doubt) == ((), False)


def test_a_modifier_in_a_contained_record_is_not_the_consent_s() -> None:
    assert compiled({"type": "permit"}, contained=[{"modifierExtension": [{"url": "urn:x"}]}]).doubt is False


VAGUE: list[tuple[Json, str, str]] = [
    ({"purpose": []}, "purpose", "`purpose` holds no code; give one."),
    ({"purpose": [{"display": "care"}]}, "purpose", "`purpose` holds no code; give one."),
    (
        {"purpose": [{"code": "care"}]},
        "purpose",
        "`care` is not a purpose of use; use a code under PurposeOfUse.",
    ),
    ({"action": []}, "action", "`action` holds no code; give one."),
    (
        {"action": [{"coding": [{"code": "read"}]}]},
        "action",
        "`read` is not an action of Consents; use one of `access`, `collect`, `correct`, `disclose`, `use`.",
    ),
    ({"actor": [{**recipient(""), "reference": {}}]}, "actor", "An actor needs a reference or an identifier."),
    ({"actor": [recipient("#a")]}, "actor", "An actor needs a reference or an identifier."),
    ({"securityLabel": [{"display": "secret"}]}, "securityLabel", "`securityLabel` holds no code; give one."),
    ({"class": [{"display": "letters"}]}, "class", "`class` holds no code; give one."),
    (
        {"class": [{"system": MEDIA_TYPES, "code": "pdf"}]},
        "class",
        "`pdf` is not a media type; write one as `text/plain`.",
    ),
    (
        {"code": [{"text": "bloods"}]},
        "code",
        "`code` needs codings with system and code; text alone cannot be matched.",
    ),
    (
        {"code": [{"coding": [{"code": "1"}]}]},
        "code",
        "`code` needs codings with system and code; text alone cannot be matched.",
    ),
    (
        {"dataPeriod": {"start": "lately"}},
        "dataPeriod",
        "`dataPeriod` cannot be read; write FHIR dates, the end not before the start.",
    ),
    (
        {"data": [{"meaning": "instance", "reference": {"reference": "https://them.example/Observation/1"}}]},
        "data",
        "`data` needs a `meaning` that FHIR defines and a reference to a record, `Type/id`.",
    ),
    (
        {"data": [{"meaning": "all", "reference": {"reference": "Observation/1"}}]},
        "data",
        "`data` needs a `meaning` that FHIR defines and a reference to a record, `Type/id`.",
    ),
    ({"data": ["x"]}, "data", "`data` needs a `meaning` that FHIR defines and a reference to a record, `Type/id`."),
    (
        {"data": [{"meaning": "related", "reference": {"reference": "Unheard/1"}}]},
        "data",
        "`data` needs a `meaning` that FHIR defines and a reference to a record, `Type/id`.",
    ),
]


@pytest.mark.parametrize(("members", "name", "text"), VAGUE)
@pytest.mark.parametrize("effect", ["permit", "deny"])
def test_a_condition_that_cannot_be_read_is_unknown(members: Json, name: str, text: str, effect: str) -> None:
    found = compiled({"type": effect, **members})
    [root] = found.roots
    vague = root.vague | (root.what.vague if root.what else frozenset())
    assert (found.findings, vague) == ((warned(text, f"provision.{name}"),), frozenset({name}))


@pytest.mark.parametrize("scheme", ["http://them.example/Encounter/2", "https://them.example/Encounter/2", "urn:uuid:2"])
@pytest.mark.parametrize("meaning", ["related", "dependents", "authoredby"])
def test_records_here_can_refer_to_what_is_kept_elsewhere(scheme: str, meaning: str) -> None:
    """So a condition on it can be decided."""
    found = compiled({"type": "deny", "data": [{"meaning": meaning, "reference": {"reference": scheme}}]})
    assert (found.findings, found.roots[0].what is not None) == ((), True)


KEEPER = "An actor here is who receives: its `role` is `PRCP` or `IRCP`; a custodian is the Consent's `organization`."


def test_a_custodian_among_the_actors_is_told_who_an_actor_is() -> None:
    found = compiled({"type": "deny", "actor": [recipient("Organization/a", "CST")]})
    assert found.findings == (warned(KEEPER, "provision.actor"),)
    assert (found.roots[0].actors, found.roots[0].vague) == (frozenset(), frozenset({"actor"}))


@pytest.mark.parametrize("ref", ["Patient/p", "Device/d", "https://them.example/Organization/a"])
def test_an_actor_who_receives_nothing_here_is_told_so(ref: str) -> None:
    found = compiled({"type": "deny", "actor": [recipient(ref), "x", recipient("Organization/a")]})
    kinds = "`CareTeam`, `Group`, `Organization`, `Practitioner`, `PractitionerRole`"
    nobody = f"`{ref}` receives nothing here by consent; name one of {kinds} kept here."
    assert found.findings == (warned(nobody, "provision.actor"), warned(KEEPER, "provision.actor"))
    assert found.roots[0].actors == frozenset({ref, "Organization/a"})


def test_an_actor_by_identifier_is_one_of_the_type_it_says() -> None:
    """IDN-7."""
    named = {**recipient(""), "reference": {"type": "Organization", "identifier": {"system": "urn:ods", "value": "X26"}}}
    assert compiled({"type": "deny", "actor": [named]}).roots[0].actors == frozenset({"Organization=urn:ods|X26"})


def test_an_actor_by_identifier_without_a_type_is_one_of_any_type() -> None:
    named = {**recipient(""), "reference": {"identifier": {"value": "X26"}}}
    kinds = ["CareTeam", "Device", "Group", "HealthcareService", "Organization", "Patient", "Practitioner"]
    kinds += ["PractitionerRole", "RelatedPerson"]
    assert compiled({"type": "deny", "actor": [named]}).roots[0].actors == frozenset(f"{kind}=|X26" for kind in kinds)
