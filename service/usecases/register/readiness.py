"""Whether the service can answer requests now."""

from __future__ import annotations

from service.problem import Refused
from service.usecases.request.services import Services


async def ready(services: Services) -> bool:
    """Whether the database answers."""
    try:
        await services.mongo.ping()
    except Refused:
        return False
    return True
