"""The unit of work of one request: the rows loaded for decisions, the writes staged by decisions, and the one Change that commits
the writes.

All entries of a transaction share one unit of work, so a later entry sees the writes that an earlier entry staged. No row loaded
by a unit of work reaches a caller: every record that leaves passes `service.usecases.request.viewer`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, TypeVar

from service import clock
from service.care.ownership.identity import person_keys
from service.care.ownership.role import ENTRIES, Lead, changing
from service.care.task.reading import worklists
from service.change import Change, IdempotencyKey, Notice, Party, Replaced, Resource, Timer, Write
from service.consent.relationship import closed, ties
from service.fhir.date import begins, ends
from service.fhir.reference import key, link, name_of, relative, unversioned, version_in
from service.fhir.resource import stamp
from service.problem import Issue
from service.store.commit import Moved
from service.store.records import Row
from service.store.row import draft, row_of
from service.usecases.request import plan_keys, tenures, testimony
from service.usecases.request.evidence import Person, compiled
from service.usecases.request.services import RequestContext, Services
from service.usecases.request.viewer import seen

T = TypeVar("T")
TRIES = 4

Check = Callable[[], Awaitable[None]]
"""A check of what a unit of work has staged. Raises Refused."""


async def decided_again(context: RequestContext, decide: Callable[[RequestContext], Awaitable[T]]) -> T:
    """The result of `decide`, which loads, decides and commits. `decide` runs again, at the current instant, when the evidence of
    its decision has changed meanwhile (Moved); after `TRIES` runs Moved is raised."""
    for _ in range(TRIES - 1):
        try:
            return await decide(context)
        except Moved as moved:
            now = clock.now()
            context = replace(context, at=max(now, moved.after or now), directory=None)
    return await decide(context)


@dataclass(slots=True)
class StagedWrite:
    """A write that the unit of work will commit. `resource` is not stamped yet."""

    resource: Resource
    before: int
    custodian: str
    method: str
    keys: tuple[str, ...] = ()
    deleted: bool = False
    parties: tuple[Party, ...] = ()


@dataclass(slots=True)
class UnitOfWork:
    """Loads records with `row` and `get`, stages writes with `create`, `update` and `delete`, and commits them once with
    `commit`. `noted` are AuditEvents, each for the custody of an agency, that are durable before the commit; `remarks` are what
    the caller is to be told of each record that it wrote. `known` are the persons that were looked at: a decision rests on one
    look at each, and the commit on that nothing has changed since. `coming` are the records that the entries of a transaction
    write, staged or not yet. `met` are the datasets that say how a person is met, as agencies may see them (EQU-2)."""

    services: Services
    context: RequestContext
    coming: frozenset[str] = frozenset()
    met: dict[tuple[str, frozenset[str]], Resource | None] = field(default_factory=dict)
    staged: dict[str, StagedWrite] = field(default_factory=dict)
    rows: dict[str, Row | None] = field(default_factory=dict)
    audits: list[Resource] = field(default_factory=list)
    idempotency: list[IdempotencyKey] = field(default_factory=list)
    timers: list[Timer] = field(default_factory=list)
    cancelled: list[str] = field(default_factory=list)
    settled: list[tuple[str, int]] = field(default_factory=list)
    notices: list[Notice] = field(default_factory=list)
    guards: dict[str, int] = field(default_factory=dict)
    premises: dict[str, int] = field(default_factory=dict)
    touches: dict[str, tuple[str, ...]] = field(default_factory=dict)
    checks: dict[str, list[Check]] = field(default_factory=dict)
    noted: list[tuple[Resource, str]] = field(default_factory=list)
    remarks: dict[str, tuple[Issue, ...]] = field(default_factory=dict)
    known: dict[str, Person] = field(default_factory=dict)

    async def row(self, ref: str) -> Row | None:
        """The stored record as it was when first loaded in this unit of work; None when the record never existed, and for a text
        that is no `Type/id`."""
        if ref not in self.rows:
            self.rows[ref] = await self.services.records.read(*key(ref)) if relative(ref) else None
        return self.rows[ref]

    async def foresee(self, refs: Iterable[str]) -> None:
        """Loads the records that rules are about to ask for, and the Persons of the Patients among them, all at once."""
        unread = [ref for ref in dict.fromkeys(refs) if ref not in self.rows]
        asked = {ref: self.services.records.ask(*key(ref)) for ref in unread}
        await self.seen(ref for ref in unread if ref.startswith("Patient/"))
        self.rows |= {ref: await row for ref, row in asked.items()}

    async def person(self, patient: str) -> Person:
        """The Person whom one Patient reference stands for, as the unit of work first saw them."""
        return (await self.seen((patient,)))[patient]

    async def seen(self, patients: Iterable[str]) -> dict[str, Person]:
        """The Persons whom these Patient references stand for, by reference, as the unit of work first saw them."""
        return await seen(self.services, patients, self.known)

    async def get(self, ref: str) -> Resource | None:
        """The record with the unit of work's own writes: the staged content, or else the stored content. None when the record is
        absent or deleted."""
        local = relative(ref, self.context.base)
        if not local:
            return None
        if (staged := self.staged.get(local)) is not None:
            return None if staged.deleted else staged.resource
        row = await self.row(local)
        return None if row is None or row.deleted else row.resource

    async def guarded(self, ref: str) -> Resource | None:
        """The record as `get` gives it. The commit fails when the record changes before the commit."""
        if ref not in self.staged and (row := await self.row(ref)) is not None:
            self.guard(row)
        return await self.get(ref)

    async def lead(self, ref: str) -> Lead:
        """The Lead of a PractitionerRole as the unit of work will leave its entries, so that a role which the unit of work ends
        can lead no plan of the same unit of work. The commit fails when the role's ability to lead changes before the commit."""
        local = relative(ref, self.context.base)
        if not local:
            return Lead()
        kept, number = await self.services.directory.lead(local)
        self.premises.setdefault(changing(local), number)
        if not any(each.partition("/")[0] in ENTRIES for each in self.staged):
            return kept
        return await self.lead_of(await self.get(local))

    async def lead_of(self, role: Resource | None) -> Lead:
        """The Lead of a PractitionerRole's content, with the entries that it names as the unit of work will leave them."""
        return Lead(role, *[await self.get(link(role, name)) for name in ("practitioner", "organization")])

    async def patients(self, subject: str) -> frozenset[str]:
        """All Patients of the person whom a Patient reference stands for; the subject itself where it is no Patient. The commit
        fails when the evidence about the person changes before the commit."""
        if not subject.startswith("Patient/"):
            return frozenset((subject,))
        person = await self.person(subject)
        self.rests_on((person,))
        return person.patients

    async def premise(self, *keys: str) -> None:
        """Makes the commit fail when one of these counters is raised before the commit."""
        self.premises = {**await self.services.generations.current(keys), **self.premises}

    def check(self, ref: str, check: Check) -> None:
        """Has a write checked once everything is staged, so that the order of a transaction's entries does not matter."""
        self.checks.setdefault(ref, []).append(check)

    async def verify(self, ref: str = "") -> None:
        """Makes the checks of one write, or all checks, each once. Raises Refused."""
        for name in [ref] if ref else list(self.checks):
            for check in self.checks.pop(name, ()):
                await check()

    async def standing(self, ref: str) -> Row | None:
        """The record as the unit of work will leave it, as a Row with the facts that decisions rest on."""
        staged = self.staged.get(ref)
        if staged is None:
            return await self.row(ref)
        projector = self.services.records.projector
        drafted = draft(await self._write(staged), self.context.at, projector)
        return row_of(drafted.type, drafted.current, projector)

    async def version(self, ref: str) -> Row | None:
        """The version that a version-specific reference names; None when there is no such version."""
        version = version_in(ref)
        return await self.services.records.version(*key(ref), version) if version else None

    async def keeper(self, ref: str) -> str:
        """The Organization that keeps a record as the unit of work will leave it, or ''."""
        if ref in self.staged:
            return self.staged[ref].custodian
        row = await self.row(ref)
        return row.custodian if row and not row.deleted else ""

    async def persons(self, patients: Iterable[str]) -> dict[str, Person]:
        """The Persons whom these Patient references stand for, with their Consents as the unit of work will leave them."""
        known = await self.seen(patients)
        staged = [ref for ref in self.staged if ref.startswith("Consent/")]
        if not staged:
            return known
        standing = [row for ref in staged if (row := await self.standing(ref)) is not None]
        return {patient: self._consenting(person, standing) for patient, person in known.items()}

    def _consenting(self, person: Person, staged: Sequence[Row]) -> Person:
        names = {row.reference for row in staged}
        kept = [each for each in person.consents if unversioned(each.ref) not in names]
        base, zone = self.context.base, self.services.zone
        fresh = [compiled(row, base, zone) for row in staged if relative(link(row.resource, "patient"), base) in person.patients]
        return replace(person, consents=(*kept, *fresh))

    def rests_on(self, persons: Iterable[Person]) -> None:
        """Makes the commit fail when the evidence about these persons changes before the commit."""
        for person in persons:
            self.premises = {**person.stamp, **self.premises}

    def guard(self, row: Row) -> None:
        """Makes the commit fail when this record changes before the commit."""
        self.guards[f"{row.type}/{row.id}"] = row.version

    def create(self, resource: Resource, custodian: str, *, keys: Iterable[str] = (), parties: Iterable[Party] = ()) -> str:
        """Stages a new record and returns its reference; an `id` already in the resource is used.

        `parties` are organisations that the record is addressed to, besides the organisations that its content ties to the
        person.
        """
        identity = resource.get("id") or clock.new_id()
        ref = f"{resource['resourceType']}/{identity}"
        ready = resource if "id" in resource else {**resource, "id": identity}
        self.staged[ref] = StagedWrite(ready, 0, custodian, "POST", tuple(keys), parties=tuple(parties))
        return ref

    def update(
        self, resource: Resource, before: int, custodian: str, *, keys: Iterable[str] = (), parties: Iterable[Party] = ()
    ) -> str:
        """Stages the next version of a record. A write already staged for the record is replaced by this write, which keeps the
        staged version number and method."""
        ref = name_of(resource)
        earlier = self.staged.get(ref)
        start, method = (earlier.before, earlier.method) if earlier else (before, "PUT")
        self.staged[ref] = StagedWrite(resource, start, custodian, method, tuple(keys), parties=tuple(parties))
        return ref

    def delete(self, row: Row) -> None:
        """Stages the deletion of a record."""
        self.staged[f"{row.type}/{row.id}"] = StagedWrite(row.resource, row.version, row.custodian, "DELETE", deleted=True)

    async def commit(self) -> dict[str, Row]:
        """Commits everything staged as one Change. Returns the rows written, by reference."""
        change = await self.change()
        for line, custodian in self.noted:
            await self.services.trail.note(line, at=self.context.at, custodian=custodian)
        return await self.services.records.commit(change, self.context.caller.organization)

    async def change(self) -> Change:
        """The Change with everything staged so far, every write checked and stamped. Raises Refused."""
        await self.verify()
        self._follow()
        writes = [await self._write(staged) for staged in self.staged.values()]
        guards = tuple((ref, version) for ref, version in self.guards.items() if ref not in self.staged)
        return Change(
            at=self.context.at,
            writes=tuple(writes),
            audits=tuple(self.audits),
            idempotency=tuple(self.idempotency),
            timers=tuple(self.timers),
            cancelled=tuple(self.cancelled),
            settled=tuple(self.settled),
            notices=tuple(self.notices),
            guards=guards,
            premises=tuple(self.premises.items()),
        )

    def _follow(self) -> None:
        """Has the work decided again when a record that it loaded is of a later instant, written by a machine whose clock is
        ahead. A change's instant is never before that of what it follows: versions order, instants only tell."""
        latest = max((row.at for row in self.rows.values() if row is not None), default=self.context.at)
        if latest > self.context.at:
            raise Moved(latest)

    async def _write(self, staged: StagedWrite) -> Write:
        resource = staged.resource
        version = staged.before + 1
        return Write(
            resource=stamp(resource, id=resource["id"], version=version, at=self.context.at),
            before=staged.before,
            custodian=staged.custodian,
            method=staged.method,
            tokens=await self._tokens(staged),
            parties=() if staged.deleted else (*staged.parties, *await self._parties(resource), *await self._leading(staged)),
            keys=() if staged.deleted else (*staged.keys, *await self._keys(staged)),
            touches=self._touches(staged),
            deleted=staged.deleted,
            replaced=self._replaced(staged),
            beside=await self._beside(staged),
        )

    async def _beside(self, staged: StagedWrite) -> Mapping[str, Any]:
        """What is kept beside a record for the rules of its type."""
        if staged.resource["resourceType"] != "CarePlan":
            return {}
        ref = name_of(staged.resource)
        row = await self.row(ref) if staged.before else None
        plan = {"status": "entered-in-error"} if staged.deleted else staged.resource
        return tenures.kept(await tenures.extended(self.services, row, self.context.at, plan, self._handover(ref)))

    def _handover(self, plan: str) -> str:
        """The handover whose acceptance moves the lead of a plan in this unit of work, or ''."""
        tasks = ((ref, each.resource) for ref, each in self.staged.items() if ref.startswith("Task/") and not each.deleted)
        return next((ref for ref, task in tasks if tenures.accepts(task, plan)), "")

    async def _keys(self, staged: StagedWrite) -> tuple[str, ...]:
        """The unique keys that follow from a record's content."""
        resource = staged.resource
        if resource["resourceType"] != "CarePlan":
            return ()
        row = await self.row(name_of(resource)) if staged.before else None
        return await plan_keys.keys(self, resource, row, staged.custodian)

    async def _leading(self, staged: StagedWrite) -> tuple[Party, ...]:
        """The agency that leads a person's plan, as the party of that plan (IDN-6)."""
        if staged.resource["resourceType"] != "CarePlan":
            return ()
        row = await self.row(name_of(staged.resource)) if staged.before else None
        return (Party(staged.custodian),) if await plan_keys.leads(self, staged.resource, row, staged.custodian) else ()

    def _touches(self, staged: StagedWrite) -> tuple[str, ...]:
        """The counters that follow from a record's content, and those that a rule has named for the write."""
        resource, ref = staged.resource, name_of(staged.resource)
        named = self.touches.get(ref, ())
        if resource["resourceType"] == "Patient":
            return (*named, *(f"person:{key}" for key in person_keys(resource)))
        if resource["resourceType"] == "PractitionerRole":
            return (*named, changing(ref))
        return (*named, *plan_keys.touches(resource, self.rows.get(ref))) if resource["resourceType"] == "CarePlan" else named

    def _replaced(self, staged: StagedWrite) -> Replaced | None:
        """The custodian, patients, parties and keys of the version that a write replaces; None when the unit of work has not
        loaded that version."""
        row = self.rows.get(name_of(staged.resource))
        return row.replaced if row is not None and row.version == staged.before else None

    async def organization(self, ref: str) -> str:
        """The organisation that an actor acts for, as the unit of work will leave the actor's entry; empty when unknown."""
        local = relative(ref, self.context.base)
        staged = self.staged.get(local)
        if staged is not None and staged.resource["resourceType"] == "PractitionerRole":
            return relative(link(staged.resource, "organization"), self.context.base)
        return await self.services.directory.organization(local) if local else ""

    async def _parties(self, resource: Resource) -> tuple[Party, ...]:
        closing = (self.context.at,) if closed(resource) else ()
        found: dict[Party, None] = {}
        for tie in ties(resource):
            organization = await self.organization(tie.actor)
            if organization:
                # A tie that ended before its record was closed keeps its end: closing the record makes no tie longer.
                start = max(filter(None, (self._moment(each.get("start")) for each in tie.bounds)), default=None)
                until = [*closing, *filter(None, (self._moment(each.get("end"), last=True) for each in tie.bounds))]
                found[Party(organization, start, min(until, default=None))] = None
        return tuple(found)

    async def _tokens(self, staged: StagedWrite) -> tuple[str, ...]:
        resource = staged.resource
        if resource["resourceType"] in testimony.SPOKEN:
            return await self._testimony(staged)
        member = {"CarePlan": "author", "Task": "owner"}.get(resource["resourceType"])
        actor = link(resource, member) if member else ""
        organization = await self.organization(actor) if actor else ""
        if resource["resourceType"] == "Task":
            sender = await self.organization(link(resource, "requester"))
            waits = tuple(f"worklist={each}" for each in worklists(resource, sender, organization))
            return (*((f"owner-organization={organization}",) if organization else ()), *waits)
        shared = tuple(f"person={key}" for key in person_keys(resource)) if resource["resourceType"] == "Patient" else ()
        return (f"owner-organization={organization}",) if organization else shared

    async def _testimony(self, staged: StagedWrite) -> tuple[str, ...]:
        """The marks of a new version of what somebody says (`testimony`)."""
        before = await self.row(name_of(staged.resource)) if staged.before else None
        marks = testimony.witnesses(before, staged.resource, self.context.caller)
        if staged.resource["resourceType"] != "Consent":
            return marks
        heard = await self.has_standing(staged.custodian, relative(link(staged.resource, "patient"), self.context.base))
        return (testimony.STANDING, *marks) if heard else marks

    async def has_standing(self, agency: str, patient: str) -> bool:
        """Whether an agency keeps the person's record as the unit of work will leave it, leads the person's plan, or was named by
        one of these. The commit fails when the evidence about the person changes before the commit."""
        if not patient.startswith("Patient/"):
            return False
        keeper = await self.keeper(patient)
        person = await self.person(patient)
        self.rests_on((person,))
        return agency == keeper or agency in person.custodians | person.leading | person.related(keeper, self.context.at)

    def _moment(self, text: object, *, last: bool = False) -> datetime | None:
        """The instant at which a recorded date begins, or with `last` the instant at which it is over; None for no date."""
        return (ends if last else begins)(text, self.services.zone) if isinstance(text, str) else None
