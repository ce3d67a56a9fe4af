"""Stamping, codes and references."""

from datetime import UTC, datetime, timedelta, timezone

from service.fhir.coding import codings
from service.fhir.date import instant
from service.fhir.resource import references, stamp

AT = datetime(2026, 11, 23, 4, 34, 0, 123000, UTC)


def test_an_instant_is_utc_to_the_millisecond():
    assert instant(AT.astimezone(timezone(timedelta(hours=1)))) == "2026-11-23T04:34:00.123Z"


def test_a_stamp_puts_id_and_meta_after_the_type():
    stamped = stamp({"resourceType": "Task", "status": "draft"}, id="a", version=1, at=AT)
    assert list(stamped) == ["resourceType", "id", "meta", "status"]
    assert stamped["meta"] == {"versionId": "1", "lastUpdated": "2026-11-23T04:34:00.123Z"}


def test_a_stamp_keeps_the_place_of_id_and_the_rest_of_meta():
    sent = {"resourceType": "Task", "status": "draft", "meta": {"tag": [], "versionId": "7"}, "id": "x"}
    stamped = stamp(sent, id="a", version=2, at=AT)
    assert list(stamped) == ["resourceType", "status", "meta", "id"]
    assert stamped["meta"] == {"tag": [], "versionId": "2", "lastUpdated": "2026-11-23T04:34:00.123Z"}
    assert sent["id"] == "x"
    assert sent["meta"]["versionId"] == "7"


def test_a_stamp_keeps_members_ahead_of_the_type_where_they_were():
    stamped = stamp({"status": "draft", "resourceType": "Task"}, id="a", version=1, at=AT)
    assert list(stamped) == ["status", "resourceType", "id", "meta"]


def test_codes_come_from_concepts_codings_and_lists():
    element = [{"coding": [{"system": "s", "code": "a"}, {"code": "b"}]}, {"system": "t", "code": "c"}, "noise", {"coding": 1}]
    assert list(codings(element)) == [("s", "a"), ("", "b"), ("t", "c")]


def test_references_are_found_at_any_depth_with_their_path():
    resource = {
        "resourceType": "Task",
        "input": [{"valueReference": {"reference": "Consent/1"}}],
        "for": {"reference": "Patient/1"},
        "contained": [{"resourceType": "Goal", "subject": {"reference": "Patient/2"}}],
    }
    assert list(references(resource)) == [
        ("Task.input[0].valueReference", "Consent/1"),
        ("Task.for", "Patient/1"),
        ("Task.contained[0].subject", "Patient/2"),
    ]
