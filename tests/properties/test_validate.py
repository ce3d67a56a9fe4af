"""`$validate` says of a write what the write would come to, and writes nothing (R4 section 3.1.0.10)."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from service import clock
from service.app import Built
from tests.attacks.records import ACT, CONFIDENTIALITY, denial, observation
from tests.locality import BASE, Agency, Locality, handover, nhs_number, patient, person, stored

Stored = dict[str, Any]
few = settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
CONTENT = frozenset({409, 412, 422, 428, 405})
"""The statuses of refusals that `$validate` answers with; it has every other status itself."""


def consent(locality: Locality, status: str, label: Stored, about: str, by: str) -> Stored:
    """A Consent, sound or not."""
    made = {**denial(about or locality.person), "status": status, "organization": [{"reference": f"Organization/{by}"}]}
    return {**made, "provision": {**made["provision"], **label}}


def task(locality: Locality, given_: Stored, status: str, owner: str) -> Stored:
    """A handover, complete or not."""
    return handover(locality.person, given_["plan"], given_["dataset"], status=status, to=owner)


writes = st.one_of(
    st.builds(
        lambda status, label, about, by: lambda locality, _: consent(locality, status, label, about, by),
        st.sampled_from(("active", "draft", "inactive", "on")),
        st.sampled_from(
            (
                {},
                {"securityLabel": [{"system": CONFIDENTIALITY, "code": "R"}]},
                {"securityLabel": [{"system": "http://hl7.org/fhir/v3/ActCode", "code": "PSY"}]},
                {"securityLabel": [{"system": ACT, "code": "PSY"}], "type": "permit"},
                {"provision": [{}]},
                {"actor": []},
            )
        ),
        st.sampled_from(("", "Patient/nobody")),
        st.sampled_from(("trust", "crisis")),
    ),
    st.builds(
        lambda status, owner, empty: (
            lambda locality, given_: task(
                locality, {**given_, **({"dataset": "QuestionnaireResponse/none"} if empty else {})}, status, owner
            )
        ),
        st.sampled_from(("draft", "requested", "accepted", "completed")),
        st.sampled_from(("Organization/crisis", "Organization/trust", "Organization/nobody", "PractitionerRole/crisis-lead")),
        st.booleans(),
    ),
    st.builds(
        lambda more: lambda locality, _: locality.plan(**more),
        st.sampled_from(
            (
                {},
                {"author": {"reference": "PractitionerRole/crisis-lead"}},
                {"status": "draft"},
                {"subject": {"reference": "Patient/nobody"}},
                {"intent": "none"},
            )
        ),
    ),
    st.sampled_from(
        (
            lambda locality, _: observation(locality.person),
            lambda locality, _: {"resourceType": "Observation", "status": "done"},
            lambda _, __: patient(identifier=[nhs_number("9434765918")]),
            lambda _, __: {"resourceType": "AuditEvent", "type": {"code": "rest"}, "source": {"site": "baton"}},
        )
    ),
)


async def counted(built: Built) -> dict[str, int]:
    """How many records and versions there are, but for the audit trail."""
    names = [each for each in await built.services.mongo.database.list_collection_names() if "Audit" not in each]
    kept = [each for each in names if each.startswith("r.") or each in ("history", "keys", "timers", "outbox", "relations")]
    return {each: await built.services.mongo.collection(each).count_documents({}) for each in kept}


def said(answer: httpx.Response) -> set[tuple[str, str, str]]:
    """The errors of an answer."""
    issues = answer.json().get("issue", ()) if answer.content else ()
    return {
        (each["code"], each["details"]["text"], each.get("expression", [""])[0])
        for each in issues
        if each["severity"] in ("error", "fatal")
    }


def told(asked: httpx.Response, done: httpx.Response) -> None:
    """Asserts that the one says what came of the other."""
    if asked.status_code == 200 and not said(asked):
        assert done.status_code in (200, 201, 204), done.text
    elif done.status_code in CONTENT:
        assert (asked.status_code, said(asked)) == (200, said(done))
    else:
        assert (asked.status_code, said(asked)) == (done.status_code, said(done))


@few
@given(write=writes, agency=st.sampled_from(("trust", "crisis")), absolute=st.booleans())
async def test_a_create_comes_to_what_validate_says(
    service: tuple[Built, httpx.AsyncClient], write: Any, agency: str, absolute: bool
) -> None:
    """OK is accepted by POST in the same moment; what POST refuses, it refuses the same way, and nothing is written."""
    built, http = service
    locality = Locality(built, http, await person(built))
    trust = await locality.agency("trust")
    given_ = {
        "plan": f"CarePlan/{(await trust.created(locality.plan(status='draft')))['id']}",
        "dataset": f"QuestionnaireResponse/{(await trust.created(locality.dataset()))['id']}",
    }
    resource = write(locality, given_)
    if absolute and "patient" in resource:
        resource["patient"] = {"reference": f"{BASE}/fhir/{resource['patient']['reference']}"}
    caller, before = await locality.agency(agency), await counted(built)
    asked = await caller.post(f"{resource['resourceType']}/$validate", resource)
    assert await counted(built) == before
    told(asked, await caller.post(resource["resourceType"], resource))


CHANGES: dict[str, Stored] = {
    "sound": {"title": "Another"},
    "another agency's lead": {"author": {"reference": "PractitionerRole/crisis-lead"}},
    "no lead": {"author": None},
    "another person": {"subject": {"reference": "Patient/nobody"}},
    "no plan": {"intent": "none"},
    "ended": {"status": "completed"},
}


@pytest.mark.parametrize("agency", ["trust", "crisis", "housing"])
@pytest.mark.parametrize("change", CHANGES)
async def test_an_update_comes_to_what_validate_says(locality: Locality, change: str, agency: str) -> None:
    """`mode=update`, at the record and at its type."""
    trust = await locality.agency("trust")
    led = await trust.created(locality.plan())
    changed = {name: value for name, value in {**led, **CHANGES[change]}.items() if value is not None}
    caller = await locality.agency(agency)
    match = {"If_Match": f'W/"{led["meta"]["versionId"]}"'}
    before = await counted(locality.built)
    asked = [
        await caller.post(f"CarePlan/{led['id']}/$validate", changed, **match),
        await caller.post("CarePlan/$validate?mode=update", changed, **match),
    ]
    assert (said(asked[0]), await counted(locality.built)) == (said(asked[1]), before)
    told(asked[0], await caller.put(changed))


@pytest.mark.parametrize("kind", ["CarePlan", "Observation", "hidden", "absent"])
async def test_a_delete_comes_to_what_validate_says(locality: Locality, kind: str) -> None:
    """`mode=delete` takes no resource."""
    trust = await locality.agency("trust")
    led = await trust.created(locality.plan())
    keeper = "crisis" if kind == "hidden" else "trust"
    about = await person(locality.built, f"Organization/{keeper}")
    note = observation(about, id=clock.new_id())
    await stored(locality.built, f"Organization/{keeper}", note)
    place = {"CarePlan": f"CarePlan/{led['id']}", "absent": "Observation/none"}.get(kind, f"Observation/{note['id']}")
    body = {"resourceType": "Parameters", "parameter": [{"name": "mode", "valueCode": "delete"}]}
    match = {"If_Match": 'W/"1"'} if kind == "CarePlan" else {}
    asked = await trust.post(f"{place}/$validate", body, **match)
    assert (await trust.get(place)).status_code == (404 if kind in ("hidden", "absent") else 200)
    told(asked, await trust.send("DELETE", place, **match))


async def test_an_update_needs_its_version_as_the_write_does(locality: Locality) -> None:
    """Without If-Match, and with another's."""
    trust = await locality.agency("trust")
    led = await trust.created(locality.plan())
    for match in ({}, {"If_Match": 'W/"7"'}):
        asked = await trust.post(f"CarePlan/{led['id']}/$validate", led, **match)
        done = await trust.send("PUT", f"CarePlan/{led['id']}", led, **match)
        assert (done.status_code in (412, 428), said(asked)) == (True, said(done))


@pytest.mark.parametrize(("mode", "status"), [("profile", 200), ("update", 400), ("delete", 400), ("guess", 400)])
async def test_a_mode_is_heeded(locality: Locality, mode: str, status: int) -> None:
    """An unknown one is refused, and one about a record needs the record."""
    trust = await locality.agency("trust")
    foreign = consent(locality, "active", {}, "", "crisis")
    answer = await trust.post(f"Consent/$validate?mode={mode}", foreign)
    assert answer.status_code == status
    if mode == "profile":
        assert not said(answer)
        assert said(await trust.post("Consent/$validate", foreign))


async def test_scopes_are_the_write_s(locality: Locality) -> None:
    """A client that may not delete is told nothing of a delete."""
    reader: Agency = await locality.agency("trust", "system/Observation.crs")
    assert (await reader.post("Observation/$validate", observation(locality.person))).status_code == 200
    body = {"resourceType": "Parameters", "parameter": [{"name": "mode", "valueCode": "delete"}]}
    assert (await reader.post("Observation/x/$validate", body)).status_code == 403
