"""Whether the service can answer requests now."""

from __future__ import annotations

from service.usecases.request.services import Services


async def ready(services: Services) -> None:
    """Returns when the database answers. Raises Refused UNAVAILABLE when the database does not."""
    await services.mongo.ping()
