"""The services over the database as it is at one instant, for `baton check`: what is written while it is read is no fault."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

from service.store.generations import Generations
from service.store.holdings import Holdings
from service.store.partners import Partners
from service.store.persons import Persons
from service.store.relations import Relations
from service.usecases.request.directory import Directory
from service.usecases.request.evidence import EvidenceCache
from service.usecases.request.pathways import Pathways
from service.usecases.request.services import Services


@asynccontextmanager
async def frozen(services: Services) -> AsyncIterator[Services]:
    """The services, reading one snapshot. The seals that are kept outside the database are read before it is taken, because the
    database may be sealed meanwhile, and never has fewer. Raises Refused UNAVAILABLE."""
    kept = await asyncio.to_thread(services.ledger.kept)
    async with services.mongo.snapshot() as mongo:
        project, base, zone = services.records.projector, services.indexer.base, services.zone
        records, holdings = services.records.over(mongo, kept), Holdings(mongo, project)
        generations, partners = Generations(mongo), Partners(mongo)
        directory = Directory(records, holdings, generations, partners, base, zone)
        yield replace(
            services,
            mongo=mongo,
            records=records,
            ledger=records.ledger,
            holdings=holdings,
            relations=Relations(mongo),
            partners=partners,
            generations=generations,
            directory=directory,
            pathways=Pathways(records, services.definitions, directory, zone),
            evidence=EvidenceCache(records, holdings, Persons(mongo, project), generations, base, zone),
        )
