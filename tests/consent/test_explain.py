"""A decision in plain words, with what its reader may not know left out."""

from __future__ import annotations

import pytest

from service.consent.category import categories
from service.consent.explain import cited, explained, masked, record_of, sentence
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


def test_an_explanation_holds_everything_that_a_decision_says() -> None:
    """In this order: effect, sentence, policy, rows, obligations, redactions, Consents."""
    decision = Decision(
        True,
        (POLICY, CONSENT),
        "uk-1",
        (Redaction("label", "PSY"), Redaction("section", "s|1")),
        ("tell-person", "record-disclosure"),
        ("Consent/1/_history/3",),
    )
    assert explained(decision) == (
        {"name": "decision", "valueCode": "permit"},
        {"name": "summary", "valueString": "Permitted: Implied for direct care. Some parts would be taken out."},
        {"name": "policy", "valueString": "uk-1"},
        {
            "name": "reason",
            "part": [
                {"name": "row", "valueCode": "L5"},
                {"name": "effect", "valueCode": "permit"},
                {"name": "text", "valueString": "Implied for direct care."},
                {"name": "source", "valueString": "policy/uk-1#L5.implied-care"},
            ],
        },
        {
            "name": "reason",
            "part": [
                {"name": "row", "valueCode": "L3"},
                {"name": "effect", "valueCode": "deny"},
                {"name": "text", "valueString": "The person's consent denies this."},
                {"name": "source", "valueString": "Consent/1/_history/3#provision.provision[0]"},
            ],
        },
        {"name": "obligation", "valueCode": "tell-person"},
        {"name": "obligation", "valueCode": "record-disclosure"},
        {"name": "redaction", "part": [{"name": "kind", "valueCode": "label"}, {"name": "value", "valueString": "PSY"}]},
        {"name": "redaction", "part": [{"name": "kind", "valueCode": "section"}, {"name": "value", "valueString": "s|1"}]},
        {"name": "consent", "valueReference": {"reference": "Consent/1/_history/3"}},
    )


def test_a_denial_is_explained_as_one() -> None:
    """Effect and sentence."""
    assert explained(DENIED)[:2] == (
        {"name": "decision", "valueCode": "deny"},
        {"name": "summary", "valueString": "Denied: The person's consent denies this."},
    )


@pytest.mark.parametrize(("permit", "said"), [(True, "Permitted."), (False, "Denied.")])
def test_a_decision_without_reasons_is_a_sentence_too(permit: bool, said: str) -> None:
    """Its effect."""
    assert sentence(Decision(permit, (), "uk-1")) == said


@pytest.mark.parametrize(
    ("source", "record"),
    [
        ("Consent/1/_history/3#provision.provision[0]", "Consent/1"),
        ("Consent/1#provision", "Consent/1"),
        ("Task/2/_history/1", "Task/2"),
        ("Communication/3", "Communication/3"),
    ],
)
def test_the_record_of_a_source_has_neither_version_nor_path(source: str, record: str) -> None:
    """As `Type/id`."""
    assert record_of(source) == record


def test_every_record_that_a_decision_rests_on_is_cited() -> None:
    """Consents, Tasks and Communications, by reason or in the list of Consents; a policy and a design document are no records."""
    rows = (
        CONSENT,
        POLICY,
        Reason("L2", True, "Task/2/_history/1", "x"),
        Reason("L2", True, "Communication/3", "x"),
        Reason("L1", True, "consent-rules#L1", "x"),
    )
    decision = Decision(True, rows, "uk-1", consents=("Consent/9/_history/1",))
    assert cited(decision) == {"Consent/1", "Task/2", "Communication/3", "Consent/9"}


def test_a_hidden_record_is_replaced_by_the_rule() -> None:
    """Each reason on its own, and the Consents that are seen stay named."""
    task = Reason("L2", True, "Task/2/_history/1", "An override is in force.")
    decision = Decision(True, (task, CONSENT, POLICY), "uk-1", consents=("Consent/1/_history/3", "Consent/9/_history/1"))
    assert masked(decision, {"Consent/1"}) == Decision(
        True,
        (Reason("L2", True, "consent-rules#L2", "An override is in force."), CONSENT, POLICY),
        "uk-1",
        consents=("Consent/1/_history/3",),
    )
    hidden = Reason("L3", False, "consent-rules#L3", CONSENT.text)
    assert masked(decision, {"Task/2"}) == Decision(True, (task, hidden, POLICY), "uk-1")
