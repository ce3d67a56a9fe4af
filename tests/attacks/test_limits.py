"""Attack list, limits (security rules, section 4): who guesses is told to wait, and locks nobody else out."""

from __future__ import annotations

from typing import Any

import pytest

from service.problem import Refused
from service.usecases.smart import limits
from service.usecases.smart.users import MOST_FOR_USER
from tests.attacks.robot import KEY
from tests.fakes.smart import PASSWORD, Smart, assertion
from tests.locality import Agency, Locality


async def test_a_stranger_s_guesses_lock_no_user_out(smart: Smart) -> None:
    for _ in range(MOST_FOR_USER + 2):
        await smart.users.login("sam", "wrong", "203.0.113.7")
    assert isinstance(await smart.users.login("sam", PASSWORD, "198.51.100.2"), str)


async def test_a_stranger_s_guesses_are_limited(smart: Smart) -> None:
    for _ in range(MOST_FOR_USER):
        await smart.users.login("sam", "wrong", "203.0.113.7")
    assert "Too many" in str(await smart.users.login("sam", PASSWORD, "203.0.113.7"))


@pytest.mark.parametrize("path", ["token", "introspect", "revoke"])
async def test_failed_secrets_are_limited_and_a_right_one_passes(smart: Smart, path: str) -> None:
    few = Smart(smart.mongo, failures=5)
    wrong = {"client_id": "robot", "client_secret": "wrong", "grant_type": "client_credentials", "token": "x"}
    answers = [await few.post(path, **wrong) for _ in range(7)]
    right = await few.backend("robot", KEY, "system/*.rs")
    assert [each.status_code for each in answers] == [401] * 5 + [429] * 2
    assert answers[-1].headers["retry-after"] == "60"
    assert right.status_code == 200
    assert len([event for event in few.events if event.reason.startswith("Throttled")]) == 1
    await few.close()


async def test_refused_tokens_are_audited_and_limited_and_a_right_one_passes(locality: Locality) -> None:
    """A flood of them fills no ledger."""
    audits, most = locality.built.services.mongo.collection("r.AuditEvent"), locality.built.services.settings.failures_per_minute
    bad, good = Agency(locality.http, "", "no-such-token"), await locality.agency("trust")
    before = await audits.count_documents({"idx": "subtype=bearer"})
    answers = [(await bad.get(locality.person)).status_code for _ in range(most + 10)]
    assert set(answers[-9:]) == {429}
    assert set(answers[:most]) <= {401, 429}
    assert (await good.get(locality.person)).status_code == 200
    assert await audits.count_documents({"idx": "subtype=bearer"}) - before <= most + 1


async def test_guessed_ids_are_limited_for_the_client_that_guesses(locality: Locality, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MOST_ABSENT", 5)
    guesser, other = await locality.agency("crisis"), await locality.agency("trust")
    answers = [(await guesser.get(f"Patient/guess-{number}")) for number in range(8)]
    assert [each.status_code for each in answers][:6] == [404] * 6
    assert (answers[-1].status_code, answers[-1].headers["retry-after"]) == (429, "60")
    assert (await other.get(locality.person)).status_code == 200


FILTERS = [
    "date=garbage",
    "date=2026-13-01",
    "ghost=1",
    "status:contains=x",
    "subject.name=x",
    "_lastUpdated=never",
    "code:in=http://x",
]


@pytest.mark.parametrize("asked", FILTERS)
async def test_a_scope_with_a_filter_that_cannot_be_evaluated_is_refused_when_it_is_granted(
    locality: Locality, asked: str
) -> None:
    """Never granted, and failing later."""
    with pytest.raises(Refused) as refused:
        await locality.built.registration.add_client(
            f"filters-{locality.person[-12:]}", "Organization/trust", f"system/Observation.rs?{asked}", secret=True
        )
    assert "cannot be enforced" in str(refused.value)


@pytest.mark.parametrize(
    "asked", ["date=2026-01-01", "status=final", "_id=x", "category=vital-signs", "code=http://loinc.org|1-1"]
)
async def test_a_scope_with_a_filter_that_can_be_evaluated_is_granted(locality: Locality, asked: str) -> None:
    client = await locality.agency("trust", f"system/Observation.rs?{asked}")
    answers: list[Any] = [await client.get("Observation"), await client.get("Observation/none")]
    assert [each.status_code for each in answers] == [200, 404]


async def test_introspection_is_audited(smart: Smart) -> None:
    kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
    for _ in range(2):
        await smart.post("introspect", token="x", client_assertion_type=kind, client_assertion=assertion("robot", KEY))
    await smart.post("introspect", token="x", client_id="robot", client_secret="wrong")
    told = [(event.allowed, event.client) for event in smart.events if event.kind == "introspect"]
    assert told == [(False, "robot")] * 3


@pytest.mark.parametrize("path", ["Consent/$evaluate", "hook"])
async def test_a_question_about_somebody_hidden_is_audited(locality: Locality, path: str) -> None:
    crisis = await locality.agency("crisis")
    audits = locality.built.services.mongo.collection("r.AuditEvent")
    asked = {"resourceType": "Parameters", "parameter": [{"name": "patient", "valueReference": {"reference": locality.person}}]}
    hook = {"hook": "patient-consent-consult", "hookInstance": "1", "context": {"patientId": [{"value": locality.person}]}}
    before = await audits.count_documents({})
    if path == "hook":
        await crisis.post(f"{locality.built.base}/cds-services/patient-consent-consult", hook)
    else:
        assert (await crisis.post(path, asked)).status_code == 404
    assert await audits.count_documents({}) >= before
