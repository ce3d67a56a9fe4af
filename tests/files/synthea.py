"""The real Synthea from Maven Central, pinned and seeded: 142 MB, downloaded once a machine and kept by Maven."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

POM = Path(__file__).with_name("synthea.xml")
DOWNLOAD_SECONDS = 300
RUN_SECONDS = 120
SEEDED = ("-s", "7", "-cs", "7", "-r", "20260101", "-e", "20260101", "-p", "2")
BRIEF = ("--exporter.metadata.export=false", "--exporter.years_of_history=2")


@dataclass(frozen=True)
class Synthea:
    """Synthea as it can be run here."""

    java: str
    classpath: str

    def exported(self, folder: Path, *options: str) -> Path:
        """The folder of the files that it writes about two people and those who treat them, always the same ones."""
        place = f"--exporter.baseDirectory={folder}"
        command = [self.java, "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-cp", self.classpath, "App"]
        line = [*command, *SEEDED, *BRIEF, place, *options, "Massachusetts"]
        ran = subprocess.run(line, cwd=folder, capture_output=True, text=True, timeout=RUN_SECONDS, check=False)
        assert ran.returncode == 0, ran.stdout[-2000:] + ran.stderr[-2000:]
        return folder / "fhir"


def had(folder: Path) -> Synthea:
    """Synthea with what it needs; skips the test where there is no Java, no Maven, or no Maven Central."""
    java, maven = (shutil.which(name) or pytest.skip(f"no {name} on PATH") for name in ("java", "mvn"))
    told = folder / "classpath"
    goal = ["dependency:build-classpath", f"-Dmdep.outputFile={told}", "-DincludeScope=runtime"]
    line = [maven, "--quiet", "--batch-mode", "--file", str(POM), *goal]
    got = subprocess.run(line, capture_output=True, text=True, timeout=DOWNLOAD_SECONDS, check=False)
    if got.returncode:
        pytest.skip(f"Synthea cannot be had: {(got.stdout or got.stderr)[-300:]}")
    return Synthea(java, told.read_text())
