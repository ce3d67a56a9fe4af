"""All commands of `baton`, and what becomes of a failure: one clear line on standard error and a status that is not 0."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import typer

from service.cli import checking, loading, logs, registers, serving
from service.cli.demo import stage
from service.problem import Refused

FAILED, MISUSED, INTERRUPTED = 1, 2, 130
MISUSE: type[BaseException] = typer.BadParameter.__mro__[1]
"""What every argument that cannot be read raises; typer gives only this one of its kinds a public name."""

cli = typer.Typer(
    help="Baton: a FHIR R4 service that keeps every active care plan owned by exactly one named lead.",
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
cli.command("serve")(serving.serve)
cli.command("worker")(serving.work)
cli.command("demo")(stage.demo)
cli.command("load")(loading.load)
cli.add_typer(registers.partner, name="partner")
cli.add_typer(registers.client, name="client")
cli.add_typer(registers.user, name="user")
cli.command("token")(registers.token)
cli.add_typer(registers.keys, name="keys")
cli.command("check")(checking.check)
cli.command("validate")(checking.validate)
cli.command("settings")(checking.settings)


def main(arguments: Sequence[str] | None = None) -> None:
    """The console script. Exits with 0, 1 for what was refused or found wrong, 2 for arguments that cannot be read."""
    logs.configure("warning")
    asked = list(sys.argv[1:] if arguments is None else arguments) or ["--help"]
    try:
        status = typer.main.get_command(cli).main(args=asked, prog_name="baton", standalone_mode=False)
    except Refused as refusal:
        for issue in refusal.problem.issues:
            logs.complain(issue.text)
        sys.exit(FAILED)
    except (typer.Abort, KeyboardInterrupt):
        sys.exit(INTERRUPTED)
    except MISUSE as error:
        logs.complain(f"{error.format_message().rstrip('.')}. `baton --help` tells what there is.")  # type: ignore[attr-defined]
        sys.exit(MISUSED)
    sys.exit(status if isinstance(status, int) else 0)
