"""The decision of a meeting as it is read, made and kept (E1, E13, MTG-4)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from service.care.meeting import decision
from service.care.meeting.decision import Decision
from service.change import Resource
from service.fhir.canonical import (
    COMMUNICATION_CATEGORY,
    DECIDED,
    DECISION,
    DURATION,
    PATHWAY_VERSION,
    PROPORTIONALITY,
    PROPOSED_LEAD,
    RECEIVER,
    REVIEW,
)
from service.fhir.coding import concept
from tests.care.conftest import AT
from tests.care.front_door import CAL, CRISIS, PATHWAY, ref
from tests.care.sitting import AHEAD, WHY, E, P, R
from tests.care.told import ANN, HOUSING, NOW, TRUST

AWAY = "QuestionnaireResponse/away"
UNDER = {"url": PATHWAY_VERSION, "valueCanonical": PATHWAY}
TAKEN = {"url": DECIDED, "valueCodeableConcept": concept(DECISION, "allocated")}


def written(*extensions: Resource, **members: Any) -> Resource:
    """A decision as it is sent."""
    return {
        "resourceType": "Communication",
        "category": [concept(COMMUNICATION_CATEGORY, "decision")],
        "extension": [*extensions],
        "about": [ref(R)],
        "encounter": ref(E),
        "payload": [{"contentString": WHY}],
        **members,
    }


def test_a_decision_is_known_by_its_category() -> None:
    assert decision.is_decision(written())
    others: list[Resource | None] = [None, {}, written(category=[concept(COMMUNICATION_CATEGORY, "agenda-entry")])]
    assert not any(map(decision.is_decision, [*others, written(category=[concept("urn:other", "decision")])]))


def test_e1_a_decision_is_of_a_meeting_and_about_an_item() -> None:
    assert decision.of_meeting(written(encounter=ref(f"{E}/_history/4"))) == E
    assert decision.of_meeting(written(category=[])) == ""
    assert decision.of_meeting(None) == ""
    assert decision.item_of(written(about=[ref(f"{R}/_history/1"), ref(AWAY)])) == R
    assert decision.item_of({}) == ""


def test_e1_all_that_was_decided_is_read() -> None:
    said = written(
        TAKEN,
        {"url": RECEIVER, "valueReference": ref(CRISIS)},
        {"url": PROPOSED_LEAD, "valueReference": ref(CAL)},
        {"url": REVIEW, "valueDate": AHEAD},
        {"url": PROPORTIONALITY, "valueString": "Nothing less will do."},
        {"url": DURATION, "valueString": "14 days"},
        UNDER,
        about=[ref(f"{R}/_history/1"), ref("Flag/f"), ref(f"{AWAY}/_history/2"), ref("QuestionnaireResponse/later")],
    )
    assert decision.read(said) == Decision(
        item=R,
        kind="allocated",
        rationale=WHY,
        receiver=CRISIS,
        lead=CAL,
        review=AHEAD,
        proportionality="Nothing less will do.",
        duration=timedelta(days=14),
        lasts=DURATION,
        pathway=PATHWAY,
        redirect=AWAY,
    )


def test_what_a_decision_does_not_say_is_empty() -> None:
    assert decision.read({}) == Decision("", "", "")
    assert decision.read(written({}, {"url": DECIDED}, {"url": REVIEW}, {"url": PROPORTIONALITY}, {"url": PATHWAY_VERSION})) == (
        Decision(R, "", WHY)
    )


def test_the_item_of_a_decision_is_no_redirect() -> None:
    assert decision.read(written(about=[ref(R), ref(AWAY)])).redirect == AWAY
    assert decision.read(written(about=[ref(AWAY)])).redirect == ""


@pytest.mark.parametrize(
    "value",
    [
        {"valueCode": "deferred"},
        {"valueCodeableConcept": concept(DECISION, "deferred")},
        {"valueCodeableConcept": concept("urn:other", "allocated"), "valueCode": "deferred"},
    ],
)
def test_e1_the_kind_of_a_decision_is_coded(value: Resource) -> None:
    assert decision.read(written({"url": DECIDED, **value})).kind == "deferred"


def test_e1_the_reason_is_the_first_text_that_shows_something() -> None:
    texts: list[Resource] = [{"contentReference": ref(AWAY)}, {"contentString": " \u200b"}, {"contentString": WHY}]
    assert decision.read(written(payload=[*texts, {"contentString": "And more."}])).rationale == WHY
    assert decision.read(written(payload=texts[:2])).rationale == ""


# How long a measure lasts.

WORDS = [
    ("1 h", timedelta(hours=1)),
    ("24h", timedelta(days=1)),
    ("1 hour", timedelta(hours=1)),
    ("48 Hours", timedelta(days=2)),
    ("1 d", timedelta(days=1)),
    ("1 day", timedelta(days=1)),
    ("  14 days ", timedelta(days=14)),
    ("2w", timedelta(days=14)),
    ("2 wk", timedelta(days=14)),
    ("1 week", timedelta(days=7)),
    ("2 weeks", timedelta(days=14)),
    ("1 mo", timedelta(days=30)),
    ("1 month", timedelta(days=30)),
    ("2 months", timedelta(days=60)),
    ("1000 d", timedelta(days=1000)),
    ("P14D", timedelta(days=14)),
    ("p2w", timedelta(days=14)),
    ("P3M", timedelta(days=90)),
    ("PT12H", timedelta(hours=12)),
    ("PT30M", timedelta(minutes=30)),
    ("pt90m", timedelta(minutes=90)),
    ("p3m", timedelta(days=90)),
]


@pytest.mark.parametrize(("words", "lasts"), WORDS)
def test_e13_how_long_a_measure_lasts_is_read_in_words(words: str, lasts: timedelta) -> None:
    assert decision.lasting({"valueString": words}) == lasts


@pytest.mark.parametrize(
    "words",
    ["", "soon", "days", "14", "14 days or so", "about 14 days", "1.5 d", "-2 d", "12345 d", "P1Y", "2 fortnights"],
)
def test_e13_other_words_say_no_length(words: str) -> None:
    assert decision.lasting({"valueString": words}) is None


@pytest.mark.parametrize("words", ["30 m", "30m", "T30M", "30 min", "30 minutes"])
def test_e13_minutes_are_never_taken_for_months(words: str) -> None:
    """A bare m may be either."""
    assert decision.lasting({"valueString": words}) is None


def test_e13_a_duration_is_read_as_such() -> None:
    assert decision.lasting({"valueDuration": {"value": 2, "code": "wk"}, "valueString": "9 d"}) == timedelta(days=14)
    assert decision.lasting({}) is None


# How it is made and kept.


def test_e1_a_decision_is_made_of_what_was_said() -> None:
    made = decision.made("d", meeting=E, item=R, person=P, rationale=WHY, at=AT, said=iter([TAKEN]), about=[AWAY])
    assert made == {
        "resourceType": "Communication",
        "id": "d",
        "extension": [TAKEN],
        "status": "completed",
        "category": [{"coding": [{"system": COMMUNICATION_CATEGORY, "code": "decision"}]}],
        "subject": {"reference": P},
        "about": [{"reference": R}, {"reference": AWAY}],
        "encounter": {"reference": E},
        "sent": NOW,
        "payload": [{"contentString": WHY}],
    }


def test_what_was_not_said_is_left_out() -> None:
    made = decision.made("d", meeting=E, item=R, person="", rationale="", at=AT, said=())
    assert [*made] == ["resourceType", "id", "status", "category", "about", "encounter", "sent"]
    assert made["about"] == [ref(R)]


def kept(sent: Resource, told: tuple[str, ...] = (HOUSING, TRUST), pathway: str = PATHWAY) -> Resource:
    return decision.completed(sent, person=P, chair=ANN, told=told, pathway=pathway, at=AT)


def test_mtg_4_a_decision_is_kept_with_who_decided_for_whom_and_under_what() -> None:
    """Whatever was sent of these."""
    other = {"url": PATHWAY_VERSION, "valueCanonical": "urn:other"}
    wrong = {"status": "preparation", "subject": ref("Patient/q"), "sender": ref(CAL), "sent": "2020-01-01T00:00:00Z"}
    sent = written(other, TAKEN, recipient=[ref(CRISIS)], **wrong)
    assert kept(sent) == written(
        TAKEN,
        UNDER,
        status="completed",
        subject=ref(P),
        sender=ref(ANN),
        sent=NOW,
        recipient=[ref(HOUSING), ref(TRUST)],
    )


def test_e1_a_decision_that_nobody_is_told_of_has_no_recipient() -> None:
    found = kept(written(TAKEN, recipient=[ref(CRISIS)]), told=(), pathway="")
    assert "recipient" not in found
    assert found["extension"] == [TAKEN]


def test_a_decision_without_extensions_is_kept_under_its_pathway() -> None:
    sent = {name: value for name, value in written().items() if name != "extension"}
    assert kept(sent)["extension"] == [UNDER]
