"""A decision in plain words and by provision path, as parameters of an operation's answer."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import replace

from service.change import Resource
from service.consent.reasons import Decision, Reason
from service.fhir.operation import parameter, parts
from service.fhir.reference import unversioned

RECORDS = ("Consent/", "Task/", "Communication/")


def explained(decision: Decision) -> tuple[Resource, ...]:
    """The answer, a sentence, every row that fired in its order, the duties that go with it and what would be taken out."""
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
    """One row that fired: its layer, what it says, why, and what it rests on."""
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
    """The whole answer in one or two sentences."""
    words = "Permitted" if decision.permit else "Denied"
    less = " Some parts would be taken out." if decision.redactions else ""
    return f"{words}: {decision.reasons[0].text}{less}" if decision.reasons else f"{words}."


def cited(decision: Decision) -> frozenset[str]:
    """The records that the reasons rest on, as `Type/id`."""
    return frozenset(_cited(decision))


def _cited(decision: Decision) -> Iterator[str]:
    for each in (*(row.source for row in decision.reasons), *decision.consents):
        if each.startswith(RECORDS):
            yield record_of(each)


def record_of(source: str) -> str:
    """`Consent/1` of `Consent/1/_history/3#provision`."""
    return unversioned(source.partition("#")[0])


def masked(decision: Decision, visible: Collection[str]) -> Decision:
    """The decision as somebody may be told who sees only the records `visible`: the others are not named."""
    return replace(
        decision,
        reasons=tuple(_masked(row, visible) for row in decision.reasons),
        consents=tuple(each for each in decision.consents if record_of(each) in visible),
    )


def _masked(row: Reason, visible: Collection[str]) -> Reason:
    hidden = row.source.startswith(RECORDS) and record_of(row.source) not in visible
    return replace(row, source=f"consent-rules#{row.row}") if hidden else row
