"""Who has a legitimate relationship with a person (L0): ties count that somebody with standing made."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from service.consent.relationship import Relationship, standing

AT = datetime(2026, 11, 23, tzinfo=UTC)


def test_a_tie_made_by_the_custodian_counts() -> None:
    assert standing(["trust"], [Relationship("crisis", "trust")], AT) == {"crisis"}


def test_a_tie_made_by_a_stranger_does_not_count() -> None:
    assert standing(["trust"], [Relationship("stranger", "stranger")], AT) == frozenset()


def test_a_tie_counts_that_was_made_by_an_agency_that_is_tied() -> None:
    """After a handover the team is the new owner's: its members stay in relationship with the person."""
    ties = [Relationship("housing", "crisis"), Relationship("crisis", "trust"), Relationship("voluntary", "housing")]
    assert standing(["trust"], ties, AT) == {"crisis", "housing", "voluntary"}


def test_a_tie_that_has_ended_carries_nothing_on() -> None:
    ties = [Relationship("crisis", "trust", end=AT - timedelta(days=1)), Relationship("housing", "crisis")]
    assert standing(["trust"], ties, AT) == frozenset()
