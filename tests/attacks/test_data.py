"""Attack list, data (security rules, section 3): what a caller may not see leaves no trace in any answer, on any way in."""

from __future__ import annotations

import re
from base64 import urlsafe_b64decode
from typing import Any

import httpx
import pytest

from service import clock
from tests.locality import BASE, SYSTEM, Agency, Locality, code, handover, nhs_number, patient, person, plan, stored

Stored = dict[str, Any]
SAMPLE = "https://example.org/sample"
CONFIDENTIALITY = "http://terminology.hl7.org/CodeSystem/v3-Confidentiality"
ACT = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
PARTICIPATION = "http://terminology.hl7.org/CodeSystem/v3-ParticipationType"


def observation(person: str, **more: Any) -> Stored:
    """A note about a person, with an identifier to be found by."""
    return {
        "resourceType": "Observation",
        "status": "final",
        "identifier": [{"system": SAMPLE, "value": person.partition("/")[2]}],
        "code": {"coding": [{"system": SAMPLE, "code": "sleep"}]},
        "subject": {"reference": person},
        "effectiveDateTime": "2026-11-01",
        **more,
    }


def denial(person: str) -> Stored:
    """The person's consent denies the crisis team everything."""
    return {
        "resourceType": "Consent",
        "status": "active",
        "scope": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/consentscope", "code": "patient-privacy"}]},
        "category": [{"coding": [{"system": "http://loinc.org", "code": "59284-0"}]}],
        "patient": {"reference": person},
        "dateTime": "2026-01-01",
        "performer": [{"reference": person}],
        "organization": [{"reference": "Organization/trust"}],
        "policyRule": {"coding": [{"system": ACT, "code": "OPTIN"}]},
        "provision": {
            "type": "deny",
            "actor": [
                {
                    "role": {"coding": [{"system": PARTICIPATION, "code": "IRCP"}]},
                    "reference": {"reference": "Organization/crisis"},
                }
            ],
        },
    }


async def tied(locality: Locality, *agencies: str) -> None:
    """A care team of the trust with these agencies."""
    team = {
        "resourceType": "CareTeam",
        "status": "active",
        "subject": {"reference": locality.person},
        "participant": [{"member": {"reference": f"Organization/{agency}"}} for agency in agencies],
    }
    await stored(locality.built, "Organization/trust", team)


async def stranger(locality: Locality) -> Agency:
    """Another agency's system: no tie to the person."""
    return await locality.agency("housing")


async def denied(locality: Locality) -> Agency:
    """An agency of the person's care team, whom the person's consent denies."""
    await tied(locality, "crisis")
    await (await locality.agency("trust")).created(denial(locality.person))
    return await locality.agency("crisis")


async def employee(locality: Locality) -> Agency:
    """A person's client at the stranger agency."""
    return await locality.agency("housing", "user/*.cruds", user="PractitionerRole/housing-lead")


async def someone_else(locality: Locality) -> Agency:
    """Another person's app of the very agency that keeps the record."""
    other = clock.new_id()
    await stored(locality.built, "Organization/trust", patient(id=other))
    return await locality.agency("trust", "patient/*.cruds", user=f"Patient/{other}", patient=f"Patient/{other}")


async def other_context(locality: Locality) -> Agency:
    """Staff of the very agency that keeps the record, in an app that was opened on another person."""
    other = clock.new_id()
    await stored(locality.built, "Organization/trust", patient(id=other))
    return await locality.agency("trust", "patient/*.cruds", user="PractitionerRole/trust-lead", patient=f"Patient/{other}")


async def other_person(locality: Locality) -> Agency:
    """Another person's app of the very agency that keeps the record, with `user/` scopes."""
    return await locality.agency("trust", "user/*.cruds", user=await person(locality.built))


async def narrow(locality: Locality) -> Agency:
    """The agency's own system, whose scopes do not reach this content."""
    return await locality.agency("trust", "system/Observation.cruds?status=preliminary system/Patient.rs?_id=nobody")


CALLERS = [stranger, denied, employee, someone_else, other_context, narrow]
HEADERS = ("etag", "last-modified", "content-type", "cache-control", "www-authenticate", "location")


def alike(one: httpx.Response, other: httpx.Response, *names: str) -> bool:
    """Whether two answers are the same but for the ids asked for."""

    def plain(answer: httpx.Response) -> tuple[int, str, list[str]]:
        text = answer.text
        for name in names:
            text = text.replace(name, "X")
        text = re.sub(r"_cursor=[^\"&]+", "_cursor", text)
        return answer.status_code, text, [answer.headers.get(name, "") for name in HEADERS]

    return plain(one) == plain(other)


READS = [
    ("GET", "Observation/{}"),
    ("HEAD", "Observation/{}"),
    ("GET", "Observation/{}/_history/1"),
    ("GET", "Observation/{}/_history/2"),
    ("GET", "Observation/{}/_history"),
    ("GET", "Observation/{}/_history?_count=1"),
    ("GET", "Observation/{}/_history?_cursor=2"),
    ("GET", "Observation/{}?_elements=code"),
    ("GET", "Observation?_id={}"),
    ("GET", "Observation?_id={}&_total=accurate"),
    ("GET", "Observation?_id={}&_summary=count"),
    ("GET", "Observation?_id={}&_sort=-date&_count=1"),
    ("GET", "Observation?_id={}&_include=Observation:subject"),
    ("GET", "Observation?_id={}&_include=*"),
]


@pytest.mark.parametrize("caller", CALLERS)
async def test_reads_of_the_hidden_are_reads_of_the_absent(locality: Locality, caller: Any) -> None:
    """Status, headers and body are the same but for the id."""
    trust, agency = await locality.agency("trust"), await caller(locality)
    made = await trust.created(observation(locality.person))
    await trust.put(made)
    for method, path in READS:
        hidden = await agency.send(method, path.format(made["id"]))
        absent = await agency.send(method, path.format("not-there"))
        assert alike(hidden, absent, made["id"], "not-there"), (method, path, hidden.text)


@pytest.mark.parametrize("caller", CALLERS)
@pytest.mark.parametrize(
    "headers", [{"If_None_Match": 'W/"1"'}, {"If_None_Match": "*"}, {"If_Modified_Since": "Sat, 01 Jan 2050 00:00:00 GMT"}]
)
async def test_a_conditional_read_of_the_hidden_tells_nothing(locality: Locality, caller: Any, headers: dict[str, str]) -> None:
    """404, not 304."""
    trust, agency = await locality.agency("trust"), await caller(locality)
    made = await trust.created(observation(locality.person))
    hidden = await agency.get(f"Observation/{made['id']}", **headers)
    assert hidden.status_code == 404
    assert alike(hidden, await agency.get("Observation/not-there", **headers), made["id"], "not-there")


SEARCHES = [
    "Observation?identifier={system}|{id}",
    "Observation?patient={id}",
    "Observation?subject=Patient/{id}",
    "Observation?patient={id}&_total=accurate",
    "Observation?patient={id}&_summary=count",
    "Observation?patient={id}&code=sleep",
    "Observation?patient={id}&_sort=date&_count=1",
    "Observation?patient={id}&_elements=code",
    "Patient?_id={id}",
    "Patient?_id={id}&_revinclude=Observation:subject",
    "Patient?_id={id}&_summary=count",
]


@pytest.mark.parametrize("caller", CALLERS)
async def test_no_search_finds_the_hidden(locality: Locality, caller: Any) -> None:
    """Every search answers as about a person who does not exist."""
    trust, agency = await locality.agency("trust"), await caller(locality)
    await trust.created(observation(locality.person))
    identity, nobody = locality.person.partition("/")[2], clock.new_id()
    for search in SEARCHES:
        found = await agency.get(search.format(system=SAMPLE, id=identity))
        nothing = await agency.get(search.format(system=SAMPLE, id=nobody))
        assert alike(found, nothing, identity, nobody), (search, found.text)


@pytest.mark.parametrize("caller", CALLERS)
async def test_a_post_search_finds_the_hidden_from_neither_place(locality: Locality, caller: Any) -> None:
    """Parameters of the URL and of the body are both decided on."""
    trust, agency = await locality.agency("trust"), await caller(locality)
    await trust.created(observation(locality.person))
    headers = {"Authorization": f"Bearer {agency.token}", "Content-Type": "application/x-www-form-urlencoded"}
    url = f"/fhir/Observation/_search?patient={locality.person}&_total=accurate"
    answer = await agency.http.post(url, content="code=sleep", headers=headers)
    assert (answer.json()["total"], "entry" in answer.json()) == (0, False)


@pytest.mark.parametrize("caller", CALLERS)
@pytest.mark.parametrize("method", ["PUT", "DELETE"])
@pytest.mark.parametrize("tag", ["", 'W/"1"', 'W/"9"'])
async def test_writes_to_the_hidden_are_writes_to_the_absent(locality: Locality, caller: Any, method: str, tag: str) -> None:
    """Neither 412, 409 nor 403 tells that there is one, and nothing changes."""
    trust, agency = await locality.agency("trust"), await caller(locality)
    made = await trust.created(observation(locality.person))
    headers = {"If_Match": tag} if tag else {}
    answers = []
    for identity in (made["id"], "not-there"):
        body = {**observation(locality.person), "id": identity} if method == "PUT" else None
        answers.append(await agency.send(method, f"Observation/{identity}", body, **headers))
    assert answers[0].status_code == 404
    assert alike(*answers, made["id"], "not-there")
    assert (await trust.get(f"Observation/{made['id']}")).json() == made


@pytest.mark.parametrize("caller", [stranger, denied, employee, someone_else, other_context])
async def test_a_conditional_create_is_no_oracle(locality: Locality, caller: Any) -> None:
    """If-None-Exist never answers with another's record."""
    trust, agency = await locality.agency("trust"), await caller(locality)
    made = await trust.created(observation(locality.person))
    resource = {key: value for key, value in observation(locality.person).items() if key != "subject"}
    answer = await agency.post("Observation", resource, If_None_Exist=f"identifier={made['identifier'][0]['value']}")
    assert made["id"] not in answer.text
    assert answer.status_code != 200


async def test_a_create_scope_does_not_read_by_a_conditional_create(locality: Locality) -> None:
    """The match is named, its content is not shown."""
    trust, sender = await locality.agency("trust"), await locality.agency("trust", "system/Observation.c")
    await trust.created(observation(locality.person, note=[{"text": "private words"}]))
    answer = await sender.post(
        "Observation", observation(locality.person), If_None_Exist=f"identifier={locality.person.partition('/')[2]}"
    )
    assert (answer.status_code, answer.content) == (200, b"")


@pytest.mark.parametrize("user", ["", "PractitionerRole/trust-lead"])
async def test_a_conditional_create_is_not_in_another_person_s_way(locality: Locality, user: str) -> None:
    """Two apps of one agency, on two persons, look for the same: neither learns that the other has found or made it."""
    other, word = await person(locality.built), clock.new_id()
    answers = []
    for who in (locality.person, other):
        app = await locality.agency("trust", "patient/Observation.crus", user=user or who, patient=who)
        note = observation(who, code={"coding": [{"system": SAMPLE, "code": word}]}, performer=[{"reference": who}])
        answers.append(await app.post("Observation", note, If_None_Exist=f"code={SAMPLE}|{word}"))
    assert [each.status_code for each in answers] == [201, 201]


async def pages(locality: Locality, agency: Agency) -> str:
    """The next link of a search with two matches."""
    trust = await locality.agency("trust")
    for _ in range(2):
        await trust.created(observation(locality.person))
    page = (await agency.get(f"Observation?patient={locality.person}&_count=1")).json()
    return next(link["url"] for link in page["link"] if link["relation"] == "next")


async def test_a_stolen_cursor_is_worth_nothing(locality: Locality) -> None:
    """It is bound to the client it was given to."""
    url = await pages(locality, await locality.agency("trust"))
    assert (await (await stranger(locality)).get(url)).status_code == 400


async def test_a_cursor_is_of_its_query(locality: Locality) -> None:
    """Another query under it is refused."""
    trust = await locality.agency("trust")
    url = await pages(locality, trust)
    assert (await trust.get(url.replace("_count=1", "_count=2"))).status_code == 400


async def test_an_edited_cursor_is_refused(locality: Locality) -> None:
    """Any changed character breaks the seal."""
    trust = await locality.agency("trust")
    url = await pages(locality, trust)
    start = url.index("_cursor=") + 8
    for place in (start, start + 10, len(url) - 1):
        swapped = "A" if url[place] != "A" else "B"
        assert (await trust.get(url[:place] + swapped + url[place + 1 :])).status_code == 400


async def test_a_cursor_opens_nothing_after_a_withdrawal(locality: Locality) -> None:
    """The next page is decided when it is asked for."""
    await tied(locality, "crisis")
    crisis, trust = await locality.agency("crisis"), await locality.agency("trust")
    normal = {"meta": {"security": [{"system": CONFIDENTIALITY, "code": "N"}]}}
    for _ in range(2):
        await trust.created(observation(locality.person, **normal))
    page = (await crisis.get(f"Observation?patient={locality.person}&_count=1")).json()
    url = next(link["url"] for link in page["link"] if link["relation"] == "next")
    await trust.created(denial(locality.person))
    assert (await crisis.get(url)).json().get("entry", []) == []


async def test_consent_is_heard_at_once(locality: Locality) -> None:
    """What was readable is absent after the person's denial."""
    await tied(locality, "crisis")
    crisis, trust = await locality.agency("crisis"), await locality.agency("trust")
    normal = {"meta": {"security": [{"system": CONFIDENTIALITY, "code": "N"}]}}
    made = await trust.created(observation(locality.person, **normal))
    before = await crisis.get(f"Observation/{made['id']}")
    await trust.created(denial(locality.person))
    after = await crisis.get(f"Observation/{made['id']}")
    assert (before.status_code, after.status_code) == (200, 404)


async def test_a_contained_resource_is_no_record(locality: Locality) -> None:
    """It is found and read inside its parent alone."""
    trust = await locality.agency("trust")
    inner = {"resourceType": "Observation", "id": "inner", "status": "final", "code": {"text": "x"}}
    made = await trust.created(observation(locality.person, contained=[inner], hasMember=[{"reference": "#inner"}]))
    assert (await trust.get("Observation/inner")).status_code == 404
    assert (await trust.get(f"Observation/{made['id']}/contained")).status_code == 404


async def test_a_versioned_reference_includes_only_what_may_be_seen(locality: Locality) -> None:
    """_include of a version of a hidden record brings nothing."""
    trust, housing = await locality.agency("trust"), await stranger(locality)
    secret = await trust.created(observation(locality.person))
    own = clock.new_id()
    await stored(locality.built, "Organization/housing", patient(id=own))
    for reference in (f"Observation/{secret['id']}/_history/1", f"{BASE}/fhir/Observation/{secret['id']}"):
        made = await housing.created(observation(f"Patient/{own}", derivedFrom=[{"reference": reference}]))
        answer = await housing.get(f"Observation?_id={made['id']}&_include=Observation:derived-from")
        assert [each["search"]["mode"] for each in answer.json()["entry"]] == ["match"]


@pytest.mark.parametrize("number", ["9434765919", "4010232137"])
async def test_one_person_s_two_records_are_decided_together(locality: Locality, number: str) -> None:
    """IDN-1: the person's consent at one agency holds for their record at the other."""
    trust, crisis = await locality.agency("trust"), await locality.agency("crisis")
    one, two = clock.new_id(), clock.new_id()
    await stored(locality.built, "Organization/trust", patient(id=one, identifier=[nhs_number(number)]))
    await stored(locality.built, "Organization/housing", patient(id=two, identifier=[nhs_number(number)]))
    locality.person = f"Patient/{one}"
    await tied(locality, "crisis")
    normal = {"meta": {"security": [{"system": CONFIDENTIALITY, "code": "N"}]}}
    made = observation(f"Patient/{two}", id=clock.new_id(), **normal)
    await stored(locality.built, "Organization/housing", made)
    before = (await crisis.get(f"Observation/{made['id']}")).status_code
    await trust.created(denial(f"Patient/{one}"))
    assert (before, (await crisis.get(f"Observation/{made['id']}")).status_code) == (200, 404)


async def test_a_link_is_invisible_to_who_may_not_see_the_other_record(locality: Locality) -> None:
    """IDN-1: nothing of the other agency's Patient is in any answer."""
    one, two = clock.new_id(), clock.new_id()
    await stored(locality.built, "Organization/trust", patient(id=one, identifier=[nhs_number("9876543210")]))
    await stored(locality.built, "Organization/housing", patient(id=two, identifier=[nhs_number("9876543210")]))
    housing = await stranger(locality)
    answers = [
        await housing.get(f"Patient/{two}"),
        await housing.get(f"Patient/{two}/_history"),
        await housing.get("Patient?identifier=9876543210&_include=Patient:link&_revinclude=Patient:link"),
    ]
    assert [each.status_code for each in answers] == [200, 200, 200]
    assert not any(one in each.text for each in answers)


GRANULAR = "system/Observation.cruds?status=preliminary"


async def test_a_granular_scope_is_held_to_what_is_there(locality: Locality) -> None:
    """Before: an update of content out of scope is an update of nothing."""
    trust, agency = await locality.agency("trust"), await locality.agency("trust", GRANULAR)
    made = await trust.created(observation(locality.person))
    assert (await agency.put({**made, "status": "preliminary"})).status_code == 404


async def test_a_granular_scope_is_held_to_what_is_sent(locality: Locality) -> None:
    """After: an update may not leave the scope."""
    agency = await locality.agency("trust", GRANULAR)
    made = await agency.created(observation(locality.person, status="preliminary"))
    assert (await agency.put({**made, "status": "final"})).status_code == 403
    assert (await agency.get(f"Observation/{made['id']}")).json() == made


async def test_a_granular_scope_creates_only_what_it_covers(locality: Locality) -> None:
    """403."""
    agency = await locality.agency("trust", GRANULAR)
    assert (await agency.post("Observation", observation(locality.person))).status_code == 403


@pytest.mark.parametrize("kind", ["patient", "user"])
async def test_a_person_s_app_writes_about_nobody_else(locality: Locality, kind: str) -> None:
    """Neither a create about another, nor a change of subject, nor one of several people."""
    other = clock.new_id()
    await stored(locality.built, "Organization/trust", patient(id=other))
    context = {"patient": locality.person} if kind == "patient" else {}
    app = await locality.agency("trust", f"{kind}/*.cruds", user=locality.person, **context)
    made = await app.created(observation(locality.person, performer=[{"reference": locality.person}]))
    moved = [
        await app.post("Observation", observation(f"Patient/{other}")),
        await app.post("Observation", observation(f"Patient/{other}", performer=[{"reference": locality.person}])),
        await app.put({**made, "subject": {"reference": f"Patient/{other}"}}),
    ]
    assert [each.status_code for each in moved] == [403, 403, 403]


async def test_a_launch_on_one_person_writes_about_nobody_else(locality: Locality) -> None:
    """Staff in an app opened on one person, with patient scopes."""
    other = clock.new_id()
    await stored(locality.built, "Organization/trust", patient(id=other))
    app = await locality.agency("trust", "patient/*.cruds", user="PractitionerRole/trust-lead", patient=locality.person)
    answer = await app.post("Observation", observation(f"Patient/{other}", performer=[{"reference": locality.person}]))
    assert answer.status_code == 403


async def test_a_person_reads_their_own_record(locality: Locality) -> None:
    """L1: and finds it."""
    trust = await locality.agency("trust")
    made = await trust.created(observation(locality.person))
    app = await locality.agency("trust", "patient/*.rs", user=locality.person, patient=locality.person)
    found = (await app.get("Observation?_total=accurate")).json()
    assert (await app.get(f"Observation/{made['id']}")).status_code == 200
    assert (found["total"], found["entry"][0]["resource"]["id"]) == (1, made["id"])


async def test_a_person_is_nobody_s_staff(locality: Locality) -> None:
    """Their app writes no plan, task or team in the name of the agency that runs it, and changes none of its records."""
    trust = await locality.agency("trust")
    made = await trust.created(observation(locality.person))
    led = await trust.created(locality.plan())
    app = await locality.agency("trust", "user/*.cruds", user=locality.person)
    answers = [
        await app.put({**made, "status": "amended"}),
        await app.send("DELETE", f"Observation/{made['id']}"),
        await app.post("CarePlan", locality.plan()),
        await app.put({**led, "title": "Mine"}),
        await app.post("CareTeam", {"resourceType": "CareTeam", "status": "active", "subject": {"reference": locality.person}}),
        await app.post("Organization", {"resourceType": "Organization", "name": "Mine"}),
    ]
    assert {each.status_code for each in answers} == {403}


async def test_a_person_accepts_no_handover_for_the_agency(locality: Locality) -> None:
    """HOV-1: a Patient's app of the receiving agency moves nothing."""
    trust = await locality.agency("trust")
    task = await locality.sent(trust)
    app = await locality.agency("crisis", "user/*.cruds", user=locality.person)
    answer = await app.put({**task, "status": "accepted", "owner": {"reference": "PractitionerRole/crisis-lead"}})
    assert answer.status_code in (403, 404)
    assert (await trust.get(f"Task/{task['id']}")).json() == task


@pytest.mark.parametrize("kind", ["Patient", "RelatedPerson"])
async def test_what_is_written_to_an_agency_is_not_for_those_it_cares_for(locality: Locality, kind: str) -> None:
    """HOV-11 tells an agency's staff; a person whose app the same agency runs is told of nobody else."""
    task = await locality.sent(await locality.agency("trust"))
    other = await person(locality.built, "Organization/crisis")
    relative = {"resourceType": "RelatedPerson", "id": clock.new_id(), "patient": {"reference": other}}
    await stored(locality.built, "Organization/crisis", relative)
    user = {"Patient": other, "RelatedPerson": f"RelatedPerson/{relative['id']}"}[kind]
    app = await locality.agency("crisis", "user/*.cruds", user=user)
    hidden, absent = await app.get(f"Task/{task['id']}"), await app.get("Task/nothing")
    assert alike(hidden, absent, task["id"], "nothing")
    assert (await app.get(f"Task/{task['id']}/_history")).status_code == 404
    assert "entry" not in (await app.get("Task")).json()


@pytest.mark.parametrize("scope", ["patient/*.cruds", "patient/AuditEvent.rs"])
async def test_the_audit_log_is_not_read_with_patient_scopes(locality: Locality, scope: str) -> None:
    """The person asks `$access-history`; the log itself is its custodian's."""
    trust = await locality.agency("trust")
    await trust.get(locality.person)
    event = (await trust.get(f"AuditEvent?patient={locality.person}&_count=1")).json()["entry"][0]["resource"]
    app = await locality.agency("trust", scope, user=locality.person, patient=locality.person)
    assert (await app.get(f"AuditEvent/{event['id']}")).status_code == 404
    assert "entry" not in (await app.get("AuditEvent")).json()


async def test_the_audit_log_is_only_added_to(locality: Locality) -> None:
    """Neither changed nor deleted by its custodian, nor written in the service's name."""
    trust = await locality.agency("trust")
    await trust.get(locality.person)
    event = (await trust.get(f"AuditEvent?patient={locality.person}&_count=1")).json()["entry"][0]["resource"]
    assert (await trust.put({**event, "outcome": "8"})).status_code == 405
    assert (await trust.send("DELETE", f"AuditEvent/{event['id']}")).status_code == 405
    assert (await trust.post("AuditEvent", event)).status_code == 422


async def test_nobody_writes_into_a_person_s_account(locality: Locality) -> None:
    """`$access-history` tells what this service saw, and no other system's word."""
    crisis, trust = await locality.agency("crisis"), await locality.agency("trust")
    await trust.get(locality.person)
    event = (await trust.get(f"AuditEvent?patient={locality.person}&_count=1")).json()["entry"][0]["resource"]
    forged = await crisis.created({**event, "source": {**event["source"], "site": "elsewhere"}})
    account = await trust.get(f"{locality.person}/$access-history")
    assert account.json()["entry"]
    assert forged["id"] not in account.text


async def write_tie(locality: Locality, agency: Agency, kind: str) -> httpx.Response:
    """An agency's own record that ties itself to somebody else's Patient."""
    person = {"reference": locality.person}
    records: dict[str, Stored] = {
        "CareTeam": {"status": "active", "subject": person, "participant": [{"member": {"reference": "Organization/crisis"}}]},
        "EpisodeOfCare": {"status": "active", "patient": person, "managingOrganization": {"reference": "Organization/crisis"}},
        "ServiceRequest": {
            "status": "active",
            "intent": "order",
            "subject": person,
            "requester": {"reference": "Organization/crisis"},
            "performer": [{"reference": "Organization/crisis"}],
        },
        "Task": {
            "status": "requested",
            "intent": "order",
            "for": person,
            "requester": {"reference": "Organization/crisis"},
            "owner": {"reference": "Organization/crisis"},
        },
    }
    return await agency.post(kind, {"resourceType": kind, **records[kind]})


@pytest.mark.parametrize("kind", ["CareTeam", "EpisodeOfCare", "ServiceRequest", "Task"])
async def test_nobody_gives_themselves_a_relationship(locality: Locality, kind: str) -> None:
    """L0: a tie counts only when somebody with standing made it."""
    trust, crisis = await locality.agency("trust"), await locality.agency("crisis")
    normal = {"meta": {"security": [{"system": CONFIDENTIALITY, "code": "N"}]}}
    made = await trust.created(observation(locality.person, **normal))
    await write_tie(locality, crisis, kind)
    assert (await crisis.get(f"Observation/{made['id']}")).status_code == 404
    assert (await crisis.get(locality.person)).status_code == 404
    assert "entry" not in (await crisis.get(f"Observation?patient={locality.person}")).json()


async def test_no_agency_makes_itself_a_part_of_another(locality: Locality) -> None:
    """IDN-3: `partOf` would make its staff the other's staff."""
    crisis = await locality.agency("crisis")
    own = (await crisis.get("Organization/crisis")).json()
    answer = await crisis.put({**own, "partOf": {"reference": "Organization/trust"}})
    assert (answer.status_code, "IDN-3" in answer.text) == (422, True)


async def test_no_agency_employs_its_staff_elsewhere(locality: Locality) -> None:
    """IDN-3: a role names its own agency."""
    crisis = await locality.agency("crisis")
    own = (await crisis.get("PractitionerRole/crisis-second")).json()
    answers = [
        await crisis.put({**own, "organization": {"reference": "Organization/trust"}}),
        await crisis.post("PractitionerRole", {**own, "organization": {"reference": "Organization/trust"}}),
    ]
    assert [each.status_code for each in answers] == [422, 422]


async def test_two_organisations_do_not_share_an_identifier(locality: Locality) -> None:
    """A Consent may name an organisation by its identifier."""
    trust, crisis = await locality.agency("trust"), await locality.agency("crisis")
    named = {"resourceType": "Organization", "name": "X", "identifier": [{"system": SAMPLE, "value": locality.person}]}
    assert (await trust.post("Organization", named)).status_code == 201
    assert (await crisis.post("Organization", named)).status_code == 409


@pytest.mark.parametrize(
    "kind", ["override-review", "agree-plan", "role", "follow-up", "escalation", "welfare-check", "safeguarding-consideration"]
)
async def test_a_task_that_the_service_makes_is_not_sent(locality: Locality, kind: str) -> None:
    """An override's review Task is its grant: nobody writes their own."""
    crisis = await locality.agency("crisis")
    task = {
        "resourceType": "Task",
        "status": "requested",
        "intent": "order",
        "code": code("task-code", kind),
        "for": {"reference": locality.person},
        "requester": {"reference": "PractitionerRole/crisis-lead"},
        "owner": {"reference": "Organization/crisis"},
        "reasonCode": code("override-kind", "patient-safety", "Because I say so, at some length"),
        "restriction": {"period": {"start": "2020-01-01", "end": "2040-01-01"}},
    }
    for coding in (task["code"]["coding"], [{"system": SAMPLE, "code": "x"}, *task["code"]["coding"]]):
        answer = await crisis.post("Task", {**task, "code": {"coding": coding}})
        assert answer.status_code == 422
    assert (await crisis.get(locality.person)).status_code == 404


async def test_an_ordinary_task_does_not_become_one_of_ours(locality: Locality) -> None:
    """HOV-1: a Task keeps its code."""
    crisis = await locality.agency("crisis")
    plain = {"resourceType": "Task", "status": "requested", "intent": "order", "for": {"reference": locality.person}}
    made = await crisis.created(plain)
    answer = await crisis.put({**made, "code": code("task-code", "override-review")})
    assert answer.status_code == 422


async def test_a_stranger_cannot_send_itself_a_handover(locality: Locality) -> None:
    """HOV-3: another's plan and dataset are not there to be handed over."""
    trust, crisis = await locality.agency("trust"), await locality.agency("crisis")
    led, response = await trust.created(locality.plan()), await trust.created(locality.dataset())
    refs = f"CarePlan/{led['id']}", f"QuestionnaireResponse/{response['id']}"
    forged = handover(locality.person, *refs) | {"requester": {"reference": "PractitionerRole/crisis-lead"}}
    answer = await crisis.post("Task", forged)
    absent = await crisis.post("Task", {**forged, "focus": {"reference": "CarePlan/not-there"}})
    assert (answer.status_code, absent.status_code) == (422, 422)
    assert (await crisis.get(refs[0])).status_code == 404


async def test_a_disclosure_record_is_not_sent(locality: Locality) -> None:
    """DIS: the service makes it when something is disclosed; a made-up one grants nothing."""
    crisis, trust = await locality.agency("crisis"), await locality.agency("trust")
    made = await trust.created(observation(locality.person))
    record = {
        "resourceType": "Communication",
        "meta": {"profile": ["https://baton.example/fhir/StructureDefinition/baton-disclosure"]},
        "extension": [
            {
                "url": "https://baton.example/fhir/StructureDefinition/authority",
                "valueCodeableConcept": code("lawful-basis", "vital-interests", "Because"),
            }
        ],
        "status": "completed",
        "category": [{"coding": [{"system": f"{SYSTEM}/disclosure-category", "code": "care-plan"}]}],
        "subject": {"reference": locality.person},
        "sent": "2026-11-01T00:00:00Z",
        "sender": {"reference": "Organization/trust"},
        "recipient": [{"reference": "Organization/crisis"}],
        "reasonCode": [{"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v3-ActReason", "code": "TREAT"}]}],
        "payload": [{"contentReference": {"reference": f"Observation/{made['id']}/_history/1"}}],
    }
    assert (await crisis.post("Communication", record)).status_code == 422
    assert (await crisis.get(f"Observation/{made['id']}")).status_code == 404


async def test_a_disclosure_record_stands(locality: Locality) -> None:
    """DIS: its custodian does not rewrite whom it told."""
    trust = await locality.agency("trust")
    await locality.sent(trust)
    found = (await trust.get(f"Communication?subject={locality.person}")).json()["entry"][0]["resource"]
    assert (await trust.put({**found, "recipient": [{"reference": "Organization/voluntary"}]})).status_code == 422


@pytest.mark.parametrize("mark", [{"security": "REDACTED"}, {"tag": "SUBSETTED"}])
async def test_a_part_of_a_record_is_not_written_back(locality: Locality, mark: dict[str, str]) -> None:
    """It would lose what was taken out."""
    trust = await locality.agency("trust")
    made = await trust.created(observation(locality.person))
    ((member, value),) = mark.items()
    label = {"system": "http://terminology.hl7.org/CodeSystem/v3-ObservationValue", "code": value}
    assert (await trust.put({**made, "meta": {**made["meta"], member: [label]}})).status_code == 422


async def test_what_is_redacted_is_not_searched_for(locality: Locality) -> None:
    """A redacted record is a match by what is left of it alone."""
    await tied(locality, "crisis")
    trust, crisis = await locality.agency("trust"), await locality.agency("crisis")
    inline = "http://hl7.org/fhir/uv/security-label-ds4p/StructureDefinition/extension-inline-sec-label"
    secret = {
        "extension": [{"url": inline, "valueCoding": {"system": CONFIDENTIALITY, "code": "R"}}],
        "system": SAMPLE,
        "value": "secret-number",
    }
    shown = {"system": SAMPLE, "value": f"shown-{locality.person.partition('/')[2]}"}
    labels = {"security": [{"system": CONFIDENTIALITY, "code": "N"}]}
    made = await trust.created(observation(locality.person, identifier=[shown, secret], meta=labels))
    read = await crisis.get(f"Observation/{made['id']}")
    assert (read.status_code, "secret-number" in read.text) == (200, False)
    hits = [
        len((await crisis.get(f"Observation?patient={locality.person}&identifier={value}")).json().get("entry", ()))
        for value in (shown["value"], "secret-number")
    ]
    assert hits == [1, 0]


async def severe(locality: Locality, code: str, **more: Any) -> str:
    """The id of a Condition of the trust whose severity is withheld from the crisis team, which reads the rest."""
    inline = "http://hl7.org/fhir/uv/security-label-ds4p/StructureDefinition/extension-inline-sec-label"
    secret = {"extension": [{"url": inline, "valueCoding": {"system": CONFIDENTIALITY, "code": "R"}}]}
    condition = {
        "resourceType": "Condition",
        "id": clock.new_id(),
        "meta": {"security": [{"system": CONFIDENTIALITY, "code": "N"}]},
        "subject": {"reference": locality.person},
        "severity": {**secret, "coding": [{"system": SAMPLE, "code": code}]},
        **more,
    }
    await stored(locality.built, "Organization/trust", condition)
    return str(condition["id"])


async def test_what_is_redacted_is_not_asked_by_its_absence(locality: Locality) -> None:
    """`:not` and `:missing` are answered by what is left: a record that is not found by them would tell what it holds."""
    await tied(locality, "crisis")
    identity = await severe(locality, "grave")
    trust, crisis = await locality.agency("trust"), await locality.agency("crisis")
    asked = (f"severity:not={SAMPLE}|grave", "severity:missing=true", "severity:missing=false", f"severity:not={SAMPLE}|mild")
    found = []
    for agency in (crisis, trust):
        answers = [(await agency.get(f"Condition?_id={identity}&_total=accurate&{each}")).json() for each in asked]
        found.append([(each["total"], len(each.get("entry", ()))) for each in answers])
    none, one = (0, 0), (1, 1)
    assert found == [[one, one, none, one], [none, none, one, one]]


@pytest.mark.parametrize("order", ["severity", "-severity", "severity,-_lastUpdated", "-severity,_lastUpdated"])
async def test_what_is_redacted_orders_nothing(locality: Locality, order: str) -> None:
    """Whatever it holds, a record has the same place among the others, and no page link says more."""
    await tied(locality, "crisis")
    trust, crisis = await locality.agency("trust"), await locality.agency("crisis")
    plain = [{"severity": {"coding": [{"system": SAMPLE, "code": code_}]}} for code_ in ("y", "b")]
    known = [
        *[await severe(locality, code_) for code_ in ("a", "z", "m")],
        *[await severe(locality, "", **each) for each in plain],
    ]
    places = []
    for agency in (crisis, trust):
        found, path = [], f"Condition?patient={locality.person}&_sort={order}&_count=1"
        while path:
            page = (await agency.get(path)).json()
            found += [known.index(each["resource"]["id"]) for each in page["entry"]]
            path = next((each["url"] for each in page["link"] if each["relation"] == "next"), "")
            assert all(part not in told(path) for part in ('"a"', '"z"', '"m"'))
        places.append(found)
    open_ones = [3, 4] if order.startswith("-") else [4, 3]
    assert [each for each in places[0] if each > 2] == open_ones
    assert sorted(places[0][:3] if not order.startswith("-") else places[0][2:]) == [0, 1, 2]
    assert places[0] == places[1]


def told(path: str) -> str:
    """What a page link holds in clear."""
    cursor = path.partition("_cursor=")[2]
    return urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))[32:].decode()


@pytest.mark.parametrize("verb", ["read", "search", "version"])
async def test_a_granular_scope_does_not_ask_for_what_is_redacted(locality: Locality, verb: str) -> None:
    """A client narrows its own scopes: one that reached a record by what is withheld would be a question about it."""
    await tied(locality, "crisis")
    identity = await severe(locality, "grave")
    path = {"read": "Condition/{}", "search": "Condition?_id={}", "version": "Condition/{}/_history/1"}[verb].format(identity)
    answers = []
    for code_ in ("grave", "mild"):
        app = await locality.agency("crisis", f"system/Condition.rs?severity={SAMPLE}|{code_}")
        answers.append(await app.get(path))
    assert alike(answers[0], answers[1], "grave", "mild")
    assert identity not in str(answers[0].json().get("entry", ()))


async def test_what_is_redacted_is_not_followed(locality: Locality) -> None:
    """`_include` follows what its reader is shown."""
    await tied(locality, "crisis")
    trust, crisis = await locality.agency("trust"), await locality.agency("crisis")
    inline = "http://hl7.org/fhir/uv/security-label-ds4p/StructureDefinition/extension-inline-sec-label"
    secret = {"extension": [{"url": inline, "valueCoding": {"system": CONFIDENTIALITY, "code": "R"}}]}
    author = {"reference": "Practitioner/trust-lead"}
    labels = {"security": [{"system": CONFIDENTIALITY, "code": "N"}]}
    for performer, modes in ((author, ["match", "include"]), ({**secret, **author}, ["match"])):
        made = await trust.created(observation(locality.person, performer=[performer], meta=labels))
        found = await crisis.get(f"Observation?_id={made['id']}&_include=Observation:performer")
        assert [each["search"]["mode"] for each in found.json()["entry"]] == modes


@pytest.mark.parametrize("caller", [someone_else, other_context, narrow, other_person])
async def test_an_id_of_the_agency_s_others_is_not_tried(locality: Locality, caller: Any) -> None:
    """Update-as-create: a token that is not for the whole of the agency learns of no id whether it is taken."""
    trust, agency = await locality.agency("trust"), await caller(locality)
    taken, free = f"trust.{clock.new_id()}", f"trust.{clock.new_id()}"
    assert (await trust.put({**observation(locality.person), "id": taken})).status_code == 201
    mine = (await agency.get("Patient")).json().get("entry", [{"fullUrl": "Patient/nobody"}])[0]["fullUrl"].rpartition("/")[2]
    note = observation(f"Patient/{mine}", status="preliminary", performer=[{"reference": f"Patient/{mine}"}])
    answers = [await agency.put({**note, "id": identity}) for identity in (taken, free)]
    assert alike(*answers, taken, free)


async def test_an_id_of_another_agency_is_not_taken(locality: Locality) -> None:
    """Update-as-create: another's id, or another's namespace, is simply absent."""
    trust, housing = await locality.agency("trust"), await stranger(locality)
    identity = f"trust.{clock.new_id()}"
    await trust.put({**observation(locality.person), "id": identity})
    free = f"trust.{clock.new_id()}"
    answers = [await housing.put({**observation(locality.person), "id": each}) for each in (identity, free)]
    assert alike(*answers, identity, free)
    assert answers[0].status_code == 404


@pytest.mark.parametrize("name", ["X-HTTP-Method-Override", "X-Method-Override", "X-HTTP-Method"])
async def test_a_method_override_is_ignored(locality: Locality, name: str) -> None:
    """A GET stays a GET."""
    trust = await locality.agency("trust")
    made = await trust.created(observation(locality.person))
    assert (await trust.get(f"Observation/{made['id']}", **{name: "DELETE"})).status_code == 200
    assert (await trust.get(f"Observation/{made['id']}")).status_code == 200


FORGED = {
    "X-Forwarded-For": "127.0.0.1",
    "X-Forwarded-Host": "evil.example",
    "X-Forwarded-Proto": "gopher",
    "Forwarded": "for=127.0.0.1;host=evil.example",
    "X-Original-URL": "/fhir/metadata",
    "X-Forwarded-User": "PractitionerRole/trust-lead",
    "NHSD-Session-URID": "trust-lead",
    "NHSD-Identity-UUID": "trust-lead",
    "NHSD-End-User-Organisation-ODS": "trust",
    "X-Organization": "Organization/trust",
    "Host": "evil.example",
}


@pytest.mark.parametrize("name", FORGED)
async def test_a_forged_header_changes_nothing(locality: Locality, name: str) -> None:
    """Who asks is the token's alone, and the service's URLs are its own."""
    trust, housing = await locality.agency("trust"), await stranger(locality)
    made = await trust.created(observation(locality.person), **{name: FORGED[name]})
    answers = [await housing.get(f"Observation/{made['id']}", **each) for each in ({}, {name: FORGED[name]})]
    listed = await trust.get(f"Observation?_id={made['id']}", **{name: FORGED[name]})
    assert alike(*answers)
    assert "evil.example" not in listed.text


SCRIPTS = [
    "<script>x()</script>",
    "<p onclick='x()'>x</p>",
    "<a href='javascript:x()'>x</a>",
    "<iframe src='https://evil.example'/>",
    "<img src='https://evil.example/x.png' onerror='x()'/>",
    "<style>@import 'https://evil.example'</style>",
    "<object data='x'/>",
    "<form action='https://evil.example'><input/></form>",
    "<svg onload='x()'/>",
]


@pytest.mark.parametrize("script", SCRIPTS)
async def test_a_narrative_with_active_content_is_refused(locality: Locality, script: str) -> None:
    """txt-1: XHTML that formats, and nothing that runs or fetches."""
    trust = await locality.agency("trust")
    text = {"status": "generated", "div": f'<div xmlns="http://www.w3.org/1999/xhtml">{script}</div>'}
    assert (await trust.post("Observation", observation(locality.person, text=text))).status_code == 422


@pytest.mark.parametrize(
    "div", ['<!DOCTYPE d [<!ENTITY x "y">]><div xmlns="http://www.w3.org/1999/xhtml">&x;</div>', "<div>&xxe;</div>", "<div>"]
)
async def test_a_narrative_with_entities_is_refused(locality: Locality, div: str) -> None:
    """XML entities are not expanded."""
    trust = await locality.agency("trust")
    answer = await trust.post("Observation", observation(locality.person, text={"status": "generated", "div": div}))
    assert answer.status_code == 422


async def test_another_agency_s_episode_does_not_say_whether_it_has_a_plan(locality: Locality) -> None:
    """OWN-6: `duplicate` is told of one's own plans alone."""
    trust, crisis = await locality.agency("trust"), await locality.agency("crisis")
    episode = await trust.created(
        {
            "resourceType": "EpisodeOfCare",
            "status": "active",
            "patient": {"reference": locality.person},
            "managingOrganization": {"reference": "Organization/trust"},
        }
    )
    theirs = f"EpisodeOfCare/{episode['id']}"
    url = "http://hl7.org/fhir/StructureDefinition/workflow-episodeOfCare"
    led = await trust.created(locality.plan(extension=[{"url": url, "valueReference": {"reference": theirs}}]))
    own = clock.new_id()
    await stored(locality.built, "Organization/crisis", patient(id=own))
    mine = plan(f"Patient/{own}", author={"reference": "PractitionerRole/crisis-lead"})
    answers = [
        await crisis.post("CarePlan", {**mine, "extension": [{"url": url, "valueReference": {"reference": each}}]})
        for each in (theirs, "EpisodeOfCare/not-there")
    ]
    assert answers[0].status_code == 422
    assert led["id"] not in answers[0].text
    assert alike(*answers, theirs, "EpisodeOfCare/not-there")


async def test_another_agency_s_plan_is_not_led_by_naming_its_team(locality: Locality) -> None:
    """OWN-2: a plan that names another's team or episode takes nothing over, and tells nothing of them."""
    trust, crisis = await locality.agency("trust"), await locality.agency("crisis")
    led = await trust.created(locality.plan())
    own = clock.new_id()
    await stored(locality.built, "Organization/crisis", patient(id=own))
    mine = plan(f"Patient/{own}", author={"reference": "PractitionerRole/crisis-lead"})
    theirs = led["careTeam"][0]["reference"]
    answers = [
        await crisis.post("CarePlan", {**mine, "careTeam": [{"reference": each}]}) for each in (theirs, "CareTeam/not-there")
    ]
    assert answers[0].status_code == 422
    assert alike(*answers, theirs, "CareTeam/not-there")


@pytest.mark.parametrize("where", ["record", "part"])
async def test_a_label_that_came_later_covers_what_was_before(locality: Locality, where: str) -> None:
    """What was found to be restricted is not read in the version before anybody said so; its custodian reads all."""
    await tied(locality, "crisis")
    trust, crisis = await locality.agency("trust"), await locality.agency("crisis")
    normal = {"security": [{"system": CONFIDENTIALITY, "code": "N"}]}
    made = await trust.created(observation(locality.person, meta=normal, method={"text": "secret"}))
    place = f"Observation/{made['id']}"
    assert (await crisis.get(f"{place}/_history/1")).status_code == 200
    inline = "http://hl7.org/fhir/uv/security-label-ds4p/StructureDefinition/extension-inline-sec-label"
    label = {"url": inline, "valueCoding": {"system": CONFIDENTIALITY, "code": "R"}}
    restricted = {"meta": {**made["meta"], "security": [{"system": CONFIDENTIALITY, "code": "R"}]}}
    later = restricted if where == "record" else {"method": {"extension": [label], "text": "secret"}}
    assert (await trust.put({**made, **later})).status_code == 200
    hidden, absent = await crisis.get(f"{place}/_history/1"), await crisis.get("Observation/nothing/_history/1")
    assert alike(hidden, absent, made["id"], "nothing")
    assert "secret" not in (await crisis.get(f"{place}/_history")).text
    assert [(await trust.get(f"{place}/_history/{each}")).status_code for each in (1, 2)] == [200, 200]


async def test_a_label_that_was_taken_off_covers_the_version_that_had_it(locality: Locality) -> None:
    """What is open now does not open what was restricted then."""
    await tied(locality, "crisis")
    trust, crisis = await locality.agency("trust"), await locality.agency("crisis")
    restricted, normal = ({"security": [{"system": CONFIDENTIALITY, "code": code_}]} for code_ in ("R", "N"))
    made = await trust.created(observation(locality.person, meta=restricted))
    await trust.put({**made, "meta": {**made["meta"], **normal}})
    place = f"Observation/{made['id']}"
    assert [(await crisis.get(f"{place}/_history/{each}")).status_code for each in (1, 2)] == [404, 200]


async def lines(locality: Locality, agency: Agency) -> list[Stored]:
    """The entries of an agency's trail, newest first."""
    reader = await locality.agency(agency.name, "system/AuditEvent.rs")
    found = (await reader.get("AuditEvent?_sort=-_lastUpdated&_count=50")).json()
    return [each["resource"] for each in found.get("entry", ())]


DENIED: dict[str, tuple[str, str, str]] = {
    "read out of scope": ("GET", "Observation/{}", "R"),
    "search out of scope": ("GET", "Observation?code=x", "R"),
    "create out of scope": ("POST", "Observation", "C"),
    "update out of scope": ("PUT", "Observation/{}", "U"),
    "delete out of scope": ("DELETE", "Observation/{}", "D"),
    "operation out of scope": ("POST", "Patient/{}/$disclose", "E"),
}


@pytest.mark.parametrize("how", DENIED)
@pytest.mark.parametrize("inside", ["alone", "batch"])
async def test_every_denial_is_in_the_trail(locality: Locality, how: str, inside: str) -> None:
    """Who was denied what; no value of a search is told."""
    method, path, action = DENIED[how]
    agency = await locality.agency("voluntary", "system/Patient.r")
    url, body = path.format("x"), observation(locality.person, id="x")
    if inside == "batch":
        if action == "E":
            return  # a batch has no operations
        entry = {"resource": body, "request": {"method": method, "url": url}}
        await agency.post("", {"resourceType": "Bundle", "type": "batch", "entry": [entry]})
    else:
        sent = {**disclosing_anything(), **({} if action == "E" else body)}
        assert (await agency.send(method, url, sent if method in ("POST", "PUT") else None)).status_code == 403
    newest = next(each for each in await lines(locality, agency) if each["outcome"] == "4")
    assert (newest["action"], newest["entity"][-1]["name"].partition("?")[0]) == (action, url.partition("?")[0])
    assert newest["agent"][1]["who"]["reference"] == "Organization/voluntary"
    assert "code=x" not in str(newest)


@pytest.mark.parametrize("method", ["PUT", "DELETE"])
async def test_a_write_to_the_hidden_is_in_the_trail_as_one_to_the_absent(locality: Locality, method: str) -> None:
    made = await (await locality.agency("trust")).created(observation(locality.person))
    agency = await stranger(locality)
    told = []
    for identity in (made["id"], clock.new_id()):
        await agency.send(method, f"Observation/{identity}", {**made, "id": identity} if method == "PUT" else None)
        newest = (await lines(locality, agency))[0]
        told.append((newest["outcome"], newest["action"], newest["entity"][-1]["name"].replace(identity, "X")))
    assert told == [("4", {"PUT": "U", "DELETE": "D"}[method], "Observation/X")] * 2


def disclosing_anything() -> Stored:
    """The Parameters of a `$disclose`."""
    given = {"recipient": {"valueReference": {"reference": "Organization/crisis"}}, "purpose": {"valueCode": "TREAT"}}
    given |= {"type": {"valueCode": "Condition"}, "reason": {"valueString": "Because."}, "mode": {"valueCode": "release"}}
    return {"resourceType": "Parameters", "parameter": [{"name": name, **value} for name, value in given.items()]}


async def test_a_record_that_a_conditional_create_gives_is_in_the_trail(locality: Locality) -> None:
    """It is given as by a read."""
    trust = await locality.agency("trust")
    made = await trust.created(observation(locality.person))
    looked = f"identifier={SAMPLE}|{locality.person.partition('/')[2]}"
    answer = await trust.post("Observation", observation(locality.person), If_None_Exist=looked)
    assert answer.json() == made
    newest = next(each for each in await lines(locality, trust) if each["action"] == "R")
    assert f"Observation/{made['id']}/_history/1" in str(newest["entity"])
