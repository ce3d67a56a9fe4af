"""Handovers in which everything is right, and changes that break one thing of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from service.fhir.canonical import LAWFUL_BASIS, SCOPE
from service.fhir.coding import concept
from service.problem import Issue

Change = Callable[[Any, Any], Any]


def refused(text: str, expression: str, rule: str) -> tuple[Issue, ...]:
    return (Issue("business-rule", text, expression, rule),)


def with_after(**members: Any) -> Change:
    """A situation with members of the submitted Task changed; a member of None goes."""

    def change(_: Any, situation: Any) -> Any:
        after = {name: value for name, value in {**situation.after, **members}.items() if value is not None}
        return replace(situation, after=after)

    return change


def with_(**members: Any) -> Change:
    return lambda _, situation: replace(situation, **members)


def given(kind: str, **value: Any) -> dict[str, Any]:
    return {"type": concept("https://baton.example/fhir/CodeSystem/task-input", kind), **value}


DATASET = given("minimum-dataset", valueReference={"reference": "QuestionnaireResponse/q"})
CARE = given("sharing-authority", valueCodeableConcept=concept(LAWFUL_BASIS, "direct-care"))
CONSENT = given("sharing-authority", valueReference={"reference": "Consent/c"})


def scope(kind: str, code: str) -> dict[str, Any]:
    return {
        "type": concept("https://baton.example/fhir/CodeSystem/task-output", kind),
        "valueCodeableConcept": concept(SCOPE, code),
    }


def accepting(world: Any) -> Any:
    before = world.task("received")
    return world.situation(before, world.submitted(before, "accepted"), "owner")


def sending(world: Any) -> Any:
    return world.situation(None, world.task("requested"))


def planned(**members: Any) -> Change:
    """A situation whose plan has members changed."""
    return lambda world, situation: replace(situation, plan=world.plan(**members))
