"""A referral as it is written (E4): what sending, amending and withdrawing one ask for, and what they do, whole."""

from __future__ import annotations

from typing import Any

import pytest

from service.care.referral import sending
from service.care.referral.referral import ENDED, basis, performer, responses
from service.care.referral.sending import MOVES, decide
from service.care.referral.situation import Suggested
from service.care.task.authority import NONE_DECIDED, Authority
from service.care.task.dataset import Completeness
from service.care.task.situation import Outcome, Staged
from service.change import Timer
from service.fhir.canonical import SHARING_AUTHORITY, STATUS_REASON, TRIAGE_OUTCOME
from service.fhir.coding import concept
from service.problem import Category
from tests.care.conftest import AT
from tests.care.front_door import (
    BASIS,
    CRISIS,
    DATASET,
    PATHWAY,
    fact,
    issues,
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
from tests.care.told import HAL, HOUSING, MONDAY, NOW, TRUST

HERE = "ServiceRequest/r"
ASIDE = concept(STATUS_REASON, "circumstances-changed")
LACKS = Completeness(("current-risks", "reasonable-adjustments"), unexplained=("recent-crisis-contacts", "current-risks"))
OPEN_ITEMS = ["current-risks", "reasonable-adjustments", "recent-crisis-contacts"]
WITHIN = "Their needs are within scope."
SUGGESTED = output("suggestion", valueCodeableConcept=concept(TRIAGE_OUTCOME, "eligible", WITHIN))


def sent(**members: Any) -> Any:
    """What is decided of the referral as it is sent."""
    return decide(written(**members), new_ids())


def audited(event: str, action: str = "U") -> Any:
    return fact(event, HERE, agency=HOUSING, user=HAL, action=action)


def wanted(id_: str = "new-1", **members: Any) -> Any:
    """The triage that the service makes of the referral."""
    given = {
        "id": id_,
        "focus": ref(HERE),
        "authoredOn": NOW,
        "lastModified": NOW,
        "requester": ref(HAL),
        "owner": ref(TRUST),
        "restriction": {"period": {"start": NOW, "end": "2026-10-26T15:30:00.000Z"}},
        "input": [DATASET, put("pathway", valueCanonical=PATHWAY), BASIS],
        "output": [SUGGESTED],
    }
    return task("triage", "requested", **{**given, **members})


# What is read.


def test_a_referral_names_its_front_door_its_responses_and_its_basis() -> None:
    several = request(
        performer=[ref(TRUST), ref(CRISIS)],
        supportingInfo=[ref("QuestionnaireResponse/a"), ref("Condition/c"), ref("QuestionnaireResponse/b")],
    )
    assert (performer(several), responses(several)) == (TRUST, ("QuestionnaireResponse/a", "QuestionnaireResponse/b"))
    assert (performer({}), responses({}), basis({})) == ("", (), None)
    other = {"url": "urn:x", "valueString": "x"}
    authority = request()["extension"][0]
    assert basis({"extension": [other, authority]}) == authority
    assert basis({"extension": [other]}) is None


def test_the_table_of_a_referral_row_by_row() -> None:
    about = (sending.own, sending.addressed, sending.about_somebody, sending.asking)
    sends = (*about, sending.answered, sending.evident, sending.authorised, sending.replacing)
    stays = (sending.own, sending.unchanged)
    assert {
        ("none", "draft"): ((sending.own,), sending.store),
        ("none", "active"): (sends, sending.send),
        ("draft", "draft"): ((sending.own,), sending.store),
        ("draft", "active"): (sends, sending.send),
        ("draft", "revoked"): ((sending.own,), sending.store),
        ("draft", "entered-in-error"): ((sending.own,), sending.store),
        ("active", "active"): ((*stays, sending.evident), sending.amend),
        ("active", "revoked"): (stays, sending.withdraw),
        ("active", "entered-in-error"): (stays, sending.withdraw),
    } == MOVES


STATUSES = ("draft", "active", "on-hold", "revoked", "completed", "entered-in-error", "unknown", "")


@pytest.mark.parametrize("start", ["none", *STATUSES])
@pytest.mark.parametrize("end", STATUSES)
def test_e4_what_is_not_in_the_table_is_refused(start: str, end: str) -> None:
    """A referral's end, but for its withdrawal, is the service's."""
    found = sent(before=None if start == "none" else request(start), after=request(end))
    assert isinstance(found, Outcome) is ((start, end) in MOVES)


@pytest.mark.parametrize(
    ("start", "end", "ends"),
    [
        ("none", "completed", "`draft`, `active`"),
        ("draft", "completed", "`active`, `revoked`, `entered-in-error`"),
        ("active", "draft", "`revoked`, `entered-in-error`"),
        ("revoked", "active", "nothing"),
        ("completed", "completed", "nothing"),
    ],
)
def test_e4_a_refusal_says_where_a_referral_goes_from_here(start: str, end: str, ends: str) -> None:
    text = f"A referral that is `{start}` cannot be made `{end}`: from here its sender makes it {ends}."
    expected = refusal((text, "ServiceRequest.status", "E4"))
    assert sent(before=None if start == "none" else request(start), after=request(end)) == expected


def test_what_is_over_is_over_by_any_of_three_statuses() -> None:
    assert {"completed", "revoked", "entered-in-error"} == ENDED


# What sending one asks for.


OWN = (
    "A referral is made by its requester's agency: set `requester` to a PractitionerRole of your agency.",
    "ServiceRequest.requester",
    "E4",
)
NOWHERE = (
    "A referral goes to an Organization or HealthcareService that is registered here: set `performer` to it.",
    "ServiceRequest.performer",
    "E4",
)
LAPSED = (
    f"`{TRUST}` has no live sharing agreement, so nothing is sent to it: name another front door.",
    "ServiceRequest.performer",
    "E4",
)
SOMEBODY = ("`Patient/p` is not known here: write their record first, and refer to that.", "ServiceRequest.subject", "E4")
RESPONSE = (
    "A referral gives a response to the dataset `referral`: refer to it in `supportingInfo`.",
    "ServiceRequest.supportingInfo",
    "E4",
)
FAULTY = ("The dataset cannot be used: it is about another person.", "ServiceRequest.supportingInfo", "E4")
DENIED = (f"Sharing with `{TRUST}` is not permitted: a Consent denies it.", "ServiceRequest.extension", "HOV-3")


@pytest.mark.parametrize(
    ("members", "lacks"),
    [
        ({"sender": TRUST}, OWN),
        ({"sender": "", "agency": ""}, OWN),
        ({"receiver": "", "live": False, "authority": NONE_DECIDED}, NOWHERE),
        ({"live": False}, LAPSED),
        ({"known": False}, SOMEBODY),
        ({"response": "", "dataset": Completeness(fault="it is not here")}, RESPONSE),
        ({"dataset": Completeness(fault="it is about another person")}, FAULTY),
        ({"authority": Authority(text="a Consent denies it")}, DENIED),
    ],
)
@pytest.mark.parametrize("start", ["none", "draft"])
def test_e4_what_sending_a_referral_asks_for(start: str, members: Any, lacks: Any) -> None:
    """HOV-3 among it; an incomplete dataset is no such thing."""
    before = None if start == "none" else request("draft")
    assert sent(before=before, **members) == refusal(lacks)


def test_e4_a_refusal_names_all_that_is_in_the_way() -> None:
    lacks = {"sender": "", "live": False, "known": False, "response": "", "authority": Authority(text="a Consent denies it")}
    found = sent(after=request(replaces=[ref("ServiceRequest/gone")]), **lacks)
    assert found.issues[:-1] == issues(OWN, LAPSED, SOMEBODY, RESPONSE, DENIED)
    assert (found.category, found.issues[-1].expression) == (Category.RULE, "ServiceRequest.replaces")


def test_e4_a_referral_of_nobody_is_told_what_to_refer_to() -> None:
    found = sending.about_somebody(written(after=request(subject={"display": "Dan"}), known=False))
    text = "`subject` refers to nobody: set its `reference` to the Patient that this is about."
    assert found == issues((text, "ServiceRequest.subject", "E4"))


EARLIER = request("revoked", id="e")
CIRCLE = "A referral cannot replace itself, directly or by way of others: leave `replaces` out."
UNKNOWN = "`ServiceRequest/e` is no referral of this person that you may see: set `replaces` to one, or leave it out."
STANDING = "The earlier referral has not ended: withdraw it first, or wait."
SEVERAL = "A referral replaces one earlier referral: name that alone."


@pytest.mark.parametrize(
    ("members", "text"),
    [
        ({"replaced": EARLIER}, ""),
        ({"replaced": {**EARLIER, "status": "completed"}}, ""),
        ({"replaced": {**EARLIER, "status": "entered-in-error"}}, ""),
        ({"replaced": {**EARLIER, "status": "active"}}, STANDING),
        ({"replaced": {**EARLIER, "status": "draft"}}, STANDING),
        ({"replaced": None}, UNKNOWN),
        ({"replaced": {**EARLIER, "subject": ref("Patient/q")}}, UNKNOWN),
        ({"replaced": EARLIER, "circular": True}, CIRCLE),
    ],
)
def test_e4_a_referral_replaces_an_earlier_one_of_the_person_that_has_ended(members: Any, text: str) -> None:
    found = sending.replacing(written(after=request(replaces=[ref("ServiceRequest/e")]), **members))
    assert found == (issues((text, "ServiceRequest.replaces", "E4")) if text else ())


def test_e4_a_referral_replaces_one_other_or_none() -> None:
    two = request(replaces=[ref("ServiceRequest/e"), ref("ServiceRequest/f")])
    assert sending.replacing(written(after=two, replaced=EARLIER)) == issues((SEVERAL, "ServiceRequest.replaces", "E4"))
    assert sending.replacing(written(circular=True)) == ()
    nameless = sending.replacing(written(after=request(replaces=[{"display": "the first"}])))
    assert nameless == issues((UNKNOWN.replace("ServiceRequest/e", ""), "ServiceRequest.replaces", "E4"))


# What sending one does.


@pytest.mark.parametrize(("start", "action"), [("none", "C"), ("draft", "U")])
def test_e4_sending_a_referral_asks_the_front_door_for_its_triage(start: str, action: str) -> None:
    """TIM-14 starts from the sending, whatever date the referral was given; MTG-4: the pathway's version is on both."""
    new = start == "none"
    made = sent(before=None if new else request("draft"), after=request(authoredOn="2020-01-01"))
    stored = request(authoredOn=NOW, instantiatesCanonical=[PATHWAY])
    assert made == Outcome(
        (
            Staged(stored, created=new, custodian=HOUSING if new else ""),
            Staged(wanted(), created=True, custodian=HOUSING),
        ),
        timers=(Timer("TIM-14:Task/new-1", "TIM-14", MONDAY, "Task/new-1"),),
        notices=(told(TRUST, HERE),),
        audits=(audited("referral-sent", action),),
        disclosure=True,
    )


def test_e4_an_incomplete_dataset_awaits_information_and_asks_for_it() -> None:
    """TIM-15: each item once, by its linkId; the referrer is told as well."""
    made = sent(dataset=LACKS, suggested=Suggested("urgent", "They are at risk.", PATHWAY), answer_by=AT)
    suggested = output("suggestion", valueCodeableConcept=concept(TRIAGE_OUTCOME, "urgent", "They are at risk."))
    clarification = task(
        "clarification",
        "requested",
        id="new-2",
        partOf=[ref("Task/new-1")],
        description=f"The referral's dataset leaves these items open: {', '.join(OPEN_ITEMS)}",
        focus=ref("Task/new-1"),
        authoredOn=NOW,
        lastModified=NOW,
        requester=ref(TRUST),
        owner=ref(HAL),
        restriction={"period": {"start": NOW, "end": NOW}},
        input=[put("question", valueString=each) for each in OPEN_ITEMS],
    )
    assert made.writes[1:] == (
        Staged(wanted(businessStatus=waits("awaiting-information"), output=[suggested]), created=True, custodian=HOUSING),
        Staged(clarification, created=True, custodian=HOUSING),
    )
    assert made.timers == (
        Timer("TIM-14:Task/new-1", "TIM-14", MONDAY, "Task/new-1"),
        Timer("TIM-15:Task/new-2", "TIM-15", AT, "Task/new-2", 0, {"handover": "Task/new-1"}),
    )
    assert made.notices == (told(TRUST, HERE), told(HOUSING, HERE))


def test_e4_an_agency_that_refers_to_itself_is_told_once() -> None:
    made = sent(dataset=LACKS, receiver=HOUSING)
    assert made.notices == (told(HOUSING, HERE),)


@pytest.mark.parametrize("lacks", [Completeness(("a",)), Completeness(unexplained=("a",))])
def test_e4_one_open_item_is_enough_to_ask(lacks: Completeness) -> None:
    made = sent(dataset=lacks)
    assert [each["valueString"] for each in made.writes[2].resource["input"]] == ["a"]


def test_e4_an_item_too_many_asks_for_nothing() -> None:
    assert len(sent(dataset=Completeness(unknown=("a",))).writes) == 2


def test_e4_a_referral_without_a_priority_asks_without_one() -> None:
    made = sent(after=request(priority=None), dataset=LACKS)
    assert ["priority" in each.resource for each in made.writes] == [False, False, False]


def test_what_a_referral_does_not_say_its_triage_does_not_say() -> None:
    """Without a pathway a person decides, and the triage says why."""
    alone = request(priority=None, extension=None)
    made = sent(after=alone, suggested=Suggested("", "No pathway is in force."))
    by_person = output("suggestion", valueCodeableConcept={"text": "No pathway is in force."})
    assert made.writes[0].resource == {**alone, "authoredOn": NOW}
    assert made.writes[1].resource == wanted(priority=None, input=[DATASET], output=[by_person])


def test_e4_a_triage_shows_what_was_before() -> None:
    """The same need in 30 days, and why an earlier referral that is replaced ended as it did."""
    after = request(replaces=[ref("ServiceRequest/e")])
    made = sent(after=after, replaced=EARLIER, reasons=("Too early.", "No room."), first="ServiceRequest/f")
    more = [
        put("reason", valueReference=ref("ServiceRequest/e")),
        put("rationale", valueString="Too early."),
        put("rationale", valueString="No room."),
    ]
    assert made.writes[1].resource == {**wanted(input=[*wanted()["input"], *more]), "basedOn": [ref("ServiceRequest/f")]}


def test_hov_3_the_authority_is_handed_on_as_it_was_given() -> None:
    """By a Consent as by a basis; nothing else of the extension."""
    consent = {"id": "x", "url": SHARING_AUTHORITY, "valueReference": ref("Consent/c")}
    made = sent(after=request(extension=[{"url": "urn:x", "valueString": "x"}, consent]))
    assert made.writes[1].resource["input"][2:] == [put("sharing-authority", valueReference=ref("Consent/c"))]


def test_the_task_that_a_referral_is_sent_with_is_its_triage_or_what_that_will_be() -> None:
    assert sending.sent_task(written()) == wanted("triage")
    assert sending.sent_task(written(triage=triage())) == triage()


# A draft.


@pytest.mark.parametrize("start", ["none", "draft"])
def test_e4_a_draft_is_its_senders_own(start: str) -> None:
    """It asks for nothing but its own sender, and tells nobody."""
    new = start == "none"
    lacks = {"receiver": "", "live": False, "known": False, "response": "", "authority": NONE_DECIDED}
    made = sent(before=None if new else request("draft"), after=request("draft"), **lacks)
    stored = Staged(request("draft"), created=new, custodian=HOUSING if new else "")
    assert made == Outcome((stored,), audits=(audited("referral-written", "C" if new else "U"),))
    assert sent(before=None if new else request("draft"), after=request("draft"), sender=TRUST) == refusal(OWN)


@pytest.mark.parametrize("end", ["revoked", "entered-in-error"])
def test_e4_a_draft_that_is_given_up_tells_nobody(end: str) -> None:
    made = sent(before=request("draft"), after=request(end))
    assert made == Outcome((Staged(request(end)),), audits=(audited("referral-written"),))
    assert sent(before=request("draft"), after=request(end), sender="") == refusal(OWN)


def test_what_the_service_wrote_is_no_part_of_a_new_one() -> None:
    made = sent(after=request("draft", authoredOn="2026-01-01"))
    assert made.writes[0].resource == request("draft", authoredOn="2026-01-01")
