"""One reader of dates: whatever validation accepts, ownership, consent, deadlines and search read alike."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.care.ownership.role import role_fault
from service.consent.compile import compile_consent
from service.consent.facts import facts_of
from service.consent.representative import entitled
from service.fhir.canonical import ROLE_CODE
from service.fhir.date import Interval, begins, contains, due, ends, milliseconds, moment, parse, written
from service.fhir.primitive import TESTS

ZONES = st.sampled_from([ZoneInfo(name) for name in ("Europe/London", "America/New_York", "Pacific/Kiritimati", "UTC")])
_YEARS = st.one_of(st.integers(1, 9999), st.sampled_from([1, 999, 1969, 1970, 2016, 2026, 9998, 9999])).map("{:04}".format)
_MONTHS, _DAYS = (st.integers(1, last).map("{:02}".format) for last in (12, 31))
_DATES = st.one_of(_YEARS, st.builds("{}-{}".format, _YEARS, _MONTHS), st.builds("{}-{}-{}".format, _YEARS, _MONTHS, _DAYS))
_CLOCKS = st.builds("{:02}:{:02}:{:02}{}".format, st.integers(0, 23), st.integers(0, 59), st.integers(0, 60),
                    st.sampled_from(["", ".0", ".5", ".123", ".999", ".123456", ".9999999"]))  # fmt: skip
_OFFSETS = st.sampled_from(["Z", "+00:00", "-05:30", "+14:00", "-13:59", "+01:00"])
_INSTANTS = st.builds("{}-{}-{}T{}{}".format, _YEARS, _MONTHS, _DAYS, _CLOCKS, _OFFSETS)
TEXTS = st.one_of(_DATES, _INSTANTS).filter(TESTS["dateTime"])
"""What a dateTime may be."""
READABLE = (datetime(1, 1, 3, tzinfo=UTC), datetime(9999, 12, 28, tzinfo=UTC))


def around(found: Interval) -> list[datetime]:
    """Instants at the edges of an interval, as far as a calendar has them."""
    edges = (found.low - 1, found.low, found.low + 1, found.high - 1, found.high, found.high + 1)
    return [at for at in map(moment, edges) if READABLE[0] < at < READABLE[1]]


@given(TEXTS, ZONES)
def test_whatever_validation_accepts_is_read(text: str, zone: ZoneInfo) -> None:
    """By every reader, without an exception, as instants that can be written."""
    found = parse(text, zone)
    assert found is not None
    assert found.low < found.high
    for read in (begins, ends, due):
        at = read(text, zone)
        assert at is not None
        assert written(at.astimezone(zone))


@given(TEXTS, ZONES)
def test_what_is_due_is_due_within_what_its_date_covers(text: str, zone: ZoneInfo) -> None:
    """A day ends with itself, a time of day is itself."""
    low, at, high = begins(text, zone), due(text, zone), ends(text, zone)
    assert low is not None
    assert at is not None
    assert high is not None
    assert low <= at <= high


@pytest.mark.parametrize("member", ["start", "end"])
@given(text=TEXTS, zone=ZONES)
def test_all_agree_whether_a_period_covers_an_instant(member: str, text: str, zone: ZoneInfo) -> None:
    """The lead's role (OWN-1), the representative, the Consent, the record's time."""
    found = parse(text, zone)
    assert found is not None
    period = {member: text}
    role = {
        "resourceType": "PractitionerRole",
        "active": True,
        "practitioner": {"reference": "Practitioner/a"},
        "organization": {"reference": "Organization/a"},
        "period": period,
    }
    related = {"relationship": [{"coding": [{"system": ROLE_CODE, "code": "GUARD"}]}], "period": period}
    given_ = {"resourceType": "Consent", "status": "active", "provision": {"type": "permit", "period": period}}
    consent = compile_consent(given_, "Consent/1/_history/1", zone=zone).period
    when = facts_of({"resourceType": "Encounter", "id": "1", "period": period}, zone=zone).when
    assert consent is not None
    assert when is not None
    for at in around(found):
        covers = at >= begins(text, zone) if member == "start" else milliseconds(at) < found.high  # type: ignore[operator]
        said = {
            "ownership": not role_fault(role, at, zone),
            "period": contains(period, at, zone),
            "representative": entitled(related, at, zone),
            "consent": consent.covers(milliseconds(at)),
            "record": when.covers(milliseconds(at)),
        }
        assert said == dict.fromkeys(said, covers)


@given(st.builds("{}-{:02}-{:02}T{:02}:{:02}:60{}".format, _YEARS, st.integers(1, 12), st.integers(1, 28), st.integers(0, 23),
                 st.integers(0, 59), _OFFSETS))  # fmt: skip
def test_a_leap_second_is_the_second_after_it(text: str) -> None:
    """`23:59:60` has no place of its own on a clock that counts none."""
    before, found = parse(text[:17] + "59" + text[19:]), parse(text)
    assert before is not None
    assert found is not None
    assert found.low - before.low == 1000


@given(st.integers(-62_000_000_000_000, 253_000_000_000_000))
def test_an_instant_is_written_as_it_is_read(milliseconds_: int) -> None:
    at = moment(milliseconds_)
    assert parse(written(at)) == (milliseconds(at), milliseconds(at) + 1)
    assert moment(milliseconds(at)) == at == at + timedelta(0)
