"""The register of agencies: registers an agency with its sharing agreement, and reports faults of the registered agencies."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from service import clock
from service.auth.caller import Caller
from service.auth.scopes import NONE
from service.fhir.reference import id_of
from service.problem import Category, Refused, problem
from service.store.partners import Partner
from service.usecases.request.audit import audited
from service.usecases.request.operated import OPERATOR, Operation, recorder
from service.usecases.request.services import RequestContext, Services
from service.usecases.request.work import UnitOfWork

SOON = timedelta(days=30)
ABSOLUTE = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[^\s<>\"`{}|^\\]+")


async def register(services: Services, base: str, partner: Partner, name: str = "") -> None:
    """Registers an agency, or replaces its agreement. When the agency has no Organization record and `name` is given, an
    Organization is made with this name.

    Raises Refused: INVALID for a contact, sector or namespace that does not fit, ABSENT when the agency has no Organization and
    no name.
    """
    context = _context(partner.organization, base)
    await services.directory.refresh()
    if await services.directory.get(partner.organization) is None:
        await _introduced(services, context, name)
    for contact in (*partner.contacts, *filter(None, (partner.senior, partner.duty))):
        if await services.directory.organization(contact) != partner.organization:
            text = f"`{contact}` is no PractitionerRole of `{partner.organization}`; load it first, or name another contact."
            raise Refused(problem(Category.INVALID, "value", text, rule="HOV-7"))
    await _one_lead(services, partner)
    for namespace in partner.namespaces:
        if not ABSOLUTE.fullmatch(namespace):
            text = f"`{namespace}` is no namespace: give the `system` of its identifiers, an absolute URI without spaces."
            raise Refused(problem(Category.INVALID, "value", text, rule="IDN-7"))
        if (owner := await services.partners.registrant(namespace)) not in ("", partner.organization):
            text = f"The namespace `{namespace}` is registered to `{owner}`: take it from there first."
            raise Refused(problem(Category.INVALID, "value", text, rule="IDN-7"))
    reference = partner.organization
    operation = Operation("U", f"partner {reference}", reference, rows=(f"partners/{reference}",))
    await recorder(services.trail)(partial(services.partners.add, partner), operation)


async def _one_lead(services: Services, partner: Partner) -> None:
    """GOV-4: a locality has one lead, a PractitionerRole of the agency that is registered with it."""
    lead = partner.locality_lead
    if not lead:
        return
    if await services.directory.organization(lead) != partner.organization:
        text = f"`{lead}` is no PractitionerRole of `{partner.organization}`; load it first, or name another locality lead."
        raise Refused(problem(Category.INVALID, "value", text, rule="GOV-4"))
    others = (each for each in await services.partners.list() if each.locality_lead and each.organization != partner.organization)
    if (other := next(others, None)) is not None:
        text = f"`{other.locality_lead}` of `{other.organization}` leads the locality: register that agency without a lead first."
        raise Refused(problem(Category.INVALID, "value", text, rule="GOV-4"))


async def _introduced(services: Services, context: RequestContext, name: str) -> None:
    reference = context.caller.organization
    if not name.strip():
        text = f"`{reference}` is not known here; load its Organization first, or tell its name with `--name` to have one made."
        raise Refused(problem(Category.ABSENT, "not-found", text))
    made = {"resourceType": "Organization", "id": id_of(reference), "active": True, "name": name.strip()}
    work = UnitOfWork(services, context)
    work.audits.append(audited(context, "C", work.create(made, reference)))
    await work.commit()


async def checked(services: Services, clients: Iterable[Mapping[str, Any]], now: datetime) -> list[str]:
    """The faults of the register, one sentence each: agreements that do not stand or end soon, agencies without an active
    Organization record, clients of agencies without an agreement."""
    await services.directory.refresh()
    partners = {partner.organization: partner for partner in await services.partners.list()}
    findings = [each for partner in partners.values() for each in _agreement(partner, now)]
    for organization in partners:
        known = await services.directory.get(organization)
        if known is None:
            findings.append(f"`{organization}` has an agreement and no Organization record; load it.")
        elif known.get("active") is False:
            findings.append(f"`{organization}` has an agreement and is not active; end the agreement, or correct the record.")
    for client in clients:
        if client["organization"] not in partners:
            text = f"Client `{client['client_id']}` acts for `{client['organization']}`, which has no agreement; add the partner."
            findings.append(text)
    return findings


def _agreement(partner: Partner, now: datetime) -> Iterable[str]:
    if partner.start is not None and now < partner.start:
        yield f"The agreement with `{partner.organization}` starts on {partner.start:%Y-%m-%d}; nothing is shared before."
    elif not partner.live(now):
        yield f"The agreement with `{partner.organization}` has ended; nothing is shared until it is renewed."
    elif partner.end is not None and partner.end - now < SOON:
        yield f"The agreement with `{partner.organization}` ends before {partner.end:%Y-%m-%d}; renew it."


def _context(organization: str, base: str) -> RequestContext:
    return RequestContext(Caller(OPERATOR, organization, NONE, purposes=("HOPERAT",)), clock.now(), base)
