"""What the service builds goes through the typed model and comes out ready for JSON."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from service.fhir.models import build


def test_members_come_in_fhir_order():
    task = build("Task", intent="order", status="requested", id="a")
    assert list(task) == ["resourceType", "id", "status", "intent"]


def test_instants_are_written_to_the_millisecond():
    task = build("Task", status="requested", intent="order", authoredOn=datetime(2026, 1, 2, 3, 4, 5, 678999, UTC))
    assert task["authoredOn"] == "2026-01-02T03:04:05.678Z"


def test_given_texts_are_not_rewritten():
    task = build("Task", status="requested", intent="order", authoredOn="2026-01-02T03:04:05.1+01:00", note=[{"text": "x"}])
    assert task["authoredOn"] == "2026-01-02T03:04:05.1+01:00"


def test_decimals_keep_their_digits():
    value = build("Quantity", value=Decimal("1.00"))["value"]
    assert str(value) == "1.00"


def test_a_date_is_written_as_a_date():
    assert build("Patient", birthDate=date(1980, 2, 3))["birthDate"] == "1980-02-03"


def test_a_keyword_takes_an_underscore():
    assert build("Task", status="requested", intent="order", for_={"reference": "Patient/1"})["for"] == {"reference": "Patient/1"}


def test_absent_members_are_left_out():
    assert "description" not in build("Task", status="requested", intent="order", description=None)


@pytest.mark.parametrize("members", [{"status": "requested", "intent": "order", "colour": "red"}, {"status": ["requested"]}])
def test_something_invalid_is_a_bug_of_the_caller(members):
    with pytest.raises(ValueError, match="validation error"):
        build("Task", **members)
