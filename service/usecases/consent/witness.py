"""Consents from which the agency that records them gains (consent rules, section 2.8): the custodians of the person's records are
told of each, and somebody else verifies it with the person before it permits more than normal records.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from service import clock
from service.care.task.made import communication
from service.change import Notice, Party, Resource
from service.consent.compile import compile_consent
from service.consent.provision import Node
from service.fhir.reference import link, name_of, relative, target
from service.usecases.request import testimony
from service.usecases.request.proposal import Proposal
from service.usecases.request.viewer import Viewer
from service.usecases.request.work import UnitOfWork

TOPIC = "consent-changed"
TOLD = (
    "An agency recorded a Consent from which it gains itself. It permits normal records only, until the person says so signed "
    "in, or another agency verifies it with the person."
)


async def verifies(work: UnitOfWork, viewer: Viewer, proposal: Proposal) -> bool:
    """Whether the write adds to another agency's Consent nothing but that it was verified with the person: by the person signed
    in, or by another agency with standing that is neither above nor under the one that recorded the Consent."""
    row, before, after = proposal.row, proposal.before, proposal.resource
    if row is None or before is None or before.get("status") != after.get("status"):
        return False
    if not testimony.same(before, after, "verification"):
        return False
    patient = relative(link(before, "patient"), work.context.base)
    if not await _witnessed(work, patient, before, after):
        return False
    if viewer.context.caller.personal:
        return patient in viewer.own
    agency = work.context.caller.organization
    return not await _one(work, agency, row.custodian) and await work.has_standing(agency, patient)


async def _witnessed(work: UnitOfWork, patient: str, before: Resource, after: Resource) -> bool:
    """Whether verifications were added to those that stood, each with the person or who may act for the person."""
    stood, stands = before.get("verification", []), after.get("verification", [])
    added = stands[len(stood) :] if stands[: len(stood)] == stood else []
    person = await work.person(patient) if patient.startswith("Patient/") else None
    entitled = person.patients | person.representatives(work.context.at) if person else frozenset()
    return bool(added) and all(
        each.get("verified") is True and relative(target(each.get("verifiedWith")), work.context.base) in entitled
        for each in added
    )


async def tell(work: UnitOfWork, proposal: Proposal, ref: str) -> None:
    """Tells the custodians of the person's records of an active Consent that lets the agency that records it, or one under it,
    see more, and shows them that Consent. Staged with the Consent, so that no such Consent is recorded unheard."""
    before, after = proposal.before, proposal.resource
    patient = relative(link(after, "patient"), work.context.base)
    if after.get("status") != "active" or not patient.startswith("Patient/"):
        return
    if before is not None and before.get("status") == "active" and testimony.same(before, after, "verification"):
        return
    agency = work.staged[ref].custodian
    person = (await work.persons((patient,)))[patient]
    custodians = sorted(person.custodians - {agency})
    if custodians and await _gains(work, agency, after):
        parties = [Party(each, work.context.at, work.context.at) for each in custodians]
        message = communication(
            clock.new_id(),
            "consent-recorded",
            sender=agency,
            recipients=custodians,
            patient=patient,
            about=ref,
            at=work.context.at,
            text=TOLD,
        )
        told = work.create(message, agency, parties=parties)
        work.staged[ref].parties = tuple(dict.fromkeys((*work.staged[ref].parties, *parties)))  # who verifies it must see it
        work.notices += [Notice(TOPIC, each, told, patient) for each in custodians]


async def _gains(work: UnitOfWork, agency: str, consent: Resource) -> bool:
    """Whether the agency, or one under it, may be a recipient of a permit. An actor of whom this cannot be told, such as a team
    or a bearer of an identifier, may be."""
    for actors in _permitted(compile_consent(consent, name_of(consent), work.context.base).roots):
        if actors is None:
            return True
        for actor in actors:
            organization = await work.organization(actor)
            if not organization or agency in await work.services.directory.ancestors(organization):
                return True
    return False


def _permitted(nodes: Iterable[Node]) -> Iterator[frozenset[str] | None]:
    for node in nodes:
        if node.permit:
            yield node.actors
        yield from _permitted(node.children)


async def _one(work: UnitOfWork, agency: str, other: str) -> bool:
    """Whether two agencies are one, or one is above the other."""
    ancestors = work.services.directory.ancestors
    return agency in await ancestors(other) or other in await ancestors(agency)
