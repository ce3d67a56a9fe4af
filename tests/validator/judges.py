"""Both judges: our validator as `$validate` asks it, and the HL7 validator, over the same texts and the same profiles."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from service.fhir.definitions import Definitions
from service.fhir.json import parse
from service.fhir.profile import applied
from service.fhir.validate import Validator
from service.problem import Issue, Problem
from tests.validator import hl7
from tests.validator.bases import ROOT
from tests.validator.hl7 import Said
from tests.validator.places import Resource

PROFILES = ROOT / "profiles"


@dataclass(frozen=True)
class Verdict:
    """The errors that each judge finds in one resource."""

    ours: tuple[Issue, ...]
    theirs: tuple[Said, ...]

    @property
    def agreed(self) -> bool:
        """Whether both accept the resource, or both refuse it."""
        return bool(self.ours) is bool(self.theirs)

    @property
    def refused(self) -> bool:
        """Whether either judge refuses it."""
        return bool(self.ours or self.theirs)

    @property
    def refuser(self) -> str:
        return "ours" if self.ours else "hl7"

    @property
    def words(self) -> list[str]:
        """What the refuser says, an error each."""
        if self.ours:
            return [f"{issue.code} at {issue.expression}: {issue.text} ({issue.rule})" for issue in self.ours]
        return [str(said) for said in self.theirs]


@cache
def definitions() -> Definitions:
    """The definitions that both judges know."""
    return Definitions.load(PROFILES)


def verdicts(libraries: Path, texts: list[str]) -> list[Verdict]:
    """The verdict of each resource, given as JSON."""
    validator = Validator(definitions())
    theirs = hl7.judged(libraries, PROFILES / "baton", [(text, _profiles(json.loads(text))) for text in texts])
    return [Verdict(_ours(validator, text), tuple(said)) for text, said in zip(texts, theirs, strict=True)]


def _profiles(resource: Resource) -> tuple[str, ...]:
    """The profiles that a resource must meet though it does not name them."""
    return tuple(each for each in applied(resource) if definitions().structure(each))


def _ours(validator: Validator, text: str) -> tuple[Issue, ...]:
    resource = parse(text.encode())
    found = resource.issues if isinstance(resource, Problem) else validator.check(resource, strict_profiles=True)
    return tuple(issue for issue in found if issue.severity == "error")
