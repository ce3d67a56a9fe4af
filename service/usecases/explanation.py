"""`Consent/$evaluate` (consent rules, section 4): what would be decided, and why, before anybody asks for anything.

Any partner may ask about itself; about another recipient only the agency that keeps the person's record may ask. Nothing is
explained about a record that the asker may not know of: it is answered as one that is not there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from service.auth.caller import Caller
from service.auth.scopes import NONE
from service.change import Resource
from service.consent.decide import decide_all
from service.consent.explain import cited, explained, masked
from service.consent.facts import Facts
from service.consent.policy import Agreement
from service.consent.reasons import Decision
from service.consent.request import Request
from service.consent.terms import ACTIONS, NORMAL
from service.fhir.json import dump
from service.fhir.operation import Input, given, parameter, parameters, parts
from service.fhir.resource import relative
from service.problem import Category, Problem, Refused, problem
from service.store.records import Row
from service.usecases.access import Eyes, absent, allowed, evidence_of, open_eyes
from service.usecases.audit import event
from service.usecases.disclosure import purposes
from service.usecases.evidence import Person
from service.usecases.services import Services, Session

INPUTS = (
    Input("patient", ("valueReference",), required=True),
    Input("actor", ("valueReference",)),
    Input("recipient", ("valueReference",)),
    Input("purpose", ("valueCode", "valueCoding"), repeats=True),
    Input("action", ("valueCode",)),
    Input("resource", ("valueReference",), repeats=True),
)
MAX_RESOURCES = 100


@dataclass(frozen=True, slots=True)
class Asked:
    """What is to be explained. `resources` empty: an ordinary record of the person, of normal confidentiality."""

    patient: str
    recipient: str
    purposes: tuple[str, ...]
    action: str
    resources: tuple[str, ...]


async def evaluate(services: Services, session: Session, body: Resource) -> bytes:
    """The decisions as canonical JSON: Parameters with one `evaluation` for each record asked about."""
    asked = _asked(session, body)
    for kind in ("Patient", "Consent", *dict.fromkeys(ref.partition("/")[0] for ref in asked.resources)):
        allowed(session, kind, "r")
    eyes = await open_eyes(services, session)
    patient = await _patient(eyes, asked)
    if asked.recipient != session.caller.organization and patient.custodian != session.caller.organization:
        text = "Only the agency that keeps the person's record asks about another recipient; ask about your own agency."
        where = "Parameters.parameter.where(name = 'recipient')"
        raise Refused(problem(Category.FORBIDDEN, "forbidden", text, expression=where, rule="consent-rules 4"))
    decisions = await _decisions(eyes, patient, asked)
    await _tell(eyes, patient, asked, decisions)
    return dump(parameters(*[await _evaluation(eyes, ref, decision) for ref, decision in decisions]))


def _asked(session: Session, body: Resource) -> Asked:
    found = given(body, INPUTS)
    if isinstance(found, Problem):
        raise Refused(found)
    patient, *others = (_local(session, found["patient"][0]), *(_local(session, each) for each in found["resource"]))
    who = [*found["recipient"], *found["actor"]]
    recipient = _local(session, who[0]) if who else session.caller.organization
    action = found["action"][0] if found["action"] else "access"
    wrong = [
        name
        for name, fits in (
            ("patient", patient.startswith("Patient/")),
            ("recipient", recipient.startswith("Organization/") and len(who) < 2),
            ("action", action in ACTIONS),
            ("resource", all(others) and len(others) <= MAX_RESOURCES),
        )
        if not fits
    ]
    if wrong:
        text = f"The parameter `{wrong[0]}` does not fit; give one Patient, one Organization, at most {MAX_RESOURCES} records."
        where = f"Parameters.parameter.where(name = '{wrong[0]}')"
        raise Refused(problem(Category.MALFORMED, "value", text, expression=where, rule="consent-rules 4"))
    return Asked(patient, recipient, purposes(found) or session.caller.purposes, action, tuple(dict.fromkeys(others)))


def _local(session: Session, reference: Resource) -> str:
    return relative(str(reference.get("reference", "")), session.base) or ""


async def _patient(eyes: Eyes, asked: Asked) -> Row:
    identity = asked.patient.partition("/")[2]
    row = await eyes.services.records.read("Patient", identity)
    if row is None or row.deleted or not await eyes.reveal([row], "r"):
        raise absent("Patient", identity)
    return row


async def _decisions(eyes: Eyes, patient: Row, asked: Asked) -> list[tuple[str, Decision | None]]:
    """One for each record; None for what the asker may not know of, or that is about somebody else."""
    services = eyes.services
    person = await services.evidence.person(patient.reference)
    request, agreement = await _request(eyes, asked, person)
    evidence = evidence_of(person, agreement, eyes.session.at)
    if not asked.resources:
        ordinary = Facts("Basic", "", patients=(patient.reference,), confidentiality=NORMAL)
        return [("", decide_all(request, ordinary, {patient.reference: evidence}, services.policy))]
    rows = await services.records.read_many(asked.resources)
    known = {each.row.reference: each.row for each in await eyes.reveal([row for row in rows.values() if not row.deleted], "r")}
    about = {ref: row for ref, row in known.items() if row.patients and person.patients.issuperset(row.patients)}
    decided = {
        ref: decide_all(request, Facts.from_row(row.facts, row.custodian), dict.fromkeys(row.patients, evidence), services.policy)
        for ref, row in about.items()
    }
    return [(ref, decided.get(ref)) for ref in asked.resources]


async def _request(eyes: Eyes, asked: Asked, person: Person) -> tuple[Request, Agreement | None]:
    """The request as the recipient would make it: the caller as it is, or another agency as such."""
    if asked.recipient == eyes.session.caller.organization:
        return replace(eyes.request(person, asked.purposes), action=asked.action), eyes.acting.agreement
    acting = await eyes.services.directory.acting(Caller("", asked.recipient, NONE))
    request = Request(
        principals=acting.principals(eyes.session.at, person.teams, person.patients),
        organization=asked.recipient,
        sector=acting.sector,
        purposes=asked.purposes,
        action=asked.action,
        now=eyes.session.at,
    )
    return request, acting.agreement


async def _evaluation(eyes: Eyes, ref: str, decision: Decision | None) -> Resource:
    named = [parameter("resource", "valueReference", {"reference": ref})] if ref else []
    if decision is None:
        text = f"There is no `{ref}` of this person here that you may see; check the id."
        return parts("evaluation", *named, parameter("decision", "valueCode", "deny"), parameter("summary", "valueString", text))
    rows: Mapping[str, Row] = await eyes.services.records.read_many(cited(decision))
    visible = frozenset(each.row.reference for each in await eyes.reveal(list(rows.values()), "r"))
    return parts("evaluation", *named, *explained(masked(decision, visible)))


async def _tell(eyes: Eyes, patient: Row, asked: Asked, decisions: Sequence[tuple[str, Decision | None]]) -> None:
    session = eyes.session
    why = " ".join(sorted({decision.reasons[0].source for _, decision in decisions if decision}))
    told = event(session, "E", f"Consent/$evaluate#{asked.recipient}", why=why, patients=[patient.reference])
    await eyes.services.trail.note(told, at=session.at, custodian=patient.custodian)
