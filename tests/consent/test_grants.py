"""Overrides and lawful bases, layer L2 of a decision (consent-rules 2)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from service.consent.decide import Grant
from service.consent.policy import REVIEW
from tests.consent.cases import DENY, HOUSING, NOTE, NOW, RESTRICTED, answer, consent


def override(**more: Any) -> Grant:
    given: dict[str, Any] = {"user": "PractitionerRole/r", "until": NOW + timedelta(hours=1), **more}
    return Grant("patient-safety", HOUSING, "Task/1/_history/1", **given)


def test_an_override_opens_what_a_consent_denies() -> None:
    """L2 stands before L3."""
    assert answer(RESTRICTED, consent(DENY), grants=(override(),)).permit


def test_an_override_obliges_to_review() -> None:
    """The privacy officer looks at it."""
    assert REVIEW in answer(RESTRICTED, consent(DENY), grants=(override(),)).obligations


def test_an_override_expires_by_itself() -> None:
    """At its end it is over."""
    assert not answer(RESTRICTED, grants=(override(until=NOW),)).permit


def test_an_override_is_for_one_caller() -> None:
    """A colleague has none."""
    assert not answer(RESTRICTED, grants=(override(user="PractitionerRole/colleague"),)).permit


def test_an_override_never_makes_a_relationship() -> None:
    """It never overrides L0."""
    assert not answer(NOTE, grants=(override(),), relationships=frozenset()).permit


def test_an_override_covers_its_scope_only() -> None:
    """Conditions were claimed, this is an Observation."""
    assert not answer(RESTRICTED, grants=(override(types=frozenset({"Condition"})),)).permit


def lawful(**more: Any) -> Grant:
    return Grant("lawful-basis", HOUSING, "Task/2/_history/1", **more)


def test_a_lawful_basis_covers_exactly_the_records_listed() -> None:
    """Named by version, it is this record."""
    assert answer(RESTRICTED, grants=(lawful(refs=frozenset({"Observation/1/_history/4"})),), relationships=frozenset()).permit


def test_a_lawful_basis_covers_nothing_else() -> None:
    """Another record of the same person."""
    assert not answer(RESTRICTED, grants=(lawful(refs=frozenset({"Observation/2"})),)).permit


def test_a_lawful_basis_without_records_covers_nothing() -> None:
    """Unlike an override it has no whole record."""
    assert not answer(RESTRICTED, grants=(lawful(),)).permit


def test_a_weak_basis_gives_way_to_an_objection() -> None:
    """Direct care does not overrule the person."""
    assert not answer(NOTE, consent(DENY), grants=(lawful(refs=frozenset({"Observation/1"}), weak=True),)).permit


def test_a_weak_basis_counts_where_no_consent_speaks() -> None:
    """Restricted, so nothing is implied; the basis carries it."""
    assert answer(RESTRICTED, grants=(lawful(refs=frozenset({"Observation/1"}), weak=True),)).reasons[0].row == "L2"
