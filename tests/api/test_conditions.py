"""Conditional reads, writes and creates over HTTP (R4 section 3.1.0; RFC 9110 section 13)."""

from __future__ import annotations

import asyncio
from urllib.parse import quote

import pytest

from service import clock
from tests.api.notes import SAMPLE, identified, kept, observation
from tests.locality import BASE, Locality


async def test_a_stale_if_match_changes_nothing(locality: Locality) -> None:
    """412, and the other's version stands."""
    trust = await locality.agency("trust")
    made = await trust.created(observation(locality.person))
    await trust.put({**made, "code": {"text": "First"}})
    answer = await trust.put({**made, "code": {"text": "Second"}})
    assert answer.status_code == 412
    assert (await trust.get(f"Observation/{made['id']}")).json()["code"] == {"text": "First"}


@pytest.mark.parametrize("tag", ['W/"x"', "W/", '"1", "2"', '"-1"'])
async def test_an_if_match_that_names_no_version_is_malformed(locality: Locality, tag: str) -> None:
    """400: it is never ignored."""
    trust = await locality.agency("trust")
    made = await trust.created(observation(locality.person))
    assert (await trust.put(made, If_Match=tag)).status_code == 400


async def test_what_must_be_new_overwrites_nothing(locality: Locality) -> None:
    """RFC 9110 13.1.2: `If-None-Match: *` creates under an id of one's own, and is 412 once it is taken."""
    trust = await locality.agency("trust")
    resource = {**observation(locality.person), "id": f"trust.{locality.person.partition('/')[2]}"}
    assert (await trust.put(resource, If_None_Match="*")).status_code == 201
    assert (await trust.put({**resource, "code": {"text": "Other"}}, If_None_Match="*")).status_code == 412
    assert (await trust.get(f"Observation/{resource['id']}")).json()["code"] == resource["code"]


async def test_a_version_of_nothing_creates_nothing(locality: Locality) -> None:
    """RFC 9110 13.1.1: If-Match of a record that is not here is 412, under an id of one's own, too."""
    trust = await locality.agency("trust")
    resource = {**observation(locality.person), "id": f"trust.{locality.person.partition('/')[2]}"}
    assert (await trust.put(resource, If_Match='W/"3"')).status_code == 412
    assert (await trust.get(f"Observation/{resource['id']}")).status_code == 404


@pytest.mark.parametrize("method", ["PUT", "DELETE"])
async def test_responsibility_is_not_written_blindly(locality: Locality, method: str) -> None:
    """428 without If-Match on a CarePlan (security rules, section 2)."""
    trust = await locality.agency("trust")
    made = await trust.created(locality.plan())
    answer = await trust.send(method, f"CarePlan/{made['id']}", made if method == "PUT" else None)
    assert answer.status_code == 428


@pytest.mark.parametrize("tag", ['W/"1"', '"1"', "1", 'W/"7", W/"1"', "*"])
async def test_an_unchanged_record_is_not_sent_again(locality: Locality, tag: str) -> None:
    """304 for If-None-Match of the current version, weak or not, with its ETag and no body."""
    trust = await locality.agency("trust")
    made = await trust.created(observation(locality.person))
    answer = await trust.get(f"Observation/{made['id']}", If_None_Match=tag)
    assert (answer.status_code, answer.content, answer.headers["etag"]) == (304, b"", 'W/"1"')


async def test_a_changed_record_is_sent_again(locality: Locality) -> None:
    """200 for If-None-Match of an older version."""
    trust = await locality.agency("trust")
    made = await trust.created(observation(locality.person))
    await trust.put({**made, "code": {"text": "Changed"}})
    assert (await trust.get(f"Observation/{made['id']}", If_None_Match='W/"1"')).status_code == 200


async def test_if_modified_since_counts_whole_seconds(locality: Locality) -> None:
    """A record's own Last-Modified finds it unmodified."""
    trust = await locality.agency("trust")
    made = await trust.created(observation(locality.person))
    since = (await trust.get(f"Observation/{made['id']}")).headers["last-modified"]
    assert (await trust.get(f"Observation/{made['id']}", If_Modified_Since=since)).status_code == 304


async def test_a_conditional_create_finds_what_is_there(locality: Locality) -> None:
    """If-None-Exist: 200 with the record that matched; nothing is stored."""
    trust = await locality.agency("trust")
    made, search = await identified(locality, trust)
    answer = await trust.post("Observation", observation(locality.person), If_None_Exist=search)
    assert (answer.status_code, answer.json()["id"]) == (200, made["id"])
    assert await kept(locality) == 1


async def test_a_conditional_create_may_search_in_its_url(locality: Locality) -> None:
    """As fhirpy sends it: ignored, it would store a second record of one thing."""
    trust = await locality.agency("trust")
    made, search = await identified(locality, trust)
    answer = await trust.post(f"Observation?{search}&_format=json", observation(locality.person))
    assert (answer.status_code, answer.json()["id"]) == (200, made["id"])
    assert await kept(locality) == 1


@pytest.mark.parametrize(("params", "header"), [("status=final", "status=final"), ("nonsense=x", "")])
async def test_a_create_ignores_no_parameter(locality: Locality, params: str, header: str) -> None:
    """400, nothing stored."""
    trust = await locality.agency("trust")
    more = {"If_None_Exist": header} if header else {}
    answer = await trust.post(f"Observation?{params}", observation(locality.person), **more)
    assert (answer.status_code, await kept(locality)) == (400, 0)


async def test_a_conditional_create_that_finds_several_is_refused(locality: Locality) -> None:
    """412."""
    trust = await locality.agency("trust")
    _, search = await identified(locality, trust)
    await identified(locality, trust)
    assert (await trust.post("Observation", observation(locality.person), If_None_Exist=search)).status_code == 412


async def test_conditional_creates_at_once_store_one(locality: Locality) -> None:
    """fhir-api rules, section 4: the database holds the line."""
    trust = await locality.agency("trust")
    value = locality.person.partition("/")[2]
    resource = observation(locality.person, identifier=[{"system": SAMPLE, "value": value}])
    search = f"identifier={SAMPLE}|{value}"
    answers = await asyncio.gather(*(trust.post("Observation", resource, If_None_Exist=search) for _ in range(6)))
    assert {each.status_code for each in answers} <= {200, 201, 409}
    assert await kept(locality) == 1


async def test_an_unknown_parameter_in_if_none_exist_is_refused(locality: Locality) -> None:
    """400, never a create that was not meant."""
    trust = await locality.agency("trust")
    answer = await trust.post("Observation", observation(locality.person), If_None_Exist="colour=red")
    assert (answer.status_code, await kept(locality)) == (400, 0)


@pytest.mark.parametrize("search", ["", "_count=1", "_sort=date"])
async def test_if_none_exist_must_look_for_something(locality: Locality, search: str) -> None:
    """A condition that every record meets is none."""
    trust = await locality.agency("trust")
    await trust.created(observation(locality.person))
    answer = await trust.post("Observation", observation(locality.person), If_None_Exist=f"?{search}")
    assert (answer.status_code, await kept(locality)) == (400, 1)


@pytest.mark.parametrize("form", ["{search}", "?{search}", "Observation?{search}", f"{BASE}/fhir/Observation?{{search}}"])
async def test_if_none_exist_is_read_in_each_form_that_clients_send(locality: Locality, form: str) -> None:
    """The parameters, with a `?`, with the type, with the URL of the type."""
    trust = await locality.agency("trust")
    identifier = {"system": "urn:lab", "value": clock.new_id()}
    first = await trust.created(observation(locality.person, identifier=[identifier]))
    search = form.format(search=f"identifier=urn:lab|{identifier['value']}")
    answer = await trust.post("Observation", observation(locality.person), If_None_Exist=search)
    assert (answer.status_code, answer.json()["id"]) == (200, first["id"])


@pytest.mark.parametrize("head", ["Patient", "https://elsewhere.test/fhir/Observation", f"{BASE}/fhir/Patient", "observation"])
async def test_if_none_exist_of_another_type_or_server_is_refused(locality: Locality, head: str) -> None:
    trust = await locality.agency("trust")
    answer = await trust.post("Observation", observation(locality.person), If_None_Exist=f"{head}?identifier=urn:lab|1")
    assert answer.status_code == 400


async def test_a_mark_of_interrogation_in_a_value_is_a_value(locality: Locality) -> None:
    trust = await locality.agency("trust")
    identifier = {"system": "http://lab.test/?a", "value": clock.new_id()}
    first = await trust.created(observation(locality.person, identifier=[identifier]))
    search = f"identifier=http://lab.test/?a|{identifier['value']}"
    answer = await trust.post("Observation", observation(locality.person), If_None_Exist=search)
    assert answer.json()["id"] == first["id"]


@pytest.mark.parametrize("kind", ["Observation", "CarePlan"])
async def test_if_match_of_a_star_is_met_by_whatever_is_there(locality: Locality, kind: str) -> None:
    """RFC 9110 section 13.1.1: also where an update must say what it replaces, for it says that it replaces anything."""
    trust = await locality.agency("trust")
    stored = await trust.created(observation(locality.person) if kind == "Observation" else locality.plan(status="draft"))
    answer = await trust.send("PUT", f"{kind}/{stored['id']}", {**stored, "language": "en"}, If_Match="*")
    assert answer.status_code == 200


async def test_if_match_of_a_star_is_not_met_where_nothing_is(locality: Locality) -> None:
    """Absent, or deleted."""
    trust = await locality.agency("trust")
    absent = {**observation(locality.person), "id": f"trust.{clock.new_id()}"}
    stored = await trust.created(observation(locality.person))
    assert (await trust.send("DELETE", f"Observation/{stored['id']}", If_Match="*")).status_code == 204
    for each in (absent, stored):
        answer = await trust.send("PUT", f"Observation/{each['id']}", each, If_Match="*")
        assert answer.status_code == 412


@pytest.mark.parametrize("kind", ["Patient", "Organization"])
async def test_creates_that_look_for_one_thing_in_many_ways_make_one_record(locality: Locality, kind: str) -> None:
    """With or without the system, encoded or not, in any order: one 201, and the others find it."""
    trust, number = await locality.agency("trust"), clock.new_id()
    body = {"resourceType": kind, "identifier": [{"system": "urn:x", "value": number}], "active": True}
    ways = [
        f"identifier=urn:x|{number}",
        f"identifier={number}",
        f"identifier=urn%3Ax%7C{number}",
        f"active=true&identifier={number}",
        f"identifier={number}&active=true",
        f"?identifier={number}",
    ]
    answers = await asyncio.gather(*(trust.post(kind, body, If_None_Exist=way) for way in ways))
    assert sorted(each.status_code for each in answers) == [200, 200, 200, 200, 200, 201]
    assert len({each.json()["id"] for each in answers}) == 1


async def test_a_directory_entry_of_another_agency_is_found(locality: Locality) -> None:
    """Everybody may read it; a person's record of another agency is not found."""
    trust, crisis = await locality.agency("trust"), await locality.agency("crisis")
    number = clock.new_id()
    for kind, status in (("Organization", 200), ("Patient", 201)):
        body = {"resourceType": kind, "identifier": [{"system": "urn:x", "value": number}]}
        made = await trust.created(body)
        answer = await crisis.post(kind, body, If_None_Exist=f"identifier=urn:x|{number}")
        assert answer.status_code == status
        assert (answer.json()["id"] == made["id"]) is (status == 200)


async def test_an_update_says_its_id(locality: Locality) -> None:
    """R4 3.1.0.4."""
    trust = await locality.agency("trust")
    made = await trust.created(observation(locality.person))
    body = {name: value for name, value in made.items() if name != "id"}
    answer = await trust.send("PUT", f"Observation/{made['id']}", body)
    assert (answer.status_code, answer.json()["issue"][0]["expression"]) == (400, ["Observation.id"])


async def test_an_update_that_brings_a_record_back_creates_it(locality: Locality) -> None:
    """R4 3.1.0.7; also when the request is repeated."""
    trust, request = await locality.agency("trust"), clock.new_id()
    made = await trust.created(observation(locality.person))
    assert (await trust.send("DELETE", f"Observation/{made['id']}")).status_code == 204
    for _ in range(2):
        answer = await trust.put(made, If_Match='W/"2"', X_Request_Id=request)
        assert (answer.status_code, answer.headers["etag"]) == (201, 'W/"3"')


@pytest.mark.parametrize(
    "conditions",
    [
        {"If_Match": "*", "If_None_Match": "*"},
        {"If_None_Match": 'W/"1"'},
        {"If_Unmodified_Since": "Sat, 01 Jan 2000 00:00:00 GMT"},
    ],
)
@pytest.mark.parametrize("method", ["PUT", "DELETE"])
async def test_a_condition_that_would_not_be_looked_at_is_refused(
    locality: Locality, method: str, conditions: dict[str, str]
) -> None:
    """400, and nothing is changed: it would be taken for one that held."""
    trust = await locality.agency("trust")
    made = await trust.created(observation(locality.person))
    body = {**made, "status": "amended"} if method == "PUT" else None
    assert (await trust.send(method, f"Observation/{made['id']}", body, **conditions)).status_code == 400
    assert (await trust.get(f"Observation/{made['id']}")).json() == made


async def test_a_condition_in_utf_8_is_read_as_it_is_meant(locality: Locality) -> None:
    """As curl sends it: one record, whether it is percent-encoded or not."""
    trust = await locality.agency("trust")
    family = f"Zoë{locality.person.partition('/')[2][:8]}"
    body = {"resourceType": "Patient", "name": [{"family": family}]}
    headers = {"Authorization": f"Bearer {trust.token}", "Content-Type": "application/fhir+json"}
    answers = [
        await trust.http.post("/fhir/Patient", json=body, headers={**headers, "If-None-Exist": condition})
        for condition in (f"family={family}".encode(), f"family={quote(family)}".encode())
    ]
    assert [each.status_code for each in answers] == [201, 200]


async def test_an_empty_condition_creates_nothing(locality: Locality) -> None:
    """400: it was meant to say something."""
    trust = await locality.agency("trust")
    assert (await trust.post("Observation", observation(locality.person), If_None_Exist=" ")).status_code == 400
    assert await kept(locality) == 0
