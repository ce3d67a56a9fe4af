"""Explains a decision in plain words and by provision path, as parameters of an operation's answer."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import replace

from service.change import Resource
from service.consent.reasons import Decision, Reason
from service.fhir.operation import parameter, parts
from service.fhir.reference import unversioned

RECORDS = ("Consent/", "Task/", "Communication/")


def explained(decision: Decision) -> tuple[Resource, ...]:
    """The parameters that explain a decision: the effect, a sentence, the policy, every row that fired in its order, the
    obligations, the redactions and the Consents.
    """
    return (
        parameter("decision", "valueCode", effect(decision.permit)),
        parameter("summary", "valueString", sentence(decision)),
        parameter("policy", "valueString", decision.policy_version),
        *(reason(each) for each in decision.reasons),
        *(parameter("obligation", "valueCode", each) for each in decision.obligations),
        *(
            parts("redaction", parameter("kind", "valueCode", each.kind), parameter("value", "valueString", each.value))
            for each in decision.redactions
        ),
        *(parameter("consent", "valueReference", {"reference": each}) for each in decision.consents),
    )


def reason(row: Reason) -> Resource:
    """One row that fired, as a parameter: its layer, its effect, its words and the source it rests on."""
    return parts(
        "reason",
        parameter("row", "valueCode", row.row),
        parameter("effect", "valueCode", effect(row.permit)),
        parameter("text", "valueString", row.text),
        parameter("source", "valueString", row.source),
    )


def effect(permit: bool) -> str:
    """`permit` or `deny`."""
    return "permit" if permit else "deny"


def sentence(decision: Decision) -> str:
    """The whole decision in one or two sentences."""
    words = "Permitted" if decision.permit else "Denied"
    less = " Some parts would be taken out." if decision.redactions else ""
    return f"{words}: {decision.reasons[0].text}{less}" if decision.reasons else f"{words}."


def cited(decision: Decision) -> frozenset[str]:
    """The Consents, Tasks and Communications that a decision's reasons rest on, as `Type/id`."""
    return frozenset(_cited(decision))


def _cited(decision: Decision) -> Iterator[str]:
    for each in (*(row.source for row in decision.reasons), *decision.consents):
        if each.startswith(RECORDS):
            yield record_of(each)


def record_of(source: str) -> str:
    """The record that a reason's source names: `Consent/1` of `Consent/1/_history/3#provision`."""
    return unversioned(source.partition("#")[0])


def masked(decision: Decision, visible: Collection[str]) -> Decision:
    """The decision as shown to a reader who sees only the records `visible` (`Type/id`): no other record is named."""
    return replace(
        decision,
        reasons=tuple(_masked(row, visible) for row in decision.reasons),
        consents=tuple(each for each in decision.consents if record_of(each) in visible),
    )


def _masked(row: Reason, visible: Collection[str]) -> Reason:
    hidden = row.source.startswith(RECORDS) and record_of(row.source) not in visible
    return replace(row, source=f"consent-rules#{row.row}") if hidden else row
