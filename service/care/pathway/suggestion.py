"""The suggestion of a pathway for a dataset and a request: the first threshold that holds, with the answers that made it hold.

What a threshold is given is reduced first: of the dataset its items in one order, of the request its clinical members. Neither
the person, the author nor the order of answers can make a difference (equity).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from service.care.pathway.pathway import Pathway, Threshold
from service.change import Resource
from service.fhir.json import dump
from service.fhir.path import Environment, UndecidedError

REQUESTED = frozenset(
    ("resourceType", "status", "intent", "category", "priority", "code", "orderDetail", "quantityQuantity", "doNotPerform",
     "occurrenceDateTime", "occurrencePeriod", "occurrenceTiming", "asNeededBoolean", "authoredOn", "reasonCode", "bodySite")
)  # fmt: skip
"""The members of a ServiceRequest that a threshold is given."""
_ANSWERED = ("resourceType", "questionnaire", "status")
_LINK = re.compile(r"'([^']+)'")
_MEMBER = re.compile(r"%request\.(\w+)")


@dataclass(frozen=True, slots=True)
class Held:
    """A threshold that holds: its outcome, and the answers that made it hold, as (linkId, text). A member of the request is
    (`%request.priority`, text).
    """

    code: str
    because: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Suggestion:
    """What a pathway suggests. `code` is '' when no threshold holds, and when one cannot be evaluated: `fault` says which then,
    and a person decides. `would_change` are sentences that say which answers would give another suggestion.
    """

    code: str
    holds: tuple[Held, ...] = ()
    would_change: tuple[str, ...] = ()
    fault: str = ""


@dataclass(frozen=True, slots=True)
class _Given:
    """What thresholds are evaluated on: the dataset's items by linkId, and the request's members."""

    dataset: Resource | None
    request: Resource | None

    def without(self, place: str) -> _Given:
        """The same without one item, or without one member of the request."""
        if place.startswith("%"):
            return _Given(self.dataset, _left(self.request, place.removeprefix("%request.")))
        return _Given(_with(self.dataset, lambda item: item["linkId"] != place), self.request)

    def only(self, place: str) -> _Given:
        """The same with no other item, and without the request unless the place is a member of it."""
        if place.startswith("%"):
            return _Given(None, self.request)
        return _Given(_with(self.dataset, lambda item: item["linkId"] == place), None)


def suggest(pathway: Pathway, dataset: Resource | None, request: Resource | None) -> Suggestion:
    """What the pathway suggests for a dataset (QuestionnaireResponse) and a request (ServiceRequest); either may be missing.

    Total and deterministic. A threshold reads nothing of what is missing, and does not hold for it.
    """
    given = _Given(_reduced(dataset), _clinical(request))
    held: list[Threshold] = []
    for threshold in pathway.thresholds:
        found = _holds(threshold, given)
        if isinstance(found, str):
            return _undecided(pathway, given, threshold, found)
        if found:
            held.append(threshold)
    first = held[0].code if held else ""
    return Suggestion(first, tuple(_held(one, given) for one in held), tuple(_changes(pathway, given, held)))


def holds(threshold: Threshold, dataset: Resource | None, request: Resource | None) -> bool | str:
    """Whether one threshold holds for a dataset and a request; the reason when it cannot be evaluated."""
    return _holds(threshold, _Given(_reduced(dataset), _clinical(request)))


def _undecided(pathway: Pathway, given: _Given, faulty: Threshold, reason: str) -> Suggestion:
    """No outcome, for a threshold that cannot be evaluated; those that hold are listed nevertheless."""
    held = tuple(_held(one, given) for one in pathway.thresholds if _holds(one, given) is True)
    text = f"`{faulty.code}` of `{pathway.canonical}` cannot be evaluated on this dataset ({reason}): a person decides."
    return Suggestion("", held, (), text)


def _holds(threshold: Threshold, given: _Given) -> bool | str:
    """Whether a threshold holds; the reason when that cannot be told."""
    environment = Environment(None, None, {"dataset": given.dataset, "request": given.request})
    try:
        return threshold.path.holds(given.dataset or {}, environment)
    except UndecidedError:
        return "its values cannot be compared"
    except Exception as error:
        return type(error).__name__  # its words may hold what was answered


def _held(threshold: Threshold, given: _Given) -> Held:
    """The answers that made a threshold hold: without one of them it would not, or one of them alone is enough. Where no single
    answer is either, all that the threshold reads."""
    read = _read(threshold, given)
    telling = [place for place in read if _tells(threshold, given, place)]
    said = [(place, text) for place in telling or read for text in _texts(given, place)]
    return Held(threshold.code, tuple(said))


def _tells(threshold: Threshold, given: _Given, place: str) -> bool:
    return _holds(threshold, given.without(place)) is not True or _holds(threshold, given.only(place)) is True


def _read(threshold: Threshold, given: _Given) -> list[str]:
    """The places that a threshold reads and that are there: items whose linkId it names, and members of the request. A threshold
    that names no linkId reads every item."""
    named, items = {*_LINK.findall(threshold.path.expression)}, [item["linkId"] for item in (given.dataset or {}).get("item", ())]
    mentioned = [link for link in items if link in named]
    members = [name for name in dict.fromkeys(_MEMBER.findall(threshold.path.expression)) if name in (given.request or {})]
    whole = "%dataset" in threshold.path.expression and not mentioned
    return [*dict.fromkeys(items if whole else mentioned), *(f"%request.{name}" for name in members)]


def _changes(pathway: Pathway, given: _Given, held: list[Threshold]) -> Iterator[str]:
    """What would change the suggestion: the thresholds before it, and the answers that it rests on."""
    first = held[0] if held else None
    for threshold in pathway.thresholds:
        if threshold is first:
            break
        links = [link for link in dict.fromkeys(_LINK.findall(threshold.path.expression)) if re.fullmatch(r"[a-z][a-z-]*", link)]
        named = ", ".join(f"`{link}`" for link in links)
        yield f"`{threshold.code}` would hold by other answers{f' to {named}' if named else ''}: {threshold.text}"
    for place in _read(first, given) if first else ():
        other = _first(pathway, given.without(place))
        if first and other != first.code:
            yield f"Without the answer to `{place}`: {f'`{other}`' if other else 'no suggestion'}."


def _first(pathway: Pathway, given: _Given) -> str:
    return next((one.code for one in pathway.thresholds if _holds(one, given) is True), "")


def _reduced(dataset: Resource | None) -> Resource | None:
    """A dataset's items, at every depth in one order, without what says whose they are."""
    if dataset is None:
        return None
    kept = {name: dataset[name] for name in _ANSWERED if name in dataset}
    return {**kept, "item": _ordered(dataset)}


def _ordered(element: Resource) -> list[Resource]:
    items = [one for one in element.get("item") or () if isinstance(one, dict)]
    made = [{**_inner(one), "linkId": str(one.get("linkId", "")), "answer": _answers(one)} for one in items]
    return sorted(made, key=lambda item: (item["linkId"], dump(item)))


def _answers(item: Resource) -> list[Resource]:
    given = [one for one in item.get("answer") or () if isinstance(one, dict)]
    return sorted(({**one, **_inner(one)} for one in given), key=dump)


def _inner(element: Resource) -> Resource:
    return {"item": _ordered(element)} if element.get("item") else {}


def _clinical(request: Resource | None) -> Resource | None:
    return None if request is None else {name: value for name, value in request.items() if name in REQUESTED}


def _left(request: Resource | None, member: str) -> Resource | None:
    return None if request is None else {name: value for name, value in request.items() if name != member}


def _with(dataset: Resource | None, kept: Callable[[Resource], bool]) -> Resource | None:
    if dataset is None:
        return None
    return {**dataset, "item": [item for item in dataset["item"] if kept(item)]}


def _texts(given: _Given, place: str) -> list[str]:
    """What was answered at a place, in words."""
    if place.startswith("%"):
        return [_said((given.request or {}).get(place.removeprefix("%request.")))]
    answers = [answer for item in (given.dataset or {})["item"] if item["linkId"] == place for answer in item["answer"]]
    return [_said(value) for answer in answers for name, value in answer.items() if name.startswith("value")]


def _said(value: object) -> str:
    """A value in words: of a coding its display or code."""
    if isinstance(value, list):
        return ", ".join(map(_said, value))
    if isinstance(value, dict):
        coded = value.get("display") or value.get("text") or value.get("code") or value.get("value") or value.get("reference")
        return str(coded) if coded is not None else _said(value.get("coding") or "")
    return str(value).lower() if isinstance(value, bool) else str(value)
