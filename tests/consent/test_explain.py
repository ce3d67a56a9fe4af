"""A decision in plain words, with what its reader may not know left out."""

from __future__ import annotations

from service.consent.category import categories
from service.consent.explain import cited, explained, masked, sentence
from service.consent.facts import Facts
from service.consent.reasons import Decision, Reason, Redaction

CONSENT = Reason("L3", False, "Consent/1/_history/3#provision.provision[0]", "The person's consent denies this.")
POLICY = Reason("L5", True, "policy/uk-1#L5.implied-care", "Implied for direct care.")
DENIED = Decision(False, (CONSENT, POLICY), "uk-1", consents=("Consent/1/_history/3",))


def test_the_first_row_is_the_sentence() -> None:
    """It decided."""
    assert sentence(DENIED) == "Denied: The person's consent denies this."


def test_a_sentence_says_that_parts_would_go() -> None:
    """Redactions are part of the answer."""
    permitted = Decision(True, (POLICY,), "uk-1", (Redaction("label", "PSY"),))
    assert sentence(permitted).endswith("Some parts would be taken out.")


def test_every_row_is_told_in_its_order() -> None:
    """The decisive one first."""
    assert [each["part"][0]["valueCode"] for each in explained(DENIED) if each["name"] == "reason"] == ["L3", "L5"]


def test_the_records_it_rests_on_are_known() -> None:
    """Policy rows are no records."""
    assert cited(DENIED) == {"Consent/1"}


def test_a_hidden_record_is_not_named() -> None:
    """The row and its words stay."""
    told = masked(DENIED, frozenset())
    assert "Consent/" not in str(told)
    assert [(each.row, each.text) for each in told.reasons] == [(each.row, each.text) for each in DENIED.reasons]


def test_a_visible_record_is_named() -> None:
    """Nothing changes for who sees it all."""
    assert masked(DENIED, {"Consent/1"}) == DENIED


def test_categories_are_by_type_code_and_label() -> None:
    """A crisis plan is one rather than a care plan; a sensitivity label adds its own; nothing else is other."""
    crisis = Facts("CarePlan", "1", codes=("http://snomed.info/sct|736253002",))
    drinking = Facts("Condition", "2", labels=("ETH",))
    assert categories([crisis, drinking, Facts("CarePlan", "3")]) == ("care-plan", "crisis-plan", "other", "substance-use")
