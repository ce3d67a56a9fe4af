"""Decides a disclosure for its recipient: whether the agency may have each record (HOV-3, DIS)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from service.auth.caller import Caller
from service.auth.scopes import NONE
from service.consent.decide import decide_all
from service.consent.facts import Facts
from service.consent.reasons import Decision
from service.consent.request import Evidence, Grant, Request
from service.store.records import Row
from service.usecases.request.directory import Acting
from service.usecases.request.evidence import Person
from service.usecases.request.services import RequestContext, Services
from service.usecases.request.viewer import evidence_of
from service.usecases.request.work import UnitOfWork


@dataclass(frozen=True, slots=True)
class Recipient:
    """An agency that records would be disclosed to, for these purposes. `related`: the disclosure itself makes the relationship
    with the person, as in a handover. `user`: the member of the agency's staff who would receive the records; empty: any
    member."""

    organization: str
    purposes: tuple[str, ...]
    related: bool = False
    grants: tuple[Grant, ...] = ()
    user: str = ""


async def decided(
    services: Services, context: RequestContext, recipient: Recipient, rows: Sequence[Row], work: UnitOfWork | None = None
) -> list[tuple[Row, Decision]]:
    """The decision for each record, in the order given. The evidence is that of the records' persons, as `work` will leave their
    Consents when a unit of work is given; the unit of work then rests on these persons."""
    acting = await services.directory.acting(Caller("", recipient.organization, NONE, recipient.user))
    persons = await (work or services.evidence).persons(patient for row in rows for patient in row.patients)
    if work is not None:
        work.rests_on(persons.values())
    answers = []
    for row in rows:
        facts = replace(Facts.from_row(row.facts), custodian=row.custodian)
        evidence = {
            patient: _evidence(acting, persons[patient], row.custodian, recipient, context.at) for patient in row.patients
        }
        request = _request(acting, recipient, context.at, persons[row.patients[0]] if row.patients else None)
        answers.append((row, decide_all(request, facts, evidence, services.policy)))
    return answers


def _request(acting: Acting, recipient: Recipient, at: datetime, person: Person | None) -> Request:
    teams, patients = (person.teams, person.patients) if person else ((), frozenset[str]())
    return Request(
        principals=acting.principals(at, teams, patients),
        organization=recipient.organization,
        sector=acting.sector,
        purposes=recipient.purposes,
        action="disclose",
        now=at,
        user=recipient.user,
    )


def _evidence(acting: Acting, person: Person, custodian: str, recipient: Recipient, at: datetime) -> Evidence:
    known = evidence_of(person, custodian, acting.agreement, at)
    related = known.relationships | {recipient.organization} if recipient.related else known.relationships
    return replace(known, relationships=related, grants=(*known.grants, *recipient.grants))
