"""`baton check`: checks that the stored records are consistent, and prints each fault."""

from __future__ import annotations

from service import clock
from service.app import Built
from service.cli.arguments import Data
from service.cli.opening import with_service
from service.usecases.register import integrity

FAILED = 1


def check(data: Data = None) -> int:
    """Check the ledger's chain, the histories, the unique keys, and that every active plan has one owner."""

    async def checking(built: Built) -> int:
        found = 0
        async for finding in integrity.findings(built.services, clock.now()):
            found += 1
            print(finding)
        return found

    found = with_service(data, checking)
    print(f"{found} findings." if found else "All holds: ledger, histories, keys, and one owner for every active plan.")
    return FAILED if found else 0
