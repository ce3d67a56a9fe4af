"""The one place where the parts of the service are built and joined: settings to stores, stores to use cases, use cases to
routes."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, tzinfo
from importlib.metadata import version

import structlog
from fastapi import FastAPI
from starlette.routing import BaseRoute, Mount
from starlette.types import ASGIApp, Lifespan

from service import clock
from service.api import cds_hooks, fhir, front, health, methods, oauth, operations, telemetry
from service.api.edge import Edge
from service.api.route import Route
from service.api.sessions import Sessions
from service.api.telemetry import Telemetry
from service.auth import issuers, metadata
from service.auth.scopes import Scopes
from service.auth.tokens import Terms
from service.change import Resource
from service.consent import disclosure
from service.consent.facts import facts_of
from service.consent.policy import SHIPPED
from service.consent.redact import unlabelled
from service.fhir import capability
from service.fhir.index import Indexer
from service.fhir.language import Language
from service.outbound.issuers import Issuers
from service.problem import Category, Problem, Refused, trace
from service.settings import Settings, shipped
from service.store import mongo as database
from service.store.audit import AuditTrail
from service.store.clients import Clients
from service.store.embedded import Embedded
from service.store.folder import SEALS, DataFolder
from service.store.generations import Generations
from service.store.holdings import Holdings
from service.store.installation import Installation
from service.store.layout import Layout
from service.store.ledger_key import LedgerKey
from service.store.mongo import Mongo
from service.store.outbox import Outbox
from service.store.partners import Partners
from service.store.persons import Persons
from service.store.records import Records
from service.store.relations import Relations
from service.store.row import Projection, Projector
from service.store.seal_file import SealFile
from service.store.search import Searches, indexes
from service.store.signing_keys import SigningKeys
from service.store.timers import Timers
from service.store.tokens import Tokens
from service.store.watch import Watch, running
from service.usecases import rules
from service.usecases.interactions.records import CONDITIONAL
from service.usecases.register import definitions, upgrades
from service.usecases.register.operations import by_type
from service.usecases.register.state import state
from service.usecases.request.calendars import Calendars
from service.usecases.request.directory import Directory
from service.usecases.request.evidence import EvidenceCache
from service.usecases.request.operated import recorder
from service.usecases.request.pathways import Pathways
from service.usecases.request.services import Services
from service.usecases.request.trail import with_events
from service.usecases.smart.authentication import Authentication
from service.usecases.smart.authorization import Authorization
from service.usecases.smart.clients import Registration
from service.usecases.smart.idp_directory import IdpDirectory
from service.usecases.smart.launch import Launching
from service.usecases.smart.limits import Limits
from service.usecases.smart.users import Users

log = structlog.get_logger()
WAIT_SECONDS = 1.0
"""How long the service waits before it asks again whether its database answers."""
START_SECONDS = 5.0
"""How long the service tries to open its database before it listens, and tells requests to come again."""
INTERACTIONS = ("read", "vread", "update", "patch", "delete", "history-instance", "create", "search-type")
SYSTEM = ("batch", "transaction")
# Types whose collections are made at start, because the care rules work with them. The collection of any other type is made when
# a record of the type is first written.
CARE_TYPES = (
    "AuditEvent", "CarePlan", "CareTeam", "Communication", "Consent", "EpisodeOfCare", "Group", "HealthcareService",
    "Organization", "Patient", "Practitioner", "PractitionerRole", "Provenance", "QuestionnaireResponse", "Task",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Built:
    """The parts of a service that is ready to serve, for the routes and for operators' commands."""

    services: Services
    registration: Registration
    users: Users
    limits: Limits
    authentication: Authentication
    oauth: oauth.OAuth
    keys: SigningKeys
    outbox: Outbox
    issuers: Issuers

    @property
    def base(self) -> str:
        """The service's FHIR base URL."""
        return self.oauth.authorization.terms.fhir_base

    async def aclose(self) -> None:
        """Closes what the parts hold open, their database aside."""
        await self.issuers.close()


Beside = Callable[[Built], Coroutine[None, None, None]]


def projector(indexer: Indexer, base: str, zone: tzinfo) -> Projector:
    """The projector of the service: draws the Index by which a stored version is found, and the facts on which consent is
    decided.

    INVARIANT: no search is sorted by a part of a record that may be withheld from a reader; the record's place in the order would
    tell the part's value.
    """

    def project(resource: Resource, tokens: Sequence[str]) -> Projection:
        index, facts = indexer.index(resource, tokens), facts_of(resource, base=base, zone=zone)
        if facts.inline or facts.sections:
            left = indexer.index(unlabelled(resource, facts), tokens).ranks
            index = replace(index, ranks={name: left.get(name) for name in index.ranks})
        # A record of a type in no compartment, such as a Bundle, belongs to the Patients that it is decided for.
        return Projection(index, tuple(dict.fromkeys((*index.patients, *facts.patients))), facts.to_row())

    return project


def language(settings: Settings, base: str) -> Language:
    """The FHIR Language (definitions, validator, indexer) of a service at `base`. Making it needs no database."""
    return Language.load(shipped("profiles"), f"{base}/fhir", settings.zone)


async def build(settings: Settings, mongo: Mongo, base: str, spoken: Language | None = None) -> Built:
    """Builds and joins the parts of the service over a connected database. `base` is the public base URL without a path; `spoken`
    is the Language of this base, None when it has to be made. Raises Refused for settings of issuers that do not hold, and for a
    secret that the database's ledger was not written with."""
    spoken = spoken or language(settings, base)
    project = with_events(projector(spoken.indexer, spoken.indexer.base, settings.zone))
    keys = SigningKeys(mongo, clock.new_id)
    folder = DataFolder(settings.data)
    secret = await LedgerKey(mongo, folder, settings.ledger_key).taken()
    records = Records(mongo, project, ledger_key=secret, seal_file=SealFile(folder.path / SEALS), row_indexes=indexes)
    services = await _services(settings, mongo, keys, records, project, spoken)
    return await _joined(settings, base, services, keys)


async def _services(
    settings: Settings, mongo: Mongo, keys: SigningKeys, records: Records, project: Projector, spoken: Language
) -> Services:
    partners, base = Partners(mongo), spoken.indexer.base
    await partners.prepare()
    await records.prepare(CARE_TYPES)
    generations, holdings, relations = Generations(mongo), Holdings(mongo, project), Relations(mongo)
    calendars = Calendars(Installation(mongo), settings.zone)
    directory = Directory(records, holdings, generations, partners, base, settings.zone, calendars)
    return Services(
        settings=settings,
        definitions=spoken.definitions,
        validator=spoken.validator,
        indexer=spoken.indexer,
        links=spoken.links,
        policy=SHIPPED[settings.policy],
        mongo=mongo,
        records=records,
        holdings=holdings,
        relations=relations,
        searches=Searches(mongo, project, most_scanned=settings.max_scan),
        partners=partners,
        timers=Timers(mongo),
        ledger=records.ledger,
        trail=AuditTrail(mongo, records.ledger),
        directory=directory,
        pathways=Pathways(records, spoken.definitions, directory, settings.zone),
        evidence=EvidenceCache(records, holdings, Persons(mongo, project), generations, base, settings.zone),
        generations=generations,
        secret=await keys.secret("cursor", clock.new_secret().encode()),
    )


async def _joined(settings: Settings, base: str, services: Services, keys: SigningKeys) -> Built:
    clients, tokens, fetcher = Clients(services.mongo), Tokens(services.mongo), Issuers(_allowed(base))
    for store in (clients, tokens, keys):
        await store.ensure_indexes()
    trusted = issuers.configured(settings.issuers)
    if isinstance(trusted, Problem):
        raise Refused(trusted)
    terms = Terms(
        issuer=f"{base}/auth",
        fhir_base=f"{base}/fhir",
        access_seconds=settings.access_token_seconds,
        user_seconds=settings.user_token_seconds,
        refresh_seconds=settings.refresh_token_hours * 3600,
    )
    directory = IdpDirectory(services, f"{base}/fhir")

    def unsupported(scopes: Scopes) -> Problem | None:
        return scopes.unsupported(services.definitions.types, directory.filter_fault)

    authorization = Authorization(
        clients, tokens, keys, fetcher, terms, unsupported, directory.note, directory.employer, directory.residual
    )
    record = recorder(services.trail)
    users = Users(clients, tokens, directory.note, record)
    authentication = Authentication(tokens, clients, fetcher, trusted, f"{base}/fhir")
    launching = Launching(authorization, users, clients, tokens, directory, directory.note)
    limits = Limits(clients, directory.note, requests=settings.requests_per_minute, failures=settings.failures_per_minute)
    return Built(
        services=services,
        registration=Registration(clients, tokens, keys, terms, unsupported, record),
        users=users,
        authentication=authentication,
        oauth=oauth.OAuth(authorization, launching, users, authentication, limits),
        limits=limits,
        keys=keys,
        outbox=Outbox(services.mongo),
        issuers=fetcher,
    )


def _allowed(base: str) -> tuple[str, ...]:
    """The hosts from which clients' keys may be fetched in spite of their private addresses: loopback, when the service itself is
    tried out on loopback."""
    return ("127.0.0.1", "localhost") if base.startswith(("http://127.0.0.1", "http://localhost")) else ()


def routes(built: Built, base: str) -> list[BaseRoute]:
    """Every route of the service."""
    fhir.register_convertors()
    telemetry.TYPES.update(built.services.definitions.types)
    sessions = Sessions(built.services, built.authentication, f"{base}/fhir", built.limits)
    smart = built.oauth.authorization.smart_configuration()
    statement = _statement(built, base, clock.now())
    return [
        *fhir.routes(fhir.Interactions(sessions)),
        *operations.routes(sessions),
        *cds_hooks.routes(sessions),
        *front.routes(f"{base}/fhir", version("baton-fhir")),
        Route("/fhir/metadata", fhir.static_json(statement), methods=["GET"]),
        Route("/fhir/.well-known/smart-configuration", fhir.static_json(smart, "application/json"), methods=["GET"]),
        Mount("/auth", routes=oauth.routes(built.oauth)),
        *health.routes(built.services, lambda: state(built.services, built.outbox, clock.now())),
    ]


def _statement(built: Built, base: str, at: datetime) -> Resource:
    mounted = capability.Mounted(
        base=f"{base}/fhir",
        version=version("baton-fhir"),
        started=at,
        types=built.services.definitions.served,
        interactions=INTERACTIONS,
        system=SYSTEM,
        without=rules.WITHOUT,
        versioned=CONDITIONAL,
        operations=by_type(),
        profiles=built.services.definitions.profiles(),
        security=(metadata.oauth_uris(built.oauth.authorization.terms),),
    )
    return capability.statement(mounted, built.services.indexer.parameters)


def application(settings: Settings, base: str, mongo_uri: str, beside: Beside | None = None) -> FastAPI:
    """The ASGI application of one process. Everything that needs no database is made at once; the application connects to the
    database when it starts, and serves once it is connected. A database that is away, or is long in being opened, is waited
    for: until it answers, every request is told to come again (503).

    `beside` runs in the same event loop while the application serves: the worker that fires timers, for example.
    """
    _spare_collections()
    spoken = language(settings, base)
    spoken.prepare(CARE_TYPES)
    disclosure.prepare()

    @contextlib.asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with contextlib.AsyncExitStack() as parts:
            parts.callback(app.state.telemetry.flush)

            async def opened() -> None:
                built = await _opened(settings, base, mongo_uri, spoken, parts)
                app.router.routes[:] = routes(built, base)
                app.state.built = built
                gc.freeze()  # what was built stays: no collection need walk through it again
                await parts.enter_async_context(running(Watch(built.services.mongo).run()))
                if beside:
                    await parts.enter_async_context(running(beside(built)))

            app.router.routes[:] = health.waiting()
            opening = asyncio.create_task(opened())
            ended, _ = await asyncio.wait({opening}, timeout=START_SECONDS)
            if not ended or _is_away(opening.exception()):
                reason = str(opening.exception() if ended else "It has not been opened yet.")
                log.warning("database-awaited", at=database.address(mongo_uri), reason=reason)
                await parts.enter_async_context(running(_awaited(opening, opened, mongo_uri)))
            else:
                opening.result()
            yield

    return shell(settings, lifespan)


async def _opened(settings: Settings, base: str, mongo_uri: str, spoken: Language, parts: contextlib.AsyncExitStack) -> Built:
    """The built service, with its definitions published. `parts` closes it again. Raises Refused UNAVAILABLE; nothing is left
    open then."""
    async with contextlib.AsyncExitStack() as trying:
        built = await trying.enter_async_context(served(settings, mongo_uri, base, spoken))
        await definitions.publish(built.services, base)
        await parts.enter_async_context(trying.pop_all())
    return built


@contextlib.asynccontextmanager
async def served(settings: Settings, mongo_uri: str, base: str, spoken: Language | None = None) -> AsyncIterator[Built]:
    """The service over a database and a data folder that have this version's layout, or are brought to it first. Raises Refused
    RULE for a layout that a newer version made, and for a database that is being restored; nothing is touched then. Raises
    Refused UNAVAILABLE. Nothing is left open."""
    folder = DataFolder(settings.data)
    folder.admit()
    async with database.connected(mongo_uri, settings.mongodb_database, settings.mongo_driver) as mongo:
        await Layout(mongo).enter()
        async with contextlib.aclosing(await build(settings, mongo, base, spoken)) as built:
            await upgrades.bring_up(built.services, built.base)
            folder.noted()
            yield built


def _is_away(error: BaseException | None) -> bool:
    return isinstance(error, Refused) and error.problem.category is Category.UNAVAILABLE


async def _awaited(opening: Awaitable[None], opened: Callable[[], Awaitable[None]], mongo_uri: str) -> None:
    """Opens the service as soon as its database answers; `opening` is the first try. A reason for which it can never be opened
    ends the process, a fault in it too: left waiting, the service would answer 503 for ever and say nothing. Raises that
    reason."""
    while True:
        try:
            await opening
        except Exception as error:
            if _is_away(error):
                await asyncio.sleep(WAIT_SECONDS)
                opening = opened()
                continue
            log.error("not-started", reason=str(error) if isinstance(error, Refused) else type(error).__name__, at=trace(error))
            signal.raise_signal(signal.SIGTERM)
            raise
        else:
            log.info("database-answers", at=database.address(mongo_uri))
            return


def _spare_collections() -> None:
    """Makes garbage collection rare: it took a tenth of all processing time, and the start makes little that is not kept."""
    gc.set_threshold(20_000, 20, 50)


class Application(FastAPI):
    """FastAPI with `Edge` as the only middleware: `Edge` gives request ids, limits bodies, and answers refusals and faults."""

    def build_middleware_stack(self) -> ASGIApp:
        """The ASGI application that a request passes before its route: the Edge around the router."""
        state = self.state
        return Edge(
            self.router, state.settings.max_body_bytes, state.telemetry, lambda scope: methods.allow(self.router.routes, scope)
        )


def shell(settings: Settings, lifespan: Lifespan[FastAPI] | None = None) -> FastAPI:
    """The application without its routes, with the Edge that wraps every answer."""
    app = Application(lifespan=lifespan, docs_url=None, redoc_url=None, openapi_url=None, redirect_slashes=False)
    app.state.settings, app.state.telemetry = settings, Telemetry(lines=settings.log_level in ("debug", "info"))
    return app


async def database_of(settings: Settings) -> tuple[str, Embedded | None]:
    """The URI of the configured database; or the URI of the data folder's embedded database, started if it does not run yet, with
    the Embedded that the caller must stop. Raises Refused UNAVAILABLE."""
    if settings.mongodb_uri:
        return settings.database_uri, None
    embedded = Embedded(settings.data, settings.mongodb_cache_mb)
    return await embedded.start(), embedded
