"""The IdpDirectory: what the authorization server must know about people and agencies, taken from the records themselves."""

from __future__ import annotations

from collections.abc import Sequence

from service import clock
from service.auth import tokens
from service.auth.caller import Caller
from service.auth.event import Event
from service.auth.scopes import Access, Scopes
from service.auth.tokens import Token
from service.care.ownership import identity
from service.care.ownership.role import role_fault
from service.change import Resource
from service.consent.enforcement import told
from service.consent.explain import record_of
from service.fhir.canonical import NHS_NUMBER
from service.fhir.reference import key, relative
from service.fhir.search import parse
from service.problem import Problem
from service.store.records import Row
from service.usecases.request.audit import login_event
from service.usecases.request.services import RequestContext, Services
from service.usecases.request.viewer import Viewer, evidence_of, viewer_of
from service.usecases.smart.launch import Choice

READING = Scopes((Access("user", "Patient", "r"),))


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

    async def patients(self, user: str) -> tuple[Choice, ...]:
        """The Patients whose records a person may open as their own."""
        context = RequestContext(Caller("", "", READING, user=user), clock.now(), "")
        viewer = await viewer_of(self._services, context)
        return tuple(Choice(patient, patient) for patient in sorted(viewer.own))

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
        """Writes the AuditEvent of an event at the authorization server."""
        await self._services.trail.note(login_event(event, clock.now()))
