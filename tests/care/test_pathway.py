"""A pathway read from its PlanDefinition, and what its thresholds suggest (GOV-3)."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from service.care.pathway.pathway import Pathway, Threshold, read
from service.care.pathway.suggestion import suggest
from service.care.task.timers import WEEKDAYS, Span, Unit
from service.change import Resource
from service.fhir.canonical import DATASET_ANSWER, DEADLINE_PRIORITY, PATHWAY_COUNT, PATHWAY_PART, RULE_ID, TRIAGE_OUTCOME
from service.fhir.path import compile_path

LONDON = ZoneInfo("Europe/London")
FRIDAY = datetime(2026, 11, 27, 15, tzinfo=LONDON)


def answers(**given: str | Resource) -> Resource:
    """A dataset with one answer for each linkId (`_` for `-`): text, or a coding."""
    items = [
        {"linkId": link.replace("_", "-"), "answer": [{"valueString" if isinstance(said, str) else "valueCoding": said}]}
        for link, said in given.items()
    ]
    return {"resourceType": "QuestionnaireResponse", "status": "completed", "item": items}


def says(link: str, word: str) -> str:
    """The expression that an item's text has a word."""
    return f"%dataset.item.where(linkId = '{link}').answer.value.ofType(string).exists($this.matches('(?i){word}'))"


def pathway(*thresholds: tuple[str, str], **more: object) -> Pathway:
    """A pathway with these outcomes and expressions."""
    made = tuple(Threshold(code, f"why {code}", compile_path(expression)) for code, expression in thresholds)
    return Pathway("x", "1.0.0", "https://baton.example/fhir/PlanDefinition/pathway-x", made, **more)  # type: ignore[arg-type]


URGENT = ("urgent", says("current-risks", "plan to die"))
ELIGIBLE = ("eligible", f"{says('functional-impact', 'not cooking')} or {says('current-risks', 'risk')}")
PRIORITY = ("urgent", "%request.priority = 'stat'")


def test_the_first_threshold_that_holds_is_the_suggestion() -> None:
    """And all that hold are listed, in the pathway's order."""
    found = suggest(pathway(URGENT, ELIGIBLE), answers(current_risks="A plan to die: high risk"), None)
    assert (found.code, [held.code for held in found.holds], found.fault) == ("urgent", ["urgent", "eligible"], "")


def test_each_threshold_that_holds_names_the_answers_that_made_it_hold() -> None:
    """Of two answers of which either is enough, both; an answer that is not read, never."""
    given = answers(current_risks="Some risk", functional_impact="Not cooking", presenting_need="Help")
    (held,) = suggest(pathway(ELIGIBLE), given, None).holds
    assert held.because == (("current-risks", "Some risk"), ("functional-impact", "Not cooking"))


def test_of_answers_that_hold_only_together_each_is_named() -> None:
    """Without either of them the threshold would not hold."""
    both = ("urgent", f"{says('current-risks', 'voices')} and {says('functional-impact', 'alone')}")
    (held,) = suggest(pathway(both), answers(current_risks="Hears voices", functional_impact="Lives alone"), None).holds
    assert [link for link, _ in held.because] == ["current-risks", "functional-impact"]


def test_a_member_of_the_request_is_named_as_its_reason() -> None:
    """The request's priority is evidence like an answer."""
    (held,) = suggest(pathway(PRIORITY), None, {"resourceType": "ServiceRequest", "priority": "stat"}).holds
    assert held.because == (("%request.priority", "stat"),)


def test_a_coded_answer_is_named_by_its_display() -> None:
    """`none` is an answer like another."""
    none = ("outside-scope", "%dataset.item.where(linkId = 'current-risks').answer.value.ofType(Coding).exists(code = 'none')")
    given = answers(current_risks={"system": DATASET_ANSWER, "code": "none", "display": "None"})
    assert suggest(pathway(none), given, None).holds[0].because == (("current-risks", "None"),)


def test_where_no_threshold_holds_nothing_is_suggested() -> None:
    """There is no default outcome."""
    found = suggest(pathway(URGENT, ELIGIBLE), answers(current_risks="none"), None)
    assert (found.code, found.holds, found.fault) == ("", (), "")


@pytest.mark.parametrize("broken", ["%dataset.item.answer.value > 3", "%dataset.item.nosuch()", "%dataset.item.where("])
def test_a_threshold_that_cannot_be_evaluated_leaves_the_decision_to_a_person(broken: str) -> None:
    """Whatever the others suggest; the reason names the threshold and the version."""
    made = read({"url": "https://baton.example/fhir/PlanDefinition/pathway-x", "version": "2", "action": [
        {"code": [{"coding": [{"system": TRIAGE_OUTCOME, "code": code}]}],
         "condition": [{"kind": "applicability", "expression": {"language": "text/fhirpath", "expression": expression}}]}
        for code, expression in (ELIGIBLE, ("borderline", broken))]})  # fmt: skip
    found = suggest(made, answers(current_risks="risk", functional_impact="x"), None)
    assert (found.code, [held.code for held in found.holds]) == ("", ["eligible"])
    assert "`borderline` of `https://baton.example/fhir/PlanDefinition/pathway-x|2`" in found.fault
    assert "a person decides" in found.fault


def test_urgent_is_suggested_from_what_is_there() -> None:
    """E4: a dataset with missing items is still urgent."""
    assert suggest(pathway(URGENT, ELIGIBLE), answers(current_risks="plan to die"), None).code == "urgent"


def test_what_would_change_the_suggestion_is_told() -> None:
    """The thresholds before it, and the answers that it rests on."""
    found = suggest(pathway(URGENT, ELIGIBLE), answers(functional_impact="not cooking"), None)
    assert found.would_change == (
        "`urgent` would hold by other answers to `current-risks`: why urgent",
        "Without the answer to `functional-impact`: no suggestion.",
    )


@pytest.mark.parametrize("member", ["subject", "author", "source", "encounter", "extension", "contained", "identifier"])
def test_a_threshold_is_not_given_whose_dataset_it_is(member: str) -> None:
    """Equity: what is not given cannot make a difference."""
    given = {**answers(current_risks="x"), member: [{"reference": "Patient/p"}]}
    assert suggest(pathway(("urgent", f"%dataset.{member}.exists()")), given, None).code == ""


def deadline(rule: str, priority: str, value: float, unit: str, **more: object) -> Resource:
    """A deadline action."""
    word = [{"coding": [{"system": DEADLINE_PRIORITY, "code": priority}]}] if priority == "crisis" else []
    said = {} if priority == "crisis" else {"priority": priority}
    code = [{"coding": [{"system": RULE_ID, "code": rule}]}, *word]
    return {"code": code, **said, "timingDuration": {"value": value, "code": unit}, **more}


def test_a_pathway_reads_its_spans_by_deadline_and_priority() -> None:
    """In hours, days and working days; a priority that R4 does not have is a second code."""
    listed = [deadline("TIM-14", "urgent", 2, "h"), deadline("TIM-2", "crisis", 1, "d"),
              deadline("TIM-14", "routine", 3, "{working-day}")]  # fmt: skip
    assert read({"action": [{"action": listed}]}).spans == {
        ("TIM-14", "urgent"): Span(2),
        ("TIM-2", "crisis"): Span(1, Unit.DAYS),
        ("TIM-14", "routine"): Span(3, Unit.WORKING_DAYS),
    }


def test_a_deadline_falls_due_by_the_pathways_own_span() -> None:
    """TIM-14: and by the service's for a priority that the pathway does not say."""
    made = pathway(spans={("TIM-14", "routine"): Span(2, Unit.WORKING_DAYS)})
    assert made.due("TIM-14", FRIDAY, WEEKDAYS) == datetime(2026, 12, 1, 15, tzinfo=LONDON)
    assert made.due("TIM-14", FRIDAY, WEEKDAYS, priority="urgent") == datetime(2026, 11, 27, 19, tzinfo=LONDON)


def test_a_priority_without_its_own_span_falls_under_the_deadlines_word() -> None:
    """TIM-2 knows `crisis`: an urgent handover has the pathway's span for it."""
    made = pathway(spans={("TIM-2", "crisis"): Span(2)})
    assert made.due("TIM-2", FRIDAY, WEEKDAYS, priority="urgent") == datetime(2026, 11, 27, 17, tzinfo=LONDON)


def test_an_own_span_is_the_last_levels_and_no_level_before_is_later() -> None:
    """TIM-3: a limit of 36 h keeps the target of 24 h; a limit of 12 h moves it."""
    wide, tight = (pathway(spans={("TIM-3", "routine"): Span(hours)}) for hours in (36, 12))
    assert [wide.due("TIM-3", FRIDAY, WEEKDAYS, level=level).hour for level in (0, 1)] == [15, 3]
    assert [tight.due("TIM-3", FRIDAY, WEEKDAYS, level=level).hour for level in (0, 1)] == [3, 3]


def test_a_deadline_with_no_span_of_the_service_has_the_pathways() -> None:
    """TIM-10 is a date on a Task unless the pathway says how long."""
    made = pathway(spans={("TIM-10", "routine"): Span(5, Unit.WORKING_DAYS)})
    assert made.due("TIM-10", FRIDAY, WEEKDAYS) == datetime(2026, 12, 4, 15, tzinfo=LONDON)


def test_a_case_review_is_due_in_four_weeks_at_high_risk_and_in_twelve_otherwise() -> None:
    """TIM-16: weeks are calendar weeks, at the same local time after the clocks change."""
    started = datetime(2026, 10, 12, 10, tzinfo=LONDON)
    assert pathway().due("TIM-16", started, WEEKDAYS, priority="urgent") == datetime(2026, 11, 9, 10, tzinfo=LONDON)
    assert pathway().due("TIM-16", started, WEEKDAYS) == datetime(2027, 1, 4, 10, tzinfo=LONDON)


def test_a_pathway_reads_its_counts_and_cadences() -> None:
    """A count that it does not say is the caller's default."""
    three = {"type": "integer", "extension": [{"url": PATHWAY_COUNT, "valuePositiveInt": 3}]}
    weekly = {"repeat": {"frequency": 1, "period": 1, "periodUnit": "wk"}}
    made = read({"action": [
        {"code": [{"coding": [{"system": PATHWAY_PART, "code": "first-week-contacts"}]}], "input": [three]},
        {"code": [{"coding": [{"system": PATHWAY_PART, "code": "meeting-cadence"}]}], "timingTiming": weekly},
    ]})  # fmt: skip
    assert (made.count("first-week-contacts", 9), made.count("failed-attempts", 9)) == (3, 9)
    assert made.cadences == {"meeting-cadence": weekly}


def test_a_version_is_named_by_its_canonical() -> None:
    """As instantiatesCanonical does (MTG-4)."""
    assert pathway().canonical == "https://baton.example/fhir/PlanDefinition/pathway-x|1.0.0"
