"""All commands of `baton`. A command that fails writes one clear line to standard error and exits with a status other than 0."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pkgutil import resolve_name
from typing import Annotated, Any, NamedTuple

import typer
from typer.core import TyperGroup

from service.cli.complaint import complain, complain_of

FAILED, MISUSED, INTERRUPTED = 1, 2, 130
MISUSE: Any = typer.BadParameter.__mro__[1]
"""The exception for every argument that cannot be read. Typer gives a public name only to its subclass `BadParameter`."""


class Command(NamedTuple):
    """A command or a group of commands: `place` is its place below `service.cli` as `module:name`, `help` its line in
    `baton --help`."""

    name: str
    place: str
    help: str


# A command's module is imported only when the command is called: `baton --help` imports none of the modules, and `baton settings`
# imports no database driver.
TABLE = (
    Command("serve", "serving:serve", "Serve the FHIR API, the authorization server and, unless told otherwise, the worker."),
    Command("worker", "working:work", "Fire due timers and seal the ledger, beside services that run with `--no-worker`."),
    Command(
        "demo", "demo.stage:demo", "Start everything on a temporary folder with a made-up locality, and play the story over HTTP."
    ),
    Command("load", "loading:load", "Load Bundles, single resources or NDJSON into the running or stopped service."),
    Command("token", "registers:token", "Print a bearer token for trying things with curl."),
    Command(
        "check",
        "checking:check",
        "Check that all is stored as the signed ledger says it was written, and that every active plan has one owner.",
    ),
    Command("backup", "backups:backup", "Copy all that is stored, as it is at this instant, into one file; the service may run."),
    Command("restore", "backups:restore", "Put a backup into an empty database and data folder, and check it."),
    Command("validate", "validating:validate", "Validate files against R4 and the profiles; needs no database."),
    Command("settings", "listing:settings", "List every setting: its environment variable, its value, and what it is for."),
    Command("partner", "registers:partner", "The register of agencies and their sharing agreements."),
    Command("locality", "localities:locality", "When the locality works: its days, hours and holidays."),
    Command("client", "registers:client", "The register of SMART clients."),
    Command("user", "registers:user", "People who log in."),
    Command("keys", "registers:keys", "The service's own signing keys."),
)


class Commands(TyperGroup):
    """The group of all commands. The group's help comes from the table; the command that is called is loaded from its module."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """The name of the command called, the loaded command, and the arguments after the name."""
        name, _, rest = super().resolve_command(ctx, args)
        return name, loaded(next(each for each in TABLE if each.name == name)), rest


def loaded(command: Command) -> Any:
    """The command with its own arguments, made by typer from the command's function or group."""
    found = resolve_name(f"service.cli.{command.place}")
    alone = _typer()
    if isinstance(found, typer.Typer):
        alone.add_typer(found, name=command.name)
    else:
        alone.command(command.name)(found)
    return typer.main.get_group(alone).commands[command.name]


def _typer(**more: Any) -> typer.Typer:
    return typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False, **more)


def _stand_in() -> None:
    """Stands for a command in the group's help, and is never run."""


def _tell_version(asked: bool) -> None:
    """Prints the version, and the layout that it reads and writes."""
    if not asked:
        return
    from importlib.metadata import version

    from service.store.layout import LAYOUT

    print(f"baton {version('baton-fhir')}, layout {LAYOUT}")
    raise typer.Exit


Version = Annotated[
    bool, typer.Option("--version", is_eager=True, callback=_tell_version, help="Tell the version and its layout.")
]


def _options(version: Version = False) -> None:
    """The options of `baton` itself."""


cli = _typer(help="Baton: a FHIR R4 service that keeps every active care plan owned by exactly one named lead.", cls=Commands)
cli.callback()(_options)
for each in TABLE:
    cli.command(each.name, help=each.help)(_stand_in)


def main(arguments: Sequence[str] | None = None) -> None:
    """The console script. Exits with 0, with 1 when the command was refused, has failed or has found faults, with 2 when the
    arguments cannot be read, and with 130 when the command was interrupted."""
    asked = list(sys.argv[1:] if arguments is None else arguments) or ["--help"]
    try:
        status = typer.main.get_command(cli).main(args=asked, prog_name="baton", standalone_mode=False)
    except (typer.Abort, KeyboardInterrupt):
        sys.exit(INTERRUPTED)
    except MISUSE as error:
        complain(f"{error.format_message().rstrip('.')}. `baton --help` tells what there is.")
        sys.exit(MISUSED)
    except Exception as error:
        complain_of(error)
        sys.exit(FAILED)
    sys.exit(status if isinstance(status, int) else 0)
