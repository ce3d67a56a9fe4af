"""A lawful basis that a discloser claims (care rules, section 4): whether the claim is complete, and the grant it gives.

`direct-care` and `explicit-consent-elsewhere` never override an objection, so they give a weak grant; every other basis stands
beside consent for exactly the records for which it is claimed (L2).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from service.change import Resource
from service.consent.grants import WEAK_BASES
from service.consent.policy import CARE
from service.consent.request import BY_BASIS, Grant
from service.fhir.canonical import LAWFUL_BASES, LAWFUL_BASIS
from service.fhir.coding import code_in, codings, concept
from service.problem import Category, Problem, problem

OVERRIDING = LAWFUL_BASES - WEAK_BASES
PARAMETER = "Parameters.parameter.where(name = 'basis')"
"""The FHIRPath of the parameter in which `$disclose` takes a lawful basis."""


@dataclass(frozen=True, slots=True)
class Basis:
    """A lawful basis as claimed: its code, and the CodeableConcept with the justification."""

    code: str
    concept: Resource

    @property
    def ref(self) -> str:
        """The source that a decision's reason names when it rests on this basis."""
        return f"lawful-basis/{self.code}"

    def grant(self, recipient: str, refs: Iterable[str]) -> Grant:
        """The grant of exactly the records `refs` to the recipient, on this basis."""
        words = str(self.concept.get("text", self.code))
        return Grant(BY_BASIS, recipient, self.ref, refs=frozenset(refs), authority=words, weak=self.code in WEAK_BASES)


def claimed(given: Resource, sectors: tuple[str, str], where: str = PARAMETER) -> Basis | Problem:
    """The basis that a CodeableConcept claims between agencies of two sectors, or why it cannot be claimed. `where` is the
    FHIRPath of the CodeableConcept.
    """
    found = [code for system, code in codings(given) if system == LAWFUL_BASIS]
    if len(found) != 1 or found[0] not in LAWFUL_BASES:
        return _refusal(
            where, "code-invalid", f"A lawful basis is one code of `{LAWFUL_BASIS}`: `{'`, `'.join(sorted(LAWFUL_BASES))}`."
        )
    words = given.get("text")
    plain = found[0] == "direct-care" and CARE.issuperset(sectors)
    if not plain and not (isinstance(words, str) and words.strip()):
        text = f"The basis `{found[0]}` needs its justification; write it as the `text` of the CodeableConcept."
        return _refusal(where, "required", text)
    return Basis(found[0], given)


def implied(text: str) -> Resource:
    """The basis `direct-care` of records that a default of the policy shares, in the words of the policy row (L5)."""
    return concept(LAWFUL_BASIS, "direct-care", text)


def recorded(task: Resource) -> Resource | None:
    """The lawful basis a handover Task was sent under; None when the Task was sent under no lawful basis (HOV-3)."""
    concepts = (each.get("valueCodeableConcept") for each in task.get("input", ()) if isinstance(each, dict))
    return next((each for each in concepts if code_in(each, LAWFUL_BASIS)), None)


def _refusal(where: str, code: str, text: str) -> Problem:
    return problem(Category.RULE, code, text, expression=where, rule="E8")
