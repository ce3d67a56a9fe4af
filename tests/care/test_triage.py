"""Triage (E4): what a decision asks for, word for word, and what it does, whole."""

from __future__ import annotations

from dataclasses import astuple
from typing import Any

import pytest

from service.care.ownership.role import Lead
from service.care.referral import needs
from service.care.referral.referral import decision_of, is_referral
from service.care.referral.situation import Suggested
from service.care.referral.table import MACHINES, TRIAGE
from service.care.task.authority import Authority
from service.care.task.dataset import Completeness
from service.care.task.machine import Move
from service.care.task.situation import Outcome, Staged
from service.care.task.timers import Calendar
from service.fhir.canonical import DECISION, REQUEST_CATEGORY, TRIAGE_OUTCOME
from service.fhir.coding import concept
from tests.care.front_door import (
    ALLOCATED,
    AWAY,
    BY_ANN,
    BY_SEN,
    CAL,
    CRISIS,
    PATHWAY,
    RATIONALE,
    REDIRECT,
    REDIRECTED,
    SEN,
    TAKEN,
    TO_CRISIS,
    UNDER,
    fact,
    issues,
    lead,
    moved,
    output,
    ref,
    refusal,
    request,
    situation,
    suggestion,
    threshold,
    told,
    triage,
)
from tests.care.small import AUCKLAND
from tests.care.told import ANN, HAL, HOUSING, NOW, TRUST

OUT = "Task.output"
KIND = ("Triage ends with output `decision`: `allocated` or `redirected`.", OUT, "TRI-1")
THRESHOLD = (
    "Say on which threshold you act: output `threshold`, one of `urgent`, `eligible`, `borderline`, `outside-scope`.",
    OUT,
    "TRI-1",
)
REASON = ("A decision gives its reason: add output `rationale`.", OUT, "TRI-1")
NOBODY = ("Say who decided: add output `decided-by`, a PractitionerRole of your agency, or sign in as one.", OUT, "E4")
ENDED = ("Nothing is to be decided any more: the referral has ended meanwhile; read it again.", "Task.focus", "E4")
OPEN = ("requested", "received", "in-progress")
STEPS = [("requested", "received"), ("requested", "in-progress"), ("received", "in-progress")]


def wanting(*outputs: Any, need: Any = needs.decided, user: str = ANN, before: Any = None, **more: Any) -> Any:
    """The issues of a need in a triage that is completed with these outputs alone."""
    return need(situation(before or triage(), triage("completed", *outputs), user=user, **more))


# What is read.


def test_the_table_of_triage_row_by_row() -> None:
    decides = ("still_open", "decided", "carried", "senior", "outputs")
    assert (
        Move("requested", "received", ("owner",), ("outputs",)),
        Move("requested", "in-progress", ("owner",), ("outputs",)),
        Move("received", "in-progress", ("owner",), ("outputs",)),
        *(Move(start, "completed", ("owner",), decides, effect="complete") for start in OPEN),
        *(Move(each, each, ("requester", "owner"), ("outputs",), kind="note") for each in OPEN),
    ) == TRIAGE


def test_the_machines_of_the_front_door_refuse_by_e4() -> None:
    assert [(each.code, each.rule, each.sent) for each in MACHINES] == [
        ("triage", "E4", False), ("approve", "E4", False), ("allocation", "E4", False),
    ]  # fmt: skip


def test_a_referral_is_known_by_its_category() -> None:
    assert is_referral(request())
    assert not is_referral(request(category=[concept(REQUEST_CATEGORY, "escalation")]))
    assert not is_referral(request(category=[concept("urn:other", "referral")]))


def test_tri_1_a_decision_is_read_from_the_outputs_and_the_last_of_a_kind_counts() -> None:
    lead_ = output("lead", valueReference=ref(CAL))
    found = decision_of(triage("received", REDIRECTED, *TAKEN, lead_, REDIRECT, BY_ANN, UNDER, suggests="urgent"))
    assert (found.kind, found.threshold, found.suggestion) == ("allocated", "eligible", "urgent")
    assert (found.rationale, found.receiver, found.lead) == (RATIONALE["valueString"], CRISIS, CAL)
    assert (found.redirect, found.decided_by, found.pathway) == ("QuestionnaireResponse/away", ANN, PATHWAY)


def test_a_code_of_another_system_is_no_decision() -> None:
    other = output("decision", valueCodeableConcept=concept(TRIAGE_OUTCOME, "allocated"))
    coded = output("threshold", valueCodeableConcept=concept(DECISION, "eligible"))
    found = decision_of(triage("received", other, coded))
    assert (found.kind, found.threshold) == ("", "")
    assert set(astuple(decision_of({}))) == {""}


@pytest.mark.parametrize(("acted", "suggests", "holds"), [
    ("borderline", "eligible", True), ("eligible", "borderline", False), ("borderline", "", True), ("urgent", "eligible", False),
])  # fmt: skip
def test_e4_what_is_acted_on_as_borderline_is_borderline(acted: str, suggests: str, holds: bool) -> None:
    assert decision_of(triage("received", threshold(acted), suggests=suggests)).borderline is holds


# What a decision asks for.


@pytest.mark.parametrize(
    ("ended", "lacks"),
    [("active", False), ("completed", True), ("revoked", True), ("draft", True), (None, True)],
)
def test_e4_nothing_is_decided_of_a_referral_that_has_ended(ended: str | None, lacks: bool) -> None:
    found = needs.still_open(situation(triage(), triage(), referral=request(ended) if ended else None))
    assert found == (issues(ENDED) if lacks else ())


def test_tri_1_a_decision_says_what_why_and_on_which_threshold() -> None:
    """Each that is missing is named at once."""
    assert wanting() == issues(KIND, THRESHOLD, REASON)
    assert wanting(ALLOCATED, RATIONALE) == issues(THRESHOLD)
    assert wanting(ALLOCATED, threshold("urgent")) == issues(REASON)
    assert wanting(threshold("urgent"), RATIONALE) == issues(KIND)
    assert wanting(*TAKEN) == ()


@pytest.mark.parametrize("kind", ["allocated", "redirected", "deferred", "no-action"])
def test_tri_1_triage_allocates_or_redirects(kind: str) -> None:
    decision = output("decision", valueCodeableConcept=concept(DECISION, kind))
    lacks = () if kind in ("allocated", "redirected") else issues(KIND)
    assert wanting(decision, threshold("urgent"), RATIONALE) == lacks


@pytest.mark.parametrize("code", ["urgent", "eligible", "borderline", "outside-scope", "later"])
def test_tri_1_a_threshold_is_one_of_four(code: str) -> None:
    assert wanting(ALLOCATED, threshold(code), RATIONALE) == (issues(THRESHOLD) if code == "later" else ())


def test_tri_1_a_blank_reason_is_none() -> None:
    assert wanting(ALLOCATED, threshold("urgent"), output("rationale", valueString=" \u200b")) == issues(REASON)


def test_e4_a_decision_is_somebodys_of_the_agency_that_decides() -> None:
    """Output `decided-by` goes before who is signed in."""
    other = (f"`{HAL}` is not of the agency that decides: name a PractitionerRole of it.", OUT, "E4")
    assert wanting(*TAKEN, user="") == issues(NOBODY)
    assert wanting(*TAKEN, user="Practitioner/ann") == issues(NOBODY)
    assert wanting(*TAKEN, BY_ANN, user="") == ()
    assert wanting(*TAKEN, output("decided-by", valueReference=ref(HAL)), decider=HOUSING) == issues(other)
    assert wanting(*TAKEN, output("decided-by", valueReference=ref("Practitioner/x"))) == issues(NOBODY)


def test_e4_a_decider_of_no_known_agency_decides_nothing() -> None:
    found = situation(triage(owner=ref("HealthcareService/gone")), triage("completed", *TAKEN), decider="")
    text = (f"`{ANN}` is not of the agency that decides: name a PractitionerRole of it.", OUT, "E4")
    assert needs.decider(found) == issues(text)


def test_mtg_4_a_decision_is_taken_under_the_pathway_in_force() -> None:
    old = output("pathway", valueCanonical="urn:old|1")
    stale = (f"`urn:old|1` is not the pathway in force, which is `{PATHWAY}`: decide under that.", OUT, "MTG-4")
    none = ("`urn:old|1` is not the pathway in force, there is none: leave output `pathway` out.", OUT, "MTG-4")
    assert wanting(*TAKEN, old) == issues(stale)
    assert wanting(*TAKEN, UNDER) == ()
    assert wanting(*TAKEN, old, suggested=Suggested()) == issues(none)


def carried(*outputs: Any, **more: Any) -> Any:
    return wanting(*outputs, need=needs.carried, **more)


def test_tri_1_an_allocation_names_an_organization_with_a_live_agreement() -> None:
    unnamed = "An allocation names its receiver: set output `receiver` to an Organization with a live sharing agreement."
    text = "`{}` is no Organization with a live sharing agreement: set output `receiver` to one."
    service = output("receiver", valueReference=ref("HealthcareService/Homes"))
    assert carried(ALLOCATED) == issues((unnamed, OUT, "TRI-1"))
    assert carried(ALLOCATED, TO_CRISIS, live=False) == issues((text.format(CRISIS), OUT, "TRI-1"))
    assert carried(ALLOCATED, service) == issues((text.format("HealthcareService/Homes"), OUT, "TRI-1"))
    assert carried(*TAKEN) == ()


def test_hov_3_an_allocation_is_sent_only_to_whom_it_may_be_shared_with() -> None:
    """A receiver without an agreement is not also told that consent denies."""
    text = (f"Sharing with `{CRISIS}` is not permitted: a Consent denies it.", OUT, "HOV-3")
    denied = Authority(text="a Consent denies it")
    assert carried(*TAKEN, authority=denied) == issues(text)
    assert [each.rule for each in carried(*TAKEN, authority=denied, live=False)] == ["TRI-1"]


@pytest.mark.parametrize(
    ("given", "fault"),
    [
        ({"lead": Lead()}, "it is not known here"),
        ({"lead": lead(active=False)}, "the PractitionerRole is not active"),
        ({"lead": lead("ann", TRUST)}, "it is of another agency than the receiver"),
        ({"lead": lead(period={"end": "2026-10-22"})}, "the PractitionerRole's period does not cover this instant"),
        ({"lead": lead(period={"end": "2026-10-23"})}, ""),
    ],
)
def test_tri_1_a_lead_that_is_proposed_could_lead(given: Any, fault: str) -> None:
    text = f"`{CAL}` cannot lead: {fault}. Propose an active PractitionerRole of the receiver, or none."
    found = carried(*TAKEN, output("lead", valueReference=ref(CAL)), **given)
    assert found == (issues((text, OUT, "TRI-1")) if fault else ())
    assert carried(*TAKEN, **given) == ()


def test_tri_1_a_role_that_is_proposed_ends_with_its_day_where_the_service_is() -> None:
    """At 14:30 in London it is Saturday in Auckland."""
    last = {"lead": lead(period={"end": "2026-10-23"}), "calendar": Calendar(zone=AUCKLAND)}
    assert [each.rule for each in carried(*TAKEN, output("lead", valueReference=ref(CAL)), **last)] == ["TRI-1"]


def test_e4_a_redirect_rests_on_its_dataset() -> None:
    text = "A redirect is a response to the dataset `redirect`. Set output `redirect` to it."
    faulty = "A redirect is a response to the dataset `redirect`: it is not here. Set output `redirect` to it."
    missing = Completeness(fault="it is not here")
    assert carried(REDIRECTED, redirect=missing) == issues((text, OUT, "E4"))
    assert carried(REDIRECTED) == issues((text, OUT, "E4"))
    assert carried(*AWAY, redirect=missing) == issues((faulty, OUT, "E4"))
    assert carried(*AWAY) == ()


URGENT = (
    "The person is redirected only once they were told how to get urgent help: `urgent-routes-communicated` is true.",
    OUT,
    "E4",
)


def left(item: str) -> tuple[str, str, str]:
    return (f"The redirect leaves `{item}` open: answer it.", OUT, "E4")


@pytest.mark.parametrize(
    ("lacks", "urgent", "found"),
    [
        (Completeness(), False, [URGENT]),
        (
            Completeness(("rationale",), unexplained=("signposted-to", "rationale")),
            True,
            [left("rationale"), left("signposted-to")],
        ),
        (Completeness(("rationale",)), False, [left("rationale"), URGENT]),
        (Completeness(("urgent-routes-communicated",)), False, [left("urgent-routes-communicated")]),
    ],
)
def test_e4_a_redirect_is_answered_and_urgent_routes_were_told(lacks: Any, urgent: bool, found: Any) -> None:
    """What is left open is named once, by its linkId."""
    assert carried(*AWAY, redirect=lacks, urgent=urgent) == issues(*found)


def test_what_is_not_decided_is_not_carried_out() -> None:
    assert carried(RATIONALE, live=False, redirect=Completeness(fault="x")) == ()


def test_e4_nobody_decides_and_approves() -> None:
    """A borderline decision has a senior, who is another."""
    none = "A borderline decision is approved by the front door's senior: have one registered (`baton partner add --senior`)."
    same = ("Nobody decides and approves: another than the senior decides what is borderline.", OUT, "E4")
    found = [ALLOCATED, threshold("borderline"), RATIONALE]
    assert wanting(*found, need=needs.senior) == ()
    assert wanting(*found, need=needs.senior, senior="") == issues((none, OUT, "E4"))
    assert wanting(*found, need=needs.senior, user=SEN) == issues(same)
    assert wanting(*found, BY_SEN, need=needs.senior) == issues(same)
    assert wanting(*TAKEN, need=needs.senior, senior="") == ()


FOREIGN = ("The outputs of a triage are the front door's: say yours in a `note`.", OUT, "E4")
FORGED = ("Output `suggestion` is the service's, from the pathway: leave yours out, and say `threshold`.", OUT, "E4")


@pytest.mark.parametrize("status", OPEN)
def test_e4_the_referrer_adds_notes_to_a_triage_and_no_outputs(status: str) -> None:
    note = [{"text": "They moved."}]
    added = moved(triage(status), status, agency=HOUSING, user=HAL, note=note)
    stored = Staged({**triage(status, note=note), "lastModified": NOW})
    event = fact(f"triage-{status}", "Task/triage", agency=HOUSING, user=HAL)
    assert added == Outcome((stored,), notices=(told(TRUST, "Task/triage"),), audits=(event,))
    assert moved(triage(status), status, RATIONALE, agency=HOUSING, user=HAL) == refusal(FOREIGN)


@pytest.mark.parametrize(("start", "end"), [*STEPS, *zip(OPEN, OPEN, strict=True)])
def test_e4_the_suggestion_is_the_services_alone(start: str, end: str) -> None:
    """Else a front door would suggest to itself what it decides."""
    assert moved(triage(start), end, suggestion("urgent")) == refusal(FORGED)
    assert FORGED[0] in [each.text for each in moved(triage(start), "completed", *TAKEN, suggestion("urgent")).issues]


def test_e4_an_agency_that_refers_to_itself_prepares_outputs() -> None:
    before = triage(requester=ref(ANN), output=None)
    assert isinstance(moved(before, "received", RATIONALE), Outcome)
    plain = triage("received", output=None)
    assert isinstance(moved(plain, "received", agency=HOUSING, user=HAL, note=[{"text": "x"}]), Outcome)
