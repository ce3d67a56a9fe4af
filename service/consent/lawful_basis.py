"""A lawful basis that a discloser claims (care rules, section 4): whether it may be claimed so, and what it gives.

`direct-care` and `explicit-consent-elsewhere` never override an objection, so they give a weak grant; the others stand beside
consent for exactly the records they are claimed for (L2).
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
"""Where `$disclose` takes it."""


@dataclass(frozen=True, slots=True)
class Basis:
    """A basis as it was claimed: its code, and the CodeableConcept with the justification."""

    code: str
    concept: Resource

    @property
    def ref(self) -> str:
        """What a decision names as its source."""
        return f"lawful-basis/{self.code}"

    def grant(self, recipient: str, refs: Iterable[str]) -> Grant:
        """What the claim gives the recipient: these records and nothing else."""
        words = str(self.concept.get("text", self.code))
        return Grant(BY_BASIS, recipient, self.ref, refs=frozenset(refs), authority=words, weak=self.code in WEAK_BASES)


def claimed(given: Resource, sectors: tuple[str, str], where: str = PARAMETER) -> Basis | Problem:
    """The basis a CodeableConcept claims between agencies of two sectors, or why it cannot be. `where`: the FHIRPath it is at."""
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
    """The basis of what is shared because nobody objects: direct care, in the words of the policy row that said so (L5)."""
    return concept(LAWFUL_BASIS, "direct-care", text)


def recorded(task: Resource) -> Resource | None:
    """The lawful basis a handover Task was sent under, None when it was not one (HOV-3)."""
    concepts = (each.get("valueCodeableConcept") for each in task.get("input", ()) if isinstance(each, dict))
    return next((each for each in concepts if code_in(each, LAWFUL_BASIS)), None)


def _refusal(where: str, code: str, text: str) -> Problem:
    return problem(Category.RULE, code, text, expression=where, rule="E8")
