"""`Consent/$evaluate` (consent rules, section 4): explains which decision a recipient's request would get, and why.

Any partner may ask about its own requests; the agency that keeps the person's record may ask about any other recipient, and the
lead of a plan about the agencies that the plan names. A record that the caller may not see is answered as an absent record. The
CDS Hooks service of `service.usecases.consent.cds_consult` answers the same question in another form.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from service.auth.caller import Caller
from service.auth.scopes import NONE
from service.care.crisis_plan.agreements import Agreements, listed
from service.care.ownership.plan import teams_of
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
from service.fhir.reference import id_of, link, reference_to, relative, target, type_of
from service.problem import Category, Problem, Refused, problem
from service.store.records import Row
from service.usecases.disclosure.selection import purposes
from service.usecases.request.audit import event
from service.usecases.request.evidence import Person
from service.usecases.request.services import RequestContext, Services
from service.usecases.request.viewer import Viewer, absent, allowed, evidence_of, viewer_of

Name = tuple[str, str]
"""An identifier by system and value. A reference has no system or the system of URIs."""
INPUTS = (
    Input("patient", ("valueReference",), required=True),
    Input("actor", ("valueReference",)),
    Input("recipient", ("valueReference",)),
    Input("purpose", ("valueCode", "valueCoding"), repeats=True),
    Input("action", ("valueCode",)),
    Input("resource", ("valueReference",), repeats=True),
)
MAX_RESOURCES = 100
OPEN = frozenset({"draft", "active", "on-hold"})


@dataclass(frozen=True, slots=True)
class Enquiry:
    """The question of an `$evaluate`: the request of a recipient that is to be decided. `resources` empty: the question is about
    an ordinary record of the person, of normal confidentiality."""

    patient: str
    recipient: str
    purposes: tuple[str, ...]
    action: str
    resources: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Matter:
    """A person whom the caller may see, and everything that decisions about the person's records for the recipient rest on.
    `agreement` is the recipient's."""

    asked: Enquiry
    patient: Row
    person: Person
    request: Request
    agreement: Agreement | None
    policy: Policy

    def decide(self, facts: Facts, persons: Mapping[str, Person] | None = None) -> Decision:
        """The decision about one record; an ordinary record is one of the agency that keeps the Patient. `persons` are those of
        the record's Patients, where it is not this Patient's alone."""
        known = persons or dict.fromkeys(facts.patients, self.person)
        evidence = {patient: self._evidence(known[patient], facts.custodian) for patient in facts.patients}
        return decide_all(self.request, facts, evidence, self.policy)

    def _evidence(self, person: Person, custodian: str) -> Evidence:
        return evidence_of(person, custodian or self.patient.custodian, self.agreement, self.request.now)

    def ordinary(self, kind: str = "", confidentiality: int = NORMAL, labels: tuple[str, ...] = ()) -> Facts:
        """The facts that stand for any ordinary record of a type, of any type unless given: of normal confidentiality and without
        labels unless given. A decision on these holds for each such record (consent rules, section 7)."""
        marks = tuple(MARKS[label] for label in labels if label in MARKS)
        return Facts(kind, "", (self.patient.reference,), confidentiality=confidentiality, labels=labels, marks=marks)


async def evaluate(services: Services, context: RequestContext, body: Resource) -> bytes:
    """The answer as canonical JSON: Parameters with one `evaluation` for each record asked about."""
    asked = _asked(context, body)
    for kind in ("Patient", "Consent", *dict.fromkeys(type_of(ref) for ref in asked.resources)):
        allowed(context, kind, "r")
    viewer = await viewer_of(services, context)
    found = await matter(viewer, asked)
    decisions = await _decisions(viewer, found)
    await tell(viewer, found, "Consent/$evaluate", [decision for _, decision in decisions if decision])
    return dump(parameters(*[await _evaluation(viewer, ref, decision) for ref, decision in decisions]))


async def matter(viewer: Viewer, asked: Enquiry) -> Matter:
    """The Matter of an Enquiry. Refuses a Patient whom the caller may not see, and a question about another recipient from an
    agency that neither keeps the person's record nor leads a plan of the person that names the recipient."""
    patient = await _patient(viewer, asked)
    caller = viewer.context.caller
    person = await viewer.services.evidence.person(patient.reference)
    other = asked.recipient != caller.organization and patient.custodian != caller.organization
    if other and (caller.personal or asked.recipient not in await _named(viewer, person, patient.custodian)):
        text = (
            "Only the agency that keeps the person's record asks about another recipient, or the lead of a plan about an agency "
            "that the plan names; ask about your own agency."
        )
        where = "Parameters.parameter.where(name = 'recipient')"
        raise Refused(problem(Category.FORBIDDEN, "forbidden", text, expression=where, rule="consent-rules 4"))
    request, agreement = await _request(viewer, asked, person)
    return Matter(asked, patient, person, request, agreement, viewer.services.policy)


async def _named(viewer: Viewer, person: Person, keeper: str) -> frozenset[str]:
    """The agencies that the caller's plans of the person name, as partners or on a team. Only an agency with standing is asked
    for the person's plans: a plan that anybody may write about anybody opens no question."""
    agency, at = viewer.context.caller.organization, viewer.context.at
    if agency not in person.custodians | person.leading | person.related(keeper, at):
        return frozenset()
    directory = viewer.services.directory
    found: set[str] = set()
    for plan in await viewer.services.holdings.of("CarePlan", person.patients):
        if plan.custodian != agency or plan.deleted or plan.resource.get("status") not in OPEN:
            continue
        rows = await viewer.services.records.read_many(teams_of(plan.resource))
        teams = tuple(row.resource for row in rows.values() if not row.deleted)
        members = [link(each, "member") for team in teams for each in team.get("participant", ())]
        actors = {actor: await directory.organization(actor) for actor in (link(plan.resource, "author"), *members) if actor}
        found |= {*listed(plan.resource, Agreements(teams=teams, organizations=actors, zone=viewer.services.zone), at)}
    return frozenset(found)


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
        await unseen(viewer, "Consent/$evaluate")
        raise absent("Patient", identity)
    return row


async def unseen(viewer: Viewer, what: str) -> None:
    """Writes the AuditEvent of a question about a person whom the caller may not see, or who is not here."""
    context = viewer.context
    line = event(context, "E", what, permitted=False, why="security 2")
    await viewer.services.trail.note(line, at=context.at, custodian=context.caller.organization)


async def _decisions(viewer: Viewer, matter: Matter) -> list[tuple[str, Decision | None]]:
    """The decision for each record asked about; None for a record that the caller may not see or that is about another person."""
    asked = matter.asked.resources
    if not asked:
        return [("", matter.decide(matter.ordinary()))]
    rows = await viewer.services.records.read_many(asked)
    known = {each.row.reference: each.row for each in await viewer.reveal([row for row in rows.values() if not row.deleted], "r")}
    about = {ref: row for ref, row in known.items() if row.patients and matter.person.records.issuperset(row.patients)}
    persons = await viewer.services.evidence.persons(patient for row in about.values() for patient in row.patients)
    decided = {ref: matter.decide(Facts.from_row(row.facts, row.custodian), persons) for ref, row in about.items()}
    return [(ref, decided.get(ref)) for ref in asked]


async def _request(viewer: Viewer, asked: Enquiry, person: Person) -> tuple[Request, Agreement | None]:
    """The Request as the recipient would make it, with the recipient's sharing agreement: the caller's own Request, or that of
    another agency without a user."""
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
    """The decision without the names of records behind it that the caller may not see."""
    rows: Mapping[str, Row] = await viewer.services.records.read_many(cited(decision))
    visible = frozenset(each.row.reference for each in await viewer.reveal(list(rows.values()), "r"))
    return masked(decision, visible)


async def tell(viewer: Viewer, matter: Matter, what: str, decisions: Sequence[Decision]) -> None:
    """Writes the AuditEvent of an explanation. Returns when the AuditEvent is durable; the caller must not answer before."""
    context, patient = viewer.context, matter.patient
    why = " ".join(sorted({decision.reasons[0].source for decision in decisions}))
    line = event(context, "E", f"{what}#{matter.asked.recipient}", why=why, patients=[patient.reference])
    await viewer.services.trail.note(line, at=context.at, custodian=patient.custodian)


async def patient_of(viewer: Viewer, names: Sequence[Name]) -> str:
    """The Patient that has all these references or identifiers and that the caller may see; empty when there is no such Patient.
    When several Patients are one person, the Patient that the caller's own agency keeps is given."""
    found = [await _bearers(viewer, name) for name in names]
    common = set.intersection(*({each.reference for each in rows} for rows in found)) if found else set()
    rows = {row.reference: row for rows in found for row in rows if row.reference in common}
    persons = await viewer.services.evidence.persons(rows)
    if not rows or any(persons[ref].records.isdisjoint(persons[min(rows)].records) for ref in rows):
        return ""
    own = viewer.context.caller.organization
    return min(rows.values(), key=lambda row: (row.custodian != own, row.id)).reference


async def _bearers(viewer: Viewer, name: Name) -> list[Row]:
    """The Patients that have one reference or identifier and that the caller may see. An identifier that is redacted for the
    caller finds no Patient."""
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
    """The Organization that has these references or identifiers; empty when no Organization has them, or they are of several."""
    found: set[str] = set()
    for name in names:
        local = _literal(viewer.context, name)
        rows = [] if local else await viewer.services.holdings.having("Organization", tokens("identifier", *name)[1])
        found |= {local} if local else {row.reference for row in rows}
    known = [ref for ref in found if ref.startswith("Organization/") and await viewer.services.directory.get(ref)]
    return known[0] if len(found) == len(known) == 1 else ""


def _literal(context: RequestContext, name: Name) -> str:
    """`Type/id` of a name that is a relative reference or a URL under our base; empty for any other name."""
    system, value = name
    return relative(value, context.base) or "" if system in ("", URIS) else ""
