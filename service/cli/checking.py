"""`baton check`, `validate` and `settings`: what holds, what would not, and how the service is set."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

import typer

from service import clock
from service.app import Built
from service.cli.opening import Data, settings_for, with_service
from service.cli.sources import files, items
from service.fhir.definitions import Definitions
from service.fhir.validate import Validator
from service.problem import Issue, Problem
from service.settings import Settings, shipped
from service.usecases.register import integrity

FAILED = 1


def check(data: Data = None) -> int:
    """Check the ledger's chain, the histories, the unique keys, and that every active plan has one owner."""

    async def checking(built: Built) -> int:
        found = 0
        async for finding in integrity.findings(built.services, clock.now()):
            found += 1
            print(finding)
        return found

    found = with_service(data, checking)
    print(f"{found} findings." if found else "All holds: ledger, histories, keys, and one owner for every active plan.")
    return FAILED if found else 0


def validate(
    paths: Annotated[list[Path], typer.Argument(help="Files or folders of FHIR JSON and NDJSON.", show_default=False)],
    strict: Annotated[bool, typer.Option("--strict", help="Refuse profiles that are not known here.")] = False,
) -> int:
    """Validate files against R4 and the profiles; needs no database."""
    validator = Validator(Definitions.load(shipped("profiles")))
    seen = wrong = 0
    for path in files(paths):
        for item in items(path):
            given = item.resource
            issues = given.issues if isinstance(given, Problem) else validator.check(given, strict_profiles=strict)
            seen += 1
            wrong += any(issue.severity in ("error", "fatal") for issue in issues)
            for issue in issues:
                print(_line(item.source, issue))
    print(f"{seen} resources, {wrong} not valid.")
    return FAILED if wrong else 0


SECRET = frozenset({"ledger_key"})


def settings(data: Data = None) -> None:
    """List every setting: its environment variable, its value, and what it is for."""
    for name, present in settings_for(data):
        value = "***" if name in SECRET and present else _shown(str(present))
        print(f"BATON_{name.upper()}={value}  # {Settings.model_fields[name].description}")


def _line(source: str, issue: Issue) -> str:
    rule = f" [{issue.rule}]" if issue.rule else ""
    place = f"{issue.expression}: " if issue.expression else ""
    return f"{source}: {issue.severity}: {place}{issue.text}{rule}"


def _shown(value: str) -> str:
    """A value without the password that a database's URI may hold."""
    parts = urlsplit(value) if "://" in value and "@" in value else None
    return value.replace(f":{parts.password}@", ":***@") if parts and parts.password else value
