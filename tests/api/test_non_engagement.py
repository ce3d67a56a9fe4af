"""DNA-1 on every way in: non-engagement alone rejects, closes and discharges nothing; beside another reason it may be given."""

from __future__ import annotations

from typing import Any

import pytest

from service import clock
from service.fhir.bundle import Sent, resources
from service.usecases.interactions.loading import Fate, Loading
from tests.api.bundles import entry, sent
from tests.locality import BASE, Agency, Locality, code

STATUS_REASON = "https://baton.example/fhir/StructureDefinition/status-reason"
KINDS = {
    "ServiceRequest": ("active", "revoked"),
    "EpisodeOfCare": ("active", "finished"),
    "CarePlan": ("draft", "revoked"),
    "Task": ("requested", "rejected"),
}
EVERY = pytest.mark.parametrize("kind", sorted(KINDS))


def reason(*codes: str) -> Any:
    return {"coding": [each for one in codes for each in code("status-reason", one)["coding"]]}


def record(kind: str, person: str) -> dict[str, Any]:
    """A record of the trust's own that goes on; the Task has no code of ours."""
    about = {"EpisodeOfCare": "patient", "Task": "for"}.get(kind, "subject")
    intent = {} if kind == "EpisodeOfCare" else {"intent": "plan" if kind == "CarePlan" else "order"}
    return {"resourceType": kind, "status": KINDS[kind][0], about: {"reference": person}, **intent}


def ended(stored: Any, *codes: str) -> dict[str, Any]:
    """The record with its end, and why."""
    kind = stored["resourceType"]
    why = reason(*codes)
    given = {"statusReason": why} if kind == "Task" else {"extension": [{"url": STATUS_REASON, "valueCodeableConcept": why}]}
    return {**stored, "status": KINDS[kind][1], **given}


def rules(answer: Any) -> list[str]:
    return [each["details"]["coding"][0]["code"] for each in answer.json()["issue"]]


async def made(locality: Locality, kind: str) -> tuple[Agency, Any]:
    trust = await locality.agency("trust")
    return trust, await trust.created(record(kind, locality.person))


@EVERY
async def test_dna_1_an_update_that_ends_a_record_for_it_alone_is_refused(locality: Locality, kind: str) -> None:
    """And leaves it as it was; with another reason beside it is stored."""
    trust, stored = await made(locality, kind)
    refused = await trust.put(ended(stored, "did-not-attend"))
    assert (refused.status_code, rules(refused)) == (422, ["DNA-1"])
    assert (await trust.get(f"{kind}/{stored['id']}")).json() == stored
    assert (await trust.put(ended(stored, "did-not-attend", "person-declined"))).status_code == 200


@EVERY
async def test_dna_1_so_is_a_create(locality: Locality, kind: str) -> None:
    trust = await locality.agency("trust")
    refused = await trust.post(kind, ended(record(kind, locality.person), "not-engaging"))
    assert (refused.status_code, rules(refused)) == (422, ["DNA-1"])


@EVERY
@pytest.mark.parametrize("bundle", ["transaction", "batch"])
async def test_dna_1_so_is_an_entry(locality: Locality, kind: str, bundle: str) -> None:
    trust, stored = await made(locality, kind)
    version = f'W/"{stored["meta"]["versionId"]}"'
    asked = entry("PUT", f"{kind}/{stored['id']}", ended(stored, "not-reached"), ifMatch=version)
    answer = await sent(trust, bundle, asked)
    told = answer.text
    assert answer.status_code == (422 if bundle == "transaction" else 200)
    assert "DNA-1" in told
    assert (await trust.get(f"{kind}/{stored['id']}")).json() == stored


@EVERY
async def test_dna_1_so_is_a_patch(locality: Locality, kind: str) -> None:
    trust, stored = await made(locality, kind)
    whole = ended(stored, "did-not-attend")
    member = "statusReason" if kind == "Task" else "extension"
    operations = [
        {"op": "replace", "path": "/status", "value": whole["status"]},
        {"op": "add", "path": f"/{member}", "value": whole[member]},
    ]
    version = f'W/"{stored["meta"]["versionId"]}"'
    refused = await trust.send(
        "PATCH", f"{kind}/{stored['id']}", operations, If_Match=version, Content_Type="application/json-patch+json"
    )
    assert (refused.status_code, rules(refused)) == (422, ["DNA-1"])


async def test_dna_1_so_is_an_import(locality: Locality) -> None:
    """What is loaded is held to it as what is sent; the rest of the load goes on."""
    requests = [
        ended({**record("ServiceRequest", locality.person), "id": clock.new_id()}, *codes)
        for codes in (("not-engaging",), ("not-engaging", "died"))
    ]
    bundle = {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": each} for each in requests]}
    chunk = [each for each in resources(bundle, BASE) if isinstance(each, Sent)]
    use = Loading(locality.built.services, locality.built.base, "Organization/trust")
    await use.survey(chunk)
    first, second = await use.load(chunk)
    assert (first.fate, second.fate) == (Fate.REFUSED, Fate.LOADED)
    assert first.reason is not None
    assert [each.rule for each in first.reason.issues] == ["DNA-1"]


async def test_dna_1_a_handover_is_not_rejected_for_it(locality: Locality) -> None:
    """Beside what else the rejection lacks, in one refusal."""
    trust, crisis = await locality.agency("trust"), await locality.agency("crisis")
    task = await locality.sent(trust)
    refused = await crisis.put({**task, "status": "rejected", "statusReason": reason("did-not-attend")})
    assert sorted(rules(refused)) == ["DNA-1", "HOV-1"]
    assert "E11" in refused.text


async def test_dna_1_a_request_revoked_for_a_new_reason_code_is_read_so(locality: Locality) -> None:
    """R4 has no statusReason for it: what the revoking write adds as `reasonCode` is why it is revoked."""
    trust, stored = await made(locality, "ServiceRequest")
    refused = await trust.put({**stored, "status": "revoked", "reasonCode": [reason("not-engaging")]})
    assert (refused.status_code, rules(refused)) == (422, ["DNA-1"])


async def test_e11_a_failed_attempt_without_its_reason_is_refused(locality: Locality) -> None:
    """An attempt is not a contact, and says by which medium it was made."""
    trust = await locality.agency("trust")
    attempt = {
        "resourceType": "Communication",
        "status": "not-done",
        "category": [code("communication-category", "contact-attempt")],
        "subject": {"reference": locality.person},
        "sent": "2026-11-20T09:00:00Z",
        "sender": {"reference": "PractitionerRole/trust-lead"},
    }
    refused = await trust.post("Communication", attempt)
    assert refused.status_code == 422
    assert {each["expression"][0] for each in refused.json()["issue"]} == {"Communication", "Communication.medium"}
    whole = {**attempt, "medium": [{"text": "By telephone"}], "statusReason": reason("not-reached")}
    assert (await trust.post("Communication", whole)).status_code == 201
