"""The quick way to index the service's own AuditEvents gives exactly what the general way gives."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.app import projector
from service.auth.caller import Caller
from service.auth.scopes import NONE
from service.fhir.definitions import Definitions
from service.fhir.index import Indexer
from service.fhir.resource import stamp
from service.settings import shipped
from service.usecases.request.audit import event
from service.usecases.request.services import RequestContext
from service.usecases.request.trail import with_events

AT = datetime(2026, 11, 23, 4, 34, 0, 123000, UTC)
BASE = "https://baton.example/fhir"
GENERAL = projector(Indexer(Definitions.load(shipped("profiles")), BASE, ZoneInfo("Europe/London")), BASE, "Europe/London")
QUICK = with_events(GENERAL)

TEXT = st.text(max_size=80)
REFERENCES = st.sampled_from(
    ["Patient/a", "Patient/b", "Patient/a/_history/3", "Task/9", "CarePlan/1/_history/2", "Task/" + "z" * 64]
)


@given(
    user=st.sampled_from(["", "PractitionerRole/x", "Patient/u", "RelatedPerson/r"]),
    client=TEXT,
    purposes=st.lists(st.sampled_from(["TREAT", "HOPERAT"]), max_size=2, unique=True),
    patients=st.lists(st.sampled_from(["Patient/a", "Patient/b", "Patient/c"]), max_size=3),
    refs=st.lists(REFERENCES, max_size=4),
    action=st.sampled_from("CRUDE"),
    what=TEXT,
    permitted=st.booleans(),
)
def test_every_event_is_drawn_as_in_general(
    user: str, client: str, purposes: list[str], patients: list[str], refs: list[str], action: str, what: str, permitted: bool
) -> None:
    """Keys, dates, sort values, patients and facts are the same."""
    caller = Caller(client, "Organization/trust", NONE, user=user, purposes=tuple(purposes), token="t")
    context = RequestContext(caller, AT, BASE, "request", "correlation")
    told = event(context, action, what, permitted=permitted, why="L1", patients=patients, refs=refs)
    stamped = stamp(told, id="e1", version=1, at=AT)
    assert QUICK(stamped, ()) == GENERAL(stamped, ())


@pytest.mark.parametrize("site", ["elsewhere", "baton"])
def test_an_event_of_any_other_form_is_left_to_the_general_way(site: str) -> None:
    """A member that the service does not write is indexed all the same."""
    told = {
        "resourceType": "AuditEvent",
        "source": {"site": site, "observer": {"reference": "Device/d"}},
        "recorded": "2026-11-23T04:34:00Z",
        "entity": [{"what": {"identifier": {"system": "urn:x", "value": "1"}}, "name": "n"}],
        "agent": [{"who": {"reference": "Patient/p"}, "requestor": True, "policy": ["urn:policy"]}],
    }
    stamped = stamp(told, id="e2", version=1, at=AT)
    assert QUICK(stamped, ()) == GENERAL(stamped, ())
