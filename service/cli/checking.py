"""`baton check`: checks that the stored records are consistent, and prints each fault."""

from __future__ import annotations

from service import clock
from service.app import Built
from service.cli.arguments import Data
from service.cli.opening import with_service
from service.usecases.register import integrity

FAILED = 1


def check(data: Data = None) -> int:
    """Check that all is stored as the signed ledger says it was written, and that every active plan has one owner."""

    return with_service(data, told)


async def told(built: Built) -> int:
    """Checks what is stored, and prints each fault and the newest seal; gives the status."""
    found = 0
    async for finding in integrity.findings(built.services, clock.now()):
        found += 1
        print(finding)
    seal = await built.services.ledger.sealed()
    print(f"{found} findings." if found else "All holds: ledger, records, registers, and one owner for every active plan.")
    if seal is not None:
        print(f"Newest seal, to be kept elsewhere: {seal.signed}")
    return FAILED if found else 0
