"""What a data request asks, in the names that `$disclose` has for it, and what it is answered."""

from __future__ import annotations

from collections.abc import Mapping

from service.care.task import reading
from service.change import Resource
from service.fhir.operation import Given, Input
from service.fhir.reference import link, reference_to

RULE = "consent-rules 4"
WAITING = "awaiting-approval"
INPUTS: Mapping[str, Input] = {
    "type": Input("record-type", ("valueCode",), required=True, repeats=True),
    "purpose": Input("purpose", ("valueCoding",), required=True, repeats=True),
    "category": Input("record-category", ("valueCode", "valueCoding", "valueCodeableConcept"), repeats=True),
    "period": Input("record-period", ("valuePeriod",)),
    "basis": Input("sharing-authority", ("valueCodeableConcept",)),
}
"""What a data request is given, by the name that `$disclose` has for it."""


def waits(task: Resource) -> bool:
    """Whether a named person must approve: a basis is claimed, or a named person is asked."""
    return bool(reading.inputs(task, "sharing-authority")) or not link(task, "owner").startswith("Organization/")


def given(task: Resource) -> Given:
    """What was asked, in the names of `$disclose`'s parameters."""
    values = {name: [value(each, wanted) for each in reading.inputs(task, wanted.name)] for name, wanted in INPUTS.items()}
    return {**values, "reason": [str((task.get("reasonCode") or {}).get("text", ""))]}


def place(name: str) -> str:
    """The FHIRPath of what a parameter of `$disclose` is called in a data request."""
    if name in INPUTS:
        return f"Task.input.where(type.coding.code = '{INPUTS[name].name}')"
    return {"recipient": "Task.requester", "reason": "Task.reasonCode.text"}.get(name, f"Task.{name}")


def answered(task: Resource, records: tuple[str, ...]) -> Resource:
    """The Task with its answer: completed, and what was disclosed as outputs; none when nothing was."""
    done = reading.with_member({**task, "status": "completed"}, "businessStatus", None)
    for record in records:
        done = reading.with_output(done, "disclosure", valueReference=reference_to(record))
    return done


def value(element: Resource, wanted: Input) -> object:
    return next((element[kind] for kind in wanted.kinds if kind in element), None)
