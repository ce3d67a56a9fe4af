"""The HL7 validator in a process of its own: fetched from Maven Central once, and cut off from every network when it runs."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from tests.validator.places import Resource

HERE = Path(__file__).parent
VERSION = "8.8.1"
"""The version of HAPI, which brings the HL7 validator 6.7.9."""
ARTIFACTS = ("hapi-fhir-validation", "hapi-fhir-validation-resources-r4", "hapi-fhir-structures-r4", "hapi-fhir-caching-caffeine")
UNUSED = ("net.sf.saxon", "net.sourceforge.plantuml", "org.apache.jena", "org.xerial", "com.apicatalog", "org.apache.thrift")
"""Groups of libraries for formats and drawings that no judgement needs: a third of what there is to fetch."""
FETCH = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies"
NOWHERE = ("-Dhttp.proxyHost=127.0.0.1", "-Dhttp.proxyPort=9", "-Dhttps.proxyHost=127.0.0.1", "-Dhttps.proxyPort=9")
"""A proxy at a port where nothing listens: whatever the validator would ask of a server fails."""
QUICK = ("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xmx1g")


class MissingError(Exception):
    """The validator cannot be had here; the text says why."""


@dataclass(frozen=True)
class Said:
    """An error of the HL7 validator."""

    id: str
    location: str
    text: str

    def __str__(self) -> str:
        return f"{self.id} at {self.location}: {self.text}"


def pom() -> str:
    """What Maven is asked for."""
    unused = "".join(f"<exclusion><groupId>{each}</groupId><artifactId>*</artifactId></exclusion>" for each in UNUSED)
    asked = "".join(
        f"<dependency><groupId>ca.uhn.hapi.fhir</groupId><artifactId>{each}</artifactId><version>{VERSION}</version>"
        f"<exclusions>{unused}</exclusions></dependency>"
        for each in ARTIFACTS
    )
    return (
        '<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion><groupId>baton</groupId>'
        f"<artifactId>hl7</artifactId><version>1</version><dependencies>{asked}</dependencies></project>"
    )


def fetched() -> Path:
    """The folder with the validator's libraries, kept for the next run. Raises MissingError where there is no Java or Maven, or
    Maven does not get them.
    """
    for needed in ("java", "javac", "mvn"):
        if shutil.which(needed) is None:
            raise MissingError(f"no {needed} on PATH: the HL7 validator cannot be run")
    written = pom()
    kept = Path(tempfile.gettempdir()) / f"baton-hl7-{hashlib.sha256(written.encode()).hexdigest()[:12]}"
    if not kept.is_dir():
        with tempfile.TemporaryDirectory(prefix="baton-hl7-", dir=kept.parent) as folder:
            (Path(folder) / "pom.xml").write_text(written)
            command = ("mvn", "-q", "-B", FETCH, f"-DoutputDirectory={folder}/libraries")
            done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=400)
            if done.returncode:
                raise MissingError(f"Maven does not give the HL7 validator: {done.stdout[-300:]}")
            (Path(folder) / "libraries").replace(kept)
    return kept


def judged(libraries: Path, definitions: Path, asked: list[tuple[str, tuple[str, ...]]]) -> list[list[Said]]:
    """The errors of each resource, given as its text and the profiles that it must meet beside those it names."""
    lines = "".join(json.dumps({"resource": text, "profiles": profiles}) + "\n" for text, profiles in asked)
    command = ("java", *QUICK, *NOWHERE, "-cp", f"{libraries}/*", str(HERE / "Hl7.java"), str(definitions))
    done = subprocess.run(command, input=lines, capture_output=True, encoding="utf-8", timeout=300)
    assert done.returncode == 0, done.stderr[-3000:]
    answers: list[list[Resource]] = [json.loads(line) for line in done.stdout.split("\n") if line]
    assert len(answers) == len(asked), done.stderr[-3000:]
    return [[_said(issue) for issue in answer if issue["severity"] in ("error", "fatal")] for answer in answers]


def _said(issue: Resource) -> Said:
    return Said(issue["id"], issue["location"], " ".join(issue["text"].split()))
