"""What an escalation needs to be sent, and what sending makes (E5, HOV-3, ESC-2, TIM-5)."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from service.care.step_up import request
from service.care.step_up.situation import Routes
from service.care.task.authority import Authority
from service.care.task.dataset import Completeness
from service.care.task.situation import Outcome
from service.change import Resource
from service.fhir.canonical import SHARING_AUTHORITY
from service.fhir.reference import link
from tests.care.conftest import AT
from tests.care.stepping import CAT, COL, CRISIS, HAL, HOUSING, basis, escalation, ids, lead, ref, refused, sending, sent

PLACE = "ServiceRequest"
REVOKED = escalation(id="before", status="revoked")
CONSENT: Resource = {"url": SHARING_AUTHORITY, "valueReference": ref("Consent/c")}
NEEDS: list[tuple[dict[str, Any], list[tuple[str, str]]]] = [
    ({"known": False}, [("E5", f"{PLACE}.subject")]),
    ({"after": escalation(status="completed")}, [("E5", f"{PLACE}.status")]),
    ({"after": escalation(requester=ref(CAT))}, [("E5", f"{PLACE}.requester")]),
    ({"after": escalation(requester=ref(HOUSING))}, [("E5", f"{PLACE}.requester")]),
    ({"after": escalation(performer=[ref("Organization/nowhere")])}, [("E5", f"{PLACE}.performer")]),
    ({"clinician": replace(lead(CAT), practitioner=None)}, [("E5", f"{PLACE}.performer")]),
    ({"responses": ()}, [("E5", f"{PLACE}.supportingInfo")]),
    ({"responses": ("QuestionnaireResponse/q", "QuestionnaireResponse/r")}, [("E5", f"{PLACE}.supportingInfo")]),
    ({"dataset": Completeness(missing=("current-risks", "what-has-changed"))}, [("E5", f"{PLACE}.supportingInfo")] * 2),
    ({"authority": Authority(False, "the person objects")}, [("HOV-3", f"{PLACE}.extension")]),
    ({"after": escalation(extension=[basis("public-interest", " ")])}, [("HOV-3", f"{PLACE}.extension")]),
    ({"after": escalation(extension=[basis("because")])}, [("HOV-3", f"{PLACE}.extension")]),
    ({"after": escalation(replaces=[ref("ServiceRequest/before")])}, [("E5", f"{PLACE}.replaces")]),
    ({"after": escalation(replaces=[ref("ServiceRequest/e")]), "replaced": (REVOKED,)}, [("E5", f"{PLACE}.replaces")]),
    (
        {"after": escalation(replaces=[ref("ServiceRequest/before")]), "replaced": ({**REVOKED, "status": "active"},)},
        [("E5", f"{PLACE}.replaces")],
    ),
    (
        {"after": escalation(replaces=[ref("ServiceRequest/before")]), "replaced": ({**REVOKED, "category": []},)},
        [("E5", f"{PLACE}.replaces")],
    ),
]


@pytest.mark.parametrize(("changed", "issues"), NEEDS)
def test_e5_an_escalation_is_refused_for_what_it_lacks(changed: dict[str, Any], issues: list[tuple[str, str]]) -> None:
    assert refused(request.decide(sending(**changed), ids())) == issues


def test_e5_a_refusal_names_every_unmet_need() -> None:
    lacking: dict[str, Any] = {
        "known": False,
        "responses": (),
        "after": escalation(requester=ref(CAT), replaces=[ref("ServiceRequest/x")]),
    }
    assert [place for _, place in refused(request.decide(sending(**lacking), ids()))] == [
        f"{PLACE}.{one}" for one in ("subject", "requester", "supportingInfo", "replaces")
    ]


@pytest.mark.parametrize(
    "fits",
    [
        {},
        {"after": escalation(extension=[])},
        {"after": escalation(extension=[CONSENT])},
        {"after": escalation(extension=[basis("direct-care", "")])},
        {"after": escalation(replaces=[ref("ServiceRequest/before")]), "replaced": (REVOKED,)},
        {"after": escalation(performer=[ref(CRISIS)]), "clinician": replace(lead(CAT), role=None)},
    ],
)
def test_e5_an_escalation_with_all_it_needs_is_sent(fits: dict[str, Any]) -> None:
    assert isinstance(request.decide(sending(**fits), ids()), Outcome)


def test_e5_sending_makes_the_review_and_starts_its_clock() -> None:
    """TIM-5 and HOV-3: due by its priority, shared on the authority that was given, disclosed in the same transaction."""
    made = sent()
    stored, task = [staged.resource for staged in made.writes]
    assert stored == escalation()
    assert [staged.custodian for staged in made.writes] == [HOUSING, HOUSING]
    assert (task["focus"], task["owner"], task["requester"]) == (ref("ServiceRequest/e"), ref(CAT), ref(HAL))
    assert [each["type"]["coding"][0]["code"] for each in task["input"]] == ["minimum-dataset", "sharing-authority"]
    assert task["input"][1]["valueCodeableConcept"] == basis()["valueCodeableConcept"]
    [timer] = made.timers
    assert (timer.key, timer.due, timer.level) == (f"TIM-5:Task/{task['id']}", AT + timedelta(hours=24), 0)
    assert ([each.recipient for each in made.notices], made.disclosure) == ([CRISIS], True)


def test_nothing_is_disclosed_within_one_agency() -> None:
    """HOV-3: nor is anybody's leave asked."""
    within = sending(authority=Authority(), organizations={HAL: HOUSING, CAT: HOUSING}, routes=Routes(HOUSING))
    made = request.decide(within, ids())
    assert isinstance(made, Outcome)
    assert made.disclosure is False


def test_e5_one_that_replaces_another_passes_who_said_no() -> None:
    routes = Routes(CRISIS, contacts=(COL,))
    task = sent(passed=frozenset((CAT,)), routes=routes).writes[1].resource
    assert link(task, "owner") == COL


def test_a_draft_asks_nobody_and_needs_its_sender_alone() -> None:
    """E5: it is written on, and sent from where it is."""
    draft = escalation(status="draft")
    made = request.decide(sending(draft, known=False, responses=()), ids())
    assert isinstance(made, Outcome)
    assert (len(made.writes), made.timers, made.disclosure, made.writes[0].created) == (1, (), False, True)
    assert refused(request.decide(sending(escalation(status="draft", requester=ref(CAT))), ids())) == [
        ("E5", f"{PLACE}.requester")
    ]
    later = request.decide(sending(before=draft), ids())
    assert isinstance(later, Outcome)
    assert (len(later.writes), later.writes[0].created, later.writes[0].custodian) == (2, False, "")


@pytest.mark.parametrize("status", ["active", "revoked", "completed"])
def test_e5_what_was_sent_says_what_it_said(status: str) -> None:
    """Notes are added; everything else is as it was, one issue per element."""
    before = escalation(status=status, note=[{"text": "one"}])
    noted = {**before, "note": [{"text": "one"}, {"text": "two"}], "meta": {"versionId": "1"}}
    assert isinstance(request.decide(sending(noted, before=before), ids()), Outcome)
    changed = {**before, "priority": "stat", "note": []}
    del changed["extension"]
    assert sorted(refused(request.decide(sending(changed, before=before), ids()))) == [
        ("E5", f"{PLACE}.{one}") for one in ("extension", "note", "priority")
    ]


class Current:
    """The pathway in force."""

    canonical = "urn:p|3"

    def due(self, rule: str, start: Any, calendar: Any, *, priority: str = "routine", level: int = 0) -> Any:
        return start + timedelta(hours=1)

    def count(self, name: str, default: int) -> int:
        return default


def test_mtg_4_request_and_review_name_the_version_that_they_run_under() -> None:
    """MTG-4, GOV-3."""
    stored, task = [staged.resource for staged in sent(pathway=Current()).writes]
    assert (stored["instantiatesCanonical"], task["instantiatesCanonical"]) == (["urn:p|3"], "urn:p|3")
