"""What `List/{id}/$close-meeting` takes: a decision for each entry of an agenda."""

from __future__ import annotations

from service.fhir.operation import Input

WORDS = ("valueString", "valueMarkdown")
ACTION = (
    Input("description", WORDS, required=True),
    Input("owner", ("valueReference",)),
    Input("due", ("valueDate", "valueDateTime", "valueInstant")),
)
ENTRY = (
    Input("item", ("valueReference",), required=True),
    Input("decision", ("valueCode", "valueCoding", "valueCodeableConcept")),
    Input("rationale", WORDS),
    Input("receiver", ("valueReference",)),
    Input("lead", ("valueReference",)),
    Input("redirect", ("valueReference",)),
    Input("action", repeats=True, parts=ACTION),
    Input("review", ("valueDate", "valueDateTime")),
    Input("proportionality", WORDS),
    Input("duration", ("valueDuration", "valueQuantity", "valueString")),
)
INPUTS = (Input("entry", repeats=True, parts=ENTRY),)
