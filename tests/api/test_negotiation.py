"""What a request asks of the representation, and what of its body can be read at all (R4 sections 3.1.0.1 and 2.6.2)."""

from __future__ import annotations

import gzip
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from tests.api.notes import observation
from tests.locality import Agency, Locality

SOUND = b'{"resourceType":"Basic","code":{"text":"x"}}'


async def sent(agency: Agency, content: Any, media: str = "application/fhir+json", coding: str = "") -> httpx.Response:
    """A create with this very body."""
    packed = {"Content-Encoding": coding} if coding else {}
    headers = {"Authorization": f"Bearer {agency.token}", "Content-Type": media, **packed}
    return await agency.http.post("/fhir/Basic", content=content, headers=headers)


async def stored(locality: Locality) -> int:
    """How many rows the store holds, of the type and of its history."""
    mongo = locality.built.services.mongo
    counts = [await mongo.collection(f"{place}.Basic").count_documents({}) for place in ("r", "h")]
    return sum(counts)


@pytest.mark.parametrize(
    "accept",
    [
        "application/fhir+json",
        "application/json",
        "*/*",
        "application/*",
        "text/html, */*;q=0.1",
        "application/fhir+json; fhirVersion=4.0",
    ],
)
async def test_json_is_written_for_whoever_takes_it(locality: Locality, accept: str) -> None:
    """application/fhir+json, whatever name of it was asked for."""
    answer = await (await locality.agency("trust")).get(locality.person, Accept=accept)
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("application/fhir+json")


@pytest.mark.parametrize("accept", ["application/fhir+xml", "text/turtle", "image/png"])
async def test_other_formats_are_not_written(locality: Locality, accept: str) -> None:
    """406 as an OperationOutcome."""
    answer = await (await locality.agency("trust")).get(locality.person, Accept=accept)
    assert (answer.status_code, answer.json()["resourceType"]) == (406, "OperationOutcome")


@pytest.mark.parametrize(
    ("form", "status"), [("json", 200), ("application/fhir%2Bjson", 200), ("application/fhir+json", 200), ("xml", 406)]
)
async def test_format_in_the_url_wins_over_accept(locality: Locality, form: str, status: int) -> None:
    """_format."""
    answer = await (await locality.agency("trust")).get(f"{locality.person}?_format={form}", Accept="application/fhir+xml")
    assert answer.status_code == status


async def test_pretty_changes_white_space_alone(locality: Locality) -> None:
    """_pretty=true."""
    trust = await locality.agency("trust")
    plain, pretty = await trust.get(locality.person), await trust.get(f"{locality.person}?_pretty=true")
    assert b"\n" in pretty.content
    assert pretty.json() == plain.json()


@pytest.mark.parametrize(
    "media", ["application/fhir+xml", "text/plain", "", "multipart/form-data", "application/x-www-form-urlencoded"]
)
async def test_a_body_of_another_type_is_not_read(locality: Locality, media: str) -> None:
    """415, nothing stored."""
    before = await stored(locality)
    answer = await sent(await locality.agency("trust"), SOUND, media)
    assert (answer.status_code, answer.json()["resourceType"], await stored(locality)) == (415, "OperationOutcome", before)


@pytest.mark.parametrize("media", ["application/fhir+json; charset=utf-8", "application/json", "APPLICATION/FHIR+JSON"])
async def test_json_is_read_under_its_names(locality: Locality, media: str) -> None:
    """201."""
    assert (await sent(await locality.agency("trust"), SOUND, media)).status_code == 201


BAD: dict[str, bytes] = {
    "nothing": b"",
    "cut off": SOUND[:-1],
    "text": b"hello",
    "a list": b"[]",
    "null": b"null",
    "a string": b'"Basic"',
    "a number": b"1",
    "two documents": SOUND + SOUND,
    "a key twice": b'{"resourceType":"Basic","code":{"text":"x"},"code":{"text":"y"}}',
    "a nested key twice": b'{"resourceType":"Basic","code":{"text":"x","text":"y"}}',
    "an escaped key twice": b'{"resourceType":"Basic","code":{"text":"x","\\u0074ext":"y"}}',
    "NaN": b'{"resourceType":"Basic","code":{"text":NaN}}',
    "Infinity": b'{"resourceType":"Basic","code":{"text":-Infinity}}',
    "single quotes": b"{'resourceType':'Basic'}",
    "a comment": b'{"resourceType":"Basic"/* */}',
    "a trailing comma": b'{"resourceType":"Basic",}',
    "Latin-1": '{"resourceType":"Basic","code":{"text":"é"}}'.encode("latin-1"),
    "UTF-16": SOUND.decode().encode("utf-16"),
    "a lone surrogate": b'{"resourceType":"Basic","code":{"text":"\\ud800"}}',
    "an overlong form": b'{"resourceType":"Basic","code":{"text":"\xc0\xaf"}}',
    "a control character": b'{"resourceType":"Basic","code":{"text":"\x01"}}',
    "10,000 objects deep": b'{"a":' * 10_000 + b"1" + b"}" * 10_000,
    "10,000 lists deep": b'{"a":' + b"[" * 10_000 + b"]" * 10_000 + b"}",
    "an unclosed depth": b"[" * 100_000,
    "no type": b"{}",
    "a type that is no text": b'{"resourceType":["Basic"]}',
    "another type": b'{"resourceType":"Patient"}',
}


@pytest.mark.parametrize("name", BAD)
async def test_a_body_that_cannot_be_read_is_malformed(locality: Locality, name: str) -> None:
    """400 as an OperationOutcome, nothing stored."""
    before = await stored(locality)
    answer = await sent(await locality.agency("trust"), BAD[name])
    assert (answer.status_code, answer.json()["resourceType"], await stored(locality)) == (400, "OperationOutcome", before)


WRONG: dict[str, bytes] = {
    "a code that is a number": b'{"resourceType":"Basic","code":1}',
    "a code that is a list": b'{"resourceType":"Basic","code":[{"text":"x"}]}',
    "an identifier that is no list": b'{"resourceType":"Basic","code":{"text":"x"},"identifier":{"value":"x"}}',
    "meta that is a number": b'{"resourceType":"Basic","code":{"text":"x"},"meta":1}',
    "a tag that is a number": b'{"resourceType":"Basic","code":{"text":"x"},"meta":{"tag":1}}',
    "a security label that is a number": b'{"resourceType":"Basic","code":{"text":"x"},"meta":{"security":[1]}}',
    "a profile that is an object": b'{"resourceType":"Basic","code":{"text":"x"},"meta":{"profile":[{}]}}',
    "a subject that is text": b'{"resourceType":"Basic","code":{"text":"x"},"subject":"Patient/x"}',
    "a reference that is a list": b'{"resourceType":"Basic","code":{"text":"x"},"subject":{"reference":["Patient/x"]}}',
    "an unknown member": b'{"resourceType":"Basic","code":{"text":"x"},"colour":"red"}',
    "an empty object": b'{"resourceType":"Basic","code":{}}',
    "an empty list": b'{"resourceType":"Basic","code":{"text":"x"},"identifier":[]}',
    "an empty text": b'{"resourceType":"Basic","code":{"text":""}}',
    "null": b'{"resourceType":"Basic","code":{"text":null}}',
    "a contained number": b'{"resourceType":"Basic","code":{"text":"x"},"contained":[1]}',
    "a contained unknown type": b'{"resourceType":"Basic","code":{"text":"x"},"contained":[{"resourceType":"Colour","id":"c"}]}',
    "an extension that is text": b'{"resourceType":"Basic","code":{"text":"x"},"extension":"x"}',
    "a narrative with a script": b'{"resourceType":"Basic","code":{"text":"x"},"text":{"status":"generated","div":"<div xmlns=\\"http://www.w3.org/1999/xhtml\\"><script>x()</script></div>"}}',
}


@pytest.mark.parametrize("name", WRONG)
async def test_a_body_of_the_wrong_shape_is_invalid(locality: Locality, name: str) -> None:
    """422 as an OperationOutcome, nothing stored."""
    before = await stored(locality)
    answer = await sent(await locality.agency("trust"), WRONG[name])
    assert (answer.status_code, await stored(locality)) == (422, before), answer.text


MEMBERS = ("identifier", "author", "participant", "code", "source", "category", "meta", "subject", "extension", "partOf")


@pytest.mark.parametrize(
    "kind", ["Patient", "CarePlan", "Task", "CareTeam", "EpisodeOfCare", "Consent", "Organization", "AuditEvent", "Communication"]
)
async def test_no_shape_of_a_governed_record_is_a_fault(locality: Locality, kind: str) -> None:
    """A refusal with a reason, never a 500: rules look only at what is valid."""
    trust = await locality.agency("trust")
    tried = [{"resourceType": kind, member: value} for member in MEMBERS for value in (1, "x", [1], [[]], {"a": 1}, {"tag": 1})]
    assert {(await trust.post(kind, each)).status_code for each in tried} == {422}


async def test_a_byte_order_mark_is_not_json(locality: Locality) -> None:
    """RFC 8259, section 8.1: refused, or read as if it were not there; never stored."""
    answer = await sent(await locality.agency("trust"), b"\xef\xbb\xbf" + SOUND)
    assert answer.status_code in (201, 400)
    assert b"\xef\xbb\xbf" not in answer.content


def large(locality: Locality) -> bytes:
    """A body one byte beyond what is taken."""
    room = locality.built.services.settings.max_body_bytes
    return SOUND[:-1] + b" " * (room - len(SOUND) + 1) + b"}"


async def test_a_body_that_is_too_large_is_refused(locality: Locality) -> None:
    """413 by its Content-Length."""
    before = await stored(locality)
    answer = await sent(await locality.agency("trust"), large(locality))
    assert (answer.status_code, answer.json()["resourceType"], await stored(locality)) == (413, "OperationOutcome", before)


@pytest.mark.parametrize("coding", ["gzip", "x-gzip", "GZIP", "identity"])
async def test_a_packed_body_is_unpacked(locality: Locality, coding: str) -> None:
    """RFC 9110, section 8.4; what HAPI's GZipContentInterceptor sends."""
    body = SOUND if coding == "identity" else gzip.compress(SOUND, mtime=0)
    assert (await sent(await locality.agency("trust"), body, coding=coding)).status_code == 201


@pytest.mark.parametrize(
    ("body", "coding", "status"),
    [
        (SOUND, "gzip", 400),
        (b"", "gzip", 400),
        (gzip.compress(SOUND, mtime=0)[:-4], "gzip", 400),
        (gzip.compress(SOUND, mtime=0) * 2, "gzip", 400),
        (gzip.compress(SOUND, mtime=0), "gzip, gzip", 415),
        (SOUND, "br", 415),
    ],
)
async def test_a_packed_body_that_cannot_be_unpacked_is_refused(
    locality: Locality, body: bytes, coding: str, status: int
) -> None:
    """Nothing stored."""
    before = await stored(locality)
    answer = await sent(await locality.agency("trust"), body, coding=coding)
    assert (answer.status_code, await stored(locality)) == (status, before)


async def test_a_packed_body_that_is_too_large_is_refused(locality: Locality) -> None:
    """413 for what is small only as long as it is packed."""
    assert (await sent(await locality.agency("trust"), gzip.compress(large(locality)), coding="gzip")).status_code == 413


async def test_a_body_that_does_not_say_how_large_it_is_is_measured(locality: Locality) -> None:
    """413 for chunks without Content-Length."""
    body = large(locality)

    async def chunks() -> AsyncIterator[bytes]:
        for start in range(0, len(body), 65_536):
            yield body[start : start + 65_536]

    before = await stored(locality)
    answer = await sent(await locality.agency("trust"), chunks())
    assert (answer.status_code, await stored(locality)) == (413, before)


async def test_an_anonymous_body_is_not_read(locality: Locality) -> None:
    """401 before anything is said of it."""
    answer = await locality.http.post("/fhir/Basic", content=b"{", headers={"Content-Type": "application/fhir+json"})
    assert answer.status_code == 401


async def test_a_refusal_carries_the_request_s_ids(locality: Locality) -> None:
    """X-Request-Id and X-Correlation-Id are echoed."""
    answer = await locality.anonymous().get("Basic/x", X_Request_Id="one", X_Correlation_Id="two")
    assert (answer.headers["x-request-id"], answer.headers["x-correlation-id"]) == ("one", "two")


@pytest.mark.parametrize("identity", ["<script>", "a b", "x" * 129, "é"])
async def test_an_id_that_cannot_be_echoed_is_replaced(locality: Locality, identity: str) -> None:
    """A header never carries what was made up to break it."""
    answer = await locality.http.get("/fhir/Basic/x", headers=[(b"X-Request-Id", identity.encode())])
    assert answer.headers["x-request-id"] != identity


async def test_what_is_about_a_person_is_not_kept_by_caches(locality: Locality) -> None:
    """Cache-Control: no-store, and headers that say what it is."""
    answer = await (await locality.agency("trust")).get(locality.person)
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    "path",
    [
        "Patient?foo=1",
        "Patient?_count=x",
        "Patient?_sort=bogus",
        "Patient?_cursor=x",
        "Patient/none",
        "Nope/1",
        "Patient?_summary=x",
        "%24",
    ],
)
async def test_every_refusal_cites_what_it_rests_on(locality: Locality, path: str) -> None:
    """A rule's id, or the section of a specification."""
    answer = await (await locality.agency("trust")).get(path)
    assert answer.status_code in (400, 404)
    assert all(issue["details"]["coding"][0]["code"] for issue in answer.json()["issue"])


UNKNOWN = {"meta": {"profile": ["https://elsewhere.example/fhir/StructureDefinition/none"]}}


async def test_an_unknown_profile_is_told_of_what_is_stored(locality: Locality) -> None:
    """As a warning where the client wants the outcome: it is stored unchecked, and not in silence."""
    trust = await locality.agency("trust")
    answer = await trust.post("Observation", observation(locality.person) | UNKNOWN, Prefer="return=OperationOutcome")
    assert answer.status_code == 201
    assert [(each["severity"], each.get("expression")) for each in answer.json()["issue"]] == [
        ("information", None),
        ("warning", ["Observation.meta.profile[0]"]),
    ]


async def test_a_repeat_is_told_the_same_of_it(locality: Locality) -> None:
    """HOV-9: the first answer again, its warnings too."""
    trust = await locality.agency("trust")
    sent = {"Prefer": "return=OperationOutcome", "X_Request_Id": "warned-once"}
    first, again = [await trust.post("Observation", observation(locality.person) | UNKNOWN, **sent) for _ in range(2)]
    assert first.headers["location"] == again.headers["location"]
    assert first.json() == again.json()


async def test_a_client_may_have_an_unknown_profile_refused(locality: Locality) -> None:
    """fhir-api 3: Prefer: handling=strict, on a create and an update."""
    trust = await locality.agency("trust")
    answer = await trust.post("Observation", observation(locality.person) | UNKNOWN, Prefer="handling=strict")
    assert (answer.status_code, answer.json()["issue"][0]["expression"]) == (422, ["Observation.meta.profile[0]"])
    made = await trust.created(observation(locality.person))
    answer = await trust.send("PUT", f"Observation/{made['id']}", made | UNKNOWN, Prefer="handling=strict")
    assert answer.status_code == 422


@pytest.mark.parametrize("kind", ["batch", "transaction"])
async def test_a_bundle_tells_of_each_entry(locality: Locality, kind: str) -> None:
    """In the entry's own outcome."""
    trust = await locality.agency("trust")
    entries = [
        {"resource": resource, "request": {"method": "POST", "url": "Observation"}}
        for resource in (observation(locality.person), observation(locality.person) | UNKNOWN)
    ]
    answer = await trust.post("", {"resourceType": "Bundle", "type": kind, "entry": entries})
    told = [entry["response"].get("outcome", {}).get("issue", []) for entry in answer.json()["entry"]]
    assert [[each["severity"] for each in issues] for issues in told] == [[], ["warning"]]


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
async def test_a_write_to_one_record_takes_no_parameter(locality: Locality, method: str) -> None:
    """400: a condition that is ignored would be taken for one that held."""
    trust = await locality.agency("trust")
    made = await trust.created(observation(locality.person))
    answer = await trust.send(method, f"Observation/{made['id']}?status=preliminary", made)
    assert answer.status_code == 400
    assert (await trust.get(f"Observation/{made['id']}")).json() == made


@pytest.mark.parametrize("version", ["3.0", "5.0", '"4.3"'])
async def test_another_version_of_fhir_is_not_spoken(locality: Locality, version: str) -> None:
    """406 for the answer and 415 for the body (R4 2.1.0.5)."""
    trust, media = await locality.agency("trust"), f"application/fhir+json; fhirVersion={version}"
    assert (await trust.get(locality.person, Accept=media)).status_code == 406
    assert (await sent(trust, SOUND, media)).status_code == 415


async def test_the_format_may_come_in_the_form(locality: Locality) -> None:
    """Of a POST search: 406 for XML, and what is no criterion is not in the self link."""
    trust = await locality.agency("trust")
    headers = {"Authorization": f"Bearer {trust.token}"}
    asked = {"_id": locality.person.partition("/")[2]}
    answer = await trust.http.post("/fhir/Patient/_search", data={**asked, "_format": "xml"}, headers=headers)
    assert answer.status_code == 406
    answer = await trust.http.post("/fhir/Patient/_search", data={**asked, "_format": "json", "_pretty": "true"}, headers=headers)
    assert "_format" not in answer.json()["link"][0]["url"]
    assert answer.text.startswith("{\n")
