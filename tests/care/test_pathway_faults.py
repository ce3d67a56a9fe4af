"""Each fault for which a pathway is not published, word for word and with its place (GOV-3, GOV-7, GOV-8, ESC-1)."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from service.care.pathway.lint import Publication, faults
from service.care.pathway.pathway import actions
from service.change import Resource
from service.fhir.canonical import PATHWAY_COUNT, PATHWAY_PART, RULE_ID
from service.fhir.coding import concept
from tests.care.shipped import EXAMPLES, shipped, with_threshold
from tests.care.sitting import issues

LAST = len([*actions(shipped("front-door"))])
"""The place of an action that is added to the front door."""
HERE = f"PlanDefinition.action[{LAST}]"
CONDITION = f"{HERE}.condition.expression.expression"
RULE = "GOV-3"


def found(resource: Resource, **more: Any) -> Any:
    return faults(Publication(resource, examples=EXAMPLES, **more))


def changed(**members: Any) -> Resource:
    """The front door with other members; those of None are left out."""
    whole = {**shipped("front-door"), **members}
    return {name: value for name, value in whole.items() if value is not None}


def acting(*more: Resource) -> Resource:
    """The front door with further actions."""
    made = copy.deepcopy(shipped("front-door"))
    made["action"] += more
    return made


def deadline(rule: str = "TIM-14", priority: str | None = "asap", **duration: Any) -> Resource:
    given = {"code": [concept(RULE_ID, rule)], "priority": priority, "timingDuration": duration or {"value": 1, "code": "h"}}
    return {name: value for name, value in given.items() if value is not None}


# The pathway.


@pytest.mark.parametrize(
    ("url", "name"),
    [
        (None, ""),
        ("https://baton.example/fhir/PlanDefinition/pathway-other", "other"),
        ("urn:front-door", "urn:front-door"),
    ],
)
def test_gov_3_only_the_service_s_pathways_are_published(url: str | None, name: str) -> None:
    known = (
        "`front-door`, `step-up`, `discharge`, `step-down`, `safeguarding`, `crisis-plan`, `case-review`, `risk-forum`, "
        "`information-sharing`"
    )
    text = f"There is no pathway `{name}`: publish one of {known}."
    assert found(changed(url=url)) == issues((text, "PlanDefinition.url", RULE))


@pytest.mark.parametrize("version", [None, ""])
def test_gov_3_a_pathway_has_a_version(version: str | None) -> None:
    text = "A pathway has a version: set `version`."
    assert found(changed(version=version)) == issues((text, "PlanDefinition.version", RULE))


@pytest.mark.parametrize("version", ["2|3", "1.0.0"])
def test_gov_3_a_version_is_published_once(version: str) -> None:
    """And can be told from the canonical that it ends."""
    text = f"Version `{version}` of this pathway was published before: give the change a version of its own."
    made = found(changed(version=version), versions=frozenset({"0.9.0", "1.0.0"}))
    assert made == issues((text, "PlanDefinition.version", RULE))


@pytest.mark.parametrize("status", ["draft", "retired", None])
def test_gov_7_a_pathway_is_published_as_active(status: str | None) -> None:
    text = f"A pathway is published as `active`, not as `{status}`: agencies agree to what is to be in force."
    assert found(changed(status=status)) == issues((text, "PlanDefinition.status", "GOV-7"))


def test_gov_8_a_pathway_was_approved_and_is_reviewed() -> None:
    lacking = ("approvalDate", "lastReviewDate", "effectivePeriod.end")
    text = "A pathway says when it was approved and is reviewed: set `{}`."
    made = found(changed(approvalDate=None, lastReviewDate=None, effectivePeriod=None))
    assert made == issues(*((text.format(each), f"PlanDefinition.{each}", "GOV-8") for each in lacking))


# A deadline.


def test_gov_3_a_deadline_is_one_of_the_table() -> None:
    text = "`TIM-99` is no deadline: name one of TIM-1 to TIM-16."
    assert found(acting(deadline("TIM-99"))) == issues((text, f"{HERE}.code", RULE))


UNITS = "`h`, `d`, `{working-day}`"


@pytest.mark.parametrize(
    ("duration", "unit"),
    [
        ({"value": 1, "code": "wk"}, "wk"),
        ({"value": 1, "unit": "hours"}, "hours"),
        ({"value": 1, "code": "wk", "unit": "h"}, "wk"),
        ({"value": 1}, ""),
    ],
)
def test_gov_3_a_deadline_is_in_a_known_unit(duration: Resource, unit: str) -> None:
    text = f"`{unit}` is no unit of a deadline: use one of {UNITS}."
    assert found(acting(deadline(**duration))) == issues((text, f"{HERE}.timingDuration.code", RULE))


@pytest.mark.parametrize(
    "duration", [{"value": 1, "code": "{working-day}"}, {"value": 1, "unit": "d"}, {"value": 1.0, "code": "h"}]
)
def test_gov_3_a_deadline_may_be_a_whole_number_in_any_of_them(duration: Resource) -> None:
    assert found(acting(deadline(**duration))) == ()


@pytest.mark.parametrize("value", [None, 0, -1, 1.5, 0.5])
def test_gov_3_a_deadline_is_a_whole_number_above_none(value: float | None) -> None:
    text = f"`{value}` is no length of a deadline: give a whole number above 0 in `timingDuration`."
    assert found(acting(deadline(value=value, code="h"))) == issues((text, f"{HERE}.timingDuration.value", RULE))


def test_gov_3_a_deadline_has_a_known_priority() -> None:
    known = "`stat`, `asap`, `urgent`, `routine`, `crisis`"
    text = f"`soon` is no priority of a deadline: use one of {known}."
    assert found(acting(deadline(priority="soon"))) == issues((text, f"{HERE}.priority", RULE))


def test_gov_3_all_that_is_wrong_with_a_deadline_is_named_at_once() -> None:
    bare = {"code": [concept(RULE_ID, "TIM-14")], "priority": "soon"}
    assert [each.expression.removeprefix(HERE) for each in found(acting(bare))] == [
        ".timingDuration.code", ".timingDuration.value", ".priority",
    ]  # fmt: skip


def test_gov_3_a_deadline_has_one_span_for_a_priority() -> None:
    first = f"{HERE}.code"
    text = f"`TIM-14` has a span for `asap` already (`{HERE}`): keep one of the two."
    twice = acting(deadline(), deadline("TIM-15"), deadline(value=2, code="h"))
    assert found(twice) == issues((text, first.replace(str(LAST), str(LAST + 2)), RULE))


# A part.


def part(**members: Any) -> Resource:
    return {"code": [concept(PATHWAY_PART, "decision-review-days")], **members}


def test_gov_3_a_part_says_a_number_or_a_timing() -> None:
    text = "`decision-review-days` says nothing: give a number (an input with the extension `pathway-count`), or a Timing."
    counted = {"input": [{}, {"extension": [{"url": "urn:other"}, {"url": PATHWAY_COUNT, "valuePositiveInt": 7}]}]}
    nothing: list[Resource] = [{}, {"input": []}, {"input": [{"extension": [{"url": "urn:other"}]}]}]
    something: list[Resource] = [counted, {"timingTiming": {}}, {"extension": [{"url": "urn:other"}]}]
    for each in nothing:
        assert found(acting(part(**each))) == issues((text, f"{HERE}.input", RULE))
    for each in something:
        assert found(acting(part(**each))) == ()


# A threshold.


def test_gov_3_a_threshold_is_of_a_known_outcome() -> None:
    known = "`urgent`, `eligible`, `borderline`, `outside-scope`"
    made = with_threshold("%request.priority = 'stat'", "maybe")
    assert found(made) == issues((f"`maybe` is no outcome: use one of {known}.", f"{HERE}.code", RULE))


@pytest.mark.parametrize("expression", ["", " "])
def test_gov_3_a_threshold_has_a_condition(expression: str) -> None:
    text = "The threshold `urgent` has no condition: say in FHIRPath when it holds."
    assert found(with_threshold(expression)) == issues((text, CONDITION, RULE))


def test_gov_3_a_condition_is_fhirpath() -> None:
    (made,) = found(with_threshold("%dataset = = 1"))
    assert made.text.startswith("The condition of the threshold `urgent` is not FHIRPath (at character 1")
    assert made.text.endswith("): correct it.")
    assert (made.expression, made.rule) == (CONDITION, RULE)


READS = "The threshold `urgent` reads `{}`: it may read the answers and the request, never who the person is."
CLOCK = "The threshold `urgent` reads the clock (`{}`): the same answers must give the same suggestion on every day."


@pytest.mark.parametrize(
    ("expression", "texts"),
    [
        ("%request.priority = 'stat' or %dataset.item.where(linkId = 'post-code').exists()", [READS.format("postcode")]),
        ("%request.priority = 'stat' or %context.gender.exists()", [READS.format("context"), READS.format("gender")]),
        ("%request.priority = 'stat' and now() > @2020-01-01", [CLOCK.format("now")]),
        (
            "%request.priority = 'stat' and (today() > @2020-01-01 or timeOfDay() > @T10)",
            [CLOCK.format("timeofday"), CLOCK.format("today")],
        ),
    ],
)
def test_gov_3_a_condition_reads_neither_the_person_nor_the_clock(expression: str, texts: list[str]) -> None:
    made = [each for each in found(with_threshold(expression)) if " reads " in each.text]
    assert tuple(made) == issues(*((text, CONDITION, RULE) for text in texts))


@pytest.mark.parametrize(
    ("expression", "said"),
    [
        ("true", "holds on every shipped example of its dataset, and so tells nothing"),
        ("false", "holds on no shipped example of its dataset, and so tells nothing"),
        ("%dataset.item.linkId > 3", "cannot be evaluated on a shipped example (its values cannot be compared)"),
    ],
)
def test_gov_3_a_condition_tells_the_shipped_examples_apart(expression: str, said: str) -> None:
    text = f"The threshold `urgent` {said}: correct its condition."
    assert found(with_threshold(expression)) == issues((text, CONDITION, RULE))


def test_esc_1_an_escalation_reaches_somebody_at_every_hour() -> None:
    made = copy.deepcopy(shipped("step-up"))
    made["action"] = [each for each in made["action"] if "weekends" not in each["title"]]
    hours = "Sat 09:00–Sat 17:00, Sun 09:00–Sun 17:00"
    text = f"An escalation would reach nobody at these hours of the week: {hours}. Name a route for each of them."
    assert found(made) == issues((text, "PlanDefinition.action", "ESC-1"))
