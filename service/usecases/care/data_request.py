"""The practice of a Task `data-request`: the agency that wants the records asks for a `$disclose` (consent rules, section 4).

Load: the Task and its parties. Decide: `service.care.data_request`. When an answer is due, the records are selected, decided and
recorded as for `$disclose` in the same unit of work: the Task is answered and the release recorded, or neither.

When a data request is answered at once, nobody of the agency that keeps the records looks at them: the service decides for the
agency. No part of the answer then depends on records that the asking agency may not have: not the status, no count, no limit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from service.care.data_request import question
from service.care.data_request.question import RULE, place
from service.care.data_request.situation import RequestSituation
from service.care.ownership.identity import person_keys
from service.care.task.situation import Outcome
from service.change import Resource
from service.fhir.reference import link, name_of
from service.problem import Category, Problem, Refused, problem
from service.store.records import Row
from service.usecases.care import outcomes, situations
from service.usecases.disclosure import release, selection
from service.usecases.disclosure.release import DisclosureRequest, Plan, Teller
from service.usecases.disclosure.selection import MAX_RECORDS, UNLIMITED
from service.usecases.request.audit import event
from service.usecases.request.proposal import Proposal
from service.usecases.request.services import RequestContext, Services
from service.usecases.request.viewer import Viewer, allowed
from service.usecases.request.work import UnitOfWork


async def load(work: UnitOfWork, _: Viewer, proposal: Proposal) -> RequestSituation:
    """Loads the situation for the rules of a data request: the parties, and the directory entry of the Task's owner."""
    found = await situations.situation(work, proposal.resource, proposal.before)
    named = link(proposal.resource, "owner")
    role = named.startswith("PractitionerRole/")
    return found.widened(RequestSituation, asked=(await work.lead(named)).role if role else await work.get(named))


async def settle(work: UnitOfWork, viewer: Viewer, proposal: Proposal, decision: Outcome) -> None:
    """Stages the decision, with the answer when an answer is due."""
    await outcomes.stage(work, await _settled(work, viewer, proposal, decision))


async def _settled(work: UnitOfWork, viewer: Viewer, proposal: Proposal, decision: Outcome) -> Outcome:
    """The Outcome completed with what needs records: the person of a new request, the checks on what it may ask, and the answer
    when an answer is due."""
    first, *others = decision.writes
    task, new = first.resource, proposal.before is None
    if new:
        task = {**task, "for": await _person(work, viewer, task)}
    if new or decision.disclosure:
        asked = asked_of(work.services, task, proposal.row.custodian if proposal.row else work.context.caller.organization)
        sectors = await _sectors(work, task, asked)
        if new:
            registered(work.context, work.services, asked)
            selection.basis_of(asked, sectors, place)
        if decision.disclosure:
            task = question.answered(task, await _answer(work, viewer, task, asked, sectors, at_once=new))
    return replace(decision, writes=(replace(first, resource=task, keys=proposal.keys), *others))


async def _person(work: UnitOfWork, viewer: Viewer, task: Resource) -> Resource:
    """The `for` that a new data request is stored with: a Patient that the asking agency sees and, when the agency keeps this
    Patient, the verified identifier, from which the agency that is asked recognises the person. Any other content that a client
    writes in `for` is dropped, because it might name another person to the approver."""
    allowed(work.context, "Patient", "r")
    ref = link(task, "for")
    row = await work.row(ref) if ref.startswith("Patient/") else None
    if row is None or row.deleted or not await viewer.reveal([row], "r"):
        text = "A data request is about a Patient that is here and that you may see: set `for` to your own record of the person."
        raise Refused(problem(Category.RULE, "business-rule", text, expression="Task.for", rule=RULE))
    keys = person_keys(row.resource) if row.custodian == work.context.caller.organization else ()
    system, _, value = min(keys, default="").rpartition("|")
    return {"reference": ref, **({"identifier": {"system": system, "value": value}} if value else {})}


def asked_of(services: Services, task: Resource, asker: str) -> DisclosureRequest:
    """The DisclosureRequest in a data request of the agency `asker`. Refuses types of records that are never disclosed."""
    found = question.given(task)
    if issues := selection.faults(services, found, place):
        raise Refused(Problem(Category.RULE, tuple(issues)))
    return selection.wanted(services, found, asker, release=True)


async def _sectors(work: UnitOfWork, task: Resource, asked: DisclosureRequest) -> tuple[str, str]:
    """The sectors of the agency that is asked and of the agency that asks. Refuses an asking agency without a live agreement
    (L0)."""
    keeper = await work.services.directory.partner(await work.organization(link(task, "owner")))
    return (keeper.sector if keeper else "", await selection.partner(work.services, work.context, asked, place))


def registered(context: RequestContext, services: Services, asked: DisclosureRequest) -> None:
    """Refuses a purpose that the caller's client is not registered for."""
    terms = services.policy.terms
    covered = frozenset(code for own in context.caller.purposes for code in terms.purpose(own))
    for purpose in asked.purposes:
        if purpose not in covered:
            text = f"Your client is not registered for the purpose `{purpose}`; ask for one of its own."
            raise Refused(problem(Category.FORBIDDEN, "forbidden", text, expression=place("purpose"), rule=RULE))


async def _answer(
    work: UnitOfWork, viewer: Viewer, task: Resource, asked: DisclosureRequest, sectors: tuple[str, str], *, at_once: bool
) -> tuple[str, ...]:
    """Stages the disclosure to the agency that asks. Returns the references of the disclosure records, none when no record is
    disclosed."""
    keeper = await work.organization(link(task, "owner"))
    patient = link(task, "for")
    rows = await _kept(viewer, keeper, patient, asked, at_once=at_once)
    basis = selection.basis_of(asked, sectors, place)
    items = await selection.judged(work.services, work.context, asked, basis, rows, work=work)
    plan = Plan(asked, patient, basis, items, Teller(keeper, link(task, "owner"), name_of(task)))
    if len(plan.shared) > MAX_RECORDS:
        raise selection.too_many()
    await _tell(work, plan)
    refs = await release.stage(work, plan)
    for ref in () if at_once else refs:
        release.writable(viewer, work.staged[ref].resource)
    return refs


async def _kept(viewer: Viewer, keeper: str, patient: str, asked: DisclosureRequest, *, at_once: bool) -> Sequence[Row]:
    """The records that were asked for. An approver gives the records that the approver's own scopes allow. A request answered at
    once takes every record, however many: a limit on the number of kept records would tell about withheld records."""
    if at_once:
        return await selection.candidates(viewer.services, keeper, patient, asked, UNLIMITED)
    for kind in asked.types:
        allowed(viewer.context, kind, "r")
    allowed(viewer.context, "Communication", "c")
    rows = await selection.candidates(viewer.services, keeper, patient, asked)
    return [each.row for each in await viewer.reveal(rows, "r")]


async def _tell(work: UnitOfWork, plan: Plan) -> None:
    """Writes the AuditEvent of the decision for the agency that keeps the records, whether or not a record is disclosed. The
    AuditEvent is about that agency's own Patients, so it is in no disclosure account that the asking agency may read."""
    services, context = work.services, work.context
    person = await services.evidence.person(plan.patient)
    rows = [await work.row(ref) for ref in sorted(person.records)]
    own = [row.reference for row in rows if row is not None and row.custodian == plan.teller.agency]
    why = " ".join(sorted({item.why.source for item in plan.items}))
    what = f"{plan.teller.door}#{plan.asked.recipient}"
    line = event(context, "E", what, permitted=bool(plan.shared), why=why, patients=own)
    work.noted.append((line, plan.teller.agency))
