"""All commands of `baton`, and what becomes of a failure: one clear line on standard error and a status that is not 0."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import click
import typer

from service.cli import loading, logs, serving
from service.problem import Refused

FAILED, MISUSED = 1, 2

cli = typer.Typer(
    help="Baton: a FHIR R4 service that keeps every active care plan owned by exactly one named lead.",
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
cli.command("serve")(serving.serve)
cli.command("worker")(serving.work)
cli.command("load")(loading.load)


def main(arguments: Sequence[str] | None = None) -> None:
    """The console script. Exits with 0, 1 for what was refused or found wrong, 2 for arguments that cannot be read."""
    logs.configure("warning")
    command = typer.main.get_command(cli)
    try:
        status = command.main(args=arguments, prog_name="baton", standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as error:
        print(error.format_message())
        sys.exit(MISUSED)
    except click.ClickException as error:
        logs.complain(error.format_message())
        sys.exit(error.exit_code)
    except Refused as refusal:
        for issue in refusal.problem.issues:
            logs.complain(issue.text)
        sys.exit(FAILED)
    except (click.Abort, KeyboardInterrupt):
        sys.exit(130)
    sys.exit(status if isinstance(status, int) else 0)
