"""Whether the service serves, for the machines beside it."""

from __future__ import annotations

import pytest

from service.problem import Category, Refused, problem
from tests.locality import Locality

AWAY = Refused(problem(Category.UNAVAILABLE, "transient", "The database does not answer."))


async def test_a_service_whose_database_answers_is_ready(locality: Locality) -> None:
    answer = await locality.http.get("/health/ready")
    assert (answer.status_code, answer.json()) == (200, {"status": "ready"})


async def test_one_whose_database_is_away_lives_and_is_not_ready(locality: Locality, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is told when to ask again, as every other request is."""

    async def away() -> None:
        raise AWAY

    monkeypatch.setattr(locality.built.services.mongo, "followed", away)
    answer = await locality.http.get("/health/ready")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
    assert answer.json()["resourceType"] == "OperationOutcome"
    assert (await locality.http.get("/health/live")).status_code == 200
