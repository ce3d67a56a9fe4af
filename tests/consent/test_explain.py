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


def test_a_decision_is_told_whole() -> None:
    whole = Decision(False, (CONSENT, POLICY), "uk-1", (Redaction("label", "PSY"),), ("tell-person",), ("Consent/1/_history/3",))
    assert explained(whole) == (
        {"name": "decision", "valueCode": "deny"},
        {"name": "summary", "valueString": "Denied: The person's consent denies this. Some parts would be taken out."},
        {"name": "policy", "valueString": "uk-1"},
        {
            "name": "reason",
            "part": [
                {"name": "row", "valueCode": "L3"},
                {"name": "effect", "valueCode": "deny"},
                {"name": "text", "valueString": "The person's consent denies this."},
                {"name": "source", "valueString": "Consent/1/_history/3#provision.provision[0]"},
            ],
        },
        {
            "name": "reason",
            "part": [
                {"name": "row", "valueCode": "L5"},
                {"name": "effect", "valueCode": "permit"},
                {"name": "text", "valueString": "Implied for direct care."},
                {"name": "source", "valueString": "policy/uk-1#L5.implied-care"},
            ],
        },
        {"name": "obligation", "valueCode": "tell-person"},
        {"name": "redaction", "part": [{"name": "kind", "valueCode": "label"}, {"name": "value", "valueString": "PSY"}]},
        {"name": "consent", "valueReference": {"reference": "Consent/1/_history/3"}},
    )


def test_a_permission_is_told_as_one() -> None:
    told = explained(Decision(True, (POLICY,), "uk-1"))
    assert told[:2] == (
        {"name": "decision", "valueCode": "permit"},
        {"name": "summary", "valueString": "Permitted: Implied for direct care."},
    )
    assert len(told) == 4


def test_a_decision_without_a_reason_is_told_in_a_word() -> None:
    assert [sentence(Decision(permit, (), "uk-1")) for permit in (True, False)] == ["Permitted.", "Denied."]


def test_a_hidden_record_s_row_cites_the_rule_instead() -> None:
    seen = Reason("L2", True, "Task/7/_history/1", "A lawful basis is recorded.")
    told = masked(
        Decision(False, (CONSENT, seen, POLICY), "uk-1", consents=("Consent/1/_history/3", "Consent/2/_history/1")),
        {"Task/7", "Consent/2"},
    )
    assert [each.source for each in told.reasons] == ["consent-rules#L3", "Task/7/_history/1", "policy/uk-1#L5.implied-care"]
    assert told.consents == ("Consent/2/_history/1",)


def test_what_a_decision_cites_is_named_once_without_version_or_path() -> None:
    rows = (CONSENT, Reason("L2", True, "Task/7/_history/1", "x"), Reason("L2", True, "Communication/8", "x"), POLICY)
    assert cited(Decision(False, rows, "uk-1", consents=("Consent/1/_history/3", "Consent/2/_history/1"))) == {
        "Consent/1",
        "Task/7",
        "Communication/8",
        "Consent/2",
    }
