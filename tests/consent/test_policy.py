"""The shipped policies (consent-rules, layer L5): sector, purpose and label by row, in the words the rows are told in."""

from __future__ import annotations

from dataclasses import replace

import pytest

from service.consent.decide import default
from service.consent.policy import SHIPPED, UK, US, Agreement, Policy, PolicyRow
from service.consent.reasons import Reason
from service.consent.terms import RANK
from tests.consent.cases import HOUSING, NOTE, answer, ask

BARRED = Reason("L0", False, "policy/uk-1#L0.legally-barred", "The law bars this category of record from being shared.")
WORDS = {
    "uk": {
        "legally-barred": BARRED,
        "implied-care": Reason(
            "L5",
            True,
            "policy/uk-1#L5.implied-care",
            "Health and adult social care share normal records for direct care; the person may object.",
        ),
        "consent-needed": Reason(
            "L5",
            False,
            "policy/uk-1#L5.consent-needed",
            "No consent covers this, and nothing is implied for this partner, purpose and label.",
        ),
    },
    "us": {
        "legally-barred": replace(BARRED, source="policy/us-1#L0.legally-barred"),
        "part-2": Reason("L5", False, "policy/us-1#L5.part-2", "Records under 42 CFR Part 2 need the person's consent."),
        "tpo": Reason("L5", True, "policy/us-1#L5.tpo", "Treatment, payment and health care operations need no authorisation."),
        "consent-needed": Reason(
            "L5",
            False,
            "policy/us-1#L5.consent-needed",
            "No consent covers this, and nothing is implied for this partner and purpose.",
        ),
    },
}


@pytest.mark.parametrize("name", ["uk", "us"])
def test_every_row_of_a_policy_is_a_source_of_reasons(name: str) -> None:
    """By its id: layer, effect, source and words."""
    assert SHIPPED[name].sources == WORDS[name]


def test_two_policies_are_shipped() -> None:
    """Each by its id, with the name that decisions carry, its zone, and no controller left out."""
    told = {key: (each.id, each.name, each.zone, each.controllers, each.verified) for key, each in SHIPPED.items()}
    assert told == {
        "uk": ("uk", "uk-1", "Europe/London", frozenset(), False),
        "us": ("us", "us-1", "America/New_York", frozenset(), False),
    }


def test_a_policy_of_a_locality_s_own_gives_its_reasons_as_the_shipped_ones_do() -> None:
    """What the law bars by L0, every other row by L5."""
    rows = (PolicyRow("no", False, "No.", labels=frozenset({"X"})), PolicyRow("yes", True, "Yes."))
    assert Policy("fr", "7", "Europe/Paris", rows[1:], rows[:1]).sources == {
        "no": Reason("L0", False, "policy/fr-7#L0.no", "No."),
        "yes": Reason("L5", True, "policy/fr-7#L5.yes", "Yes."),
    }


def test_a_row_is_cited_by_the_policy_s_version() -> None:
    """So that a decision of last year still names the rule it was taken by."""
    assert Policy("fr", "7", "Europe/Paris", ()).row("L5.any") == "policy/fr-7#L5.any"


def held(
    policy: Policy, rank: str = "N", sector: str = "health", purpose: str = "TREAT", *labels: str
) -> tuple[str, tuple[str, ...]]:
    """The row that holds, and its obligations. `rank` empty: unlabelled."""
    facts = replace(NOTE, confidentiality=RANK.get(rank, 0), labels=labels)
    row = default(ask(sector=sector, purposes=(purpose,)), facts, policy)
    assert row is not None
    return row.id, row.obligations


@pytest.mark.parametrize(
    ("rank", "sector", "purpose", "implied"),
    [
        *((rank, "health", "TREAT", rank in "ULMN") for rank in RANK),
        *((rank, "social-care", "TREAT", rank in "ULMN") for rank in RANK),
        *(("N", sector, "TREAT", False) for sector in ("housing", "voluntary", "police", "employer", "")),
        *(("N", "health", purpose, True) for purpose in ("COC", "ETREAT", "BTG")),
        *(("N", "social-care", purpose, True) for purpose in ("COC", "ETREAT")),
        *(("N", "health", purpose, False) for purpose in ("HPAYMT", "HOPERAT", "HRESCH", "CAREMGT", "HMARKT")),
        ("", "health", "TREAT", True),
        ("", "social-care", "TREAT", False),
        ("", "housing", "TREAT", False),
    ],
)
def test_uk_implies_consent_for_normal_direct_care(rank: str, sector: str, purpose: str, implied: bool) -> None:
    """Health and adult social care for TREAT and COC up to N, objection possible; everybody and everything else needs consent."""
    expected = ("implied-care", ("objection-possible",)) if implied else ("consent-needed", ())
    assert held(UK, rank, sector, purpose) == expected


@pytest.mark.parametrize(
    ("rank", "sector", "purpose", "labels", "row"),
    [
        *((rank, "health", "TREAT", (), "tpo") for rank in (*RANK, "")),
        *(("N", "health", purpose, (), "tpo") for purpose in ("HPAYMT", "HOPERAT", "COC", "CAREMGT", "ELIGVER")),
        *(("N", "health", purpose, (), "consent-needed") for purpose in ("HRESCH", "HMARKT", "PUBHLTH")),
        *(("N", sector, "TREAT", (), "consent-needed") for sector in ("social-care", "housing", "police")),
        *((rank, "health", "TREAT", ("42CFRPart2",), "part-2") for rank in ("N", "R", "")),
        ("N", "housing", "HMARKT", ("42CFRPart2",), "part-2"),
        ("", "health", "TREAT", ("PSY",), "tpo"),
    ],
)
def test_us_permits_treatment_payment_and_operations(
    rank: str, sector: str, purpose: str, labels: tuple[str, ...], row: str
) -> None:
    """Whatever the confidentiality, but for 42 CFR Part 2, which stands before everything."""
    assert held(US, rank, sector, purpose, *labels) == (row, ())


@pytest.mark.parametrize("policy", [UK, US])
def test_the_legally_barred_row_bars_one_mark_for_every_sector(policy: Policy) -> None:
    """Not even health receives it."""
    (row,) = policy.barred
    assert not row.permit
    assert not row.sectors
    assert row.labels == {"https://baton.example/fhir/CodeSystem/record-mark|legally-barred"}


@pytest.mark.parametrize(
    ("purposes", "row"),
    [(("TREAT", "COC"), "implied-care"), (("TREAT", "HRESCH"), "consent-needed"), ((), "consent-needed")],
)
def test_a_row_holds_for_all_purposes_of_a_request(purposes: tuple[str, ...], row: str) -> None:
    """A second purpose is not carried along, and no purpose is none of them."""
    found = default(ask(purposes=purposes), NOTE, UK)
    assert found is not None
    assert found.id == row


@pytest.mark.parametrize(
    ("labels", "row"),
    [((), "implied-care"), (("PSY",), "consent-needed"), (("http://example.org/tag|x",), "implied-care")],
)
def test_only_a_sensitivity_label_makes_an_unlabelled_record_restricted(labels: tuple[str, ...], row: str) -> None:
    """A tag of somebody's own says nothing."""
    assert held(UK, "", "health", "TREAT", *labels)[0] == row


@pytest.mark.parametrize(("ceiling", "permit"), [("N", False), ("R", True), ("V", True)])
def test_a_sensitivity_label_alone_counts_as_r(ceiling: str, permit: bool) -> None:
    """Covered from a ceiling of R on, in any sector that the row names."""
    row = PolicyRow("care", True, "Care.", ceiling=RANK[ceiling], unlabelled=frozenset())
    policy = Policy("x", "1", "UTC", (row,))
    found = default(ask(), replace(NOTE, confidentiality=0, labels=("PSY",)), policy)
    assert (found is not None) is permit


@pytest.mark.parametrize(("sector", "permit"), [("health", True), ("social-care", False)])
def test_unlabelled_is_normal_for_health_alone_unless_a_row_says_otherwise(sector: str, permit: bool) -> None:
    """For every other sector an unlabelled record is above any ceiling."""
    policy = Policy("x", "1", "UTC", (PolicyRow("care", True, "Care.", ceiling=RANK["V"]),))
    found = default(ask(sector=sector), replace(NOTE, confidentiality=0), policy)
    assert (found is not None) is permit


def test_a_row_without_conditions_always_holds() -> None:
    """Empty is no condition: whatever the sector, the purpose, the label and the confidentiality, and it obliges to nothing."""
    policy = Policy("x", "1", "UTC", (PolicyRow("all", True, "All."),))
    assert held(policy, "V", "police", "HMARKT", "PSY") == held(policy, "", "", "", "PSY") == ("all", ())


def test_a_policy_of_which_no_row_holds_denies() -> None:
    """It cannot tell, so it says no."""
    decision = answer(policy=Policy("empty", "1", "UTC", ()))
    assert (decision.permit, decision.reasons[0].row, decision.obligations) == (False, "L6", ())


def test_an_agreement_has_no_bounds_but_those_it_names() -> None:
    """Without categories and period it covers its purposes, for the organisation it is with."""
    assert answer(agreement=Agreement(HOUSING, "health", frozenset({"TREAT"}))).permit
