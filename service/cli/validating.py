"""`baton validate`: reports the faults in files of FHIR JSON, without a database."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from service.cli.sources import files, items, tell_unread, unread
from service.fhir.definitions import Definitions
from service.fhir.validate import Validator
from service.problem import Issue, Problem
from service.settings import shipped

FAILED = 1


def validate(
    paths: Annotated[list[Path], typer.Argument(help="Files or folders of FHIR JSON and NDJSON.", show_default=False)],
    strict: Annotated[bool, typer.Option("--strict", help="Refuse profiles that are not known here.")] = False,
) -> int:
    """Validate files against R4 and the profiles; needs no database."""
    validator = Validator(Definitions.load(shipped("profiles")))
    seen = wrong = 0
    for path in files(paths):
        for item in items(path):
            sent = item.sent
            issues = sent.issues if isinstance(sent, Problem) else validator.check(sent.resource, strict_profiles=strict)
            seen += 1
            wrong += any(issue.severity in ("error", "fatal") for issue in issues)
            for issue in issues:
                print(_line(item.source, issue))
    print(f"{seen} resources, {wrong} not valid.")
    tell_unread(unread(paths))
    return FAILED if wrong else 0


def _line(source: str, issue: Issue) -> str:
    rule = f" [{issue.rule}]" if issue.rule else ""
    place = f"{issue.expression}: " if issue.expression else ""
    return f"{source}: {issue.severity}: {place}{issue.text}{rule}"
