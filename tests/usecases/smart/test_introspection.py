"""Token introspection with IHE PCF residual rules, for enforcement points of the token's own agency."""

from __future__ import annotations

from typing import Any

from service import clock
from service.fhir.canonical import CONFIDENTIALITY
from tests.locality import BASE, Locality

Resource = dict[str, Any]
FHIR = f"{BASE}/fhir"
BARRED = {
    "type": "forbid",
    "securityLabel": [{"system": "https://baton.example/fhir/CodeSystem/record-mark", "code": "legally-barred"}],
}


async def introspected(locality: Locality, agency: str, patient: str = "", by: str = "", **more: str) -> Resource:
    """What introspection says of a token of an agency, to a confidential client of that agency or of another."""
    token = (await locality.agency(agency, more.get("scope", "system/*.cruds patient/*.rs"), more.get("user", ""), patient)).token
    client = f"gateway-{clock.new_id()[:8]}"
    made = await locality.built.registration.add_client(client, f"Organization/{by or agency}", "system/Task.rs", secret=True)
    answer = await locality.http.post("/auth/introspect", data={"token": token}, auth=(client, made["client_secret"]))
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def rules(said: Resource) -> list[Resource]:
    """The residual rules."""
    return list(said["extensions"]["ihe_pcf"].get("residual", []))


async def test_a_permit_names_its_consent_and_ceiling(locality: Locality, make: Any) -> None:
    """Patient and Consent as URLs of ours, and what is left to enforce on each record."""
    await make.tied("housing")
    await make.stored("trust", make.consent(identity="yes", provision=make.at_most("N")))
    said = (await introspected(locality, "housing", make.person))["extensions"]["ihe_pcf"]
    assert said["patient_id"] == f"{FHIR}/{make.person}"
    assert said["residual"][-2:] == [
        {"type": "permit", "securityLabel": [{"system": CONFIDENTIALITY, "code": "N"}]},
        BARRED,
    ]
    assert said["residual"][0] == {"type": "forbid"}


async def test_a_denial_forbids(locality: Locality, make: Any) -> None:
    """Everything, above what the policy would imply."""
    await make.tied("crisis")
    await make.stored("trust", make.consent("deny", to="crisis", identity="no"))
    assert rules(await introspected(locality, "crisis", make.person)) == [{"type": "forbid"}, BARRED]


async def test_no_consent_leaves_the_policy(locality: Locality, make: Any) -> None:
    """Nothing is implied for housing; up to N is for the crisis team."""
    await make.tied("housing", "crisis")
    housing, crisis = [rules(await introspected(locality, name, make.person)) for name in ("housing", "crisis")]
    assert housing == [{"type": "forbid"}, BARRED]
    labels = {effect: [{"system": CONFIDENTIALITY, "code": code}] for effect, code in (("permit", "N"), ("forbid", "R"))}
    assert crisis == [{"type": "forbid"}, *({"type": effect, "securityLabel": label} for effect, label in labels.items()), BARRED]


async def test_a_stranger_s_token_is_left_nothing(locality: Locality, make: Any) -> None:
    """L0, and no Consent is named: whether the person gave one is not the stranger's to know."""
    await make.stored("trust", make.consent(identity="yes"))
    said = (await introspected(locality, "housing", make.person))["extensions"]["ihe_pcf"]
    assert (said["residual"], said["doc_id"]) == ([{"type": "forbid"}], [])


async def test_an_absent_person_is_told_as_a_hidden_one(locality: Locality, make: Any) -> None:
    """A token on a Patient that is not there says the same as on one that is hidden."""
    hidden, absent = [await introspected(locality, "voluntary", each) for each in (make.person, "Patient/not-there")]
    assert rules(hidden) == rules(absent) == [{"type": "forbid"}]


async def test_only_consents_the_agency_may_know_of_are_named(locality: Locality, make: Any) -> None:
    """The custodian's token names the Consent; a partner from whom it is hidden gets its rules without its name."""
    await make.tied("crisis")
    label = {"meta": {"security": [{"system": CONFIDENTIALITY, "code": "V"}]}}
    await make.stored("trust", make.consent("deny", to="crisis", identity="no", **label))
    crisis = await locality.agency("crisis")
    assert (await crisis.get(f"Consent/{make.id('no')}")).status_code == 404
    said = (await introspected(locality, "crisis", make.person))["extensions"]["ihe_pcf"]
    assert (said["doc_id"], said["residual"][0]) == ([], {"type": "forbid"})


async def test_a_visible_consent_is_named_without_its_version(locality: Locality, make: Any) -> None:
    """As IHE PCF writes `doc_id`."""
    await make.tied("crisis")
    await make.stored("trust", make.consent("permit", to="crisis", identity="yes"))
    said = (await introspected(locality, "crisis", make.person))["extensions"]["ihe_pcf"]
    assert said["doc_id"] == [f"{FHIR}/Consent/{make.id('yes')}"]


async def test_a_person_s_own_token_keeps_only_what_is_marked(locality: Locality, make: Any) -> None:
    """L1: no Consent of theirs stands between a person and their record; what is kept from them stays forbidden."""
    await make.stored("trust", make.consent("deny", to="trust", identity="no"))
    said = await introspected(locality, "trust", make.person, scope="patient/*.rs", user=make.person)
    (rule,) = rules(said)
    assert rule["type"] == "forbid"
    assert "third-party" in [each["code"] for each in rule["securityLabel"]]


async def test_a_token_without_patient_has_no_residual(locality: Locality) -> None:
    """There is nobody whose Consents to apply."""
    said = await introspected(locality, "trust")
    assert said["active"]
    assert "extensions" not in said


async def test_another_agency_is_told_nothing(locality: Locality, make: Any) -> None:
    """Inactive, as a token that is not there."""
    assert await introspected(locality, "trust", make.person, by="crisis") == {"active": False}


async def test_an_unknown_token_is_inactive(locality: Locality) -> None:
    """RFC 7662, section 2.2."""
    made = await locality.built.registration.add_client(clock.new_id(), "Organization/trust", "system/Task.rs", secret=True)
    answer = await locality.http.post(
        "/auth/introspect", data={"token": "nothing"}, auth=(made["client_id"], made["client_secret"])
    )
    assert answer.json() == {"active": False}


async def test_introspection_needs_a_client(locality: Locality, make: Any) -> None:
    """Anonymous: 401, and nothing of the person."""
    token = (await locality.agency("trust", patient=make.person)).token
    answer = await locality.http.post("/auth/introspect", data={"token": token})
    assert answer.status_code == 401
    assert "extensions" not in answer.text
