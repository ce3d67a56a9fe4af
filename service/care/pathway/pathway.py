"""A pathway as the rules read it: thresholds, spans, counts, cadences and routes, from its PlanDefinition (GOV-3)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NoReturn

from service.care.pathway.coverage import Route, routes
from service.care.task import timers
from service.care.task.timers import BY_ID, ROUTINE, Calendar, Span, Unit
from service.change import Resource
from service.fhir.canonical import DEADLINE_PRIORITY, PATHWAY_COUNT, PATHWAY_PART, RULE_ID, TRIAGE_OUTCOME, pathway
from service.fhir.coding import code_in, codes_in
from service.fhir.path import Environment, Path, compile_path

UNITS: Mapping[str, Unit] = {"h": Unit.HOURS, "d": Unit.DAYS, "{working-day}": Unit.WORKING_DAYS}
"""The units of a deadline, as UCUM spells them."""
NAMES = (
    *("front-door", "step-up", "discharge", "step-down", "safeguarding"),
    *("crisis-plan", "case-review", "risk-forum", "information-sharing"),
)
"""The names of the pathways that the service ships."""


@dataclass(frozen=True, slots=True)
class Threshold:
    """One threshold: the outcome `code` that it suggests, its explanation `text`, and the compiled FHIRPath."""

    code: str
    text: str
    path: Path


@dataclass(frozen=True, slots=True)
class Pathway:
    """A version of a pathway. `spans` are by TIM id and priority word, `counts` and `cadences` (FHIR Timing) by their code of
    `pathway-part`, `routes` are in the order in which an escalation tries them.
    """

    name: str
    version: str
    url: str
    thresholds: tuple[Threshold, ...] = ()
    spans: Mapping[tuple[str, str], Span] = field(default_factory=dict)
    counts: Mapping[str, int] = field(default_factory=dict)
    cadences: Mapping[str, Resource] = field(default_factory=dict)
    routes: tuple[Route, ...] = ()

    @property
    def canonical(self) -> str:
        """The canonical with its version, as `instantiatesCanonical` names it."""
        return f"{self.url}|{self.version}"

    def due(self, rule: str, start: datetime, calendar: Calendar, *, priority: str = ROUTINE, level: int = 0) -> datetime:
        """The instant at which a deadline falls due: by the pathway's own span for the priority, else by the service's.

        An own span is that of the deadline's last level; a level before it keeps its default, and is not later. Raises KeyError
        for a deadline that has neither.
        """
        defaults = BY_ID[rule].spans
        words = (priority, timers.urgency(rule, priority) if defaults else ROUTINE)
        own = next((self.spans[rule, word] for word in words if (rule, word) in self.spans), None)
        if own is None:
            return timers.due(rule, start, calendar, priority=priority, level=level)
        limit = timers.after(start, own, calendar)
        if not defaults or level >= len(defaults[words[1]]) - 1:
            return limit
        return min(limit, timers.due(rule, start, calendar, priority=priority, level=level))

    def count(self, name: str, default: int) -> int:
        """How many, by its code of `pathway-part`; `default` where the pathway does not say."""
        return self.counts.get(name, default)


SERVICES_OWN = Pathway("", "", "")
"""No pathway: every span is the service's."""


def read(resource: Resource) -> Pathway:
    """The pathway that a PlanDefinition says. Total: what cannot be read is left out, and an expression that is not FHIRPath
    becomes a threshold that cannot be evaluated.
    """
    url, found = str(resource.get("url", "")), [*actions(resource)]
    return Pathway(
        name=url.removeprefix(pathway("")),
        version=str(resource.get("version", "")),
        url=url,
        thresholds=tuple(one for action in found for one in _thresholds(action)),
        spans={key: span for action in found for key, span in _spans(action)},
        counts={part(action): count for action in found if (count := _count(action)) and part(action)},
        cadences={part(action): action["timingTiming"] for action in found if "timingTiming" in action and part(action)},
        routes=routes(found),
    )


def outcome(action: Resource) -> str:
    """The outcome that a threshold action suggests, or ''."""
    return code_in(action.get("code"), TRIAGE_OUTCOME)


def deadline(action: Resource) -> str:
    """The TIM id of a deadline action, or ''."""
    return next((code for code in sorted(codes_in(action.get("code"), RULE_ID)) if code.startswith("TIM-")), "")


def part(action: Resource) -> str:
    """The code of a count, cadence or route, or ''."""
    return code_in(action.get("code"), PATHWAY_PART)


def word(action: Resource) -> str:
    """The priority word of a deadline action: its code of `deadline-priority`, else its priority, else routine."""
    return code_in(action.get("code"), DEADLINE_PRIORITY) or str(action.get("priority") or ROUTINE)


def expressions(action: Resource) -> Iterator[str]:
    """The FHIRPath expressions of an action's conditions."""
    for condition in _listed(action, "condition"):
        given = condition.get("expression")
        if isinstance(given, dict):
            yield str(given.get("expression", ""))


def actions(resource: Resource) -> Iterator[Resource]:
    """The actions of a PlanDefinition, those within actions too, in document order."""
    for action in _listed(resource, "action"):
        yield action
        yield from actions(action)


def _thresholds(action: Resource) -> Iterator[Threshold]:
    if code := outcome(action):
        yield Threshold(code, str(action.get("title") or action.get("description") or code), compiled(condition(action)))


def condition(action: Resource) -> str:
    """The FHIRPath of a threshold action; of several conditions, all must hold."""
    found = [*expressions(action)]
    return found[0] if len(found) == 1 else " and ".join(f"({each})" for each in found)


def compiled(expression: str) -> Path:
    """The compiled expression; one that is not FHIRPath compiles to a Path that cannot be evaluated."""
    try:
        return compile_path(expression)
    except ValueError as error:
        return _unreadable(expression, str(error))


def _unreadable(expression: str, reason: str) -> Path:
    def run(_focus: list[Any], _environment: Environment) -> NoReturn:
        raise ValueError(reason)

    return Path(expression, run)


def _spans(action: Resource) -> Iterator[tuple[tuple[str, str], Span]]:
    rule, given = deadline(action), action.get("timingDuration")
    if not rule or not isinstance(given, dict):
        return
    unit, amount = UNITS.get(str(given.get("code") or given.get("unit"))), given.get("value")
    if unit is not None and amount is not None and float(str(amount)).is_integer():
        yield (rule, word(action)), Span(int(float(str(amount))), unit)


def _count(action: Resource) -> int:
    """The number that an input of an action says in its extension `pathway-count`; 0 where none does."""
    said = (one for given in _listed(action, "input") for one in _listed(given, "extension"))
    return next((int(one.get("valuePositiveInt") or 0) for one in said if one.get("url") == PATHWAY_COUNT), 0)


def _listed(element: Resource, member: str) -> list[Resource]:
    listed = element.get(member)
    return [one for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []
