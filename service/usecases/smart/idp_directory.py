"""The IdpDirectory: what the authorization server must know about people and agencies, taken from the records themselves."""

from __future__ import annotations

import re
from collections.abc import Sequence

import orjson
import structlog

from service import clock
from service.auth import tokens
from service.auth.caller import Caller
from service.auth.clients import Client
from service.auth.event import Event
from service.auth.scopes import Access, Scopes
from service.auth.tokens import Token
from service.care.ownership import identity
from service.care.ownership.role import role_fault
from service.change import Resource
from service.consent.enforcement import told
from service.consent.explain import record_of
from service.fhir.canonical import NHS_NUMBER
from service.fhir.person import named
from service.fhir.reference import key, link, relative
from service.fhir.search import parse
from service.problem import Problem
from service.store.records import Row
from service.usecases.request.audit import login_event, note, query_text
from service.usecases.request.services import RequestContext, Services
from service.usecases.request.viewer import Shown, Viewer, evidence_of, viewer_of
from service.usecases.request.walk import Walk
from service.usecases.smart.launch import Choice, Listing

log = structlog.get_logger()
READING = Scopes((Access("user", "Patient", "rs"),))
MOST_LISTED = 25
"""The Patients on one page of the picker."""


class IdpDirectory:
    """Answers the questions of the Directory protocol of `service.usecases.smart.launch`, and writes the authorization server's
    AuditEvents."""

    def __init__(self, services: Services, base: str = "") -> None:
        self._services, self._base = services, base

    async def employer(self, user: str) -> str:
        """The Organization of an active PractitionerRole; empty for a role that is not active."""
        await self._services.directory.refresh()
        role = await self._services.directory.get(user)
        return "" if role_fault(role, clock.now(), self._services.zone) else await self._services.directory.organization(user)

    async def practitioner(self, user: str) -> str:
        """The Practitioner of a PractitionerRole; empty for every other user."""
        role = await self._services.directory.get(user) if user.startswith("PractitionerRole/") else None
        local = relative(link(role or {}, "practitioner"), self._base)
        return local if local.startswith("Practitioner/") else ""

    async def patients(self, user: str) -> tuple[Choice, ...]:
        """The Patients whose records a person may open as their own."""
        context = RequestContext(Caller("", "", READING, user=user), clock.now(), "")
        viewer = await viewer_of(self._services, context)
        rows = await self._services.records.read_many(sorted(viewer.own))
        return tuple(map(_choice, await viewer.reveal([row for row in rows.values() if not row.deleted], "r")))

    async def patient(self, text: str, organization: str) -> str:
        """The Patient that staff name by a reference or NHS number; empty when the Patient is absent or the agency may not see
        the Patient.

        An NHS number names the agency's own Patient record where the agency has one.
        """
        context = RequestContext(Caller("", organization, READING), clock.now(), "")
        viewer = await viewer_of(self._services, context)
        shown = await viewer.reveal([row for row in await self._named(text) if not row.deleted], "r")
        ranked = sorted(shown, key=lambda each: (each.row.custodian != organization, each.row.id))
        return ranked[0].row.reference if ranked else ""

    async def listed(self, client: Client, user: str, text: str) -> Listing:
        """The Patients whom staff of the client's organisation may open, by name, at most MOST_LISTED: found by a reference, an
        NHS number or the beginnings of names; those written about last for an empty text. The look-up is audited as a search."""
        caller = Caller(client.id, client.organization, READING, user=user, purposes=client.purposes)
        context = RequestContext(caller, clock.now(), self._base)
        viewer = await viewer_of(self._services, context)
        shown = await viewer.reveal([row for row in await self._named(text) if not row.deleted], "r")
        shown = shown or await self._by_name(viewer, text)
        found = shown[:MOST_LISTED]
        await note(self._services, context, "E", query_text("Patient", [("name", text)] if text else []), found)
        choices = sorted(map(_choice, found), key=lambda each: each.display.casefold())
        return Listing(tuple(choices), len(shown) > MOST_LISTED)

    async def _by_name(self, viewer: Viewer, text: str) -> list[Shown]:
        words = [("name", _literal(word)) for word in text.split()]
        query = parse("Patient", [*words, ("_sort", "-_lastUpdated")], self._services.indexer.parameters)
        if isinstance(query, Problem):
            return []
        walk = Walk(self._services, viewer, query, await viewer.visible("Patient", query))
        return await walk.page(None, MOST_LISTED + 1)

    async def _named(self, text: str) -> list[Row]:
        local = relative(text, self._base)
        if local.startswith("Patient/"):
            row = await self._services.records.read(*key(local))
            return [row] if row else []
        number = identity.normalised(text)
        if identity.nhs_number_fault(number):
            return []
        return await self._services.holdings.having("Patient", f"person={NHS_NUMBER}|{number}")

    async def residual(self, token: Token) -> Resource | None:
        """The `extensions` in the introspection of an access token: `ihe_pcf` as IHE PCF defines it, without `residual` when the
        resource server has nothing to enforce; None for a token without a patient in context. The decision is made for the first
        of the token's purposes, as for the token's reads."""
        caller = tokens.caller_of(token, clock.now())
        if caller is None or not caller.patient:
            return None
        viewer = await viewer_of(self._services, RequestContext(caller, clock.now(), self._base))
        person = await self._services.evidence.person(caller.patient)
        row = await self._services.records.read(*key(caller.patient))
        evidence = evidence_of(person, row.custodian if row else "", viewer.acting.agreement, viewer.context.at)
        rules, consents = told(viewer.request(person), evidence, self._services.policy, caller.patient, self._base)
        named = [f"{self._base}/{ref}" for ref in await self._nameable(viewer, [record_of(each) for each in consents])]
        said = {"patient_id": f"{self._base}/{caller.patient}", "doc_id": named, **({"residual": rules} if rules else {})}
        return {"ihe_pcf": said}

    async def _nameable(self, viewer: Viewer, consents: Sequence[str]) -> list[str]:
        """The Consents that the token's agency may see. The other Consents take part in the decision without being named."""
        rows = await self._services.records.read_many(consents) if consents else {}
        persons = await self._services.evidence.persons(patient for row in rows.values() for patient in row.patients)
        return [ref for ref in consents if ref in rows and viewer.permits([rows[ref]], persons)]

    def filter_fault(self, kind: str, params: tuple[tuple[str, str], ...]) -> str:
        """Why a scope cannot filter a type by these parameters, or '': they have to be evaluated against a record's content, as
        `Viewer` does on every read, write and search."""
        parameters = self._services.indexer.parameters
        for each in sorted(parameters.types) if kind == "*" else [kind]:
            if unknown := [name for name, _ in params if name != "_id" and name not in parameters.of(each)]:
                return f"`{unknown[0]}` cannot be searched on `{each}`."
            query = parse(each, params, parameters)
            if isinstance(query, Problem):
                return str(query)
        return ""

    async def note(self, event: Event) -> None:
        """Writes the AuditEvent of an event at the authorization server, and a line for operators, which names no user."""
        log.info("authorization", kind=event.kind, allowed=event.allowed, client=event.client, reason=event.reason)
        await self._services.trail.note(login_event(event, clock.now()))


def _choice(shown: Shown) -> Choice:
    """A Patient in the words in which the reader may know the Patient."""
    resource = orjson.loads(shown.body)
    return Choice(shown.row.reference, named(resource))


def _literal(word: str) -> str:
    """A word as a value of a search parameter, in which `,`, `$`, `|` and the escape itself have a meaning (R4 section
    3.1.1.4.3)."""
    return re.sub(r"([\\,$|])", r"\\\1", word)
