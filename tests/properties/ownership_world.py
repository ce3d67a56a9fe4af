"""A world of two agencies for the model of ownership: what a partner can write, and what has to hold after each write.

What has to hold is said here a second time, plainly and slowly, from the stored records alone: it shares no code with the rules
that it judges.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest.mock import patch

from service import clock
from service.app import Built
from service.auth.caller import Caller
from service.auth.scopes import Access, Scopes
from service.change import Resource, Timer
from service.fhir.bundle import Sent
from service.problem import Refused
from service.store.partners import Partner
from service.store.records import Row
from service.store.timers import TIMERS
from service.usecases.care import deadlines
from service.usecases.interactions import batches, records
from service.usecases.interactions.loading import Fate, Loading
from service.usecases.register import ownership
from service.usecases.request import tenures
from service.usecases.request.services import RequestContext
from tests.locality import BASE, QUESTIONNAIRE, SYSTEM, dataset, handover, nhs_number, stored, valid_nhs_number

ALL = Scopes((Access("system", "*", "cruds"),))
SNOMED = "http://snomed.info/sct"
TOP, CRISIS, COORDINATOR = "734163000", "736253002", "768820003"
EPISODE = "http://hl7.org/fhir/StructureDefinition/workflow-episodeOfCare"
FINAL = ("completed", "revoked", "entered-in-error")
NUMBERS = itertools.count(int(datetime.now(UTC).timestamp() * 1000) % 10**9)
NAMES = ("a", "b")
BEARING = ("CarePlan", "CareTeam", "EpisodeOfCare", "PractitionerRole", "Practitioner", "Organization", "Patient")


@dataclass
class World:
    """Two agencies with two staff each; two Patients of one person at the first, one of another person at the second."""

    built: Built
    number: int = field(default_factory=lambda: next(NUMBERS))
    ahead: timedelta = timedelta()
    made: dict[str, list[str]] = field(default_factory=dict)
    owners: dict[str, str] = field(default_factory=dict)
    led: set[str] = field(default_factory=set)

    def id(self, name: str) -> str:
        return f"m{self.number}-{name}"

    def org(self, agency: str) -> str:
        return f"Organization/{self.id(agency)}"

    def role(self, agency: str, place: int) -> str:
        return f"PractitionerRole/{self.id(f'{agency}{place}')}"

    @property
    def identifier(self) -> Resource:
        """The number that the first two Patients share."""
        return nhs_number(valid_nhs_number(self.number))

    @property
    def roles(self) -> list[str]:
        return [self.role(agency, place) for agency in NAMES for place in (1, 2)]

    @property
    def patients(self) -> list[str]:
        return [f"Patient/{self.id(name)}" for name in ("p", "q", "r")]

    def all(self, kind: str) -> list[str]:
        """Every record of a type that was written in this world."""
        fixed = {"PractitionerRole": self.roles, "Patient": self.patients, "Organization": [self.org(each) for each in NAMES]}
        practitioners = [f"Practitioner/{self.id(f'{agency}{place}')}" for agency in NAMES for place in (1, 2)]
        return fixed.get(kind, practitioners if kind == "Practitioner" else self.made.get(kind, []))

    async def settled(self) -> World:
        """Stores the directory and the people."""
        twins: list[Resource] = [
            {"resourceType": "Patient", "id": self.id(name), "identifier": [self.identifier]} for name in ("p", "q")
        ]
        people = {"a": twins, "b": [{"resourceType": "Patient", "id": self.id("r")}]}
        for agency in NAMES:
            await self.built.services.partners.add(Partner(self.org(agency), "health", ("TREAT", "HOPERAT")))
            await stored(self.built, self.org(agency), *self._directory(agency), *people[agency])
        return self

    def _directory(self, agency: str) -> Iterator[Resource]:
        yield {"resourceType": "Organization", "id": self.id(agency), "active": True, "name": agency}
        for place in (1, 2):
            name = self.id(f"{agency}{place}")
            yield {"resourceType": "Practitioner", "id": name}
            yield {
                "resourceType": "PractitionerRole",
                "id": name,
                "active": True,
                "practitioner": {"reference": f"Practitioner/{name}"},
                "organization": {"reference": self.org(agency)},
            }

    @property
    def now(self) -> datetime:
        return clock.now() + self.ahead

    def context(self, agency: str) -> RequestContext:
        caller = Caller("model", self.org(agency), ALL, purposes=("TREAT",))
        return RequestContext(caller, self.now, f"{BASE}/fhir", request_id=clock.new_id())

    async def row(self, ref: str) -> Row | None:
        kind, _, identity = ref.partition("/")
        return await self.built.services.records.read(kind, identity)

    async def rows(self, kind: str) -> dict[str, Row]:
        return await self.built.services.records.read_many(self.all(kind))

    async def write(self, agency: str, resource: Resource) -> bool:
        """One write by an agency: an update where the resource has an id, else a create. Whether it was taken."""
        services, kind, context = self.built.services, resource["resourceType"], self.context(agency)
        await services.directory.refresh()
        with suppress(Refused):
            if "id" not in resource:
                answer = await records.create(services, context, kind, resource)
            else:
                version = await self.version(f"{kind}/{resource['id']}")
                answer = await records.update(services, context, kind, resource["id"], resource, version)
            self._taken(answer.reference)
            return True
        return False

    def _taken(self, *references: str) -> None:
        for reference in references:
            kind = reference.partition("/")[0]
            if reference not in self.all(kind):
                self.made.setdefault(kind, []).append(reference)

    async def version(self, reference: str) -> int | None:
        """The version of a record that stands, if there is one."""
        row = await self.row(reference)
        return row.version if row else None

    async def delete(self, agency: str, reference: str) -> None:
        """One delete by an agency."""
        kind, _, identity = reference.partition("/")
        await self.built.services.directory.refresh()
        with suppress(Refused):
            await records.delete(self.built.services, self.context(agency), kind, identity, await self.version(reference))

    async def together(self, agency: str, resources: list[Resource]) -> None:
        """Several writes in one transaction."""
        await self.built.services.directory.refresh()
        entries = [await self._entry(each) for each in resources]
        with suppress(Refused):
            bundle = {"resourceType": "Bundle", "type": "transaction", "entry": entries}
            for result in await batches.perform(self.built.services, self.context(agency), bundle):
                self._taken(result.outcome.reference)  # type: ignore[union-attr]

    async def _entry(self, resource: Resource) -> Resource:
        kind = resource["resourceType"]
        if "id" not in resource:
            return {"fullUrl": f"urn:uuid:{clock.new_id()}", "resource": resource, "request": {"method": "POST", "url": kind}}
        version = await self.version(f"{kind}/{resource['id']}")
        match = {"ifMatch": f'W/"{version}"'} if version else {}
        return {"resource": resource, "request": {"method": "PUT", "url": f"{kind}/{resource['id']}", **match}}

    async def loaded(self, agency: str, resources: list[Resource]) -> None:
        """Several records brought in by the operator, at the world's own time."""
        await self.built.services.directory.refresh()
        ready = [each if "id" in each else {**each, "id": clock.new_id()} for each in resources]
        with patch.object(clock, "now", return_value=self.now):
            verdicts = await Loading(self.built.services, f"{BASE}/fhir", self.org(agency)).load([Sent(each) for each in ready])
        for verdict in verdicts:
            if verdict.fate is Fate.LOADED:
                self._taken(verdict.reference)

    async def sent(self, agency: str, plan: Row, to: str) -> None:
        """A handover of a plan, sent by an agency to another."""
        subject = ref(plan.resource, "subject")
        questionnaire = self.built.services.definitions.questionnaire(QUESTIONNAIRE)
        assert questionnaire is not None
        answers = {**dataset(subject, questionnaire), "author": {"reference": self.role(agency, 1)}}
        if await self.write(agency, answers):
            task = handover(subject, plan.reference, self.made["QuestionnaireResponse"][-1], to=self.org(to))
            await self.write(agency, {**task, "requester": {"reference": self.role(agency, 1)}})

    async def moved(self, agency: str, task: Row, status: str, lead: str) -> None:
        """A move of a handover; an acceptance that is taken makes its agency the owner of the plan."""
        members = {"status": status, **({"owner": {"reference": lead}} if status == "accepted" else {})}
        why = {"statusReason": {"coding": [{"system": f"{SYSTEM}/status-reason", "code": "other"}], "text": "x"}}
        was = await self.row(task.reference)
        taken = await self.write(agency, {**task.resource, **members, **(why if status in ("rejected", "cancelled") else {})})
        if taken and status == "accepted" and was and was.resource["status"] != "accepted":
            self.owners[ref(task.resource, "focus")] = self.org(agency)

    async def beside(self, plan: Row, *, stay: bool) -> Row | None:
        """Another active plan of the plan's person and agency, perhaps for an episode of its own."""
        name = next(each for each in NAMES if self.org(each) == plan.custodian)
        about = {"reference": ref(plan.resource, "subject")}
        made = {"resourceType": "CarePlan", "status": "active", "intent": "plan", "subject": about}
        made |= {"author": {"reference": self.role(name, 1)}, "category": [{"coding": [{"system": SNOMED, "code": TOP}]}]}
        if stay and await self.write(name, {"resourceType": "EpisodeOfCare", "status": "active", "patient": about}):
            made["extension"] = [{"url": EPISODE, "valueReference": {"reference": self.made["EpisodeOfCare"][-1]}}]
        return await self.row(self.made["CarePlan"][-1]) if await self.write(name, made) else None

    async def merged(self, plan: Row, into: Row) -> None:
        """A merge of a plan into another of its agency, which sends and accepts it."""
        name = next(each for each in NAMES if self.org(each) == plan.custodian)
        task = {"resourceType": "Task", "status": "requested", "intent": "order", "focus": {"reference": plan.reference}}
        task |= {"for": plan.resource["subject"], "requester": {"reference": self.role(name, 1)}}
        task |= {"owner": {"reference": into.custodian}, "code": coded("task-code", "merge-plan")}
        task["input"] = [{"type": coded("task-input", "into"), "valueReference": {"reference": into.reference}}]
        if await self.write(name, task) and (sent := await self.row(self.made["Task"][-1])):
            await self.write(name, {**sent.resource, "status": "accepted"})

    async def later(self, by: timedelta) -> None:
        """Time passes, and the timers that watch the roles fire."""
        self.ahead += by
        watched = {"kind": "OWN-5", "done": False, "focus": {"$in": self.roles}, "due": {"$lte": self.now}}
        due = await self.built.services.mongo.collection(TIMERS).find(watched).to_list(None)
        for each in sorted(due, key=lambda document: (document["due"], document["l"])):
            timer = Timer(each["k"], each["kind"], each["due"], each["focus"], each["l"], each["data"])
            assert await deadlines.fire(self.built.services, f"{BASE}/fhir", timer, self.now)

    async def faults(self) -> list[str]:
        """What does not hold of the records as they stand."""
        rows = await self.built.services.records.read_many([each for kind in BEARING for each in self.all(kind)])
        found = {reference: row for reference, row in rows.items() if not row.deleted}
        plans = [row for row in found.values() if row.type == "CarePlan"]
        made = [each for row in plans for each in refs(row.resource, "careTeam") if each not in found]
        self._taken(*made)  # the teams that the service makes are there to be written, too
        found |= {name: row for name, row in (await self.built.services.records.read_many(made)).items() if not row.deleted}
        self.led |= {row.reference for row in plans if row.resource["status"] == "active"}
        led = [row for row in plans if row.reference in self.led and row.resource["status"] not in FINAL]
        said = [fault for row in led for fault in self._plan_faults(row, found)]
        return [
            *said,
            *self._shared(led),
            *self._doubled(led, found),
            *[each for row in led for each in await self._unlisted(row, found)],
        ]

    def _plan_faults(self, row: Row, found: dict[str, Row]) -> Iterator[str]:
        plan, author = row.resource, ref(row.resource, "author")
        if self.owners.setdefault(row.reference, row.custodian) != row.custodian:
            yield f"OWN-3 {row.reference} moved from {self.owners[row.reference]} to {row.custodian}"
        role = found.get(author)
        if author not in self.roles:
            yield f"OWN-1 {row.reference} is led by `{author}`"
        if role is not None and ref(role.resource, "organization") != row.custodian:
            yield f"OWN-10 {row.reference} is kept by another agency than its lead's"
        if ref(plan, "subject") not in found:
            yield f"OWN-10 {row.reference} is about nobody"
        if not refs(plan, "careTeam"):
            yield f"OWN-2 {row.reference} has no team"
        for name in refs(plan, "careTeam"):
            yield from self._team_faults(row, found.get(name), author)
        for name in episodes(plan):
            yield from self._episode_faults(row, found.get(name), author)

    def _team_faults(self, row: Row, team: Row | None, author: str) -> Iterator[str]:
        if team is None or team.resource["status"] != "active" or team.custodian != row.custodian:
            yield f"OWN-8 {row.reference} has a team that is over or another's"
            return
        if ref(team.resource, "subject") != ref(row.resource, "subject"):
            yield f"OWN-8 {row.reference} has a team of another person"
        if "end" in team.resource.get("period", {}):
            yield f"OWN-8 {row.reference} has a team that ends"
        entries = [each for each in team.resource.get("participant", ()) if COORDINATOR in str(each.get("role"))]
        if [ref(each, "member") for each in entries if "end" not in each.get("period", {})] != [author]:
            yield f"OWN-2 {row.reference} has a team with another coordinator"
        if any(datetime.fromisoformat(each["period"]["end"]) > self.now for each in entries if "end" in each.get("period", {})):
            yield f"OWN-8 {row.reference} has a team whose coordinator ends soon"

    def _episode_faults(self, row: Row, episode: Row | None, author: str) -> Iterator[str]:
        if episode is None or episode.resource["status"] in ("finished", "cancelled", "entered-in-error"):
            yield f"OWN-8 {row.reference} has an episode that is over"
            return
        if (ref(episode.resource, "careManager"), ref(episode.resource, "managingOrganization")) != (author, row.custodian):
            yield f"OWN-2 {row.reference} has an episode with another manager"
        if ref(episode.resource, "patient") != ref(row.resource, "subject") or "end" in episode.resource.get("period", {}):
            yield f"OWN-8 {row.reference} has an episode of another person, or one that ends"

    def _shared(self, led: list[Row]) -> Iterator[str]:
        for one, other in itertools.combinations(led, 2):
            mine, theirs = ({*refs(row.resource, "careTeam"), *episodes(row.resource)} for row in (one, other))
            if mine & theirs:
                yield f"OWN-8 {one.reference} and {other.reference} share {sorted(mine & theirs)}"

    def _doubled(self, led: list[Row], found: dict[str, Row]) -> Iterator[str]:
        tops = [row for row in led if row.resource["status"] == "active" and TOP in str(row.resource.get("category"))]
        alone = [row for row in tops if not self._spared(row, found)]
        for one, other in itertools.combinations(alone, 2):
            places = episodes(one.resource)[:1], episodes(other.resource)[:1]
            people = ref(one.resource, "subject") == ref(other.resource, "subject")
            if (places[0] and places[0] == places[1]) or (places == ([], []) and people and one.custodian == other.custodian):
                yield f"OWN-6 {one.reference} and {other.reference} are two active top-level plans"

    def _spared(self, row: Row, found: dict[str, Row]) -> bool:
        above, waiting = set(), list(refs(row.resource, "partOf"))
        while waiting:
            name = waiting.pop()
            if name not in above:
                above.add(name)
                waiting += refs(found[name].resource, "partOf") if name in found else []
        parents = [found[name] for name in refs(row.resource, "partOf") if name in found]
        active = [each for each in parents if each.resource["status"] == "active"]
        same = [each for each in active if ref(each.resource, "subject") == ref(row.resource, "subject")]
        return bool(same) and row.reference not in above

    async def _unlisted(self, row: Row, found: dict[str, Row]) -> list[str]:
        role = found.get(ref(row.resource, "author"))
        entries = [found.get(ref(role.resource, name)) if role else None for name in ("practitioner", "organization")]
        ends = role.resource.get("period", {}).get("end") if role else None
        able = (
            role is not None
            and role.resource.get("active") is True
            and (ends is None or datetime.fromisoformat(ends) > self.now)
            and all(each is not None and each.resource.get("active") is not False for each in entries)
        )
        tagged = "unowned" in str(row.resource.get("meta", {}).get("tag"))
        if able == tagged:
            return [f"OWN-5 {row.reference} is {'owned, and' if able else 'unowned, and not'} listed"]
        if tagged and not await self.built.services.holdings.having("Task", f"focus={row.reference}"):
            return [f"OWN-5 nobody was told of {row.reference}"]
        return []

    async def breaches(self) -> list[str]:
        """What `baton check` finds of the world's plans, now and in their past. Two plans of one person, of whom it was known
        later that they are one, are listed, and are no breach (OWN-11)."""
        services, every = self.built.services, (await self.rows("CarePlan")).values()
        found = await ownership.judged(services, self.context("a"), [row for row in every if not row.deleted])
        told = [
            f"{row.reference} was led otherwise than is told"
            for row in every
            if await tenures.of(services, row) != await tenures.of(services, replace(row, beside={}))
        ]
        return [*told, *(each for each in found if not each.startswith("OWN-11"))]


def coded(system: str, code: str) -> Resource:
    """A CodeableConcept of one of our code systems."""
    return {"coding": [{"system": f"{SYSTEM}/{system}", "code": code}]}


def ref(resource: Resource, member: str) -> str:
    """The reference in a member, or ''."""
    return str((resource.get(member) or {}).get("reference", ""))


def refs(resource: Resource, member: str) -> list[str]:
    """The references in a repeating member."""
    return [each["reference"] for each in resource.get(member, ()) if "reference" in each]


def episodes(plan: Resource) -> list[str]:
    """The episodes that a plan names."""
    return [ref(each, "valueReference") for each in plan.get("extension", ()) if each.get("url") == EPISODE]


def absolute(value: Any) -> Any:
    """Every reference as an absolute URL of this server."""
    if isinstance(value, list):
        return [absolute(each) for each in value]
    if not isinstance(value, dict):
        return value
    made = {name: absolute(each) for name, each in value.items()}
    if isinstance(value.get("reference"), str) and not value["reference"].startswith(("http", "urn", "#")):
        made["reference"] = f"{BASE}/fhir/{value['reference']}"
    return made
