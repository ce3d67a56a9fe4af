"""Notes in the Tasks about a person how the person is met (EQU-2)."""

from __future__ import annotations

from service.care.task import adjustments, reading
from service.change import Resource
from service.fhir.canonical import TASK_CODE
from service.fhir.coding import codes_in
from service.fhir.reference import link
from service.store.records import Row
from service.usecases.disclosure.recipient import Recipient, decided
from service.usecases.request.work import UnitOfWork

PURPOSE = "TREAT"
RESPONSE = "QuestionnaireResponse"


async def noted(work: UnitOfWork, task: Resource) -> Resource:
    """A Task as it is stored: with what the newest dataset that its agencies may see says of how its person is met. A draft is
    seen by its requester's agency alone; what is noted in it is drawn anew when it is sent."""
    person = link(task, "for")
    if not person.startswith("Patient/") or not codes_in(task.get("code"), TASK_CODE):
        return adjustments.noted(task, None)
    actors = ("requester", "owner") if reading.sent(task) else ("requester",)
    agencies = frozenset([await work.organization(link(task, each)) for each in actors]) - {""}
    if (person, agencies) not in work.met:
        work.met[person, agencies] = await _newest(work, person, agencies)
    return adjustments.noted(task, work.met[person, agencies])


async def _newest(work: UnitOfWork, person: str, agencies: frozenset[str]) -> Resource | None:
    """The newest response that says how a person is met, of those that every one of these agencies may see."""
    known = await work.person(person)
    rows = {row.reference: row for row in await work.services.holdings.of(RESPONSE, known.records)}
    for ref in [ref for ref in work.staged if ref.startswith(f"{RESPONSE}/")]:
        row = await work.standing(ref)
        if row is not None and not known.records.isdisjoint(row.patients):
            rows[ref] = row
    telling = [row for row in rows.values() if not row.deleted and adjustments.answers_one(row.resource)]
    for row in sorted(telling, key=_authored, reverse=True):
        if all([await _may_see(work, agency, row) for agency in sorted(agencies)]):
            return row.resource
    return None


def _authored(row: Row) -> tuple[str, str, str]:
    """When the answers were given, as recorded: an imported response is as old as it says."""
    at = row.at.isoformat()
    return str(row.resource.get("authored") or at)[:19], at, row.id


async def _may_see(work: UnitOfWork, agency: str, row: Row) -> bool:
    """Whether an agency may see a response once the Task has tied the agency to the person."""
    if agency == row.custodian:
        return True
    recipient = Recipient(agency, (PURPOSE,), related=True)
    return all(decision.permit for _, decision in await decided(work.services, work.context, recipient, [row]))
