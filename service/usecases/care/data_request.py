"""The rule of a Task `data-request`: `$disclose` asked for by the agency that wants the records (consent rules, section 4).

Load: the Task and its parties. Decide: `service.care.data_request`. When an answer is due: the
selection, decision and records of `$disclose`, in one unit of work: the Task is answered and the release recorded, or neither.

Asked at once, the agency that keeps the records is not there to look at them, so the service decides for it, and nothing that the
asker is told depends on what it may not have: not the status, not a count, not a limit.
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
    """What a data request's rules look at: whom it names."""
    found = await situations.situation(work, proposal.resource, proposal.before)
    named = link(proposal.resource, "owner")
    return found.widened(RequestSituation, asked=await work.entry(named) if named else None)


async def settle(work: UnitOfWork, viewer: Viewer, proposal: Proposal, decision: Outcome) -> None:
    """Stages what was decided, with its answer when one is due."""
    await outcomes.stage(work, await _settled(work, viewer, proposal, decision))


async def _settled(work: UnitOfWork, viewer: Viewer, proposal: Proposal, decision: Outcome) -> Outcome:
    """The Outcome with everything the rules leave to be loaded: whom it is about, whether it may be asked, its answer."""
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
    """`for` as it is kept: a Patient that the asker sees and, where it is its own, the verified identifier, by which the agency
    that is asked knows whom it is about. What else a client writes there might name somebody else to who approves."""
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
    """What a data request of an agency asks; refuses what nobody is told by this door."""
    found = question.given(task)
    if issues := selection.faults(services, found, place):
        raise Refused(Problem(Category.RULE, tuple(issues)))
    return selection.wanted(services, found, asker, release=True)


async def _sectors(work: UnitOfWork, task: Resource, asked: DisclosureRequest) -> tuple[str, str]:
    """The sectors of the agency that is asked and of the one that asks, which has a live agreement (L0)."""
    keeper = await work.services.partners.get(await work.organization(link(task, "owner")))
    return (keeper.sector if keeper else "", await selection.partner(work.services, work.context, asked, place))


def registered(context: RequestContext, services: Services, asked: DisclosureRequest) -> None:
    """Refuses purposes that the caller's client is not registered for: it asks, and is answered, for no others."""
    terms = services.policy.terms
    covered = frozenset(code for own in context.caller.purposes for code in terms.purpose(own))
    for purpose in asked.purposes:
        if purpose not in covered:
            text = f"Your client is not registered for the purpose `{purpose}`; ask for one of its own."
            raise Refused(problem(Category.FORBIDDEN, "forbidden", text, expression=place("purpose"), rule=RULE))


async def _answer(
    work: UnitOfWork, viewer: Viewer, task: Resource, asked: DisclosureRequest, sectors: tuple[str, str], *, at_once: bool
) -> tuple[str, ...]:
    """Stages the disclosure for the agency that asks; gives the references of its records, none when nothing is disclosed."""
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
    """The records that were asked for: those that who approves may read and disclose by its own scopes, or, at once, all of them,
    however many: a limit on what is kept would tell of what is withheld."""
    if at_once:
        return await selection.candidates(viewer.services, keeper, patient, asked, UNLIMITED)
    for kind in asked.types:
        allowed(viewer.context, kind, "r")
    allowed(viewer.context, "Communication", "c")
    rows = await selection.candidates(viewer.services, keeper, patient, asked)
    return [each.row for each in await viewer.reveal(rows, "r")]


async def _tell(work: UnitOfWork, plan: Plan) -> None:
    """The line of the decision in the trail of the agency that keeps the records, whatever came of it. It is about that agency's
    own Patients, so that it is in no account that who asks may read."""
    services, context = work.services, work.context
    person = await services.evidence.person(plan.patient)
    rows = [await work.row(ref) for ref in sorted(person.patients)]
    own = [row.reference for row in rows if row is not None and row.custodian == plan.teller.agency]
    why = " ".join(sorted({item.why.source for item in plan.items}))
    what = f"{plan.teller.door}#{plan.asked.recipient}"
    line = event(context, "E", what, permitted=bool(plan.shared), why=why, patients=own)
    await services.trail.note(line, at=context.at, custodian=plan.teller.agency)
