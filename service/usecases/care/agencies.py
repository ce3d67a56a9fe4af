"""Write rule of directory entries: an agency describes itself and its own staff, and no other agency (IDN-3).

The directory says which agency a caller's role belongs to, and so decides what the caller may see. An agency may therefore not
write a role or a part of another agency.
"""

from __future__ import annotations

from dataclasses import replace

from service.fhir.reference import link, relative
from service.problem import Category, Refused, problem
from service.store.records import IDENTIFIER
from service.usecases.care import leads
from service.usecases.request.directory import EMPLOYER
from service.usecases.request.proposal import Proposal, store
from service.usecases.request.viewer import Viewer
from service.usecases.request.work import UnitOfWork

MEMBER = {**EMPLOYER, "Organization": "partOf"}
ACTORS = ("Organization", "PractitionerRole", "HealthcareService")
"""The entries, besides a Practitioner, that a Consent may name as an actor."""


async def write(work: UnitOfWork, viewer: Viewer, proposal: Proposal) -> str:
    """The write rule of Organization, PractitionerRole, HealthcareService and Location."""
    member = MEMBER[proposal.type]
    named = link(proposal.resource, member)
    if named != link(proposal.before, member) and not await _may_name(work, proposal.type, named):
        text = "An entry names your own agency or one that it keeps; another agency describes its own staff and parts."
        raise Refused(problem(Category.RULE, "business-rule", text, expression=f"{proposal.type}.{member}", rule="IDN-3"))
    if proposal.type == "PractitionerRole" and proposal.before is not None:
        await leads.refuse_move(work, proposal.before, proposal.resource)
    await leads.changed(work, proposal.before, proposal.resource)
    return await store(work, viewer, await _named(work, proposal) if proposal.type in ACTORS else proposal)


async def write_practitioner(work: UnitOfWork, viewer: Viewer, proposal: Proposal) -> str:
    """The write rule of Practitioner, who may be part of a plan's lead."""
    await leads.changed(work, proposal.before, proposal.resource)
    return await store(work, viewer, await _named(work, proposal))


async def _may_name(work: UnitOfWork, kind: str, named: str) -> bool:
    """Whether an entry may name this organisation: none, the caller's own, or one that the caller's agency keeps. An entry other
    than an Organization may also name an unknown organisation, which gives no access. An Organization may not name an
    unknown parent: a parent that is stored later would share its access with the organisations that are part of it."""
    organization = relative(named, work.context.base) or ""
    if not named or await _ours(work, organization):
        return True
    return kind != "Organization" and await _unknown(work, organization)


async def _ours(work: UnitOfWork, organization: str) -> bool:
    mine = work.context.caller.organization
    if organization == mine:
        return True
    if (staged := work.staged.get(organization)) is not None:
        return staged.custodian == mine
    row = await work.row(organization) if organization.startswith("Organization/") else None
    return row is not None and row.custodian == mine


async def _unknown(work: UnitOfWork, organization: str) -> bool:
    return organization not in work.staged and (not organization or await work.row(organization) is None)


async def _named(work: UnitOfWork, proposal: Proposal) -> Proposal:
    """The proposal of an actor with its business identifiers as unique keys (IDN-7): a Consent may name an actor by one, so no
    two actors carry it, and nobody carries one in a namespace that is registered to another agency."""
    listed = [each for each in proposal.resource.get("identifier", ()) if each.get("system") and each.get("value")]
    for system in dict.fromkeys(each["system"] for each in listed):
        owner = await work.services.partners.registrant(system)
        if owner not in ("", work.context.caller.organization):
            text = f"The namespace `{system}` is another agency's: use identifiers of your own."
            place = f"{proposal.type}.identifier.system"
            raise Refused(problem(Category.RULE, "business-rule", text, expression=place, rule="IDN-7"))
    keys = dict.fromkeys(f"{IDENTIFIER}{each['system']}|{each['value']}" for each in listed)
    own = link(proposal.resource, "practitioner")  # a role may repeat what its own practitioner carries
    taken = [key for key in keys if own and await work.services.records.holder(key) == own]
    return replace(proposal, keys=(*proposal.keys, *(key for key in keys if key not in taken)))
