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
from dataclasses import dataclass
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Annotated, Any

import httpx
import typer
from rich.console import Console
from rich.markup import escape

from service import clock
from service.app import Built
from service.change import Resource
from service.cli import logs, serving
from service.cli.arguments import settings_for
from service.cli.demo import locality
from service.cli.demo.locality import AGENCIES, BEN, CRISIS, SURGERY, TRUST, Agency
from service.cli.demo.narrator import Narrator
from service.cli.demo.smart import App, Partner, backend, new_key, public_part
from service.cli.demo.story import Story
from service.cli.opening import opened
from service.cli.signals import GRACE_SECONDS
from service.fhir import bundle
from service.fhir.bundle import Sent
from service.fhir.canonical import CRISIS_PLAN, SNOMED, dataset
from service.fhir.definitions import Definitions
from service.problem import Category, Problem, Refused, problem
from service.settings import Settings, shipped
from service.store.partners import Partner as Registered
from service.usecases.interactions.loading import Loading
from service.usecases.register import partners

HOST = "127.0.0.1"
START_SECONDS = 90
EVERYTHING = "system/*.cruds"
BACK = "http://127.0.0.1:9/back"
READING = f"launch/patient patient/CarePlan.rs?category={SNOMED}|{CRISIS_PLAN}"
CLINICAL = "user/Condition.rs user/Patient.r user/Task.crus"
OWN = "launch/patient patient/AuditEvent.rs"
CHOSEN = {"gita": "Patient/ada-surgery"}
"""The patient that a member of staff chooses at login."""
# each app: its client_id, its agency, its scopes, the username of the person who logs in, and the person's reference
APPS: tuple[tuple[str, Agency, str, str, str], ...] = (
    ("surgery-app", SURGERY, READING, "gita", SURGERY.role("gita")),
    ("crisis-app", CRISIS, CLINICAL, "cora", CRISIS.role("cora")),
    ("my-record-app", TRUST, OWN, "ben", BEN),
)


@dataclass(frozen=True, slots=True)
class Stage:
    """The credentials of the story's clients: passwords by username, private keys by the id of the agency."""

    passwords: dict[str, str]
    keys: dict[str, dict[str, Any]]


def demo(
    once: Annotated[bool, typer.Option("--once", help="Play the story and end; status 0 only if all went as told.")] = False,
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port to listen on.")] = 8000,
) -> int:
    """Start everything on a temporary folder with a made-up locality, and play the story over HTTP."""
    logs.configure("warning")
    console = Console(highlight=False)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # SIGTERM, too, removes the folder
    serving.ensure_free(HOST, port)
    with tempfile.TemporaryDirectory(prefix="baton-demo-", ignore_cleanup_errors=True) as folder:
        # The demonstration never uses the operator's own database, whatever the environment says.
        settings = settings_for(Path(folder), mongodb_uri="", base_url="", issuers="", policy="uk")
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
    """Loads the locality's records, partners, clients and users into the running service. Returns their credentials."""
    stage = Stage(
        passwords={name: clock.new_secret()[:16] for _, _, _, name, _ in APPS},
        keys={agency.id: new_key(_system(agency)) for agency in AGENCIES},
    )
    async with opened(settings, base) as built:
        held = {reference: _records(resources, built.base) for reference, resources in locality.bundles().items()}
        for reference, records in held.items():
            await _loaded(built, reference, records, [each for others in held.values() for each in others])
        for agency in AGENCIES:
            await partners.register(built.services, built.base, Registered(agency.reference, agency.sector, added_by="demo"))
            public = {"keys": [public_part(stage.keys[agency.id])]}
            await built.registration.add_client(_system(agency), agency.reference, EVERYTHING, jwks=public)
        for app, agency, scope, name, person in APPS:
            await built.registration.add_client(
                app, agency.reference, scope, name=app, agency=agency.name, public=True, redirect_uris=[BACK]
            )
            await built.users.add_user(name, person, stage.passwords[name])
    return stage


def _system(agency: Agency) -> str:
    """The client_id of an agency's own system."""
    return f"{agency.id}-system"


def _records(resources: Resource, base: str) -> list[Sent]:
    return [each for each in bundle.resources(resources, base) if not isinstance(each, Problem)]


async def _loaded(built: Built, custodian: str, records: list[Sent], everything: list[Sent]) -> None:
    """Loads the records of one agency, which may refer to those of the agencies after it."""
    loading = Loading(built.services, built.base, custodian)
    await loading.survey(everything)
    for verdict in await loading.load(records):
        if verdict.reason is not None:
            raise Refused(verdict.reason)


def _played(console: Console, base: str, stage: Stage) -> list[str]:
    """Plays the story. Returns a line for each answer and claim that was not as the story expects."""
    tell = Narrator(console)
    console.print(f"\n{INTRODUCTION}", soft_wrap=True, highlight=False)
    with contextlib.ExitStack() as clients:
        cast = {}
        for agency in AGENCIES:
            http = clients.enter_context(httpx.Client(base_url=base, timeout=30))
            token = backend(http, _system(agency), stage.keys[agency.id], EVERYTHING)
            cast[agency.id] = Partner(f"the {agency.id} system", http, token)
        for app, _, scope, name, _ in APPS:
            http = clients.enter_context(httpx.Client(base_url=base, timeout=30))  # each person has cookies of their own
            token = App(app, BACK).login(http, name, stage.passwords[name], scope, CHOSEN.get(name, ""))
            cast[name] = Partner(f"{name} in {app}", http, token)
        Story(tell, cast, _questions()).play()
    if tell.wrong:
        console.print("\n[red]Not all went as told:[/red]", *map(escape, tell.wrong), sep="\n  ", soft_wrap=True, highlight=False)
    else:
        console.print(f"\n[green]All {tell.steps} steps went as told.[/green]")
    return tell.wrong


def _questions() -> dict[str, list[Resource]]:
    """The items of the minimum datasets that the story answers."""
    definitions = Definitions.load(shipped("profiles"))
    found = {name: definitions.questionnaire(dataset(name)) for name in ("handover", "crisis")}
    return {name: each["item"] for name, each in found.items() if each}


def program() -> str:
    """The command by which this program was started, for printed examples that the reader can type: just after an installation,
    `baton` is not on the PATH."""
    asked = sys.argv[0]
    return shlex.quote(asked) if Path(asked).name == "baton" else f"{shlex.quote(sys.executable)} -m service"


INTRODUCTION = """\
Ada and Ben live in a small locality. Tara leads Ada's care plan in the community team of an NHS trust. Carl and Cora work in
the crisis team, and Gita is a GP. A housing association and a voluntary service play, too. Every line below is a request that
was sent over HTTP, and what came of it: `as told` says that the answer, refusals included, is the one the story tells."""


def _stay(console: Console, base: str, folder: str, stage: Stage) -> None:
    lines = [
        f"\nStill serving at {base} (FHIR base {base}/fhir) until you stop it with Ctrl-C. Try:",
        f"  TOKEN=$({program()} token --client {_system(CRISIS)} --data {folder})",
        f'  curl -H "Authorization: Bearer $TOKEN" "{base}/fhir/{locality.PLAN}/\\$ownership"',
        *(f"  {name} logs in to {app} with the password {stage.passwords[name]}" for app, _, _, name, _ in APPS),
    ]
    for line in lines:
        console.print(escape(line), soft_wrap=True, highlight=False)
