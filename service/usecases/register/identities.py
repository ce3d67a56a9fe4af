"""Has the Patients of several agencies that carry one national identifier compared anew (IDN-1): at the
upgrade from a version that linked them by the identifier alone, when an agency becomes an identity authority, and when an
operator asks."""

from __future__ import annotations

from collections.abc import Sequence

from service import clock
from service.auth.caller import Caller
from service.auth.scopes import NONE
from service.care.identity_review.review import is_review
from service.fhir.reference import link
from service.usecases.care import identity
from service.usecases.request.services import RequestContext, Services
from service.usecases.request.work import UnitOfWork

OPERATOR = "baton-operator"
TOGETHER = 200


async def compare(services: Services, base: str) -> int:
    """Has every Patient compared that carries an identifier of another; gives their number. The worker does it."""
    found = await services.holdings.sharing("Patient", "person=")
    await _watch(services, base, found)
    return len(found)


async def migrate(services: Services, base: str) -> None:
    """As `compare`, for the Patients about whom nobody was asked yet."""
    found = await services.holdings.sharing("Patient", "person=")
    keys = [f"{member}={patient}" for patient in found for member in ("focus", "patient")]
    reviews = (
        [row.resource for row in await services.holdings.having_any("Task", keys) if is_review(row.resource)] if keys else []
    )
    asked = {link(task, member) for task in reviews for member in ("focus", "for")}
    await _watch(services, base, [patient for patient in found if patient not in asked])


async def _watch(services: Services, base: str, patients: Sequence[str]) -> None:
    for place in range(0, len(patients), TOGETHER):
        work = _work(services, base)
        for patient in patients[place : place + TOGETHER]:
            identity.watch(work, patient)
        await work.commit()


def _work(services: Services, base: str) -> UnitOfWork:
    return UnitOfWork(services, RequestContext(Caller(OPERATOR, "", NONE, purposes=("HOPERAT",)), clock.now(), base))
