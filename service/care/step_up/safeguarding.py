"""Whether safeguarding drives a crisis (E12): a Flag says so, or the escalation's dataset."""

from __future__ import annotations

from collections.abc import Iterator

from service.change import Resource
from service.fhir.canonical import FLAG_CATEGORY
from service.fhir.coding import code_in, codings

CONCERN = "SG"
STANDING = frozenset(("registered", "preliminary", "final", "amended", "corrected"))


def is_concern(flag: Resource) -> bool:
    """Whether a Flag is an open safeguarding concern, whichever system its category is from."""
    return flag.get("status") == "active" and CONCERN in {code for _, code in codings(flag.get("category"))}


def answered_so(response: Resource) -> bool:
    """Whether an answer of a dataset is coded as a safeguarding concern."""
    return any(code_in(answer.get("valueCoding"), FLAG_CATEGORY) == CONCERN for answer in _answers(response))


def stands(assessment: Resource) -> bool:
    """Whether a RiskAssessment was neither cancelled nor taken back."""
    return assessment.get("status") in STANDING


def _answers(element: Resource) -> Iterator[Resource]:
    for item in element.get("item", ()):
        yield from _answers(item)
        for answer in item.get("answer", ()):
            yield answer
            yield from _answers(answer)
