"""The authority on which records may be sent to another agency (HOV-3), as it was decided for the receiver."""

from __future__ import annotations

from dataclasses import dataclass

from service.care.task import reading
from service.care.task.dataset import blank
from service.care.task.requirements import Issues, issue
from service.change import Resource
from service.fhir.canonical import LAWFUL_BASES, LAWFUL_BASIS
from service.fhir.coding import code_in


@dataclass(frozen=True, slots=True)
class Authority:
    """The consent decision for the receiving agency (HOV-3).

    `text` is the reason, without patient data. `reference` is the version-specific Consent that permits, or ''.
    """

    permitted: bool = False
    text: str = "no authority to share was decided"
    reference: str = ""


NONE_DECIDED = Authority()


def basis(given: Resource) -> Issues:
    """HOV-3: an input `sharing-authority` is a Consent, or a lawful basis with its justification (`direct-care` needs none)."""
    place = "Task.input"
    if reading.value_reference(given).startswith("Consent/"):
        return ()
    element = given.get("valueCodeableConcept", {})
    named = code_in(element, LAWFUL_BASIS)
    if named not in LAWFUL_BASES:
        return (issue("The input `sharing-authority` is a Consent reference or a code of `lawful-basis`.", place, "HOV-3"),)
    if named != "direct-care" and blank(str(element.get("text", ""))):
        return (issue(f"The lawful basis `{named}` needs its justification in `text`.", place, "HOV-3"),)
    return ()
