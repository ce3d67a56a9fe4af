"""`Patient/$break-glass` (IDN-8): a member of staff of a health agency that has no tie to a person yet reaches the crisis plan,
allergies, medication and contacts, for at most four hours.

The person is named by NHS number, family name and birth date, which all have to match. No match and no record are answered alike.
Every agency that keeps a matching record, and the agency that leads the person's plan, is told at once and reviews.
"""

from __future__ import annotations

from datetime import timedelta

from service.care.crisis_plan.content import grounds
from service.care.ownership import identity
from service.care.ownership.plan import is_crisis_plan
from service.change import Resource
from service.fhir.canonical import NHS_NUMBER
from service.fhir.operation import Input, given
from service.problem import Category, Issue, Problem, Refused, problem
from service.store.clients import Clients
from service.store.records import Row
from service.usecases.consent import override_review
from service.usecases.consent.override import LONGEST, agreed, faults, human
from service.usecases.consent.override_review import Override
from service.usecases.disclosure.release import writable
from service.usecases.request import idempotency
from service.usecases.request.audit import event
from service.usecases.request.results import Answer
from service.usecases.request.services import RequestContext, Services
from service.usecases.request.viewer import Viewer, allowed, viewer_of
from service.usecases.request.work import UnitOfWork

RULE = "IDN-8"
DOOR = "Patient/$break-glass"
INPUTS = (
    Input("kind", ("valueCode",), required=True),
    Input("reason", ("valueString",), required=True),
    Input("nhs-number", ("valueString", "valueIdentifier"), required=True),
    Input("family", ("valueString",), required=True),
    Input("birth-date", ("valueDate",), required=True),
)
KINDS = frozenset({"patient-safety", "vital-interests"})
OPENED = (
    "AllergyIntolerance",
    "MedicationAdministration",
    "MedicationRequest",
    "MedicationStatement",
    "Patient",
    "RelatedPerson",
)
"""What is opened besides the crisis plan and what it rests on."""
WINDOW = timedelta(hours=1)
MOST_BY_USER, MOST_BY_AGENCY = 5, 30
"""How many attempts a member of staff, and an agency, may make in an hour."""


async def break_glass(services: Services, context: RequestContext, parameters: Resource) -> Answer:
    """Opens what helps in an emergency to the user. The answer is the first review Task: its `for` is the Patient.

    Refuses: FORBIDDEN for a caller who is no member of staff of a registered health agency, THROTTLED for too many attempts, and
    ABSENT, alike, when nobody matches and when there is no record.
    """
    allowed(context, "Task", "c")
    stated = _stated(parameters)
    work = UnitOfWork(services, context)
    if (earlier := await idempotency.earlier(work)) is not None:
        return earlier
    viewer = await viewer_of(services, context)
    human(viewer)
    agreed(viewer)
    _health(viewer)
    await _attempted(viewer)
    matches = await _matches(viewer, stated)
    if not matches:
        raise await _nobody(viewer)
    made = [ref for row in matches for ref in await _opened(work, row, parameters)]
    for each in made:
        writable(viewer, work.staged[each].resource)
    return await idempotency.committed(work, made[0])


def _stated(parameters: Resource) -> Resource:
    """The person as the caller states them, in the form of a Patient."""
    found = given(parameters, INPUTS)
    if isinstance(found, Problem):
        raise Refused(found)
    issues = faults(found, KINDS)
    number = found["nhs-number"][0]
    value = str(number.get("value", "") if isinstance(number, dict) else number)
    if fault := identity.nhs_number_fault(value):
        where = "Parameters.parameter.where(name = 'nhs-number')"
        issues.append(Issue("value", f"The NHS number is not valid: {fault}.", where, "IDN-2"))
    if issues:
        raise Refused(Problem(Category.RULE, tuple(issues)))
    return {
        "identifier": [{"system": NHS_NUMBER, "value": identity.normalised(value)}],
        "name": [{"family": found["family"][0]}],
        "birthDate": found["birth-date"][0],
    }


def _health(viewer: Viewer) -> None:
    if viewer.acting.sector != "health":
        text = (
            "Only staff of a registered health agency reach a person whom nobody has named to it; ask an agency that knows them."
        )
        raise Refused(problem(Category.FORBIDDEN, "forbidden", text, rule=RULE))


async def _attempted(viewer: Viewer) -> None:
    """Counts the attempt. Refuses one beyond what a member of staff, or an agency, may make."""
    caller, at, clients = viewer.context.caller, viewer.context.at, Clients(viewer.services.mongo)
    by_user = await clients.attempt(f"{DOOR} {caller.user}", at, WINDOW)
    by_agency = await clients.attempt(f"{DOOR} {caller.organization}", at, WINDOW)
    if by_user > MOST_BY_USER or by_agency > MOST_BY_AGENCY:
        await _note(viewer, "throttled")
        text = "Too many emergency accesses were tried; wait until the hour is over, or ring an agency that knows the person."
        raise Refused(problem(Category.THROTTLED, "throttled", text, rule=RULE))


async def _matches(viewer: Viewer, stated: Resource) -> list[Row]:
    """The Patients of other agencies whose number, family name and birth date all match, the earliest first."""
    (key,) = identity.person_keys(stated)
    rows = await viewer.services.holdings.having("Patient", f"person={key}")
    others = (row for row in rows if row.custodian != viewer.context.caller.organization)
    return sorted((row for row in others if identity.agree(row.resource, stated)), key=lambda row: (row.at, row.id))


async def _nobody(viewer: Viewer) -> Refused:
    await _note(viewer, "no-match")
    text = "Nobody is found by this NHS number, family name and birth date together; check all three."
    return Refused(problem(Category.ABSENT, "not-found", text, rule=RULE))


async def _note(viewer: Viewer, why: str) -> None:
    """The AuditEvent of an attempt that opened nothing: who tried, and not whom they named."""
    context = viewer.context
    line = event(context, "E", DOOR, permitted=False, why=f"{RULE}/{why}")
    await viewer.services.trail.note(line, at=context.at, custodian=context.caller.organization)


async def _opened(work: UnitOfWork, row: Row, parameters: Resource) -> list[str]:
    """Stages the override of one matching Patient's records."""
    found = given(parameters, INPUTS)
    assert not isinstance(found, Problem), "INVARIANT: the parameters were read before"
    kind, reason, end = found["kind"][0], found["reason"][0].strip(), work.context.at + LONGEST
    person = await work.services.evidence.person(row.reference)
    override = Override(row.reference, kind, reason, end, OPENED, await _crisis_plans(work, row), emergency=True)
    caller = work.context.caller.organization
    keepers = dict.fromkeys((row.custodian, *sorted(person.custodians | person.leading)))
    return await override_review.stage(work, override, [each for each in keepers if each != caller], DOOR)


async def _crisis_plans(work: UnitOfWork, row: Row) -> tuple[str, ...]:
    """The active crisis plans of a person, and the records that they rest on."""
    plans = await work.services.holdings.of("CarePlan", (row.reference,))
    active = [plan for plan in plans if is_crisis_plan(plan.resource) and plan.resource.get("status") == "active"]
    return tuple(dict.fromkeys(ref for plan in active for ref in (plan.reference, *grounds(plan.resource))))
