"""Read, create, update and delete over HTTP (R4 section 3.1.0)."""

from __future__ import annotations

from email.utils import parsedate_to_datetime

import pytest

from tests.api.bundles import entry, sent
from tests.api.notes import kept, observation
from tests.locality import BASE, Locality


@pytest.mark.parametrize("path", ["Observation/{}", "Observation/{}/_history", "Observation/{}/_history/1"])
async def test_what_consent_hides_answers_as_what_is_absent(locality: Locality, path: str) -> None:
    """404, word for word the same."""
    trust, stranger = await locality.agency("trust"), await locality.agency("housing")
    made = await trust.created(observation(locality.person))
    hidden, absent = await stranger.get(path.format(made["id"])), await stranger.get(path.format("not-there"))
    assert hidden.status_code == absent.status_code == 404
    assert hidden.text.replace(made["id"], "not-there") == absent.text


async def test_a_created_record_is_read_as_it_was_sent(locality: Locality) -> None:
    """Only id and meta are added, right after resourceType; members keep their order."""
    trust = await locality.agency("trust")
    sent = observation(locality.person, note=[{"text": "é ü ☂"}])
    made = await trust.created(sent)
    read = (await trust.get(f"Observation/{made['id']}")).json()
    assert sorted(list(read)[1:3]) == ["id", "meta"]
    assert [name for name in read if name not in ("id", "meta")] == list(sent)
    assert {name: value for name, value in read.items() if name not in ("id", "meta")} == sent


async def test_a_message_is_kept_as_it_is(locality: Locality) -> None:
    """What its entries refer to is its own: no reference becomes another, not even one to a record of ours."""
    trust = await locality.agency("trust")
    source = {"resourceType": "MessageHeader", "eventUri": "https://example.org/e", "source": {"endpoint": "https://example.org"}}
    ours, asks = f"{BASE}/fhir/{locality.person}", "Organization?identifier=urn:ods|nowhere"
    focus = [{"reference": ours}, {"reference": asks}, {"reference": "Patient/of-the-sender"}]
    message = {
        "resourceType": "Bundle",
        "type": "message",
        "entry": [{"fullUrl": "urn:uuid:6f2d4a0e-58f1-4f5b-9a1c-0f3f6c2f7a12", "resource": {**source, "focus": focus}}],
    }
    made = await trust.created(message)
    assert made["entry"] == message["entry"]
    kept = await trust.post("", {"resourceType": "Bundle", "type": "transaction", "entry": [entry("POST", "Bundle", message)]})
    assert kept.json()["entry"][0]["resource"]["entry"] == message["entry"]


async def test_numbers_keep_their_text(locality: Locality) -> None:
    """1.00 is not 1.0 (fhir-api rules, section 3)."""
    trust = await locality.agency("trust")
    made = await trust.created(observation(locality.person))
    body = (await trust.get(f"Observation/{made['id']}")).content
    changed = body[:-1] + b',"valueQuantity":{"value":1.00,"unit":"mg"}}'
    place = f"/fhir/Observation/{made['id']}"
    headers = {"Authorization": f"Bearer {trust.token}", "Content-Type": "application/fhir+json"}
    assert (await locality.http.put(place, content=changed, headers=headers)).status_code == 200
    assert b'"value":1.00,' in (await trust.get(f"Observation/{made['id']}")).content


async def test_a_create_answers_where_and_which(locality: Locality) -> None:
    """201 with Location, ETag and Last-Modified of version 1."""
    trust = await locality.agency("trust")
    answer = await trust.post("Observation", observation(locality.person))
    identity = answer.json()["id"]
    assert answer.status_code == 201
    assert answer.headers["location"] == f"{BASE}/fhir/Observation/{identity}/_history/1"
    assert answer.headers["etag"] == 'W/"1"'
    assert parsedate_to_datetime(answer.headers["last-modified"])


async def test_the_server_chooses_the_id_of_a_create(locality: Locality) -> None:
    """R4 3.1.0.8: an id in the body is not kept."""
    trust = await locality.agency("trust")
    assert (await trust.created({**observation(locality.person), "id": "mine"}))["id"] != "mine"


async def test_an_update_makes_the_next_version(locality: Locality) -> None:
    """The new content stands, and ETag counts."""
    trust = await locality.agency("trust")
    made = await trust.created(observation(locality.person))
    answer = await trust.put({**made, "code": {"text": "Slept well"}})
    assert (answer.status_code, answer.headers["etag"]) == (200, 'W/"2"')
    assert (await trust.get(f"Observation/{made['id']}")).json()["code"] == {"text": "Slept well"}


async def test_a_body_with_another_id_is_refused(locality: Locality) -> None:
    """R4 3.1.0.4: the ids of URL and body agree."""
    trust = await locality.agency("trust")
    made = await trust.created(observation(locality.person))
    answer = await trust.send("PUT", f"Observation/{made['id']}", {**made, "id": "other"})
    assert (answer.status_code, answer.json()["issue"][0]["expression"]) == (400, ["Observation.id"])


async def test_a_body_of_another_type_is_refused(locality: Locality) -> None:
    """The URL's type is the body's type."""
    trust = await locality.agency("trust")
    assert (await trust.post("Condition", observation(locality.person))).status_code == 400


async def test_what_is_invalid_is_refused_with_every_issue_and_not_stored(locality: Locality) -> None:
    """422, each issue at its place."""
    trust = await locality.agency("trust")
    answer = await trust.post("Observation", {**observation(locality.person), "status": "done", "issued": "yesterday"})
    assert answer.status_code == 422
    assert {issue["expression"][0] for issue in answer.json()["issue"]} == {"Observation.status", "Observation.issued"}
    assert await kept(locality) == 0


async def test_a_deleted_record_is_gone(locality: Locality) -> None:
    """204, then 410 for those who could see it."""
    trust = await locality.agency("trust")
    made = await trust.created(observation(locality.person))
    answer = await trust.send("DELETE", f"Observation/{made['id']}")
    assert (answer.status_code, answer.content) == (204, b"")
    assert (await trust.get(f"Observation/{made['id']}")).status_code == 410


async def test_a_deleted_record_is_absent_to_a_stranger(locality: Locality) -> None:
    """404, not 410."""
    trust, stranger = await locality.agency("trust"), await locality.agency("housing")
    made = await trust.created(observation(locality.person))
    await trust.send("DELETE", f"Observation/{made['id']}")
    assert (await stranger.get(f"Observation/{made['id']}")).status_code == 404


async def test_a_second_delete_is_answered_as_done(locality: Locality) -> None:
    """R4 3.1.0.7."""
    trust = await locality.agency("trust")
    made = await trust.created(observation(locality.person))
    answers = [await trust.send("DELETE", f"Observation/{made['id']}") for _ in range(2)]
    assert [each.status_code for each in answers] == [204, 204]


async def test_a_deleted_record_comes_back_by_update(locality: Locality) -> None:
    """R4 3.1.0.7: its versions count on."""
    trust = await locality.agency("trust")
    made = await trust.created(observation(locality.person))
    await trust.send("DELETE", f"Observation/{made['id']}")
    answer = await trust.put(made, If_Match='W/"2"')
    assert answer.headers.get("etag") == 'W/"3"', answer.text


async def test_what_was_agreed_is_not_deleted(locality: Locality) -> None:
    """GOV-6: a plan in use is ended by its status."""
    trust = await locality.agency("trust")
    made = await trust.created(locality.plan())
    answer = await trust.send("DELETE", f"CarePlan/{made['id']}", If_Match='W/"1"')
    assert answer.status_code == 422
    assert (await trust.get(f"CarePlan/{made['id']}")).status_code == 200


async def test_head_answers_like_get_without_a_body(locality: Locality) -> None:
    """The same headers, no content."""
    trust = await locality.agency("trust")
    made = await trust.created(observation(locality.person))
    got, head = [await trust.send(method, f"Observation/{made['id']}") for method in ("GET", "HEAD")]
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-length"] == got.headers["content-length"]
    assert head.headers["etag"] == got.headers["etag"]


@pytest.mark.parametrize(
    ("prefer", "kind"), [("return=representation", "Observation"), ("return=OperationOutcome", "OperationOutcome")]
)
async def test_the_preferred_representation_is_returned(locality: Locality, prefer: str, kind: str) -> None:
    """Prefer: return=…"""
    trust = await locality.agency("trust")
    answer = await trust.post("Observation", observation(locality.person), Prefer=prefer)
    assert (answer.status_code, answer.json()["resourceType"]) == (201, kind)


async def test_a_minimal_answer_has_no_body(locality: Locality) -> None:
    """Prefer: return=minimal, with the headers of a create."""
    trust = await locality.agency("trust")
    answer = await trust.post("Observation", observation(locality.person), Prefer="return=minimal")
    assert (answer.status_code, answer.content) == (201, b"")
    assert answer.headers["etag"] == 'W/"1"'


async def test_a_read_takes_no_search_parameter(locality: Locality) -> None:
    """400 naming it: a parameter is never ignored."""
    trust = await locality.agency("trust")
    made = await trust.created(observation(locality.person))
    answer = await trust.get(f"Observation/{made['id']}?status=final")
    assert answer.status_code == 400
    assert "`status`" in answer.text


async def test_elements_of_a_read_are_marked_as_a_subset(locality: Locality) -> None:
    """_elements: the named and the mandatory, tagged SUBSETTED."""
    trust = await locality.agency("trust")
    made = await trust.created(observation(locality.person, note=[{"text": "x"}], effectiveDateTime="2026-11-01"))
    read = (await trust.get(f"Observation/{made['id']}?_elements=note")).json()
    assert set(read) == {"resourceType", "id", "meta", "status", "code", "note"}
    assert [tag["code"] for tag in read["meta"]["tag"]] == ["SUBSETTED"]


async def test_a_subset_is_not_written_back(locality: Locality) -> None:
    """Storing a part would lose the rest."""
    trust = await locality.agency("trust")
    made = await trust.created(observation(locality.person, note=[{"text": "x"}]))
    part = (await trust.get(f"Observation/{made['id']}?_elements=code")).json()
    assert (await trust.put(part)).status_code == 422
    assert (await trust.get(f"Observation/{made['id']}")).json()["note"] == [{"text": "x"}]


async def test_an_agency_chooses_ids_in_its_own_namespace(locality: Locality) -> None:
    """Update-as-create: 201 under `trust.`."""
    trust = await locality.agency("trust")
    identity = f"trust.{locality.person.partition('/')[2]}"
    answer = await trust.put({**observation(locality.person), "id": identity})
    assert (answer.status_code, answer.json()["id"]) == (201, identity)


async def test_an_agency_writes_only_its_own_directory(locality: Locality) -> None:
    """IDN-3: any agency reads a role; its own agency writes it."""
    crisis = await locality.agency("crisis")
    role = (await crisis.get("PractitionerRole/trust-lead")).json()
    assert (await crisis.put({**role, "active": False})).status_code == 403


async def test_a_repeated_request_gets_the_first_answer(locality: Locality) -> None:
    """HOV-9: the same X-Request-Id is carried out once."""
    trust = await locality.agency("trust")
    identity = locality.person.partition("/")[2]
    answers = [await trust.post("Observation", observation(locality.person), X_Request_Id=identity) for _ in range(2)]
    assert [each.status_code for each in answers] == [201, 201]
    assert answers[0].content == answers[1].content
    assert await kept(locality) == 1


async def test_one_request_id_is_not_for_two_requests(locality: Locality) -> None:
    """HOV-9: 409 duplicate."""
    trust = await locality.agency("trust")
    identity = locality.person.partition("/")[2]
    await trust.post("Observation", observation(locality.person), X_Request_Id=identity)
    answer = await trust.post("Observation", observation(locality.person, "Other"), X_Request_Id=identity)
    assert (answer.status_code, answer.json()["issue"][0]["code"]) == (409, "duplicate")


async def test_an_invalid_nhs_number_is_refused_with_the_reason(locality: Locality) -> None:
    """IDN-2: 422, never a 500."""
    trust = await locality.agency("trust")
    identifier = [{"system": "https://fhir.nhs.uk/Id/nhs-number", "value": "9434765918"}]
    answer = await trust.post("Patient", {"resourceType": "Patient", "identifier": identifier})
    assert answer.status_code == 422
    assert "9434765918" not in answer.text
    assert "Modulus 11" in answer.text


@pytest.mark.parametrize("member", ["status", "intent"])
async def test_a_status_that_is_only_an_extension_is_none(locality: Locality, member: str) -> None:
    """Of any type: the value set is required, and an extension is none of its codes."""
    trust = await locality.agency("trust")
    absent = {"extension": [{"url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason", "valueCode": "unknown"}]}
    request = {"resourceType": "ServiceRequest", "status": "draft", "intent": "order", "subject": {"display": "x"}}
    for resource in (locality.plan(status="draft"), {"resourceType": "Task", "status": "draft", "intent": "order"}, request):
        unsaid = {**{name: value for name, value in resource.items() if name != member}, f"_{member}": absent}
        answer = await trust.post(str(resource["resourceType"]), unsaid)
        assert (answer.status_code, answer.json()["issue"][0]["expression"]) == (422, [f"{resource['resourceType']}.{member}"])


@pytest.mark.parametrize(
    "reference",
    [
        "/{person}",
        "../{person}",
        "{person}#x",
        "{base}//{person}",
        "Patient?identifier=urn:x|1",
        "{base}/Patient?name=x",
        "patient",
    ],
)
async def test_a_reference_that_leads_nowhere_is_not_stored(locality: Locality, reference: str) -> None:
    """422 naming it, by itself and in a batch: nobody would find the record by the person whom it is about."""
    trust = await locality.agency("trust")
    said = reference.format(person=locality.person, base=f"{BASE}/fhir")
    body = observation(said)
    assert (await trust.post("Observation", body)).status_code == 422
    answer = (await sent(trust, "batch", entry("POST", "Observation", body))).json()
    assert answer["entry"][0]["response"]["status"] == "422"
    assert answer["entry"][0]["response"]["outcome"]["issue"][0]["expression"] == [
        "Observation.subject" if "?" in said else "Observation.subject.reference"
    ]
