"""What the entries of a batch or transaction may ask for besides a create: conditional writes, patches, reads and preconditions
(R4 sections 3.1.0.11 and 2.36.2)."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from service.fhir.patch import MEDIA_TYPE
from tests.api.bundles import NEW, entry, sent, statuses
from tests.api.notes import Stored, kept, observation
from tests.locality import Agency, Locality

BOTH = pytest.mark.parametrize("kind", ["batch", "transaction"])
SYSTEM = "https://trust.example/labs"


def known(locality: Locality, value: str, **more: Any) -> Stored:
    """An Observation with an identifier of its own."""
    system, _, own = which(locality, value).partition("|")
    return observation(locality.person, identifier=[{"system": system, "value": own}], **more)


def which(locality: Locality, value: str) -> str:
    """Its identifier, which no other test's has."""
    return f"{SYSTEM}|{locality.person[-12:]}-{value}"


def patch(*operations: Stored) -> Stored:
    """A JSON Patch as an entry carries it."""
    data = base64.b64encode(json.dumps(operations).encode()).decode()
    return {"resourceType": "Binary", "contentType": MEDIA_TYPE, "data": data}


def outcome(answer: Any) -> list[str]:
    """The status of each entry, or that of the Bundle."""
    return statuses(answer) if answer.status_code == 200 else [str(answer.status_code)]


async def stored(trust: Agency, made: Stored) -> Stored:
    """The record as it stands."""
    answer = await trust.get(f"{made['resourceType']}/{made['id']}")
    found: Stored = answer.json()
    return found


@BOTH
async def test_an_update_by_a_search_changes_what_it_finds(locality: Locality, kind: str) -> None:
    """Under the id that the record has."""
    trust = await locality.agency("trust")
    made = await trust.created(known(locality, "1"))
    changed = known(locality, "1", status="amended")
    answer = await sent(trust, kind, entry("PUT", f"Observation?identifier={which(locality, '1')}", changed))
    assert statuses(answer) == ["200"]
    assert (await stored(trust, made))["status"] == "amended"
    assert await kept(locality) == 1


@BOTH
async def test_an_update_by_a_search_that_finds_nothing_creates(locality: Locality, kind: str) -> None:
    """201, and a repeat finds it."""
    trust = await locality.agency("trust")
    one = entry("PUT", f"Observation?identifier={which(locality, '2')}", known(locality, "2"))
    assert [statuses(await sent(trust, kind, one)) for _ in range(2)] == [["201"], ["200"]]
    assert await kept(locality) == 1


@BOTH
@pytest.mark.parametrize("method", ["PUT", "DELETE"])
async def test_a_write_by_a_search_that_finds_several_writes_none(locality: Locality, kind: str, method: str) -> None:
    """412."""
    trust = await locality.agency("trust")
    both = [await trust.created(known(locality, "3")) for _ in range(2)]
    body = known(locality, "3", status="amended") if method == "PUT" else None
    assert outcome(await sent(trust, kind, entry(method, f"Observation?identifier={which(locality, '3')}", body))) == ["412"]
    assert [await stored(trust, each) for each in both] == both


async def test_others_of_a_transaction_refer_to_what_an_update_finds_or_creates(locality: Locality) -> None:
    """By its fullUrl, whether it was there or not."""
    trust = await locality.agency("trust")
    there = await trust.created(known(locality, "4"))
    for value in ("4", "5"):
        update = entry("PUT", f"Observation?identifier={which(locality, value)}", known(locality, value), NEW)
        other = entry("POST", "Observation", observation(locality.person, hasMember=[{"reference": NEW}]))
        answer = (await sent(trust, "transaction", update, other)).json()
        found, referring = (each["resource"] for each in answer["entry"])
        assert referring["hasMember"][0]["reference"] == f"Observation/{found['id']}"
        assert (found["id"] == there["id"]) == (value == "4")


async def test_two_updates_of_one_thing_in_a_transaction_are_refused(locality: Locality) -> None:
    """R4 3.1.0.11.2: no record is written twice, also where it is not there yet."""
    trust = await locality.agency("trust")
    one = entry("PUT", f"Observation?identifier={which(locality, '6')}", known(locality, "6"))
    assert outcome(await sent(trust, "transaction", one, one)) == ["400"]
    assert await kept(locality) == 0


@BOTH
async def test_a_delete_by_a_search_deletes_what_it_finds(locality: Locality, kind: str) -> None:
    """204, and 204 where there is nothing."""
    trust = await locality.agency("trust")
    made = await trust.created(known(locality, "7"))
    one = entry("DELETE", f"Observation?identifier={which(locality, '7')}")
    assert [statuses(await sent(trust, kind, one)) for _ in range(2)] == [["204"], ["204"]]
    assert (await trust.get(f"Observation/{made['id']}")).status_code == 410


@BOTH
async def test_a_patch_changes_the_record(locality: Locality, kind: str) -> None:
    """As a Binary with the JSON Patch."""
    trust = await locality.agency("trust")
    made = await trust.created(known(locality, "8"))
    one = entry("PATCH", f"Observation/{made['id']}", patch({"op": "replace", "path": "/status", "value": "amended"}))
    assert statuses(await sent(trust, kind, one)) == ["200"]
    assert (await stored(trust, made))["status"] == "amended"


@BOTH
@pytest.mark.parametrize(
    ("resource", "status"),
    [
        ({"resourceType": "Binary", "contentType": "application/fhir+json", "data": "e30="}, "415"),
        ({"resourceType": "Binary", "contentType": MEDIA_TYPE, "data": "no base64"}, "400"),
        ({"resourceType": "Binary", "contentType": MEDIA_TYPE, "data": "e30"}, "400"),
        ({"resourceType": "Binary", "contentType": MEDIA_TYPE}, "400"),
        (patch(), "400"),
        (patch({"op": "remove", "path": "/none"}), "422"),
    ],
)
async def test_a_patch_that_cannot_be_read_is_refused(locality: Locality, kind: str, resource: Stored, status: str) -> None:
    """And changes nothing."""
    trust = await locality.agency("trust")
    made = await trust.created(known(locality, "9"))
    assert outcome(await sent(trust, kind, entry("PATCH", f"Observation/{made['id']}", resource))) == [status]
    assert await stored(trust, made) == made


async def test_what_a_transaction_deletes_is_not_found_by_it(locality: Locality) -> None:
    """R4 3.1.0.11.2: deletes come first, so a conditional create makes a new record."""
    trust = await locality.agency("trust")
    made = await trust.created(known(locality, "10"))
    delete = entry("DELETE", f"Observation/{made['id']}")
    create = entry("POST", "Observation", known(locality, "10"), ifNoneExist=f"identifier={which(locality, '10')}")
    answer = await sent(trust, "transaction", create, delete)
    assert statuses(answer) == ["201", "204"]
    assert answer.json()["entry"][0]["resource"]["id"] != made["id"]


@pytest.mark.parametrize("reference", ["Observation/{id}", "Observation?identifier={which}"])
async def test_nothing_refers_to_what_its_transaction_deletes(locality: Locality, reference: str) -> None:
    """Refused, whole, by id and by search."""
    trust = await locality.agency("trust")
    made = await trust.created(known(locality, "11"))
    said = reference.replace("{id}", made["id"]).replace("{which}", which(locality, "11"))
    other = observation(locality.person, hasMember=[{"reference": said}])
    answer = await sent(trust, "transaction", entry("DELETE", f"Observation/{made['id']}"), entry("POST", "Observation", other))
    assert answer.status_code == 422
    assert await stored(trust, made) == made


@BOTH
async def test_an_update_that_may_only_create_changes_nothing(locality: Locality, kind: str) -> None:
    """ifNoneMatch: *, as If-None-Match."""
    trust = await locality.agency("trust")
    made = await trust.created(known(locality, "12"))
    one = entry("PUT", f"Observation/{made['id']}", {**made, "status": "amended"}, ifNoneMatch="*")
    assert outcome(await sent(trust, kind, one)) == ["412"]
    assert await stored(trust, made) == made


@BOTH
@pytest.mark.parametrize(
    ("condition", "status"),
    [
        ({"ifNoneMatch": 'W/"1"'}, "304"),
        ({"ifNoneMatch": 'W/"2"'}, "200"),
        ({"ifModifiedSince": "2999-01-01T00:00:00Z"}, "304"),
        ({"ifModifiedSince": "2001-01-01T00:00:00Z"}, "200"),
    ],
)
async def test_a_read_of_what_the_client_has_is_not_answered_again(
    locality: Locality, kind: str, condition: dict[str, str], status: str
) -> None:
    """304 without the record."""
    trust = await locality.agency("trust")
    made = await trust.created(known(locality, "13"))
    (answer,) = (await sent(trust, kind, entry("GET", f"Observation/{made['id']}", **condition))).json()["entry"]
    assert (answer["response"]["status"], "resource" in answer) == (status, status == "200")


@BOTH
async def test_a_head_has_no_record(locality: Locality, kind: str) -> None:
    """200 and its version."""
    trust = await locality.agency("trust")
    made = await trust.created(known(locality, "14"))
    (answer,) = (await sent(trust, kind, entry("HEAD", f"Observation/{made['id']}"))).json()["entry"]
    assert (answer["response"]["status"], answer["response"]["etag"], "resource" in answer) == ("200", 'W/"1"', False)


@pytest.mark.parametrize(
    ("url", "status"), [("Observation/nope", 404), ("Observation?colour=red", 400), ("Observation/{id}", 410), ("Nope/x", 404)]
)
async def test_a_transaction_with_a_read_that_fails_writes_nothing(locality: Locality, url: str, status: int) -> None:
    """R4 3.1.0.11.2: all or nothing; a record that the transaction deletes is gone by then."""
    trust = await locality.agency("trust")
    made = await trust.created(known(locality, "15"))
    read = entry("GET", url.replace("{id}", made["id"]))
    create, delete = entry("POST", "Observation", known(locality, "16")), entry("DELETE", f"Observation/{made['id']}")
    answer = await sent(trust, "transaction", create, delete, read)
    assert answer.status_code == status
    assert await kept(locality) == 1
    assert await stored(trust, made) == made


async def test_a_transaction_reads_what_it_writes(locality: Locality) -> None:
    """Reads come last."""
    trust = await locality.agency("trust")
    made = await trust.created(known(locality, "17"))
    update = entry("PUT", f"Observation/{made['id']}", {**made, "status": "amended"})
    answer = await sent(trust, "transaction", entry("GET", f"Observation/{made['id']}"), update)
    assert answer.json()["entry"][0]["resource"]["status"] == "amended"


async def test_a_repeat_answers_every_entry_in_its_place(locality: Locality) -> None:
    """HOV-9: what was found, read and deleted as well as what was stored."""
    trust = await locality.agency("trust")
    there = await trust.created(known(locality, "18"))
    entries = (
        entry("POST", "Observation", known(locality, "18"), ifNoneExist=f"identifier={which(locality, '18')}"),
        entry("GET", f"Observation/{there['id']}"),
        entry("DELETE", f"Observation?identifier={which(locality, 'none')}"),
        entry("POST", "Observation", known(locality, "19")),
    )
    first, again = [await sent(trust, "transaction", *entries, X_Request_Id="repeat-of-all") for _ in range(2)]
    assert statuses(first) == ["200", "200", "204", "201"]
    assert again.content == first.content


@BOTH
async def test_an_answer_without_the_right_to_read_has_no_record(locality: Locality, kind: str) -> None:
    """And is sound JSON: a token that creates and does not read."""
    trust = await locality.agency("trust", scope="system/Observation.c")
    value = "20"
    one = entry("POST", "Observation", known(locality, value), ifNoneExist=f"identifier={which(locality, value)}")
    first, again = [(await sent(trust, kind, one)).json()["entry"][0] for _ in range(2)]
    assert (first["response"]["status"], again["response"]["status"]) == ("201", "200")
    assert "resource" not in again


@BOTH
@pytest.mark.parametrize(("returning", "members"), [("minimal", set()), ("OperationOutcome", {"outcome"})])
async def test_a_bundle_is_answered_as_its_client_prefers(
    locality: Locality, kind: str, returning: str, members: set[str]
) -> None:
    """Prefer: return=…, for what it writes."""
    trust = await locality.agency("trust")
    one = entry("POST", "Observation", known(locality, "21"))
    (answer,) = (await sent(trust, kind, one, Prefer=f"return={returning}")).json()["entry"]
    assert "resource" not in answer
    assert set(answer["response"]) - {"status", "etag", "lastModified", "location"} == members


async def test_a_lenient_batch_searches_leniently(locality: Locality) -> None:
    """Prefer: handling=lenient."""
    trust = await locality.agency("trust")
    assert statuses(await sent(trust, "batch", entry("GET", "Observation?colour=red"), Prefer="handling=lenient")) == ["200"]


async def test_a_repeat_of_what_an_older_version_carried_out_is_refused(locality: Locality) -> None:
    """HOV-9: it kept no answer to each entry; the transaction is not carried out again."""
    trust, keys = await locality.agency("trust"), locality.built.services.mongo.collection("keys")
    one = entry("POST", "Observation", known(locality, "22"))
    assert statuses(await sent(trust, "transaction", one, X_Request_Id="before-the-upgrade")) == ["201"]
    kept_before = {"$rename": {"answer.answers": "answer.writes"}}
    await keys.update_one({"_id": {"$regex": ":before-the-upgrade$"}}, kept_before)
    answer = await sent(trust, "transaction", one, X_Request_Id="before-the-upgrade")
    assert (answer.status_code, answer.json()["issue"][0]["code"]) == (409, "duplicate")
    assert await kept(locality) == 1
