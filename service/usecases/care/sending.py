"""Sends records to another agency: whether it may have them, and the record of the disclosure (HOV-3). Handovers, referrals,
allocations and merges are sent in one way."""

from __future__ import annotations

from collections.abc import Sequence

from service import clock
from service.care.task import reading
from service.care.task.authority import Authority
from service.change import Party, Resource
from service.consent import disclosure, lawful_basis
from service.consent.grants import granted
from service.consent.reasons import Decision
from service.fhir.canonical import LAWFUL_BASIS
from service.fhir.coding import code_in
from service.fhir.reference import link, unversioned, versioned
from service.problem import Problem
from service.store.records import Row
from service.usecases.disclosure.recipient import Recipient, decided
from service.usecases.request.work import UnitOfWork

PURPOSE = "TREAT"
IMPLIED = "Shared for the person's care, as consent permits."


async def live(work: UnitOfWork, organization: str) -> bool:
    """Whether an agency is active and its sharing agreement stands, so that it may be sent anything."""
    partner = await work.services.directory.partner(organization) if organization else None
    known = await work.services.directory.get(organization) if partner else None
    return partner is not None and partner.live(work.context.at) and (known or {}).get("active") is not False


async def permitted(
    work: UnitOfWork, task: Resource, sender: str, receiver: str, rows: Sequence[Row], hidden: frozenset[str] = frozenset()
) -> Authority:
    """The authority on which the receiving agency may have every record that is sent with a Task, or why there is none. `task`
    has the status with which it is sent; its input `sharing-authority` says on what it is sent, and without one consent decides
    alone. A Consent among the records that are `hidden` from the sender counts for nothing."""
    if await _unjustified(work, task, sender, receiver):
        return Authority(text="outside health and adult social care, `direct-care` needs its justification as the `text`, too")
    decisions = await _decisions(work, task, sender, receiver, rows)
    refusal = next((each for each in decisions if not each.permit), None)
    if refusal is not None:
        return Authority(text=refusal.reasons[0].text.rstrip(".") if refusal.reasons else "nothing permits it")
    consents = tuple(dict.fromkeys(ref for each in decisions for ref in each.consents))
    named = next((reading.value_reference(each) for each in reading.inputs(task, "sharing-authority")), "")
    if not named.startswith("Consent/"):
        return Authority(True, "", "")
    spoke = next((ref for ref in consents if unversioned(ref) == named and named not in hidden), "")
    if not spoke:
        return Authority(text=f"`{named}` does not permit it now: name a Consent that is active and covers this")
    return Authority(True, "", spoke)


async def withheld(work: UnitOfWork, task: Resource, sender: str, receiver: str, rows: Sequence[Row]) -> bool:
    """Whether parts of the records that are sent with a Task would be withheld from the receiving agency."""
    return any(decision.redactions for decision in await _decisions(work, task, sender, receiver, rows))


async def _decisions(work: UnitOfWork, task: Resource, sender: str, receiver: str, rows: Sequence[Row]) -> list[Decision]:
    """The decision on each record for the receiving agency, which the Task ties to the person, on what the Task says."""
    recipient = Recipient(receiver, (PURPOSE,), related=True, grants=granted([(task, sender, (receiver,))]))
    return [decision for _, decision in await decided(work.services, work.context, recipient, rows, work)]


async def will_see(work: UnitOfWork, sender: str, receiver: str, row: Row) -> bool:
    """Whether the receiving agency may see a record once something about its person was sent to it: that ties it to the records
    of the sender, and to no others (IDN-6)."""
    recipient = Recipient(receiver, (PURPOSE,), related=row.custodian == sender)
    found = await decided(work.services, work.context, recipient, [row], work)
    return all(decision.permit for _, decision in found)


async def _unjustified(work: UnitOfWork, task: Resource, sender: str, receiver: str) -> bool:
    """Whether the basis `direct-care` lacks its justification (care rules, section 4): only between health and adult social care
    services does `direct-care` need none."""
    concept = lawful_basis.recorded(task)
    agencies = [await work.services.directory.partner(each) for each in (sender, receiver)]
    sectors = agencies[0].sector if agencies[0] else "", agencies[1].sector if agencies[1] else ""
    return concept is not None and isinstance(lawful_basis.claimed(concept, sectors, "Task.input"), Problem)


async def disclose(
    work: UnitOfWork, task: Resource, sender: str, receiver: str, rows: Sequence[Row], categories: tuple[str, ...]
) -> None:
    """Stages the record of the disclosure that sending a Task is, so that both are committed in the same transaction."""
    told = disclosure.Disclosure(
        patient=link(task, "for"),
        sender=sender,
        recipients=(receiver,),
        categories=categories,
        purposes=(PURPOSE,),
        payload=disclosure.versions((row.reference, row.version) for row in rows),
        authority=await _basis(work, task),
    )
    record = disclosure.record(told, clock.new_id(), work.context.at)
    addressed = Party(receiver, work.context.at, work.context.at)
    work.create(record, sender, parties=(addressed,))


async def _basis(work: UnitOfWork, task: Resource) -> Resource:
    """What a disclosure rests on: the Consent or lawful basis that the Task names, or else care as consent permits it."""
    given = next(iter(reading.inputs(task, "sharing-authority")), None)
    if given is None:
        return disclosure.by_basis(lawful_basis.implied(IMPLIED))
    named = reading.value_reference(given)
    if not named:
        concept = given["valueCodeableConcept"]
        return disclosure.by_basis(concept if concept.get("text") else {**concept, "text": code_in(concept, LAWFUL_BASIS)})
    row = await work.standing(named)
    return disclosure.by_consent(versioned(named, row.version if row else 0))
