"""What the referrer was asked and has not answered, as a referral ends or its triage is open again (E4, TIM-15)."""

from __future__ import annotations

from typing import Any

import pytest

from service.care.referral import effects
from service.care.task.situation import Outcome, Staged
from service.change import Resource
from service.fhir.canonical import STATUS_REASON
from service.fhir.coding import concept
from tests.care.front_door import (
    AWAY,
    BY_ANN,
    BY_SEN,
    CAL,
    CRISIS,
    GUIDANCE,
    REASON,
    SEN,
    TAKEN,
    allocation,
    approval,
    moved,
    output,
    ref,
    situation,
    task,
    triage,
    waits,
)
from tests.care.told import HAL, NOW, TRUST

ASKED = task("clarification", "received", focus=ref("Task/triage"), owner=ref(HAL), requester=ref(TRUST))
LAPSED = Staged(
    {**ASKED, "status": "cancelled", "statusReason": concept(STATUS_REASON, "circumstances-changed"), "lastModified": NOW}
)
CLOCK = "TIM-15:Task/clarification"
DONE = triage("completed", *TAKEN, BY_ANN)
LEAD = output("lead", valueReference=ref(CAL))
asking: dict[str, Any] = {"clarification": ASKED, "triage": DONE}


def test_e4_what_was_asked_lapses_with_its_clock() -> None:
    assert effects.unasked(situation(None, triage(), clarification=ASKED)) == ((LAPSED,), (CLOCK,))
    assert effects.unasked(situation(None, triage())) == ((), ())


def test_e4_a_redirect_ends_what_was_asked() -> None:
    made = moved(triage(), "completed", *AWAY, more=asking)
    assert isinstance(made, Outcome)
    assert made.writes[-1] == LAPSED
    assert made.cancelled == ("TIM-14:Task/triage", CLOCK)


def test_e4_an_approved_redirect_ends_what_was_asked() -> None:
    more = {**asking, "triage": triage("completed", *AWAY, BY_ANN)}
    made = moved(approval(), "completed", BY_SEN, user=SEN, more=more)
    assert isinstance(made, Outcome)
    assert made.writes[-1] == LAPSED
    assert made.cancelled == ("TIM-14:Task/approve", CLOCK)


def test_e4_an_acceptance_ends_what_was_asked() -> None:
    made = moved(allocation(), "accepted", LEAD, agency=CRISIS, user=CAL, more=asking)
    assert isinstance(made, Outcome)
    assert made.writes[-1] == LAPSED
    assert made.cancelled == ("TIM-11:Task/allocation", CLOCK)


def test_e4_an_allocation_leaves_what_was_asked() -> None:
    """The receiver may want to know it."""
    made = moved(triage(), "completed", *TAKEN, more=asking)
    assert isinstance(made, Outcome)
    assert LAPSED not in made.writes
    assert made.cancelled == ("TIM-14:Task/triage",)


@pytest.mark.parametrize("before", [DONE, {**DONE, "businessStatus": waits("awaiting-approval")}])
def test_e4_a_triage_that_is_open_again_awaits_what_was_asked(before: Resource) -> None:
    found = effects.reopened(situation(None, triage(), clarification=ASKED, triage=before))
    assert found == {**triage("received"), "businessStatus": waits("awaiting-information"), "lastModified": NOW}


def test_e4_a_decision_that_comes_back_leaves_its_triage_waiting() -> None:
    made = moved(approval(), "rejected", GUIDANCE, user=SEN, statusReason=REASON, more=asking)
    assert isinstance(made, Outcome)
    assert made.writes[1].resource["businessStatus"] == waits("awaiting-information")
