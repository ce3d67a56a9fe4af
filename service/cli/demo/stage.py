"""`baton demo`: starts a service in a temporary folder, loads the locality (records, partners, clients, people), and plays the
story."""

from __future__ import annotations

import asyncio
import contextlib
import multiprocessing
import shlex
import signal
import sys
import tempfile
from collections.abc import Iterator
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Annotated

import httpx
import typer
from rich.console import Console
from rich.markup import escape

from service import clock
from service.change import Resource
from service.cli import logs, serving
from service.cli.arguments import named_folder, settings_for
from service.cli.demo import lasting, locality
from service.cli.demo.chapter import FrontDoor
from service.cli.demo.locality import AGENCIES, CRISIS
from service.cli.demo.narrator import Narrator
from service.cli.demo.seeding import APPS, BACK, CHOSEN, EVERYTHING, Stage, seed, system
from service.cli.demo.smart import App, Partner, backend
from service.cli.demo.step_up import StepUp
from service.cli.demo.story import Story
from service.cli.opening import opened
from service.cli.signals import GRACE_SECONDS
from service.fhir.canonical import dataset
from service.fhir.definitions import Definitions
from service.problem import Category, Refused, problem
from service.settings import Settings, given, shipped

HOST = "127.0.0.1"
START_SECONDS = 90


def demo(
    once: Annotated[bool, typer.Option("--once", help="Play the story and end; status 0 only if all went as told.")] = False,
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port to listen on.")] = 8000,
    data: Annotated[
        Path | None,
        typer.Option(
            "--data", help="Keep the locality in this folder; no story.", show_default=False, parser=named_folder, metavar="DIR"
        ),
    ] = None,
) -> int:
    """Start everything on a temporary folder with a made-up locality, and play the story over HTTP."""
    logs.configure("warning")
    serving.ensure_free(HOST, port)
    console = Console(highlight=False)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # SIGTERM, too, removes the folder
    if data is not None:
        return _kept(console, data, port, once=once)
    return _told(console, port, once=once)


def _kept(console: Console, data: Path, port: int, *, once: bool) -> int:
    """Seeds a folder that is kept, unless it is seeded, tells what is there, and serves it."""
    settings = _settings(data)
    stage = lasting.seeded(settings, f"http://{HOST}:{port}")
    _print(console, lasting.told(data, stage, program()))
    if given()["mongodb_uri"]:
        _print(
            console, ["  `BATON_MONGODB_URI` is set, and is not used here: unset it for the commands above, which would use it."]
        )
    if not once:
        serving.present(settings, HOST, port)
    return 0


def _told(console: Console, port: int, *, once: bool) -> int:
    """Plays the story on a folder that is removed afterwards."""
    with tempfile.TemporaryDirectory(prefix="baton-demo-", ignore_cleanup_errors=True) as folder:
        settings = _settings(Path(folder))
        with _serving(settings, port) as server:
            base = f"http://{HOST}:{port}"
            _await(base, server)
            stage = asyncio.run(_set(settings, base))
            wrong = _played(console, base, stage)
            if not once:
                _stay(console, base, folder, stage)
                with contextlib.suppress(KeyboardInterrupt):
                    server.join()
    return 1 if wrong else 0


def _settings(folder: Path) -> Settings:
    """The settings for a folder. The demonstration never uses the operator's own database, whatever the environment says."""
    return settings_for(folder, mongodb_uri="", base_url="", issuers="", policy="uk")


@contextlib.contextmanager
def _serving(settings: Settings, port: int) -> Iterator[BaseProcess]:
    """Runs the service in a process of its own, as `baton serve` does. Ctrl-C reaches both processes: while the service's process
    starts, only this process handles Ctrl-C, and ends the service's process."""
    chosen = "log_level" in settings.model_fields_set
    quiet = settings if chosen else settings.model_copy(update={"log_level": "warning"})  # the story is what is to be read
    server = multiprocessing.get_context("spawn").Process(target=serving.present, args=(quiet, HOST, port))
    heeded = signal.signal(signal.SIGINT, signal.SIG_IGN)  # the new process inherits the handling
    server.start()
    signal.signal(signal.SIGINT, heeded)
    try:
        yield server
    finally:
        server.terminate()
        server.join(GRACE_SECONDS + 60)


def _await(base: str, server: BaseProcess) -> None:
    """Waits until the service is ready. Raises Refused UNAVAILABLE when the service has ended or is not ready in time; the
    service has then written a line with the reason."""
    deadline = clock.now().timestamp() + START_SECONDS
    while clock.now().timestamp() < deadline:
        if not server.is_alive():
            raise _stopped()
        with contextlib.suppress(httpx.HTTPError):
            if httpx.get(f"{base}/health/ready").status_code == httpx.codes.OK and server.is_alive():
                return
        server.join(0.05)
    raise _stopped()


def _stopped() -> Refused:
    return Refused(problem(Category.UNAVAILABLE, "transient", "The demonstration's service did not start; see the line above."))


async def _set(settings: Settings, base: str) -> Stage:
    """Seeds the running service; gives the credentials."""
    stage = Stage.made()
    async with opened(settings, base) as built:
        await seed(built, stage)
    return stage


def _played(console: Console, base: str, stage: Stage) -> list[str]:
    """Plays the story. Returns a line for each answer and claim that was not as the story expects."""
    tell = Narrator(console)
    console.print(f"\n{INTRODUCTION}", soft_wrap=True, highlight=False)
    with contextlib.ExitStack() as clients:
        cast = {}
        for agency in AGENCIES:
            http = clients.enter_context(httpx.Client(base_url=base, timeout=30))
            token = backend(http, system(agency), stage.keys[agency.id], EVERYTHING)
            cast[agency.id] = Partner(f"the {agency.id} system", http, token)
        for app, _, scope, name, _ in APPS:
            http = clients.enter_context(httpx.Client(base_url=base, timeout=30))  # each person has cookies of their own
            token = App(app, BACK).login(http, name, stage.passwords[name], scope, CHOSEN.get(name, ""))
            cast[name] = Partner(f"{name} in {app}", http, token)
        questions = _questions()
        Story(tell, cast, questions).play()
        FrontDoor(tell, cast, questions).play()
        StepUp(tell, cast, questions).play()
    if tell.wrong:
        console.print("\n[red]Not all went as told:[/red]", *map(escape, tell.wrong), sep="\n  ", soft_wrap=True, highlight=False)
    else:
        console.print(f"\n[green]All {tell.steps} steps went as told.[/green]")
    return tell.wrong


def _questions() -> dict[str, list[Resource]]:
    """The items of the minimum datasets that the story answers."""
    definitions = Definitions.load(shipped("profiles"))
    found = {name: definitions.questionnaire(dataset(name)) for name in ("handover", "crisis", "referral", "escalation")}
    return {name: each["item"] for name, each in found.items() if each}


def program() -> str:
    """The command by which this program was started, for printed examples that the reader can type: just after an installation,
    `baton` is not on the PATH."""
    asked = sys.argv[0]
    return shlex.quote(asked) if Path(asked).name == "baton" else f"{shlex.quote(sys.executable)} -m service"


INTRODUCTION = """\
Ada, Ben and Dan live in a small locality. Tara leads Ada's care plan in the community team of an NHS trust. Carl and Cora work in
the crisis team, and Gita is a GP. A housing association and a voluntary service play, too. Every line below is a request that
was sent over HTTP, and what came of it: `as told` says that the answer, refusals included, is the one the story tells."""


def _stay(console: Console, base: str, folder: str, stage: Stage) -> None:
    lines = [
        f"\nStill serving at {base} (FHIR base {base}/fhir) until you stop it with Ctrl-C. Try:",
        f"  TOKEN=$({program()} token --client {system(CRISIS)} --data {folder})",
        f'  curl -H "Authorization: Bearer $TOKEN" "{base}/fhir/{locality.PLAN}/\\$ownership"',
        *(f"  {name} logs in to {app} with the password {stage.passwords[name]}" for app, _, _, name, _ in APPS),
    ]
    _print(console, lines)


def _print(console: Console, lines: list[str]) -> None:
    for line in lines:
        console.print(escape(line), soft_wrap=True, highlight=False)
