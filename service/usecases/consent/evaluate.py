"""`Consent/$evaluate` (consent rules, section 4): what would be decided, and why, before anybody asks for anything.

Any partner may ask about itself; about another recipient only the agency that keeps the person's record may ask. Nothing is
explained about a record that the asker may not know of: it is answered as one that is not there. The CDS Hooks service of
`service.usecases.consent.cds_consult` is the same question in other words.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from service.auth.caller import Caller
from service.auth.scopes import NONE
from service.change import Resource
from service.consent.decide import decide_all
from service.consent.explain import cited, explained, masked
from service.consent.facts import MARKS, Facts
from service.consent.policy import Agreement, Policy
from service.consent.reasons import Decision
from service.consent.redact import redact
from service.consent.request import Evidence, Request
from service.consent.terms import ACTIONS, NORMAL
from service.fhir.canonical import URIS
from service.fhir.json import dump
from service.fhir.key import tokens
from service.fhir.operation import Input, given, parameter, parameters, parts
from service.fhir.reference import id_of, reference_to, relative, target, type_of
from service.problem import Category, Problem, Refused, problem
from service.store.records import Row
from service.usecases.disclosure.selection import purposes
from service.usecases.request.audit import event
from service.usecases.request.evidence import Person
from service.usecases.request.services import RequestContext, Services
from service.usecases.request.viewer import Viewer, absent, allowed, evidence_of, viewer_of

Name = tuple[str, str]
"""An identifier by system and value; a reference has no system, or that of URIs."""
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
class Enquiry:
    """What is to be explained. `resources` empty: an ordinary record of the person, of normal confidentiality."""

    patient: str
    recipient: str
    purposes: tuple[str, ...]
    action: str
    resources: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Matter:
    """A person the asker may see, and what is decided about their records on request of a recipient."""

    asked: Enquiry
    patient: Row
    person: Person
    request: Request
    evidence: Evidence
    policy: Policy

    def decide(self, facts: Facts) -> Decision:
        """The decision about one record, each of whose Patients is this person."""
        return decide_all(self.request, facts, dict.fromkeys(facts.patients, self.evidence), self.policy)

    def ordinary(self, kind: str = "Basic", confidentiality: int = NORMAL, labels: tuple[str, ...] = ()) -> Facts:
        """A record of the person as most are: of normal confidentiality, with no label."""
        marks = tuple(MARKS[label] for label in labels if label in MARKS)
        return Facts(kind, "", (self.patient.reference,), confidentiality=confidentiality, labels=labels, marks=marks)


async def evaluate(services: Services, context: RequestContext, body: Resource) -> bytes:
    """The decisions as canonical JSON: Parameters with one `evaluation` for each record asked about."""
    asked = _asked(context, body)
    for kind in ("Patient", "Consent", *dict.fromkeys(type_of(ref) for ref in asked.resources)):
        allowed(context, kind, "r")
    viewer = await viewer_of(services, context)
    found = await matter(viewer, asked)
    decisions = await _decisions(viewer, found)
    await tell(viewer, found, "Consent/$evaluate", [decision for _, decision in decisions if decision])
    return dump(parameters(*[await _evaluation(viewer, ref, decision) for ref, decision in decisions]))


async def matter(viewer: Viewer, asked: Enquiry) -> Matter:
    """What the decisions rest on. Refuses a Patient the asker may not see, and to tell it of another recipient when its agency
    does not keep the person's record."""
    patient = await _patient(viewer, asked)
    caller = viewer.context.caller
    if asked.recipient != caller.organization and patient.custodian != caller.organization:
        text = "Only the agency that keeps the person's record asks about another recipient; ask about your own agency."
        where = "Parameters.parameter.where(name = 'recipient')"
        raise Refused(problem(Category.FORBIDDEN, "forbidden", text, expression=where, rule="consent-rules 4"))
    person = await viewer.services.evidence.person(patient.reference)
    request, agreement = await _request(viewer, asked, person)
    evidence = evidence_of(person, agreement, viewer.context.at)
    return Matter(asked, patient, person, request, evidence, viewer.services.policy)


def _asked(context: RequestContext, body: Resource) -> Enquiry:
    found = given(body, INPUTS)
    if isinstance(found, Problem):
        raise Refused(found)
    patient, *others = (_local(context, found["patient"][0]), *(_local(context, each) for each in found["resource"]))
    who = [*found["recipient"], *found["actor"]]
    recipient = _local(context, who[0]) if who else context.caller.organization
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
    return Enquiry(patient, recipient, purposes(found) or context.caller.purposes, action, tuple(dict.fromkeys(others)))


def _local(context: RequestContext, reference: Resource) -> str:
    return relative(target(reference), context.base)


async def _patient(viewer: Viewer, asked: Enquiry) -> Row:
    identity = id_of(asked.patient)
    row = await viewer.services.records.read("Patient", identity)
    if row is None or row.deleted or not await viewer.reveal([row], "r"):
        raise absent("Patient", identity)
    return row


async def _decisions(viewer: Viewer, matter: Matter) -> list[tuple[str, Decision | None]]:
    """One for each record; None for what the asker may not know of, or that is about somebody else."""
    asked = matter.asked.resources
    if not asked:
        return [("", matter.decide(matter.ordinary()))]
    rows = await viewer.services.records.read_many(asked)
    known = {each.row.reference: each.row for each in await viewer.reveal([row for row in rows.values() if not row.deleted], "r")}
    about = {ref: row for ref, row in known.items() if row.patients and matter.person.patients.issuperset(row.patients)}
    decided = {ref: matter.decide(Facts.from_row(row.facts, row.custodian)) for ref, row in about.items()}
    return [(ref, decided.get(ref)) for ref in asked]


async def _request(viewer: Viewer, asked: Enquiry, person: Person) -> tuple[Request, Agreement | None]:
    """The request as the recipient would make it: the caller as it is, or another agency as such."""
    if asked.recipient == viewer.context.caller.organization:
        return replace(viewer.request(person, asked.purposes), action=asked.action), viewer.acting.agreement
    acting = await viewer.services.directory.acting(Caller("", asked.recipient, NONE))
    request = Request(
        principals=acting.principals(viewer.context.at, person.teams, person.patients),
        organization=asked.recipient,
        sector=acting.sector,
        purposes=asked.purposes,
        action=asked.action,
        now=viewer.context.at,
    )
    return request, acting.agreement


async def _evaluation(viewer: Viewer, ref: str, decision: Decision | None) -> Resource:
    named = [parameter("resource", "valueReference", reference_to(ref))] if ref else []
    if decision is None:
        text = f"There is no `{ref}` of this person here that you may see; check the id."
        return parts("evaluation", *named, parameter("decision", "valueCode", "deny"), parameter("summary", "valueString", text))
    return parts("evaluation", *named, *explained(await told(viewer, decision)))


async def told(viewer: Viewer, decision: Decision) -> Decision:
    """The decision without the names of those records behind it that the asker may not see."""
    rows: Mapping[str, Row] = await viewer.services.records.read_many(cited(decision))
    visible = frozenset(each.row.reference for each in await viewer.reveal(list(rows.values()), "r"))
    return masked(decision, visible)


async def tell(viewer: Viewer, matter: Matter, what: str, decisions: Sequence[Decision]) -> None:
    """The audit line of an explanation, durable before the answer leaves."""
    context, patient = viewer.context, matter.patient
    why = " ".join(sorted({decision.reasons[0].source for decision in decisions}))
    line = event(context, "E", f"{what}#{matter.asked.recipient}", why=why, patients=[patient.reference])
    await viewer.services.trail.note(line, at=context.at, custodian=patient.custodian)


async def patient_of(viewer: Viewer, names: Sequence[Name]) -> str:
    """The Patient that goes by all these references or identifiers and that the asker may see; empty when there is none, hidden
    or absent. Where several Patients are one person, the one that the asker's own agency keeps."""
    found = [await _bearers(viewer, name) for name in names]
    common = set.intersection(*({each.reference for each in rows} for rows in found)) if found else set()
    rows = {row.reference: row for rows in found for row in rows if row.reference in common}
    persons = await viewer.services.evidence.persons(rows)
    if not rows or any(persons[ref].patients.isdisjoint(persons[min(rows)].patients) for ref in rows):
        return ""
    own = viewer.context.caller.organization
    return min(rows.values(), key=lambda row: (row.custodian != own, row.id)).reference


async def _bearers(viewer: Viewer, name: Name) -> list[Row]:
    """Patients by one name. What was redacted is no name: a Patient is found by what the asker sees of it."""
    system, value = name
    local = _literal(viewer.context, name)
    if local:
        row = await viewer.services.records.read("Patient", id_of(local)) if local.startswith("Patient/") else None
        return [each.row for each in await viewer.reveal([row] if row and not row.deleted else [], "r")]
    key = tokens("identifier", system, value)[1]
    rows = await viewer.services.holdings.having("Patient", key)
    index = viewer.services.indexer.index
    shown = await viewer.reveal(rows, "r")
    return [each.row for each in shown if key in index(redact(each.row.resource, each.decision.redactions)).keys]


async def organization_of(viewer: Viewer, names: Sequence[Name]) -> str:
    """The Organization that goes by these references or identifiers; empty when none does, or they are not of one."""
    found: set[str] = set()
    for name in names:
        local = _literal(viewer.context, name)
        rows = [] if local else await viewer.services.holdings.having("Organization", tokens("identifier", *name)[1])
        found |= {local} if local else {row.reference for row in rows}
    known = [ref for ref in found if ref.startswith("Organization/") and await viewer.services.directory.get(ref)]
    return known[0] if len(found) == len(known) == 1 else ""


def _literal(context: RequestContext, name: Name) -> str:
    """A name that is a reference, as `Type/id`: a relative one, or a URL of ours."""
    system, value = name
    return relative(value, context.base) or "" if system in ("", URIS) else ""
