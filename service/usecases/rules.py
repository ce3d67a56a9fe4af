"""The table of write rules: which use case decides about writes of which resource type.

The same rule decides for every interaction: REST, batch, transaction and import. A record of a type without a rule is stored as
it was sent, and only its custodian agency may write it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

from service.care.identity_review.review import is_review
from service.care.meeting.writing import kept_record
from service.care.ownership import keys
from service.care.ownership import plan as plans
from service.care.task.engagement import not_by_itself
from service.change import Resource
from service.fhir.naming import unanswered
from service.fhir.reference import link
from service.fhir.resource import localised
from service.problem import Category, Problem, Refused, problem
from service.store.records import Row
from service.usecases.care import (
    agencies,
    careplans,
    careteams,
    early_warning,
    handover,
    identity,
    leads,
    meetings,
    pathways,
    patients,
    questionnaire_responses,
    service_requests,
    tasks,
)
from service.usecases.consent import consents
from service.usecases.disclosure import service_records
from service.usecases.request import canonicals, personal
from service.usecases.request.audit import audited
from service.usecases.request.proposal import Proposal, custodian_only, store
from service.usecases.request.viewer import Viewer
from service.usecases.request.work import UnitOfWork

WriteRule = Callable[[UnitOfWork, Viewer, Proposal], Awaitable[str]]


def felt(rule: WriteRule) -> WriteRule:
    """Extends a write rule of Consent: after the write, the person's open handovers are reconsidered in the same unit of work
    (HOV-8)."""

    async def write(work: UnitOfWork, viewer: Viewer, proposal: Proposal) -> str:
        ref = await rule(work, viewer, proposal)
        await handover.reconsider(work, proposal.resource)
        return ref

    return write


def introducing(rule: WriteRule) -> WriteRule:
    """Extends a write rule of a type by which an agency names another for a person: the naming may confirm who the person is
    (IDN-1)."""

    async def write(work: UnitOfWork, viewer: Viewer, proposal: Proposal) -> str:
        ref = await rule(work, viewer, proposal)
        await identity.introduced(work, proposal.resource)
        return ref

    return write


def lasting(rule: WriteRule) -> WriteRule:
    """Extends a write rule of a type that ends: non-engagement alone ends no record (DNA-1). A Task of ours is held to it by its
    machine, beside its other needs."""

    async def write(work: UnitOfWork, viewer: Viewer, proposal: Proposal) -> str:
        ref = await rule(work, viewer, proposal)
        if issues := not_by_itself(proposal.before, proposal.resource):
            raise Refused(Problem(Category.RULE, issues))
        return ref

    return write


RULES: Mapping[str, WriteRule] = {
    "CarePlan": lasting(careplans.write),
    "CareTeam": introducing(careteams.write),
    "EpisodeOfCare": lasting(careteams.write_episode),
    "Task": lasting(introducing(tasks.write)),
    "ServiceRequest": lasting(introducing(service_requests.write)),
    "Observation": early_warning.noticing(store),
    "Consent": felt(consents.write),
    "Patient": patients.write,
    "QuestionnaireResponse": questionnaire_responses.write,
    **dict.fromkeys(agencies.MEMBER, agencies.write),
    "HealthcareService": meetings.write_service,
    "Encounter": meetings.write,
    "List": meetings.write_list,
    "Practitioner": agencies.write_practitioner,
    **dict.fromkeys(canonicals.PUBLISHED, canonicals.write),
    "PlanDefinition": pathways.write,
    "AuditEvent": service_records.write_event,
    "Communication": early_warning.missing(meetings.write_communication),
}

# The rules for records that exist already (`baton load`): a Consent is stored whatever its content, and never widens access.
IMPORTED: Mapping[str, WriteRule] = {**RULES, "Consent": felt(consents.keep)}

# Records of agreements, accounts and decisions: such a record is ended by its status, and is never deleted after use. Three types
# have drafts, which may be deleted; of the others no record ever is.
DRAFTED = frozenset({"Task", "CarePlan", "Consent"})
KEPT = DRAFTED | {"CareTeam", "Communication", "Provenance", "AuditEvent", "EpisodeOfCare"}

WITHOUT: Mapping[str, frozenset[str]] = {
    **dict.fromkeys(KEPT - DRAFTED, frozenset({"delete"})),
    "AuditEvent": frozenset({"update", "patch", "delete"}),
    "Subscription": frozenset({"create", "update", "patch"}),
}
"""The interactions that a type does not have, as the CapabilityStatement tells."""


async def write(work: UnitOfWork, viewer: Viewer, proposal: Proposal, table: Mapping[str, WriteRule] = RULES) -> str:
    """Stages a create or update in the unit of work under the rule of its type. Returns the record's reference.

    Raises Refused when the rule refuses, or when the token's scopes do not allow the content as staged.
    """
    if proposal.type == "Subscription":
        text = "Subscriptions are not supported yet: nobody would be told. Ask by `_lastUpdated` for what has changed meanwhile."
        raise Refused(problem(Category.NOT_ALLOWED, "not-supported", text, expression="Subscription"))
    proposal = await personal.said(work, viewer, proposal)
    rule = table.get(proposal.type, store)
    told = len(work.audits)
    ref = await rule(work, viewer, proposal)
    await personal.recorded(work, viewer, ref)
    staged = work.staged.get(ref)
    if staged is not None and not viewer.may_write(staged.resource, _about(staged.resource), proposal.verb):
        text = f"The token's scopes do not allow this on the content it would have; ask for a wider scope on `{proposal.type}`."
        raise Refused(problem(Category.SCOPE, "forbidden", text))
    if staged is not None and len(work.audits) == told:  # else the care rule has added its own AuditEvents
        patients = viewer.services.indexer.patients(staged.resource)
        work.audits.append(audited(work.context, "C" if proposal.row is None else "U", ref, patients=patients))
    return ref


def _about(resource: Resource) -> tuple[str, ...]:
    """The Patients whom a token has to reach for a write, where these are not all that the record names: the review of an
    identity is about the Patient whose records it opens."""
    return (link(resource, "for"),) if resource["resourceType"] == "Task" and is_review(resource) else ()


def prepared(resource: Resource, base: str) -> Resource:
    """The resource in the form that is validated and stored: a reference to a record of this service by its absolute URL under
    `base` becomes relative, so that every rule and every search finds the record by one name. Refuses a reference that nothing
    answers."""
    if lost := unanswered(resource, base):
        raise Refused(Problem(Category.INVALID, lost))
    return localised(resource, base)


def imported(resource: Resource, base: str) -> Resource:
    """An imported resource in the form that is validated and stored. A plan without an author becomes an unowned draft
    (OWN-7)."""
    ready = prepared(resource, base)
    return plans.imported(ready) if ready.get("resourceType") == "CarePlan" and _tagged(ready) else ready


def _tagged(resource: Resource) -> bool:
    """Whether `meta.tag` has a shape that can be read. Validation names the fault when the shape is wrong."""
    meta = resource.get("meta", {})
    tags = meta.get("tag", []) if isinstance(meta, dict) else None
    return isinstance(tags, list) and all(isinstance(tag, dict) for tag in tags)


async def remove(work: UnitOfWork, viewer: Viewer, row: Row) -> None:
    """Stages a delete in the unit of work. Refuses a caller that is not the custodian, and a used record of a type in `KEPT`."""
    await personal.said(work, viewer, Proposal(row.resource, row, "d"))
    custodian_only(work, Proposal(row.resource, row, "d"))
    if (refusal := kept_record(row.resource)) is not None:
        raise Refused(refusal)
    if row.type in KEPT and not unused(row):
        text = f"A `{row.type}` that was in use is kept: end it by its status instead of deleting it."
        category = Category.RULE if row.type in DRAFTED else Category.NOT_ALLOWED
        raise Refused(problem(category, "business-rule", text, expression=f"{row.type}.status", rule="GOV-6"))
    if row.type == "QuestionnaireResponse":
        await questionnaire_responses.unagreed(work, viewer, row)
        await questionnaire_responses.unsent(work, row)
    if row.type == "Patient":
        await patients.unused(work, row)
    if row.type == "ServiceRequest":
        service_requests.unsent(row)
    await leads.changed(work, row.resource, None)
    work.delete(row)
    work.audits.append(audited(work.context, "D", row.reference))


def unused(row: Row) -> bool:
    """Whether a record is a draft that no other agency has been shown, and no plan that was led (OWN-9) or imported without an
    author (OWN-7): such a draft may be deleted."""
    plain = row.resource.get("status") == "draft" and not row.parties
    return plain and not (row.type == "CarePlan" and (keys.led(row.resource, row.keys) or plans.tagged_unowned(row.resource)))
