"""The services that use cases work with, built and joined once in `service.app`, and the context of one request."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from zoneinfo import ZoneInfo

from service.auth.caller import Caller
from service.care.task.timers import Calendar
from service.consent.policy import Policy
from service.fhir.definitions import Definitions
from service.fhir.index import Indexer
from service.fhir.links import Links
from service.fhir.validate import Validator
from service.settings import Settings
from service.store.audit import AuditTrail
from service.store.generations import Generations
from service.store.holdings import Holdings
from service.store.ledger import Ledger
from service.store.mongo import Mongo
from service.store.partners import Partners
from service.store.records import Records
from service.store.relations import Relations
from service.store.search import Searches
from service.store.timers import Timers
from service.usecases.request.directory import Directory
from service.usecases.request.evidence import EvidenceCache
from service.usecases.request.pathways import Pathways
from service.usecases.request.tally import Tally


@dataclass(frozen=True, slots=True)
class Services:
    """Everything that a use case may reach. `secret` signs cursors."""

    settings: Settings
    definitions: Definitions
    validator: Validator
    indexer: Indexer
    links: Links
    policy: Policy
    mongo: Mongo
    records: Records
    holdings: Holdings
    relations: Relations
    searches: Searches
    partners: Partners
    timers: Timers
    ledger: Ledger
    trail: AuditTrail
    directory: Directory
    pathways: Pathways
    evidence: EvidenceCache
    generations: Generations
    secret: bytes
    tally: Tally = field(default_factory=Tally)

    @property
    def zone(self) -> ZoneInfo:
        """The locality's time zone, in which a date without an offset is read."""
        return self.settings.zone

    @property
    def calendar(self) -> Calendar:
        """The calendar of the locality's working days."""
        return self.directory.calendar or Calendar(self.zone)


@dataclass(frozen=True, slots=True)
class RequestContext:
    """The context of one request: the caller, the instant, and the values that answers and audit lines carry.

    `base` is the public FHIR base URL; `request_id` and `correlation_id` are echoed; `fingerprint` tells two different requests
    with one request id apart; `given_id` says that the client chose the request id (HOV-9). `directory` is the directory's
    generation when the request came, None when the generation has to be read. `handling` is how the client wants
    what is not known here to be taken: `strict`, `lenient` or, when it does not say, ''.
    """

    caller: Caller
    at: datetime
    base: str
    request_id: str = ""
    correlation_id: str = ""
    fingerprint: str = ""
    given_id: bool = False
    directory: int | None = None
    handling: str = ""
