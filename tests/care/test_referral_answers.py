"""What becomes of a referral that was sent (E4): what is added to it, what its answers change, its withdrawal (TIM-15)."""

from __future__ import annotations

from typing import Any

import pytest

from service.care.referral import sending
from service.care.referral.situation import Suggested
from service.care.task.dataset import Completeness
from service.care.task.situation import Outcome, Staged
from service.change import Notice
from service.fhir.canonical import LAWFUL_BASIS, SHARING_AUTHORITY, STATUS_REASON, TRIAGE_OUTCOME
from service.fhir.coding import concept
from tests.care.front_door import (
    BASIS,
    CRISIS,
    DATASET,
    PATHWAY,
    RATIONALE,
    SENT,
    TAGGED,
    allocation,
    approval,
    fact,
    new_ids,
    output,
    put,
    ref,
    refusal,
    request,
    task,
    told,
    triage,
    waits,
    written,
)
from tests.care.told import ANN, HAL, HOUSING, NOW, TRUST

HERE = "ServiceRequest/r"
WITHIN = "Their needs are within scope."
SUGGESTED = output("suggestion", valueCodeableConcept=concept(TRIAGE_OUTCOME, "eligible", WITHIN))
LACKS = Completeness(("current-risks",))
WAITING = triage("received", output=[SUGGESTED], businessStatus=waits("awaiting-information"))
ANSWER = output("answer", valueReference=ref("QuestionnaireResponse/q"))


def clarification(status: str = "requested", **members: Any) -> Any:
    given = {"focus": ref("Task/triage"), "requester": ref(TRUST), "owner": ref(HAL)}
    return task("clarification", status, **{**given, **members})


def informed(**members: Any) -> Any:
    return sending.informed(written(before=request(), **members))


# What it says.


STANDS = request(authoredOn=SENT, instantiatesCanonical=[PATHWAY])
DIFFERS = "`{}` of this referral differs from what was sent: withdraw it, and send another that `replaces` it."
LEFT = "What this referral has in `{0}` was left out: send the `{0}` that it has, and add yours."


def changed(end: str = "active", /, before: Any = STANDS, found: Any = None, **members: Any) -> Any:
    """What is decided of the referral that was sent once members of it are changed; None leaves one out."""
    after = {name: value for name, value in {**before, "status": end, **members}.items() if value is not None}
    return sending.decide(written(before=before, after=after, **(found or {})), new_ids())


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("category", []),
        ("subject", ref("Patient/q")),
        ("requester", ref(ANN)),
        ("performer", [ref(CRISIS)]),
        ("authoredOn", "2020-01-01"),
        ("replaces", [ref("ServiceRequest/e")]),
        ("priority", "urgent"),
        ("priority", None),
        ("intent", "plan"),
        ("code", {"text": "Other help."}),
        ("doNotPerform", True),
        ("instantiatesCanonical", ["urn:mine"]),
        ("extension", [{"url": SHARING_AUTHORITY, "valueCodeableConcept": concept(LAWFUL_BASIS, "vital-interests")}]),
        ("extension", None),
    ],
)
@pytest.mark.parametrize("end", ["active", "revoked", "entered-in-error"])
def test_e4_a_referral_goes_on_saying_what_it_said(end: str, member: str, value: Any) -> None:
    """Also as it is withdrawn."""
    assert changed(end, **{member: value}) == refusal((DIFFERS.format(member), f"ServiceRequest.{member}", "E4"))


def test_e4_a_refused_change_names_every_member() -> None:
    found = changed(priority="stat", intent="plan", supportingInfo=None, found={"sender": ""})
    assert [each.expression.partition(".")[2] for each in found.issues] == ["requester", "intent", "priority", "supportingInfo"]


NOTE, REASONED = {"text": "They moved."}, {"url": "urn:reason", "valueCodeableConcept": {"text": "They moved."}}


@pytest.mark.parametrize(
    ("member", "more"),
    [("supportingInfo", ref("QuestionnaireResponse/w")), ("note", NOTE), ("extension", REASONED)],
)
def test_e4_to_a_referral_that_was_sent_is_added_and_nothing_taken(member: str, more: Any) -> None:
    """In any order."""
    full = {**STANDS, member: [*STANDS.get(member, ()), more]}
    assert changed(before=STANDS, **{member: full[member]}).writes[0] == Staged(full)
    assert isinstance(changed(before=full, **{member: full[member][::-1]}), Outcome)
    lost = changed(before=full, **{member: [one for one in full[member] if one != more]})
    assert lost == refusal((LEFT.format(member), f"ServiceRequest.{member}", "E4"))


def test_what_the_service_wrote_need_not_be_repeated() -> None:
    """The date of sending, the pathway, and the tag of a decision, which no client takes off."""
    before = {**STANDS, "meta": {"versionId": "3", **TAGGED}}
    made = changed(before=before, authoredOn=None, instantiatesCanonical=None, meta={"versionId": "3", "tag": []})
    assert made.writes[0].resource == before
    assert changed(before=before, meta=None).writes[0].resource["meta"] == TAGGED
    plain = changed(before={**STANDS, "meta": {"versionId": "3"}}, meta={"versionId": "3", "source": "urn:s"}, authoredOn=None)
    assert plain.writes[0].resource == {**STANDS, "meta": {"versionId": "3", "source": "urn:s"}}


# Answers.


def test_tim_15_answers_that_complete_the_dataset_end_the_waiting() -> None:
    """The clarification is completed with the response, and the front door told."""
    made = informed(triage=WAITING, clarification=clarification())
    done = {**clarification("completed", output=[ANSWER]), "lastModified": NOW}
    assert made == Outcome(
        (Staged({**triage("received", output=[SUGGESTED]), "lastModified": NOW}), Staged(done)),
        cancelled=("TIM-15:Task/clarification",),
        notices=(told(TRUST, HERE),),
    )


def test_tim_15_what_was_answered_before_stays() -> None:
    given = output("answer", valueString="Ask again.")
    made = informed(triage=WAITING, clarification=clarification("received", output=[given]))
    assert made.writes[1].resource["output"] == [given, ANSWER]


def test_tim_15_a_clarification_that_was_closed_by_hand_is_not_closed_again() -> None:
    made = informed(triage=WAITING)
    assert made == Outcome(
        (Staged({**triage("received", output=[SUGGESTED]), "lastModified": NOW}),), notices=(told(TRUST, HERE),)
    )


@pytest.mark.parametrize("lacks", [LACKS, Completeness(unexplained=("current-risks",))])
def test_e4_answers_that_leave_something_open_end_nothing(lacks: Completeness) -> None:
    assert informed(triage=WAITING, clarification=clarification(), dataset=lacks) == Outcome(())


def test_e4_what_cannot_be_used_is_no_answer() -> None:
    """A response that was entered in error completes nothing, nor does one that nobody sees."""
    faults = [Completeness(fault="it is neither `completed` nor `amended`"), Completeness(fault="it is not here")]
    for each in faults:
        assert informed(triage=WAITING, clarification=clarification(), dataset=each, response="") == Outcome(())


def test_e4_the_suggestion_is_that_of_the_newest_answers() -> None:
    """Urgent is urgent with items missing; what was said in the triage stays."""
    before = {**WAITING, "output": [SUGGESTED, RATIONALE]}
    urgent = output("suggestion", valueCodeableConcept=concept(TRIAGE_OUTCOME, "urgent", "They are at risk."))
    made = informed(triage=before, dataset=LACKS, suggested=Suggested("urgent", "They are at risk.", PATHWAY))
    expected = {**before, "output": [urgent, RATIONALE], "lastModified": NOW}
    assert made == Outcome((Staged(expected),), notices=(told(TRUST, HERE),))


def test_e4_a_triage_is_about_the_newest_answers() -> None:
    """So that whoever is asked next gets them."""
    pathway = put("pathway", valueCanonical=PATHWAY)
    before = triage("received", output=[SUGGESTED], input=[DATASET, pathway, BASIS])
    made = informed(triage=before, response="QuestionnaireResponse/w")
    newest = put("minimum-dataset", valueReference=ref("QuestionnaireResponse/w"))
    assert [each.resource for each in made.writes] == [{**before, "input": [newest, pathway, BASIS], "lastModified": NOW}]


def test_e4_a_triage_without_a_dataset_gets_the_newest() -> None:
    made = informed(triage=triage("received", output=[SUGGESTED], input=None))
    assert made.writes[0].resource["input"] == [DATASET]


def test_e4_another_wait_of_a_triage_is_not_ended_by_answers() -> None:
    before = triage("received", output=[SUGGESTED], businessStatus=waits("overdue"))
    assert informed(triage=before) == Outcome(())


def test_e4_answers_to_a_triage_that_is_over_complete_the_clarification_alone() -> None:
    """Who was asked and has answered is asked no more (TIM-15)."""
    done = {**clarification("completed", output=[ANSWER]), "lastModified": NOW}
    stopped, heard = ("TIM-15:Task/clarification",), (told(TRUST, HERE),)
    assert informed(clarification=clarification()) == Outcome((Staged(done),), cancelled=stopped, notices=heard)
    assert informed() == Outcome(())


def test_e4_a_referral_that_is_amended_is_stored_with_what_its_answers_change() -> None:
    after = request(supportingInfo=[ref("QuestionnaireResponse/q"), ref("QuestionnaireResponse/w")])
    found = written(before=request(), after=after, triage=WAITING, clarification=clarification())
    made = sending.decide(found, new_ids())
    done = {**clarification("completed", output=[ANSWER]), "lastModified": NOW}
    assert made == Outcome(
        (Staged(after), Staged({**triage("received", output=[SUGGESTED]), "lastModified": NOW}), Staged(done)),
        cancelled=("TIM-15:Task/clarification",),
        notices=(told(TRUST, HERE),),
        audits=(fact("referral-amended", HERE, agency=HOUSING, user=HAL),),
    )


# A withdrawal.


def withdrawn(end: str = "revoked", **members: Any) -> Any:
    return sending.decide(written(before=request(), after=request(end), **members), new_ids())


def cancelled(given: Any) -> Staged:
    reason = concept(STATUS_REASON, "circumstances-changed")
    return Staged({**given, "status": "cancelled", "statusReason": reason, "lastModified": NOW})


@pytest.mark.parametrize("end", ["revoked", "entered-in-error"])
def test_e4_a_withdrawal_cancels_triage_and_clarification_and_their_clocks(end: str) -> None:
    assert withdrawn(end, triage=WAITING, clarification=clarification()) == Outcome(
        (Staged(request(end)), cancelled(WAITING), cancelled(clarification())),
        cancelled=("TIM-14:Task/triage", "TIM-15:Task/clarification"),
        notices=(told(TRUST, HERE),),
        audits=(fact("referral-withdrawn", HERE, agency=HOUSING, user=HAL),),
    )


def test_e4_a_withdrawal_of_what_nobody_works_on_cancels_nothing() -> None:
    assert withdrawn() == Outcome(
        (Staged(request("revoked")),),
        notices=(told(TRUST, HERE),),
        audits=(fact("referral-withdrawn", HERE, agency=HOUSING, user=HAL),),
    )


def test_e4_a_withdrawal_takes_back_what_was_asked_of_others() -> None:
    """Else an agency would be asked to take on somebody who is not referred any more. It is told; a senior is of the front
    door, which is told of the referral."""
    made = withdrawn(asked=(approval(), allocation("received")))
    assert made.writes[1:] == (cancelled(approval()), cancelled(allocation("received")))
    assert made.cancelled == ("TIM-14:Task/approve", "TIM-11:Task/allocation")
    assert made.notices == (told(TRUST, HERE), Notice("handover-task", CRISIS, "Task/allocation", "Patient/p"))
