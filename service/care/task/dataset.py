"""Minimum datasets (HOV-2, MDS): whether a QuestionnaireResponse is complete against its Questionnaire.

Every required item that is enabled needs an answer. `none` is an answer; `not-known` is an answer when its text gives the
reason; blank, whitespace and invisible characters are no answer. Each missing item and each item that the Questionnaire does
not know is named by its linkId. Groups are walked to any depth; `enableWhen` is read for the operators exists, = and != (a
condition with another operator counts as true, so that an item is never skipped by mistake).
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

from service.change import Resource
from service.fhir.canonical import DATASET_ANSWER
from service.problem import Category, Issue, Problem

_INVISIBLE = frozenset(("Cc", "Cf", "Zs", "Zl", "Zp", "Mn", "Me"))
_FILLERS = frozenset(("ᅟ", "ᅠ", "ㅤ", "ﾠ", "⠀"))  # letters and symbols that show nothing

_MISSING = "Item `{link}` of the minimum dataset is not answered: answer it, say `none`, or say `not-known` with the reason."
_UNEXPLAINED = "Item `{link}` is answered `not-known` without a reason: give the reason in the answer's text."
_UNKNOWN = "Item `{link}` is not an item of this minimum dataset: remove it or correct its linkId."
_BESIDE = frozenset(("system", "version", "extension", "id", "userSelected"))
_NO_REASON = frozenset(("not known", "not-known", "unknown", "not known, reason given in text"))


@dataclass(frozen=True, slots=True)
class Completeness:
    """How complete a dataset is: the linkIds of `missing` items, of `unknown` items, and of `not-known` answers without a reason
    (`unexplained`). `fault` says why a dataset cannot be used at all.
    """

    missing: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    unexplained: tuple[str, ...] = ()
    fault: str = ""

    @property
    def unanswered(self) -> tuple[str, ...]:
        """The linkIds of missing items that are not answered `not-known` without a reason."""
        return tuple(link for link in self.missing if link not in self.unexplained)

    @property
    def complete(self) -> bool:
        """Whether the dataset lacks nothing."""
        return not (self.missing or self.unknown or self.unexplained or self.fault)


def completeness(response: Resource | None, questionnaire: Resource | None) -> Completeness:
    """Compares a QuestionnaireResponse with its Questionnaire. Total: any two JSON objects, or None, give a Completeness."""
    if questionnaire is None:
        return Completeness(fault="the dataset names a Questionnaire that this service does not know")
    asked = tuple(_items(questionnaire))
    required = tuple(_link(item) for item in asked if item.get("required") is True)
    if response is None:
        return Completeness(missing=required)
    if response.get("status") not in ("completed", "amended"):
        return Completeness(fault="the dataset's QuestionnaireResponse is neither `completed` nor `amended`")
    answers = _answers(response)
    enabled = _enabled(questionnaire, answers)
    known = {_link(item) for item in asked}
    return Completeness(
        missing=tuple(link for link in required if link in enabled and not any(map(answered, answers.get(link, ())))),
        unknown=tuple(link for link in answers if link not in known),
        unexplained=tuple(link for link, given in answers.items() if link in known and any(map(_unexplained, given))),
    )


def problem_of(found: Completeness, *, rule: str = "HOV-2", expression: str = "Task.input") -> Problem | None:
    """A refusal that names every lacking linkId, or None when the dataset is complete. `expression` is the place in what was sent
    that refers to the dataset."""
    if found.complete:
        return None
    sentences = (
        *((link, _MISSING) for link in found.unanswered),
        *((link, _UNEXPLAINED) for link in found.unexplained),
        *((link, _UNKNOWN) for link in found.unknown),
    )
    issues = [Issue("required", text.format(link=link), expression, rule) for link, text in sentences]
    if found.fault:
        issues.insert(0, Issue("business-rule", f"The minimum dataset cannot be used: {found.fault}.", expression, rule))
    return Problem(Category.RULE, tuple(issues))


def answered(answer: Resource) -> bool:
    """Whether one QuestionnaireResponse answer says something: `false` and `0` do, blank text and a bare `not-known` do not."""
    return any(_says(value) for name, value in answer.items() if name.startswith("value")) and not _unexplained(answer)


def blank(text: str) -> bool:
    """Whether a text shows nothing: spaces, controls, zero-width and filler characters only."""
    return all(unicodedata.category(character) in _INVISIBLE or character in _FILLERS for character in text)


def _says(value: object) -> bool:
    if isinstance(value, str):
        return not blank(value)
    if isinstance(value, dict):
        return any(_says(inner) for name, inner in value.items() if name not in _BESIDE)
    if isinstance(value, list):
        return any(map(_says, value))
    return value is not None


def _unexplained(answer: Resource) -> bool:
    """Whether an answer is `not-known` without its reason. The reason is the coding's own display, a text extension, or a
    valueString nested under the answer.
    """
    coding = answer.get("valueCoding")
    if not isinstance(coding, dict) or (coding.get("system"), coding.get("code")) != (DATASET_ANSWER, "not-known"):
        return False
    return not any(_reason(text) for text in _texts(answer, coding))


def _texts(answer: Resource, coding: Resource) -> Iterator[str]:
    yield str(coding.get("display", ""))
    for element in (*_listed(answer, "extension"), *_listed(coding, "extension")):
        yield str(element.get("valueString", ""))
    for item in _listed(answer, "item"):
        yield from (str(inner.get("valueString", "")) for inner in _listed(item, "answer"))


def _reason(text: str) -> bool:
    return not blank(text) and text.strip().casefold() not in _NO_REASON


def _items(element: Resource) -> Iterator[Resource]:
    """Every item at any depth, in document order."""
    for item in _listed(element, "item"):
        yield item
        yield from _items(item)


def _listed(element: Resource, member: str) -> list[Resource]:
    listed = element.get(member)
    return [one for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []


def _link(item: Resource) -> str:
    return str(item.get("linkId", ""))


def _answers(response: Resource) -> dict[str, list[Resource]]:
    """The answers by linkId, of items nested in items and of items nested in answers too."""
    found: dict[str, list[Resource]] = {}
    waiting = [response]
    while waiting:
        element = waiting.pop()
        for item in _listed(element, "item"):
            given = _listed(item, "answer")
            found.setdefault(_link(item), []).extend(given)
            waiting.extend((item, *(one for one in given if not _unexplained(one))))
    return found


def _enabled(questionnaire: Resource, answers: dict[str, list[Resource]]) -> frozenset[str]:
    found: set[str] = set()
    waiting = [questionnaire]
    while waiting:
        for item in _listed(waiting.pop(), "item"):
            if _when(item, answers):
                found.add(_link(item))
                waiting.append(item)
    return frozenset(found)


def _when(item: Resource, answers: dict[str, list[Resource]]) -> bool:
    conditions = [_holds(condition, answers) for condition in _listed(item, "enableWhen")]
    if not conditions:
        return True
    return any(conditions) if item.get("enableBehavior") == "any" else all(conditions)


def _holds(condition: Resource, answers: dict[str, list[Resource]]) -> bool:
    given = [answer for answer in answers.get(str(condition.get("question", "")), ()) if answered(answer)]
    wanted = next((value for name, value in condition.items() if name.startswith("answer")), None)
    match condition.get("operator"):
        case "exists":
            return bool(given) is (wanted is not False)
        case "=":
            return any(_same(answer, wanted) for answer in given)
        case "!=":
            return bool(given) and not any(_same(answer, wanted) for answer in given)
    return True


def _same(answer: Resource, wanted: object) -> bool:
    values = [value for name, value in answer.items() if name.startswith("value")]
    if isinstance(wanted, dict):
        keys = ("system", "code")
        return any(isinstance(value, dict) and all(value.get(key) == wanted.get(key) for key in keys) for value in values)
    return wanted in values
