"""What is remembered of a resource, so that no body is parsed to decide."""

from __future__ import annotations

import copy
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from service.consent.facts import DO_NOT_TELL, Facts, facts_of
from service.consent.terms import RANK
from service.fhir.canonical import ACT_CODE, CONFIDENTIALITY, INLINE_LABEL
from service.fhir.date import LATEST, LOCAL, milliseconds, parse, period

DATA = Path(__file__).resolve().parents[2].parent / "shared" / "data"
FILES = sorted(DATA.glob("hl7-r4/*.json"))


def at(year: int, month: int, day: int, hour: int = 0, minute: int = 0, second: int = 0) -> int:
    return milliseconds(datetime(year, month, day, hour, minute, second, tzinfo=UTC))


def of(kind: str, **members: Any) -> Facts:
    return facts_of({"resourceType": kind, "id": "1", **members})


@pytest.mark.skipif(not FILES, reason="the HL7 R4 examples are not beside this checkout")
def test_every_official_example_survives_its_row() -> None:
    """to_row and from_row, through JSON."""
    found = [facts_of(json.loads(path.read_text())) for path in FILES]
    assert [Facts.from_row(json.loads(json.dumps(facts.to_row()))) for facts in found] == found


def test_the_highest_confidentiality_counts() -> None:
    """Two labels, one rank."""
    labels = [{"system": CONFIDENTIALITY, "code": code} for code in ("N", "V", "R")]
    assert of("Observation", meta={"security": labels}).confidentiality == RANK["V"]


def test_the_clinical_time_comes_first() -> None:
    """effective before issued and lastUpdated."""
    facts = of(
        "Observation",
        effectiveDateTime="2022-01-13",
        issued="2023-01-01T00:00:00Z",
        meta={"lastUpdated": "2024-01-01T00:00:00Z"},
    )
    assert facts.when == (at(2022, 1, 13), at(2022, 1, 14))


def test_the_authored_time_stands_in() -> None:
    """A request is dated by authoredOn."""
    assert of("MedicationRequest", authoredOn="2022-01-13").when == (at(2022, 1, 13), at(2022, 1, 14))


def test_the_last_update_is_the_last_resort() -> None:
    """Nothing else is dated."""
    assert of("Encounter", meta={"lastUpdated": "2024-01-01T00:00:00Z"}).when == (at(2024, 1, 1), at(2024, 1, 1, 0, 0, 1))


def test_without_any_time_it_is_undated() -> None:
    """Unknown, not the dawn of time."""
    assert of("Encounter").when is None


def test_an_open_period_stays_open() -> None:
    """An encounter that has not ended."""
    assert of("Encounter", period={"start": "2024-01-01T00:00:00Z"}).when == (at(2024, 1, 1), LATEST)


def test_who_shall_do_it_did_not_write_it() -> None:
    """ServiceRequest.performer is no author, its requester is."""
    facts = of("ServiceRequest", performer=[{"reference": "Practitioner/a"}], requester={"reference": "Practitioner/b"})
    assert facts.authors == ("Practitioner/b",)


def test_a_patient_belongs_to_itself() -> None:
    """IDN-1."""
    assert of("Patient").patients == ("Patient/1",)


def test_an_odd_type_belongs_to_every_patient_it_names() -> None:
    """So that no type escapes consent."""
    assert of("Provenance", target=[{"reference": "Patient/a/_history/2"}]).patients == ("Patient/a",)


def test_a_taboo_label_marks_what_the_person_is_not_told() -> None:
    """v3-ActCode TBOO."""
    assert of("Observation", meta={"security": [{"system": ACT_CODE, "code": "TBOO"}]}).marks == (DO_NOT_TELL,)


def test_an_absolute_reference_under_our_base_is_local() -> None:
    """A foreign one is not."""
    refs = {
        "subject": {"reference": "https://us.example/fhir/Patient/a"},
        "encounter": {"reference": "https://them.example/fhir/Encounter/e"},
    }
    facts = facts_of({"resourceType": "Observation", "id": "1", **refs}, base="https://us.example/fhir")
    assert set(facts.references) == {"Patient/a", "https://them.example/fhir/Encounter/e"}


@pytest.mark.parametrize(
    ("text", "low", "high"),
    [
        ("2024", at(2024, 1, 1), at(2025, 1, 1)),
        ("2024-02", at(2024, 2, 1), at(2024, 3, 1)),
        ("2024-06-01", at(2024, 5, 31, 23), at(2024, 6, 1, 23)),
        ("2024-03-31", at(2024, 3, 31), at(2024, 3, 31, 23)),
        ("2024-06-01T12:00:00+02:00", at(2024, 6, 1, 10), at(2024, 6, 1, 10, 0, 1)),
    ],
)
def test_a_date_is_an_interval_of_its_zone(text: str, low: int, high: int) -> None:
    """London time, days of 23 hours included."""
    assert parse(text, LOCAL) == (low, high)


@pytest.mark.parametrize("text", ["", "2024-02-30", "0000", "9999-12-31T99:00:00Z", "24-01-01", "２０２４"])
def test_what_is_no_date_is_none(text: str) -> None:
    """Never an exception."""
    assert parse(text, LOCAL) is None


@pytest.mark.parametrize("value", [None, [], {}, {"start": 7}, {"start": "2025", "end": "2024"}])
def test_an_unreadable_period_is_none(value: object) -> None:
    """Unknown, which denies."""
    assert period(value, LOCAL) is None


def test_the_resource_is_left_as_it_is() -> None:
    """What facts are drawn from is what gets stored: nothing in it may change, nested sections included."""
    composition = {
        "resourceType": "Composition",
        "id": "c",
        "section": [{"title": "History", "section": [{"title": "Family"}]}, {"title": "Plan"}],
    }
    before = copy.deepcopy(composition)
    facts_of(composition)
    assert composition == before


def inline(code: str) -> dict[str, Any]:
    """An inline security label."""
    return {"url": INLINE_LABEL, "valueCoding": {"system": CONFIDENTIALITY, "code": code}}


def test_an_inline_label_of_the_root_labels_the_whole() -> None:
    """No part is left that could be taken out in its place."""
    facts = facts_of({"resourceType": "Condition", "id": "c", "extension": [inline("R")]})
    assert facts.confidentiality == RANK["R"]


def test_a_narrative_may_be_labelled() -> None:
    """It is a part like any other."""
    facts = facts_of({"resourceType": "Condition", "id": "c", "text": {"extension": [inline("R")], "div": "<div>secret</div>"}})
    assert facts.inline == (f"{CONFIDENTIALITY}|R",)
