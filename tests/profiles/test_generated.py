"""What SUSHI made of profiles/fsh: whole, current, and of one house."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path
from typing import Any

import pytest

PROFILES = Path(__file__).parents[2] / "profiles"
BASE = "https://baton.example/fhir"
GENERATED = sorted((PROFILES / "baton").glob("*.json"))
MANIFEST = json.loads((PROFILES / "build" / "profiles.manifest.json").read_text())
FSH = [PROFILES / "fsh" / "sushi-config.yaml", *sorted((PROFILES / "fsh" / "input" / "fsh").glob("*.fsh"))]


def read(path: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(path.read_text())
    return loaded


RESOURCES = {path.stem: read(path) for path in GENERATED}
STRUCTURES = {name: one for name, one in RESOURCES.items() if one["resourceType"] == "StructureDefinition"}
SYSTEMS = {
    one["url"]: {code["code"] for code in one["concept"]} for one in RESOURCES.values() if one["resourceType"] == "CodeSystem"
}
INVARIANTS = sorted(
    {
        (constraint["key"], constraint["human"], constraint["expression"])
        for one in STRUCTURES.values()
        for element in one["differential"]["element"]
        for constraint in element.get("constraint", ())
    }
)


def digests(paths: list[Path]) -> dict[str, str]:
    return {path.relative_to(PROFILES).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}


def test_sources_are_those_that_were_compiled() -> None:
    """After a change of profiles/fsh: python profiles/build/profiles.py."""
    assert digests(FSH) == MANIFEST["sources"]


def test_results_are_those_that_were_compiled() -> None:
    """profiles/baton is generated, never edited."""
    assert digests(GENERATED) == MANIFEST["generated"]


@pytest.mark.parametrize("name", RESOURCES)
def test_resource_is_of_this_house(name: str) -> None:
    """Canonical, status, version and publisher are the same everywhere."""
    one = RESOURCES[name]
    said = (one["url"], one["status"], one["version"], one["publisher"])
    assert said == (f"{BASE}/{one['resourceType']}/{one['id']}", "active", "0.1.0", "Baton")


@pytest.mark.parametrize("name", STRUCTURES)
def test_structure_has_a_snapshot(name: str) -> None:
    """A validator needs no other file than this and R4's."""
    one = STRUCTURES[name]
    assert one["snapshot"]["element"][0]["path"] == one["type"]


@pytest.mark.parametrize("key", [key for key, _, _ in INVARIANTS])
def test_invariant_is_named_after_a_rule(key: str) -> None:
    """The key is a rule, or with a word after a dot a part of one, and the code system `rule` has both."""
    concepts = {one["code"]: {part["code"] for part in one.get("concept", ())} for one in RESOURCES["CodeSystem-rule"]["concept"]}
    rule, dot, _ = key.partition(".")
    assert key in concepts[rule] if dot else rule in concepts


@pytest.mark.parametrize("human", [human for _, human, _ in INVARIANTS])
def test_invariant_is_a_sentence_that_says_what_to_do(human: str) -> None:
    """What must be so, a colon, and what would make it right."""
    assert re.fullmatch(r"[A-Z][^:]+: .+\.", human)


@pytest.mark.parametrize("name", [name for name, one in RESOURCES.items() if one["resourceType"] == "ValueSet"])
def test_value_set_names_known_codes_of_our_systems(name: str) -> None:
    """A code system of ours that a value set includes exists."""
    included = [part["system"] for part in RESOURCES[name]["compose"]["include"]]
    assert [system for system in included if system.startswith(BASE) and system not in SYSTEMS] == []


def patterns() -> list[tuple[str, str, str]]:
    """(profile, system, code) of every coding that a profile fixes."""
    return [
        (name, coding["system"], coding["code"])
        for name, one in STRUCTURES.items()
        for element in one["differential"]["element"]
        for coding in element.get("patternCodeableConcept", {}).get("coding", ())
    ]


@pytest.mark.parametrize(("name", "system", "code"), patterns())
def test_fixed_code_is_in_its_system(name: str, system: str, code: str) -> None:
    """A code of ours that a profile asks for is defined; SNOMED CT's are the three that the care rules name."""
    assert code in SYSTEMS.get(system, {"734163000", "736253002"}), name


def cited() -> list[str]:
    """`Type/id` of every canonical of ours that the service writes out."""
    pattern = re.compile(
        r"(?:\{BASE\}|https://baton\.example/fhir)/((?:CodeSystem|StructureDefinition|ValueSet|Questionnaire)/[a-z][a-z-]*)"
    )
    sources = (path.read_text() for path in sorted((PROFILES.parent / "service").rglob("*.py")))
    return sorted({found for text in sources for found in pattern.findall(text) if not found.endswith("-")})


@pytest.mark.parametrize("canonical", cited())
def test_canonical_that_the_service_cites_is_published(canonical: str) -> None:
    """A partner can look up every code system and extension it meets."""
    assert canonical.replace("/", "-") in RESOURCES
