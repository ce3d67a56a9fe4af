"""The operations of the service and their OperationDefinitions, made from what each operation reads, so that they cannot
differ."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from service.change import Resource
from service.fhir.canonical import ALLOWED_TYPE, BASE
from service.fhir.models import literal
from service.fhir.operation import Input
from service.usecases.care import explain, meeting_request
from service.usecases.consent import emergency, evaluate, override
from service.usecases.disclosure import disclose, disclosure_account


@dataclass(frozen=True, slots=True)
class Operation:
    """An operation `$name` of a resource type: of one record (`instance`) or of the type. `changes`: a call changes records, so
    that it is made by POST alone. `returns` is the type of the answer.
    """

    type: str
    name: str
    title: str
    description: str
    inputs: Sequence[Input] = ()
    returns: str = "Parameters"
    instance: bool = True
    changes: bool = False
    variant: str = ""

    @property
    def id(self) -> str:
        """The id of its OperationDefinition."""
        return "-".join(part for part in (self.type, self.name, self.variant) if part)

    @property
    def canonical(self) -> str:
        """The canonical of its OperationDefinition."""
        return f"{BASE}/OperationDefinition/{self.id}"


OPERATIONS = (
    Operation(
        "CarePlan",
        "ownership",
        "Who has led a plan",
        "The leads of a care plan, oldest first: from when to when, and by which handover (OWN-6).",
    ),
    Operation(
        "Consent",
        "evaluate",
        "What consent permits",
        "The decision about a person's records for a recipient and purpose, with the rules that decided. Nothing is disclosed.",
        evaluate.INPUTS,
        instance=False,
    ),
    Operation(
        "List",
        "close-meeting",
        "Close a meeting",
        "Ends a meeting with a decision for each entry of its agenda: actions, an allocation, a redirect, a later date, or"
        " nothing before a review. Refused as a whole while anything is missing (E1).",
        meeting_request.INPUTS,
        changes=True,
    ),
    Operation(
        "Patient",
        "disclose",
        "Disclose records",
        "Gives a recipient what consent, or a recorded lawful basis, lets it read, less what is withheld; with `mode` preview,"
        " only says what that would be.",
        disclose.INPUTS,
        returns="Bundle",
        changes=True,
    ),
    Operation(
        "Patient",
        "break-glass",
        "Override consent",
        "Opens a person's record to the user for a stated reason and at most four hours; every agency whose records are opened"
        " reviews it.",
        override.INPUTS,
        returns="Task",
        changes=True,
    ),
    Operation(
        "Patient",
        "break-glass",
        "Find and open in an emergency",
        "Opens the crisis plan of a person whom nobody has named to the agency yet, found by NHS number, family name and date of"
        " birth (IDN-8).",
        emergency.INPUTS,
        returns="Task",
        instance=False,
        changes=True,
        variant="emergency",
    ),
    Operation(
        "Patient",
        "access-history",
        "Who saw a record",
        "The account of who saw which records of a person, when, why and by which authority, newest first.",
        disclosure_account.INPUTS,
        returns="Bundle",
    ),
    Operation(
        "PlanDefinition",
        "explain",
        "What a pathway suggests, and why",
        "The suggestion of a pathway in force for a dataset and a request: which thresholds hold, because of which answers, and"
        " what would change it. It decides nothing (GOV-3).",
        explain.INPUTS,
    ),
    Operation(
        "Task",
        "disclosed",
        "Fetch what a data request disclosed",
        "The records that the answer to a data request has given, as its asker may read them now.",
        returns="Bundle",
    ),
    Operation(
        "Task",
        "moves",
        "What may be done with a Task next",
        "The moves that are open to the caller's side of a Task, each with what it would be refused for now. Nothing is written.",
    ),
)


def definition(operation: Operation) -> Resource:
    """The OperationDefinition of an operation (R4 section 5.4)."""
    return literal(
        "OperationDefinition",
        id=operation.id,
        url=operation.canonical,
        name="".join(part.capitalize() for part in operation.id.split("-")),
        title=operation.title,
        status="active",
        kind="operation",
        description=operation.description,
        affectsState=operation.changes,
        code=operation.name,
        resource=[operation.type],
        system=False,
        type=not operation.instance,
        instance=operation.instance,
        parameter=[*map(_parameter, operation.inputs), _returned(operation)],
    )


def _parameter(each: Input) -> Resource:
    codes = [_PRIMITIVE.get(name, name) for name in (kind.removeprefix("value") for kind in each.kinds)]
    said: Resource = {"name": each.name, "use": "in", "min": int(each.required), "max": "*" if each.repeats else "1"}
    if each.parts:
        return {**said, "part": [*map(_parameter, each.parts)]}
    if len(codes) == 1:
        return {**said, "type": codes[0]}
    return {"extension": [{"url": ALLOWED_TYPE, "valueUri": code} for code in codes], **said, "type": "Element"}


_PRIMITIVE = {
    name: name[0].lower() + name[1:] for name in ("Code", "Date", "DateTime", "Instant", "Integer", "Markdown", "String")
}


def _returned(operation: Operation) -> Resource:
    return {"name": "return", "use": "out", "min": 1, "max": "1", "type": operation.returns}


def by_type() -> dict[str, list[tuple[str, str]]]:
    """The names and canonicals of the operations by resource type."""
    found: dict[str, list[tuple[str, str]]] = {}
    for each in OPERATIONS:
        found.setdefault(each.type, []).append((each.name, each.canonical))
    return found
