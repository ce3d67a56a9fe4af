"""What `List/{id}/$close-meeting` takes: a decision for each entry of an agenda."""

from __future__ import annotations

from service.fhir.operation import Input

ACTION = (
    Input("description", ("valueString",), required=True),
    Input("owner", ("valueReference",)),
    Input("due", ("valueDate", "valueDateTime", "valueInstant")),
)
ENTRY = (
    Input("item", ("valueReference",), required=True),
    Input("decision", ("valueCode", "valueCoding", "valueCodeableConcept")),
    Input("rationale", ("valueString",)),
    Input("receiver", ("valueReference",)),
    Input("lead", ("valueReference",)),
    Input("redirect", ("valueReference",)),
    Input("action", repeats=True, parts=ACTION),
    Input("review", ("valueDate", "valueDateTime")),
    Input("proportionality", ("valueString",)),
    Input("duration", ("valueDuration", "valueString")),
)
INPUTS = (Input("entry", repeats=True, parts=ENTRY),)
