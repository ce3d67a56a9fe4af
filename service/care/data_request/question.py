"""The question of a data request, in the parameter names of `$disclose`, and its answer."""

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
"""The inputs of a data request, by the name of the `$disclose` parameter that each becomes."""


def waits(task: Resource) -> bool:
    """Whether a data request waits for a named person's approval: it claims a lawful basis, or asks a named person."""
    return bool(reading.inputs(task, "sharing-authority")) or not link(task, "owner").startswith("Organization/")


def given(task: Resource) -> Given:
    """The values that a data request gives for `$disclose`'s parameters, by parameter name."""
    values = {name: [value(each, wanted) for each in reading.inputs(task, wanted.name)] for name, wanted in INPUTS.items()}
    return {**values, "reason": [str((task.get("reasonCode") or {}).get("text", ""))]}


def place(name: str) -> str:
    """The FHIRPath of the element of a data request that holds the `$disclose` parameter `name`."""
    if name in INPUTS:
        return f"Task.input.where(type.coding.code = '{INPUTS[name].name}')"
    return {"recipient": "Task.requester", "reason": "Task.reasonCode.text"}.get(name, f"Task.{name}")


def answered(task: Resource, records: tuple[str, ...]) -> Resource:
    """The Task with its answer: completed, with the disclosure `records` as outputs; no outputs when nothing was disclosed."""
    done = reading.with_member({**task, "status": "completed"}, "businessStatus", None)
    for record in records:
        done = reading.with_output(done, "disclosure", valueReference=reference_to(record))
    return done


def value(element: Resource, wanted: Input) -> object:
    return next((element[kind] for kind in wanted.kinds if kind in element), None)
