"""What is decided before any Consent: the agreement, the relationship and the law (L0), and the grants beside consent (L2)."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from service.consent.decide import Grant, Request
from service.consent.facts import Facts
from service.consent.grounds import NO_AGREEMENT, NO_CATEGORY, NO_RELATIONSHIP, agreed, granted
from service.consent.policy import LEGALLY_BARRED, UK, PolicyRow
from service.consent.reasons import Reason
from service.fhir.date import milliseconds
from tests.consent.cases import HOUSING, NOTE, NOW, TRUST, agreement, answer, ask, known

ABOVE = "Organization/council"
AT = milliseconds(NOW)
TICK = timedelta(milliseconds=1)
HERE = frozenset({"Observation/1"})


def under(organization: str = HOUSING, *principals: str, **more: Any) -> Request:
    """A request whose principals are exactly these."""
    return replace(ask(organization, **more), principals=frozenset(principals))


def rows(request: Request | None = None, facts: Facts = NOTE, **more: Any) -> list[Reason]:
    """The rows of L0 that fired."""
    return agreed(request or ask(), facts, known(**more), UK, AT)


def grant(kind: str = "patient-safety", **more: Any) -> Grant:
    """An override of the caller's organisation for everything, if nothing else is said."""
    return Grant(kind, **{"organization": HOUSING, "ref": "Task/1", **more})


def covered(made: Grant, request: Request | None = None, facts: Facts = NOTE) -> bool:
    """Whether a grant covers the record for the caller."""
    return granted(request or ask(), facts, known(grants=(made,)), AT) != ((), ())


def test_a_live_agreement_and_a_tie_let_the_decision_go_on() -> None:
    """No row of L0 fires."""
    assert rows() == []


def test_every_row_of_l0_that_fires_is_told() -> None:
    """Agreement, relationship and law, in this order and in these words."""
    barred = replace(NOTE, labels=(LEGALLY_BARRED,))
    assert rows(facts=barred, agreement=None, relationships=frozenset()) == [
        Reason(
            "L0", False, "consent-rules#L0.agreement", "There is no live sharing agreement with this partner for this purpose."
        ),
        Reason("L0", False, "consent-rules#L0.relationship", "This partner has no legitimate relationship with the person."),
        Reason("L0", False, "policy/uk-1#L0.legally-barred", "The law bars this category of record from being shared."),
    ]


@pytest.mark.parametrize(
    ("request_", "live"),
    [
        (under(HOUSING), True),
        (under("Organization/other", HOUSING), True),
        (under("Organization/other"), False),
        (under("Organization/other", "PractitionerRole/r"), False),
    ],
    ids=["the recipient's", "of whom it acts for", "somebody else's", "somebody else's, not a principal"],
)
def test_an_agreement_is_the_recipient_s_or_of_one_it_acts_for(request_: Request, live: bool) -> None:
    """Every `partOf` ancestor is among the principals."""
    assert (NO_AGREEMENT not in rows(request_)) is live


@pytest.mark.parametrize(
    ("bounds", "live"),
    [
        ({"start": NOW}, True),
        ({"start": NOW + TICK}, False),
        ({"end": NOW + TICK}, True),
        ({"end": NOW}, False),
        ({"start": NOW - TICK, "end": NOW}, False),
        ({"start": NOW + TICK, "end": NOW + 2 * TICK}, False),
    ],
)
def test_an_agreement_is_live_from_its_start_until_just_before_its_end(bounds: dict[str, Any], live: bool) -> None:
    """Start inclusive, end exclusive."""
    assert (NO_AGREEMENT not in rows(agreement=agreement(**bounds))) is live


@pytest.mark.parametrize(
    ("agreed_on", "asked", "live"),
    [
        (["TREAT"], ("TREAT",), True),
        (["TREAT"], ("BTG",), True),
        (["ETREAT"], ("TREAT",), False),
        (["TREAT"], ("TREAT", "HRESCH"), False),
        (["TREAT", "HRESCH"], ("COC", "CLINTRCH"), True),
        (["TREAT"], (), False),
        ([], ("TREAT",), False),
    ],
)
def test_an_agreement_covers_purposes_by_is_a(agreed_on: list[str], asked: tuple[str, ...], live: bool) -> None:
    """Every purpose of the request, and a request without one has none agreed."""
    known_as = replace(agreement(), purposes=frozenset(agreed_on))
    assert (NO_AGREEMENT not in rows(ask(purposes=asked), agreement=known_as)) is live


@pytest.mark.parametrize(
    ("category", "shared"),
    [("Observation", True), ("http://loinc.org|8867-4", True), ("http://profile.example/vital", True), ("Task", False)],
)
def test_an_agreement_names_categories_by_type_code_or_profile(category: str, shared: bool) -> None:
    """Each alone is enough."""
    pulse = replace(NOTE, codes=("http://loinc.org|8867-4",), profiles=("http://profile.example/vital",))
    found = rows(facts=pulse, agreement=agreement(categories=frozenset({category})))
    assert found == ([] if shared else [NO_CATEGORY])


def test_a_category_outside_the_agreement_is_told_as_such() -> None:
    """Not as a missing agreement."""
    (row,) = rows(agreement=agreement(categories=frozenset({"Task"})))
    assert row == Reason(
        "L0", False, "consent-rules#L0.category", "The sharing agreement does not cover this category of record."
    )


@pytest.mark.parametrize(
    ("request_", "tied", "related"),
    [
        (under(HOUSING), HOUSING, True),
        (under(HOUSING, ABOVE), ABOVE, True),
        (under(HOUSING, "PractitionerRole/r"), ABOVE, False),
    ],
    ids=["the recipient", "one above it", "neither"],
)
def test_a_tie_names_the_recipient_or_one_it_acts_for(request_: Request, tied: str, related: bool) -> None:
    """L0, relationship."""
    assert (NO_RELATIONSHIP not in rows(request_, relationships=frozenset({tied}))) is related


@pytest.mark.parametrize(
    ("made", "related"),
    [
        (grant("lawful-basis", refs=HERE), True),
        (grant("lawful-basis", refs=HERE, weak=True), False),
        (grant("lawful-basis", refs=HERE, until=NOW), False),
        (grant("lawful-basis", refs=frozenset({"Observation/2"})), False),
        (grant("patient-safety"), False),
        (grant("patient-safety", emergency=True), True),
        (grant("patient-safety", emergency=True, until=NOW), False),
    ],
    ids=["strong", "weak", "over", "of another record", "override", "emergency", "emergency over"],
)
def test_what_stands_in_for_a_relationship(made: Grant, related: bool) -> None:
    """A strong lawful basis for exactly this record, and an override in an emergency (IDN-8), while it is in force."""
    assert (NO_RELATIONSHIP not in rows(relationships=frozenset(), grants=(made,))) is related


@pytest.mark.parametrize(
    ("sector", "labels", "barred"), [("police", ("X",), True), ("health", ("X",), False), ("police", (), False)]
)
def test_a_row_may_bar_one_sector_only(sector: str, labels: tuple[str, ...], barred: bool) -> None:
    """By sector and label, both."""
    row = PolicyRow("not-police", False, "Not for the police.", frozenset({"police"}), labels=frozenset({"X"}))
    policy = replace(UK, barred=(row,))
    found = agreed(ask(sector=sector), replace(NOTE, labels=labels), known(), policy, AT)
    assert found == ([Reason("L0", False, "policy/uk-1#L0.not-police", "Not for the police.")] if barred else [])


@pytest.mark.parametrize(
    ("more", "covers"),
    [
        ({}, True),
        ({"kind": "lawful-basis"}, False),
        ({"kind": "lawful-basis", "refs": HERE}, True),
        ({"kind": "curiosity"}, False),
        ({"kind": "curiosity", "refs": HERE}, False),
        ({"organization": TRUST}, False),
        ({"user": "PractitionerRole/r"}, True),
        ({"user": "Practitioner/x"}, True),
        ({"user": "PractitionerRole/colleague"}, False),
        ({"start": NOW}, True),
        ({"start": NOW + TICK}, False),
        ({"until": NOW + TICK}, True),
        ({"until": NOW}, False),
        ({"purposes": ("TREAT", "BTG")}, True),
        ({"purposes": ("BTG",)}, False),
        ({"keeper": TRUST}, True),
        ({"keeper": HOUSING}, False),
        ({"types": frozenset({"Observation"})}, True),
        ({"types": frozenset({"Condition"})}, False),
        ({"refs": HERE}, True),
        ({"refs": frozenset({"Observation/1/_history/7"})}, True),
        ({"refs": frozenset({"Observation/2"})}, False),
        ({"types": frozenset({"Condition"}), "refs": HERE}, True),
        ({"types": frozenset({"Observation"}), "refs": frozenset({"Observation/2"})}, True),
    ],
)
def test_a_grant_covers_what_every_part_of_it_allows(more: dict[str, Any], covers: bool) -> None:
    """Whose it is, its kind, its time, its purposes, its keeper, and its records or types: each part alone."""
    assert covered(grant(**more)) is covers


@pytest.mark.parametrize(("asked", "covers"), [(("TREAT",), True), (("TREAT", "HRESCH"), False)])
def test_a_grant_covers_all_purposes_of_the_request_or_nothing(asked: tuple[str, ...], covers: bool) -> None:
    """A second purpose is not carried along."""
    assert covered(grant(purposes=("TREAT",)), ask(purposes=asked)) is covers


def test_strong_and_weak_grants_are_parted_and_their_order_never_matters() -> None:
    """Each sorted by the record that holds it."""
    strong = [grant(ref="Task/1"), grant("lawful-basis", ref="Task/3", refs=HERE)]
    weak = [grant("lawful-basis", ref=ref, refs=HERE, weak=True) for ref in ("Task/2", "Task/4")]
    found = granted(ask(), NOTE, known(grants=(weak[1], strong[1], weak[0], strong[0])), AT)
    assert found == (tuple(strong), tuple(weak))


def test_l0_comes_first_and_denies_whatever_else_is_granted() -> None:
    """An override never overrides L0."""
    assert [row.row for row in answer(grants=(grant(),), agreement=None).reasons] == ["L0", "L2", "L5"]
