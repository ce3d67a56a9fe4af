"""What a pathway is refused for when it is published: every fault by name (GOV-3, GOV-8, ESC-1)."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from service.care.pathway.lint import Publication, faults
from service.care.pathway.pathway import NAMES
from service.change import Resource
from service.fhir.canonical import RULE_ID
from tests.care.shipped import EXAMPLES, shipped, with_threshold


def texts(resource: Resource, **more: Any) -> list[str]:
    """What is said of a pathway."""
    return [each.text for each in faults(Publication(resource, examples=EXAMPLES, **more))]


def with_deadline(code: str = "TIM-14", priority: str = "asap", value: float = 1, unit: str = "h") -> dict[str, Any]:
    """The front door with one deadline more."""
    made = copy.deepcopy(shipped("front-door"))
    coded = [{"coding": [{"system": RULE_ID, "code": code}]}]
    made["action"].append({"code": coded, "priority": priority, "timingDuration": {"value": value, "code": unit}})
    return made


ANSWER = "%dataset.item.where(linkId = 'current-risks').answer"


@pytest.mark.parametrize("name", NAMES)
def test_what_is_shipped_has_no_fault(name: str) -> None:
    """GOV-3: each threshold tells the shipped examples apart, every hour is covered, every date is there (GOV-8)."""
    assert texts(shipped(name)) == []


@pytest.mark.parametrize("expression", ["%dataset.item.where(", "%dataset.item item", "%dataset = = 1", "'open"])
def test_a_condition_that_is_not_fhirpath_is_named(expression: str) -> None:
    """All of it is read: the engine alone would take the part that it understands."""
    (text,) = texts(with_threshold(expression))
    assert text.startswith("The condition of the threshold `urgent` is not FHIRPath (at character")


@pytest.mark.parametrize(
    ("expression", "said"),
    [
        (f"{ANSWER}.exists()", "holds on every shipped example"),
        ("%dataset.item.where(linkId = 'no-such-item').exists()", "holds on no shipped example"),
        ("%request.priority = 'someday'", "holds on no shipped example"),
        ("true", "holds on every shipped example"),
    ],
)
def test_a_threshold_that_tells_nothing_is_named(expression: str, said: str) -> None:
    """It always or never holds on the shipped examples of its dataset."""
    (text,) = texts(with_threshold(expression))
    assert said in text


def test_a_threshold_that_reads_the_request_alone_tells() -> None:
    """It is tried with every priority."""
    assert texts(with_threshold("%request.priority = 'stat'")) == []


@pytest.mark.parametrize(
    ("expression", "word"),
    [
        ("%resource.birthDate < @1960-01-01", "birthdate"),
        ("%dataset.subject.resolve().gender = 'female'", "gender"),
        ("Patient.address.city = 'Leeds'", "address"),
        (f"{ANSWER}.exists() and %dataset.item.where(linkId = 'ethnicity').exists()", "ethnicity"),
        ("%dataset.language = 'cy'", "language"),
        ("%request.subject.exists()", "subject"),
        ("%dataset.descendants().where(linkId = 'first-language').exists()", "language"),
    ],
)
def test_a_threshold_that_reads_demographics_is_named(expression: str, word: str) -> None:
    """Equity: who the person is decides nothing."""
    assert any(f"reads `{word}`" in text for text in texts(with_threshold(expression)))


def test_a_threshold_that_reads_the_clock_is_named() -> None:
    """The same answers give the same suggestion on every day."""
    assert any("reads the clock (`today`)" in text for text in texts(with_threshold("%request.authoredOn < today()")))


@pytest.mark.parametrize(
    ("made", "said"),
    [
        (with_deadline(code="TIM-99"), "`TIM-99` is no deadline"),
        (with_deadline(unit="wk"), "`wk` is no unit of a deadline"),
        (with_deadline(value=1.5), "`1.5` is no length of a deadline"),
        (with_deadline(value=0), "`0` is no length of a deadline"),
        (with_deadline(priority="soon"), "`soon` is no priority of a deadline"),
        (with_deadline(priority="urgent"), "`TIM-14` has a span for `urgent` already"),
        (with_threshold("%request.priority = 'stat'", "maybe"), "`maybe` is no outcome"),
        (with_threshold(" "), "has no condition"),
    ],
)
def test_a_fault_of_an_action_is_named(made: Resource, said: str) -> None:
    """By its value, and what would make it right."""
    (text,) = texts(made)
    assert said in text


@pytest.mark.parametrize(
    ("change", "said", "rule"),
    [
        ({"version": "0.1.0"}, "Version `0.1.0` of this pathway was published before", "GOV-3"),
        ({"url": "https://baton.example/fhir/PlanDefinition/pathway-other"}, "There is no pathway `other`", "GOV-3"),
        ({"status": "draft"}, "published as `active`, not as `draft`", "GOV-7"),
        ({"approvalDate": None}, "set `approvalDate`", "GOV-8"),
        ({"lastReviewDate": None}, "set `lastReviewDate`", "GOV-8"),
        ({"effectivePeriod": {"start": "2026-10-01"}}, "set `effectivePeriod.end`", "GOV-8"),
    ],
)
def test_a_fault_of_the_pathway_is_named(change: dict[str, Any], said: str, rule: str) -> None:
    """With its rule."""
    made = {**shipped("front-door"), "version": "2.0.0", **change}
    (found,) = faults(Publication(made, frozenset(("0.1.0",)), EXAMPLES))
    assert said in found.text
    assert found.rule == rule


def test_every_fault_is_named_at_once() -> None:
    """One publication, one answer."""
    made = {**with_threshold("%dataset.item.where("), "status": "draft"}
    made["action"].append({"code": [{"coding": [{"system": RULE_ID, "code": "TIM-99"}]}]})
    assert len(texts(made)) == 5


def test_a_step_up_pathway_with_an_uncovered_hour_is_refused() -> None:
    """ESC-1: naming the hours."""
    made = copy.deepcopy(shipped("step-up"))
    made["action"] = [each for each in made["action"] if "weekends" not in each["title"]]
    (found,) = faults(Publication(made, examples=EXAMPLES))
    assert "at these hours of the week: Sat 09:00–Sat 17:00, Sun 09:00–Sun 17:00" in found.text
    assert found.rule == "ESC-1"


def test_the_hours_of_a_service_count_as_the_directory_says_them() -> None:
    """ESC-1: a route to a service without hours of its own."""
    made = copy.deepcopy(shipped("step-up"))
    route = next(each["extension"][0] for each in made["action"] if "weekends" in each["title"])
    route["extension"] = [{"url": "to", "valueReference": {"reference": "HealthcareService/weekend"}}]
    open_ = {"HealthcareService/weekend": {"availableTime": [{"daysOfWeek": ["sat", "sun"], "allDay": True}]}}
    assert texts(made, services=open_) == []
    assert "Sat 09:00" in texts(made)[0]
