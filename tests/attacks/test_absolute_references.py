"""A reference by an absolute URL of this server is the reference to the same record, at every door: nothing is refused for an
untrue reason, and nothing that is denied by one spelling is open by another."""

from __future__ import annotations

from typing import Any

import pytest

from service import clock
from tests.attacks.callers import tied
from tests.attacks.records import Stored, denial, observation
from tests.locality import BASE, Locality, handover, stored

OURS = f"{BASE}/fhir/"
SPELLINGS = {
    "as it is": OURS,
    "in capitals": OURS.replace("http://", "HTTP://"),
}


def spelled(value: Any, base: str = OURS) -> Any:
    """The same with every reference absolute."""
    if isinstance(value, list):
        return [spelled(each, base) for each in value]
    if not isinstance(value, dict):
        return value
    made = {name: spelled(each, base) for name, each in value.items()}
    if isinstance(made.get("reference"), str):
        made["reference"] = base + made["reference"]
    return made


@pytest.mark.parametrize("spelling", SPELLINGS)
async def test_a_denial_is_recorded_and_heard(locality: Locality, spelling: str) -> None:
    """Of a Patient, an agency and a person named by URLs; stored with the relative reference."""
    await stored(locality.built, "Organization/trust", note := observation(locality.person, id=clock.new_id()))
    await tied(locality, "crisis")
    trust, crisis = await locality.agency("trust"), await locality.agency("crisis")
    made = await trust.created(spelled(denial(locality.person), SPELLINGS[spelling]))
    assert made["patient"] == {"reference": locality.person}
    assert (await crisis.get(f"Observation/{note['id']}")).status_code == 404


async def test_a_handover_is_sent_and_accepted(locality: Locality) -> None:
    """Focus, subject, parties, dataset and the answers' subject."""
    trust, crisis = await locality.agency("trust"), await locality.agency("crisis")
    led = await trust.created(spelled(locality.plan()))
    answers = await trust.created(spelled(locality.dataset()))
    refs = f"CarePlan/{led['id']}", f"QuestionnaireResponse/{answers['id']}"
    sent = await trust.created(spelled(handover(locality.person, *refs)))
    lead = {"reference": f"{OURS}PractitionerRole/crisis-lead"}
    accepted = await crisis.put({**sent, "status": "accepted", "owner": lead})
    assert accepted.status_code == 200, accepted.text
    assert accepted.json()["owner"] == {"reference": "PractitionerRole/crisis-lead"}


def parameters(**values: Any) -> Stored:
    """A Parameters body."""
    listed = [{"name": name, next(iter(value)): value[next(iter(value))]} for name, value in values.items()]
    return {"resourceType": "Parameters", "parameter": listed}


async def test_the_operations_read_it(locality: Locality) -> None:
    """`$evaluate`, `$disclose` and `$validate` answer as for the relative reference."""
    await stored(locality.built, "Organization/trust", note := observation(locality.person, id=clock.new_id()))
    await tied(locality, "crisis")
    trust = await locality.agency("trust")
    place = f"Observation/{note['id']}"
    asked = parameters(
        patient={"valueReference": {"reference": locality.person}},
        recipient={"valueReference": {"reference": "Organization/crisis"}},
        resource={"valueReference": {"reference": place}},
    )
    shared = parameters(
        recipient={"valueReference": {"reference": "Organization/crisis"}},
        purpose={"valueCode": "TREAT"},
        reason={"valueString": "They take part in the plan."},
        mode={"valueCode": "preview"},
        type={"valueCode": "Observation"},
    )
    checked = parameters(resource={"resource": denial(locality.person)})
    for path, body in (("Consent/$evaluate", asked), (f"{locality.person}/$disclose", shared), ("Consent/$validate", checked)):
        one, other = await trust.post(path, body), await trust.post(path, spelled(body))
        assert (one.status_code, one.content) == (200, other.content), path


async def test_the_hook_reads_it(locality: Locality) -> None:
    """Patient and actor."""
    await tied(locality, "crisis")
    trust = await locality.agency("trust")
    cards = []
    for base in ("", OURS):
        context = {"patientId": [{"value": base + locality.person}], "actor": [{"value": f"{base}Organization/crisis"}]}
        body = {"hook": "patient-consent-consult", "hookInstance": clock.new_id(), "context": context}
        answer = await trust.post(f"{BASE}/cds-services/patient-consent-consult", body)
        cards.append((answer.status_code, answer.json()["cards"][0]["extension"]))
    assert cards[0] == cards[1]


async def test_searches_and_conditions_find_by_it(locality: Locality) -> None:
    """A search, a chain's end, a conditional create and a batch's search."""
    trust = await locality.agency("trust")
    made = await trust.created(spelled(observation(locality.person)))
    found = await trust.get(f"Observation?patient={OURS}{locality.person}")
    assert [each["resource"]["id"] for each in found.json()["entry"]] == [made["id"]]
    again = await trust.post("Observation", observation(locality.person), If_None_Exist=f"subject={OURS}{locality.person}")
    assert (again.status_code, again.json()["id"]) == (200, made["id"])
    url = f"{OURS}Observation?subject={OURS}{locality.person}"
    entry = {"request": {"method": "GET", "url": url}}
    answer = await trust.post("", {"resourceType": "Bundle", "type": "batch", "entry": [entry]})
    assert answer.json()["entry"][0]["resource"]["entry"][0]["resource"]["id"] == made["id"]


@pytest.mark.parametrize("reference", ["absolute", "relative"])
async def test_entries_of_a_transaction_refer_to_each_other_by_it(locality: Locality, reference: str) -> None:
    """A fullUrl under our base names the new record, whichever id it guesses."""
    trust = await locality.agency("trust")
    guess = f"Patient/{clock.new_id()}"
    note = observation(OURS + guess if reference == "absolute" else guess)
    entries = [
        {"fullUrl": OURS + guess, "resource": {"resourceType": "Patient"}, "request": {"method": "POST", "url": "Patient"}},
        {"resource": note, "request": {"method": "POST", "url": f"{OURS}Observation"}},
    ]
    answer = await trust.post("", {"resourceType": "Bundle", "type": "transaction", "entry": entries})
    assert answer.status_code == 200, answer.text
    places = [each["response"]["location"].removeprefix(OURS).partition("/_history")[0] for each in answer.json()["entry"]]
    assert (await trust.get(places[1])).json()["subject"] == {"reference": places[0]}


async def test_a_scope_and_a_token_are_read_by_it(locality: Locality) -> None:
    """A scope's filter, and the patient and the user of a token."""
    await stored(locality.built, "Organization/trust", note := observation(locality.person, id=clock.new_id()))
    narrow = await locality.agency("trust", f"system/Observation.rs?subject={OURS}{locality.person}")
    app = await locality.agency("trust", "patient/*.rs", user=OURS + locality.person, patient=OURS + locality.person)
    assert [(await each.get(f"Observation/{note['id']}")).status_code for each in (narrow, app)] == [200, 200]


@pytest.mark.parametrize("user", ["PractitionerRole/trust-lead", "person"])
async def test_a_launch_is_opened_on_it(locality: Locality, user: str) -> None:
    """Staff and a person name the patient by its URL."""
    who = locality.person if user == "person" else user
    opener = await locality.agency("trust", "user/*.rs", user=who)
    app, back = f"app-{clock.new_id()[:8]}", "https://app.test/back"
    registration = locality.built.registration
    await registration.add_client(app, "Organization/trust", "launch patient/*.rs", public=True, redirect_uris=[back])
    form = {"client_id": app, "patient": OURS + locality.person}
    answer = await locality.http.post("/auth/launch", data=form, headers={"Authorization": f"Bearer {opener.token}"})
    assert (answer.status_code, "launch" in answer.json()) == (200, True), answer.text
