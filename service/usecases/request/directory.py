"""The directory facts that decisions need: which organisation a role belongs to, which organisation another is part of. The facts
are cached until any directory record changes."""

from __future__ import annotations

from collections.abc import Awaitable
from dataclasses import dataclass
from datetime import datetime, tzinfo

from service.auth.caller import Caller
from service.care.ownership.role import Lead, changing
from service.care.task.timers import Calendar
from service.change import Resource
from service.consent.policy import Agreement
from service.consent.principals import principals
from service.fhir.date import LOCAL
from service.fhir.reference import key, link, relative, type_of
from service.store.generations import Generations
from service.store.holdings import Holdings
from service.store.partners import Partner, Partners
from service.store.records import Records
from service.usecases.request.calendars import Calendars

DIRECTORY = "directory"
MAX_DEPTH = 16

EMPLOYER = {"PractitionerRole": "organization", "HealthcareService": "providedBy", "Location": "managingOrganization"}


@dataclass(frozen=True, slots=True)
class Acting:
    """The acting caller as decisions match the caller: `known` are the directory resources of the user, of the
    organisation and of the organisations above; `groups` are the Groups that have one of these as a member; `sector` and
    `agreement` are the organisation's."""

    user: str
    organization: str
    known: dict[str, Resource]
    groups: tuple[Resource, ...]
    sector: str
    agreement: Agreement | None
    base: str = ""
    zone: tzinfo = LOCAL

    def principals(
        self, at: datetime, teams: tuple[Resource, ...] = (), patients: frozenset[str] = frozenset()
    ) -> frozenset[str]:
        """The references of everything that the caller may act as towards one person (consent rules, section 2.1)."""
        return principals(
            self.user,
            self.organization,
            self.known,
            at,
            groups=self.groups,
            teams=teams,
            patients=patients,
            base=self.base,
            zone=self.zone,
        )


class Directory:
    """Reads Organization, PractitionerRole and HealthcareService records, and keeps them until the directory's generation is
    raised.

    `base` is our own FHIR base URL, under which directory records may name each other; `zone` is the time zone for dates without
    an offset."""

    def __init__(
        self,
        records: Records,
        holdings: Holdings,
        generations: Generations,
        partners: Partners,
        base: str = "",
        zone: tzinfo = LOCAL,
        calendars: Calendars | None = None,
    ) -> None:
        self._records = records
        self._holdings = holdings
        self._generations = generations
        self._partners = partners
        self._base = base
        self._zone = zone
        self._calendars = calendars
        self._calendar: Calendar | None = None
        self._generation = -1
        self._known: dict[str, Resource | None] = {}
        self._acting: dict[tuple[str, str], Acting] = {}
        self._leads: dict[str, tuple[Lead, int]] = {}
        self._registered: dict[str, Partner | None] = {}

    @property
    def generation(self) -> int:
        """The directory's generation as it was last refreshed."""
        return self._generation

    def ask(self) -> Awaitable[int | None]:
        """Starts to read the directory's generation now; the caller awaits the number later."""
        return self._generations.ask(DIRECTORY)

    async def refresh(self, current: int | None = None) -> None:
        """Forgets all kept records if the directory has changed. Each request calls `refresh` once, before the request reads the
        directory. `current` is the directory's generation, None when the generation has to be read."""
        if current is None:
            current = await self.ask() or 0
        if current > self._generation:
            self._calendar = await self._calendars.read() if self._calendars else None
            self._generation, self._known, self._acting, self._leads = current, {}, {}, {}
            self._registered = {}

    @property
    def calendar(self) -> Calendar | None:
        """The calendar of the locality's working days as it was last refreshed; None before."""
        return self._calendar

    async def get(self, reference: str) -> Resource | None:
        """The current directory resource with this reference; None when the record is absent or deleted."""
        if reference not in self._known:
            known = self._known
            row = await self._records.read(*key(reference)) if relative(reference) else None
            known[reference] = None if row is None or row.deleted else row.resource
            return known[reference]
        return self._known[reference]

    async def partner(self, organization: str) -> Partner | None:
        """The partner with this Organization reference, its agreement live or not; None for an agency not registered."""
        if organization not in self._registered:
            known = self._registered
            known[organization] = await self._partners.get(organization)
            return known[organization]
        return self._registered[organization]

    async def lead(self, role: str) -> tuple[Lead, int]:
        """The Lead of a PractitionerRole, by reference, and the number of its counter `changing` under which it was read."""
        if role not in self._leads:
            kept = self._leads
            counter = changing(role)
            number = (await self._generations.current((counter,)))[counter]  # first, so that a later change shows
            entry = await self._entry(role)
            practitioner, organization = [await self._entry(link(entry, name)) for name in ("practitioner", "organization")]
            kept[role] = Lead(entry, practitioner, organization), number
            return kept[role]
        return self._leads[role]

    async def _entry(self, reference: str) -> Resource | None:
        """The entry as it is stored now, whatever is kept."""
        row = await self._records.read(*key(reference)) if reference and relative(reference) == reference else None
        return None if row is None or row.deleted else row.resource

    async def organization(self, reference: str) -> str:
        """The organisation that an actor acts for; empty when unknown. A Practitioner without a role acts for no organisation,
        because a Practitioner may have several employers."""
        local = relative(reference, self._base)
        kind = type_of(local)
        if kind == "Organization":
            return local
        if kind == "CareTeam":
            return ""
        member = EMPLOYER.get(kind)
        resource = await self.get(local) if member else None
        return relative(link(resource, member), self._base) if resource and member else ""

    async def ancestors(self, organization: str) -> tuple[str, ...]:
        """The organisation and every organisation above it by `partOf`, nearest first. A cycle of `partOf` is followed once, and
        at most `MAX_DEPTH` organisations are given."""
        line: list[str] = []
        current = organization
        while current and current not in line and len(line) < MAX_DEPTH:
            line.append(current)
            resource = await self.get(current)
            current = relative(link(resource, "partOf"), self._base)
        return tuple(line)

    async def acting(self, caller: Caller) -> Acting:
        """The Acting of a caller, kept for each user and organisation."""
        key = (caller.user, caller.organization)
        found = self._acting.get(key)
        if found is None:
            kept = self._acting
            found = kept[key] = await self._load(*key)
        return found

    async def _load(self, user: str, organization: str) -> Acting:
        refs = dict.fromkeys(await self.ancestors(organization))
        role = await self.get(user) if user.startswith("PractitionerRole/") else None
        if role is not None:
            refs |= dict.fromkeys((user, relative(link(role, "practitioner"), self._base)))
            refs |= dict.fromkeys(await self.ancestors(await self.organization(user)))
        known = {ref: resource for ref in refs if ref and (resource := await self.get(ref)) is not None}
        groups = [row for ref in known for row in await self._holdings.having("Group", f"member={ref}")]
        partner = await self._partners.get(organization)
        return Acting(
            user=user,
            organization=organization,
            known=known,
            groups=tuple(row.resource for row in groups if not row.deleted),
            sector=partner.sector if partner else "",
            agreement=_agreement(partner) if partner else None,
            base=self._base,
            zone=self._zone,
        )


def _agreement(partner: Partner) -> Agreement:
    return Agreement(
        partner.organization,
        partner.sector,
        frozenset(partner.purposes),
        frozenset(partner.categories),
        partner.start,
        partner.end,
    )
