"""Whether the service can answer requests now."""

from __future__ import annotations

from service.usecases.request.services import Services


async def ready(services: Services) -> None:
    """Returns when the database answers and can make durable what is written. Raises Refused UNAVAILABLE."""
    await services.mongo.followed()
