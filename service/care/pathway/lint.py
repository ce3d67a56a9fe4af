"""What a pathway is refused for when it is published (GOV-3, GOV-8, ESC-1). Every fault is named at once."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from service.care.pathway import pathway as reading
from service.care.pathway.coverage import uncovered
from service.care.pathway.pathway import NAMES, UNITS, Threshold
from service.care.pathway.suggestion import holds
from service.care.task.requirements import Issues, issue
from service.care.task.timers import BY_ID
from service.change import Resource
from service.fhir.canonical import PATHWAY_COUNT, RULE_ID, TRIAGE_OUTCOME, pathway
from service.fhir.coding import codes_in
from service.fhir.path import syntax_fault
from service.problem import Issue

OUTCOMES = ("urgent", "eligible", "borderline", "outside-scope")
PRIORITIES = ("stat", "asap", "urgent", "routine", "crisis")
DEMOGRAPHIC = frozenset(
    """
    birthdate birthday age gender sex address postalcode postcode city district ethnicity ethnic race religion nationality
    language deceased maritalstatus patient subject resource rootresource context resolve author source requester performer
    """.split()  # noqa: SIM905 - a list that can be read
)
"""The words by which an expression would read who somebody is, in small letters."""
FLEETING = frozenset(("now", "today", "timeofday"))
STEP_UP = "step-up"
_TEXT = re.compile(r"'((?:[^'\\]|\\.)*)'")
_WORD = re.compile(r"[A-Za-z]\w*")
_LINK = re.compile(r"[A-Za-z]+(?:-[A-Za-z]+)*")


@dataclass(frozen=True, slots=True)
class Publication:
    """A pathway that is to be published. `versions` are the business versions that the same pathway had, `examples` the shipped
    datasets, `services` what its routes name, as it stands.
    """

    resource: Resource
    versions: frozenset[str] = frozenset()
    examples: tuple[Resource, ...] = ()
    services: Mapping[str, Resource] = field(default_factory=dict)


def faults(published: Publication) -> Issues:
    """Every reason for which a pathway cannot be published; none when it can."""
    listed = [(f"PlanDefinition.action[{number}]", action) for number, action in enumerate(_actions(published.resource))]
    return (
        *_head(published),
        *(each for where, action in listed for each in _deadline(where, action)),
        *(each for where, action in listed for each in _part(where, action)),
        *_twice(listed),
        *(each for where, action in listed for each in _threshold(where, action, published)),
        *_uncovered(published),
    )


def _actions(resource: Resource) -> list[Resource]:
    return [*reading.actions(resource)]


def _head(published: Publication) -> Iterator[Issue]:
    resource, version = published.resource, str(published.resource.get("version", ""))
    name = str(resource.get("url", "")).removeprefix(pathway(""))
    if name not in NAMES:
        known = ", ".join(f"`{each}`" for each in NAMES)
        yield issue(f"There is no pathway `{name}`: publish one of {known}.", "PlanDefinition.url", "GOV-3")
    if not version:
        yield issue("A pathway has a version: set `version`.", "PlanDefinition.version", "GOV-3")
    if "|" in version or version in published.versions:
        text = f"Version `{version}` of this pathway was published before: give the change a version of its own."
        yield issue(text, "PlanDefinition.version", "GOV-3")
    if resource.get("status") != "active":
        text = f"A pathway is published as `active`, not as `{resource.get('status')}`: agencies agree to what is to be in force."
        yield issue(text, "PlanDefinition.status", "GOV-7")
    period = resource.get("effectivePeriod") or {}
    lacking = [each for each in ("approvalDate", "lastReviewDate") if not resource.get(each)]
    for each in (*lacking, *(() if period.get("end") else ("effectivePeriod.end",))):
        yield issue(f"A pathway says when it was approved and is reviewed: set `{each}`.", f"PlanDefinition.{each}", "GOV-8")


def _deadline(where: str, action: Resource) -> Iterator[Issue]:
    """TIM: a deadline action names a known deadline, a known priority, and a positive whole number in a known unit."""
    for code in sorted(codes_in(action.get("code"), RULE_ID)):
        if code not in BY_ID:
            yield issue(f"`{code}` is no deadline: name one of TIM-1 to TIM-{len(BY_ID)}.", f"{where}.code", "GOV-3")
    if not reading.deadline(action):
        return
    given = action.get("timingDuration") or {}
    unit, amount = str(given.get("code") or given.get("unit") or ""), given.get("value")
    if unit not in UNITS:
        known = ", ".join(f"`{each}`" for each in UNITS)
        yield issue(f"`{unit}` is no unit of a deadline: use one of {known}.", f"{where}.timingDuration.code", "GOV-3")
    if amount is None or float(str(amount)) <= 0 or not float(str(amount)).is_integer():
        text = f"`{amount}` is no length of a deadline: give a whole number above 0 in `timingDuration`."
        yield issue(text, f"{where}.timingDuration.value", "GOV-3")
    if reading.word(action) not in PRIORITIES:
        known = ", ".join(f"`{each}`" for each in PRIORITIES)
        text = f"`{reading.word(action)}` is no priority of a deadline: use one of {known}."
        yield issue(text, f"{where}.priority", "GOV-3")


def _part(where: str, action: Resource) -> Iterator[Issue]:
    """A count says how many."""
    said = [one for given in action.get("input") or () for one in given.get("extension") or () if one.get("url") == PATHWAY_COUNT]
    if not reading.part(action) or "timingTiming" in action or action.get("extension") or said:
        return
    text = f"`{reading.part(action)}` says nothing: give a number (an input with the extension `pathway-count`), or a Timing."
    yield issue(text, f"{where}.input", "GOV-3")


def _twice(listed: Iterable[tuple[str, Resource]]) -> Iterator[Issue]:
    """One action for each deadline and priority."""
    seen: dict[tuple[str, str], str] = {}
    for where, action in listed:
        key = reading.deadline(action), reading.word(action)
        if key[0] and seen.setdefault(key, where) != where:
            text = f"`{key[0]}` has a span for `{key[1]}` already (`{seen[key]}`): keep one of the two."
            yield issue(text, f"{where}.code", "GOV-3")


def _threshold(where: str, action: Resource, published: Publication) -> Iterator[Issue]:
    """A threshold is FHIRPath, reads no demographics, and tells the shipped examples apart."""
    coded = sorted(codes_in(action.get("code"), TRIAGE_OUTCOME))
    expression, at = reading.condition(action), f"{where}.condition.expression.expression"
    if not coded:
        return
    for each in coded:
        if each not in OUTCOMES:
            known = ", ".join(f"`{one}`" for one in OUTCOMES)
            yield issue(f"`{each}` is no outcome: use one of {known}.", f"{where}.code", "GOV-3")
    if not expression.strip():
        yield issue(f"The threshold `{coded[0]}` has no condition: say in FHIRPath when it holds.", at, "GOV-3")
        return
    if wrong := syntax_fault(expression):
        yield issue(f"The condition of the threshold `{coded[0]}` is not FHIRPath ({wrong}): correct it.", at, "GOV-3")
        return
    yield from _equitable(coded[0], expression, at)
    yield from _telling(Threshold(coded[0], "", reading.compiled(expression)), published, at)


def _equitable(code: str, expression: str, at: str) -> Iterator[Issue]:
    """Equity: a threshold reads the dataset and the request only, and nothing of who the person is."""
    found = _named(expression)
    for word in sorted(found & DEMOGRAPHIC):
        text = f"The threshold `{code}` reads `{word}`: it may read the answers and the request, never who the person is."
        yield issue(text, at, "GOV-3")
    for word in sorted(found & FLEETING):
        text = f"The threshold `{code}` reads the clock (`{word}`): the same answers must give the same suggestion on every day."
        yield issue(text, at, "GOV-3")


def _named(expression: str) -> frozenset[str]:
    """The words of an expression, in small letters: its names, and those of texts that look like a linkId or code."""
    names = _WORD.findall(_TEXT.sub("''", expression))
    links = [text for text in _TEXT.findall(expression) if _LINK.fullmatch(text)]
    split = [part for text in links for part in (text.replace("-", ""), *text.split("-"))]
    return frozenset(word.lower() for word in (*names, *split))


def _telling(threshold: Threshold, published: Publication, at: str) -> Iterator[Issue]:
    """A threshold that always or never holds tells nothing. It is tried on every shipped example of the pathway's dataset, with
    requests of every priority and without."""
    found = [holds(threshold, dataset, request) for dataset in _examples(published) for request in REQUESTS]
    if broken := next((each for each in found if isinstance(each, str)), ""):
        text = f"The threshold `{threshold.code}` cannot be evaluated on a shipped example ({broken}): correct its condition."
        yield issue(text, at, "GOV-3")
    elif found and len(set(found)) == 1:
        always = "holds on every shipped example" if found[0] else "holds on no shipped example"
        text = f"The threshold `{threshold.code}` {always} of its dataset, and so tells nothing: correct its condition."
        yield issue(text, at, "GOV-3")


REQUESTS: tuple[Resource | None, ...] = (
    None,
    *({"resourceType": "ServiceRequest", "status": "active", "intent": "order", "priority": each} for each in PRIORITIES[:4]),
)


def _examples(published: Publication) -> list[Resource]:
    """The shipped examples of the Questionnaires that the pathway depends on; all, when it names none of them."""
    named = {_bare(one.get("resource")) for one in published.resource.get("relatedArtifact") or ()}
    return [one for one in published.examples if _bare(one.get("questionnaire")) in named] or [*published.examples]


def _bare(canonical: object) -> str:
    return str(canonical).partition("|")[0]


def _uncovered(published: Publication) -> Iterator[Issue]:
    """ESC-1: a step-up pathway reaches somebody at every hour of the week."""
    read = reading.read(published.resource)
    if read.name != STEP_UP:
        return
    if gaps := uncovered(read.routes, published.services):
        text = f"An escalation would reach nobody at these hours of the week: {', '.join(gaps)}. Name a route for each of them."
        yield issue(text, "PlanDefinition.action", "ESC-1")
