"""Has the Patients of several agencies that carry one national identifier compared anew (IDN-1): once after an upgrade from a
version that linked them by the identifier alone, when an agency becomes an identity authority, and when an operator asks."""

from __future__ import annotations

from datetime import UTC, datetime

from service import clock
from service.auth.caller import Caller
from service.auth.scopes import NONE
from service.change import IdempotencyKey
from service.store.records import Repeated
from service.usecases.care import identity
from service.usecases.request.services import RequestContext, Services
from service.usecases.request.work import UnitOfWork

OPERATOR = "baton-operator"
ONCE = "migration:IDN-1"
FOREVER = datetime(9999, 1, 1, tzinfo=UTC)
TOGETHER = 200


async def compare(services: Services, base: str) -> int:
    """Has every Patient compared that carries an identifier of another; gives their number. The worker does it."""
    found = await services.holdings.sharing("Patient", "person=")
    for place in range(0, len(found), TOGETHER):
        work = _work(services, base)
        for patient in found[place : place + TOGETHER]:
            identity.watch(work, patient)
        await work.commit()
    return len(found)


async def migrate(services: Services, base: str) -> None:
    """As `compare`, once in the life of a database."""
    if await services.records.answered(ONCE) is not None:
        return
    await compare(services, base)
    work = _work(services, base)
    work.idempotency.append(IdempotencyKey(ONCE, {}, FOREVER))
    try:
        await work.commit()
    except Repeated:  # another worker did it
        return


def _work(services: Services, base: str) -> UnitOfWork:
    return UnitOfWork(services, RequestContext(Caller(OPERATOR, "", NONE, purposes=("HOPERAT",)), clock.now(), base))
