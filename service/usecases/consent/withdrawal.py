"""The consequences of a Consent's end, in the transaction that ends the Consent (consent rules, section 4; HOV-8).

Each recipient of a disclosure on the Consent's authority is asked to stop using the disclosed records. A handover whose receiver
may no longer read the records sent keeps its status and is marked (`service.usecases.care.handover.reconsider`).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from service import clock
from service.care.task.made import task_of
from service.change import Notice, Resource, Timer
from service.fhir.canonical import ACT_REASON, TaskCode
from service.fhir.coding import codings
from service.fhir.reference import link, links, name_of
from service.store.records import Row
from service.usecases.disclosure import adjustments
from service.usecases.disclosure.recipient import Recipient, decided
from service.usecases.request.evidence import Person
from service.usecases.request.work import UnitOfWork

TOPIC = "consent-changed"
STOP_USE = timedelta(hours=72)
CARE = ("TREAT",)


async def withdrawn(work: UnitOfWork, consent: Resource) -> None:
    """Asks every recipient of a disclosure that rests on this Consent to stop using the disclosed records."""
    for row, recipient in await _disclosed(work, consent):
        await _stop_use(work, row, recipient)


async def replaced(work: UnitOfWork, consent: Resource) -> None:
    """As `withdrawn`, but only for recipients who are denied the disclosed records under the Consents that now stand."""
    for row, recipient in await _disclosed(work, consent):
        payload = [link(each, "contentReference") for each in row.resource.get("payload", ())]
        purposes = tuple(code for system, code in codings(row.resource.get("reasonCode")) if system == ACT_REASON) or CARE
        if await refused(work, recipient, payload, purposes):
            await _stop_use(work, row, recipient)


async def person_of(work: UnitOfWork, consent: Resource) -> Person:
    """The Person of a Consent, with the Consents as the unit of work will leave them. The unit of work rests on the Person's
    generations: a disclosure made at the same moment, which would be missed here, makes the unit of work be decided again."""
    patient = link(consent, "patient")
    persons = await work.persons((patient,))
    work.rests_on(persons.values())
    return persons[patient]


async def _disclosed(work: UnitOfWork, consent: Resource) -> list[tuple[Row, str]]:
    """The disclosure records that rest on any version of a Consent, one pair for each recipient of a record."""
    person = await person_of(work, consent)
    rows = await work.services.holdings.of("Communication", person.records)
    return [
        (row, recipient)
        for row in rows
        if _rests_on(row.resource, name_of(consent))
        for recipient in links(row.resource, "recipient")
    ]


def _rests_on(communication: Resource, consent: str) -> bool:
    return any(link(each, "valueReference") == consent for each in communication.get("extension", ()))


async def _stop_use(work: UnitOfWork, disclosed: Row, recipient: str) -> None:
    context, agency = work.context, disclosed.custodian
    patient = link(disclosed.resource, "subject")
    user = context.caller.user if agency == context.caller.organization else ""
    due = context.at + STOP_USE
    asked = task_of(
        clock.new_id(),
        TaskCode.STOP_USE,
        requester=user if user.startswith("PractitionerRole/") else agency,
        owner=recipient,
        patient=patient,
        at=context.at,
        focus=disclosed.reference,
        due=due,
        text="Consent was withdrawn: stop using what was disclosed, and confirm it by completing this Task.",
    )
    ref = work.create(await adjustments.noted(work, asked), agency)
    work.timers.append(Timer(f"TIM-11:{ref}", "TIM-11", due, ref))
    work.notices.append(Notice(TOPIC, recipient, ref, patient))


async def refused(work: UnitOfWork, receiver: str, refs: Sequence[str], purposes: tuple[str, ...]) -> bool:
    """Whether the agency `receiver` may not read one or more of these records."""
    recipient = Recipient(receiver, purposes)
    rows = [row for ref in refs if (row := await work.row(ref)) is not None and not row.deleted]
    return any(not decision.permit for _, decision in await decided(work.services, work.context, recipient, rows, work))
