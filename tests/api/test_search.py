"""Search over HTTP (R4 section 3.1.1)."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import pytest

from tests.locality import Agency, Locality

Stored = dict[str, Any]
SAMPLE = "https://example.org/sample"


def observation(person: str, code: str = "sleep", date: str = "2026-11-01", **more: Any) -> Stored:
    """A dated note about a person."""
    return {
        "resourceType": "Observation",
        "status": "final",
        "code": {"coding": [{"system": SAMPLE, "code": code}]},
        "subject": {"reference": person},
        "effectiveDateTime": date,
        **more,
    }


async def found(agency: Agency, query: str, **headers: str) -> list[str]:
    """The references on one page of a search."""
    answer = await agency.get(query, **headers)
    assert answer.status_code == 200, answer.text
    return [f"{each['resource']['resourceType']}/{each['resource']['id']}" for each in answer.json().get("entry", ())]


async def walked(agency: Agency, url: str) -> list[str]:
    """The references of every page, to the end."""
    seen: list[str] = []
    for _ in range(40):
        bundle = (await agency.get(url)).json()
        seen += [each["resource"]["id"] for each in bundle.get("entry", ())]
        following = [link["url"] for link in bundle["link"] if link["relation"] == "next"]
        if not following:
            return seen
        url = following[0]
    raise AssertionError("the pages have no end")


async def several(locality: Locality, agency: Agency, count: int) -> list[str]:
    """Ids of this many records about the person, a day apart."""
    made = [await agency.created(observation(locality.person, date=f"2026-11-{day + 1:02}")) for day in range(count)]
    return [each["id"] for each in made]


async def test_what_consent_hides_is_not_among_the_matches(locality: Locality) -> None:
    """A stranger finds nothing, as if there were nothing."""
    trust, stranger = await locality.agency("trust"), await locality.agency("housing")
    await several(locality, trust, 2)
    bundle = (await stranger.get(f"Observation?patient={locality.person}&_total=accurate")).json()
    assert (bundle["total"], bundle.get("entry")) == (0, None)


QUERIES = [
    ("Task", "status=requested"),
    ("Task", "code=https://baton.example/fhir/CodeSystem/task-code|handover"),
    ("Task", "code=handover"),
    ("Task", "owner=Organization/crisis"),
    ("Task", "requester=PractitionerRole/trust-lead"),
    ("Task", "_lastUpdated=ge2020-01-01"),
    ("Task", "due=eb2031-01-02"),
    ("Task", "owner-organization=Organization/crisis"),
    ("Task", "worklist=Organization/crisis"),
    ("Task", "status=draft,requested"),
    ("Task", "status:not=draft"),
    ("CarePlan", "category=http://snomed.info/sct|734163000"),
    ("CarePlan", "status=active"),
    ("CarePlan", "owner-organization=Organization/trust"),
    ("CarePlan", "author=PractitionerRole/trust-lead"),
]


@pytest.mark.parametrize(("kind", "query"), QUERIES)
async def test_a_handover_is_found_by_what_it_says(locality: Locality, kind: str, query: str) -> None:
    """Each parameter, with the person beside it."""
    trust = await locality.agency("trust")
    task = await locality.sent(trust)
    expected = f"Task/{task['id']}" if kind == "Task" else task["focus"]["reference"]
    assert await found(trust, f"{kind}?patient={locality.person}&{quote(query, safe='=:/,&')}") == [expected]


@pytest.mark.parametrize(
    "form", ["patient={0}", "patient={1}", "subject={0}", "subject:Patient={1}", "patient=http://127.0.0.1:8000/fhir/{0}"]
)
async def test_a_person_is_named_in_every_form_of_reference(locality: Locality, form: str) -> None:
    """Type/id, bare id, absolute, by modifier."""
    trust = await locality.agency("trust")
    made = await trust.created(observation(locality.person))
    query = form.format(locality.person, locality.person.partition("/")[2])
    assert await found(trust, f"Observation?{query}") == [f"Observation/{made['id']}"]


async def test_a_record_is_found_by_its_id(locality: Locality) -> None:
    """_id."""
    trust = await locality.agency("trust")
    first, _ = await several(locality, trust, 2)
    assert await found(trust, f"Observation?_id={first}") == [f"Observation/{first}"]


@pytest.mark.parametrize("token", [f"{SAMPLE}|{{}}", "{}", f"{SAMPLE}|"])
async def test_a_record_is_found_by_its_identifier(locality: Locality, token: str) -> None:
    """system|code, code, system|."""
    trust = await locality.agency("trust")
    value = locality.person.partition("/")[2]
    made = await trust.created(observation(locality.person, identifier=[{"system": SAMPLE, "value": value}]))
    query = quote(token.format(value), safe="")
    assert await found(trust, f"Observation?patient={locality.person}&identifier={query}") == [f"Observation/{made['id']}"]


@pytest.mark.parametrize(
    ("date", "days"), [("2026-11-02", [1]), ("ge2026-11-02", [1, 2]), ("lt2026-11-02", [0]), ("2026-11", [0, 1, 2])]
)
async def test_dates_are_intervals(locality: Locality, date: str, days: list[int]) -> None:
    """A value of any precision, with prefixes."""
    trust = await locality.agency("trust")
    made = await several(locality, trust, 3)
    answer = await found(trust, f"Observation?patient={locality.person}&date={date}&_sort=date")
    assert answer == [f"Observation/{made[day]}" for day in days]


@pytest.mark.parametrize(
    ("sort", "order"), [("date", [0, 1, 2]), ("-date", [2, 1, 0]), ("_lastUpdated", [0, 1, 2]), ("-_lastUpdated", [2, 1, 0])]
)
async def test_matches_come_in_the_order_asked_for(locality: Locality, sort: str, order: list[int]) -> None:
    """_sort, both ways."""
    trust = await locality.agency("trust")
    made = await several(locality, trust, 3)
    assert await walked(trust, f"Observation?patient={locality.person}&_sort={sort}") == [made[place] for place in order]


async def test_without_a_sort_the_order_is_that_of_ids(locality: Locality) -> None:
    """The default order is total and does not move when records change."""
    trust = await locality.agency("trust")
    made = await several(locality, trust, 3)
    assert await walked(trust, f"Observation?patient={locality.person}") == sorted(made)


@pytest.mark.parametrize("sort", ["", "&_sort=date", "&_sort=-date", "&_sort=-_lastUpdated", "&_sort=status,-date"])
async def test_pages_show_each_match_once(locality: Locality, sort: str) -> None:
    """The next links walked to the end."""
    trust = await locality.agency("trust")
    made = await several(locality, trust, 7)
    seen = await walked(trust, f"Observation?patient={locality.person}&_count=2{sort}")
    assert sorted(seen) == sorted(made)


async def test_pages_are_stable_under_writes(locality: Locality) -> None:
    """A record that comes or goes between two pages moves no other."""
    trust = await locality.agency("trust")
    made = await several(locality, trust, 5)
    page = (await trust.get(f"Observation?patient={locality.person}&_count=2&_sort=date")).json()
    await trust.send("DELETE", f"Observation/{made[0]}")
    await trust.created(observation(locality.person, date="2026-10-01"))
    following = next(link["url"] for link in page["link"] if link["relation"] == "next")
    assert await walked(trust, following) == made[2:]


async def test_hidden_records_leave_no_gap_in_a_page(locality: Locality) -> None:
    """A page is full as long as there are visible matches."""
    trust, crisis = await locality.agency("trust"), await locality.agency("crisis")
    restricted = {"security": [{"system": "http://terminology.hl7.org/CodeSystem/v3-Confidentiality", "code": "R"}]}
    task = await locality.sent(trust)
    shown = []
    for day in range(1, 9):
        resource = observation(locality.person, date=f"2026-11-{day:02}")
        made = await trust.created({**resource, "meta": restricted} if day % 2 else resource)
        shown += [] if day % 2 else [made["id"]]
    bundle = (await crisis.get(f"Observation?patient={locality.person}&_sort=date&_count=3&_total=accurate")).json()
    assert task["status"] == "requested"
    assert [each["resource"]["id"] for each in bundle["entry"]] == shown[:3]
    assert bundle["total"] == 4


@pytest.mark.parametrize(
    ("asked", "total"), [("", None), ("&_total=none", None), ("&_total=accurate", 3), ("&_summary=count", 3), ("&_count=0", 3)]
)
async def test_a_total_is_given_when_it_is_asked_for(locality: Locality, asked: str, total: int | None) -> None:
    """_total and _summary=count."""
    trust = await locality.agency("trust")
    await several(locality, trust, 3)
    assert (await trust.get(f"Observation?patient={locality.person}{asked}")).json().get("total") == total


async def test_a_count_has_no_entries(locality: Locality) -> None:
    """_summary=count."""
    trust = await locality.agency("trust")
    await several(locality, trust, 1)
    assert "entry" not in (await trust.get(f"Observation?patient={locality.person}&_summary=count")).json()


async def test_a_summary_is_marked_as_a_subset(locality: Locality) -> None:
    """_summary=true leaves out what is not of the summary."""
    trust = await locality.agency("trust")
    await trust.created(observation(locality.person, note=[{"text": "long"}]))
    resource = (await trust.get(f"Observation?patient={locality.person}&_summary=true")).json()["entry"][0]["resource"]
    assert "note" not in resource
    assert resource["meta"]["tag"][0]["code"] == "SUBSETTED"


async def test_elements_are_those_named_and_the_mandatory(locality: Locality) -> None:
    """_elements."""
    trust = await locality.agency("trust")
    await several(locality, trust, 1)
    resource = (await trust.get(f"Observation?patient={locality.person}&_elements=subject")).json()["entry"][0]["resource"]
    assert set(resource) == {"resourceType", "id", "meta", "status", "code", "subject"}


async def test_an_include_brings_what_a_match_refers_to(locality: Locality) -> None:
    """_include, marked as such."""
    trust = await locality.agency("trust")
    await several(locality, trust, 2)
    entries = (await trust.get(f"Observation?patient={locality.person}&_include=Observation:subject")).json()["entry"]
    assert [(each["resource"]["resourceType"], each["search"]["mode"]) for each in entries] == [
        ("Observation", "match"),
        ("Observation", "match"),
        ("Patient", "include"),
    ]


async def test_a_revinclude_brings_what_refers_to_a_match(locality: Locality) -> None:
    """_revinclude."""
    trust = await locality.agency("trust")
    await several(locality, trust, 2)
    identity = locality.person.partition("/")[2]
    entries = (await trust.get(f"Patient?_id={identity}&_revinclude=Observation:subject")).json()["entry"]
    assert [each["search"]["mode"] for each in entries] == ["match", "include", "include"]


async def test_an_include_brings_nothing_that_is_hidden(locality: Locality) -> None:
    """The receiver of a handover sees its plan, not the trust's restricted note that refers to it."""
    trust, crisis = await locality.agency("trust"), await locality.agency("crisis")
    await locality.sent(trust)
    restricted = {"security": [{"system": "http://terminology.hl7.org/CodeSystem/v3-Confidentiality", "code": "R"}]}
    await trust.created({**observation(locality.person), "meta": restricted})
    identity = locality.person.partition("/")[2]
    answer = (await crisis.get(f"Patient?_id={identity}&_revinclude=Observation:subject")).json()
    assert [each["resource"]["resourceType"] for each in answer["entry"]] == ["Patient"]


@pytest.mark.parametrize(
    "param",
    [
        "colour=red",
        "status:exact=final",
        "date=yesterday",
        "_sort=colour",
        "_count=-1",
        "_include=Observation:colour",
        "_total=all",
        "_summary=none",
    ],
)
async def test_what_cannot_be_searched_by_is_named(locality: Locality, param: str) -> None:
    """400: no parameter is ignored."""
    trust = await locality.agency("trust")
    answer = await trust.get(f"Observation?{param}")
    assert answer.status_code == 400
    said = answer.json()["issue"][0]["diagnostics"]
    assert "colour" in said or param.partition("=")[0].partition(":")[0] in said


async def test_lenient_handling_ignores_and_says_so(locality: Locality) -> None:
    """Prefer: handling=lenient."""
    trust = await locality.agency("trust")
    (made,) = await several(locality, trust, 1)
    answer = (await trust.get(f"Observation?patient={locality.person}&colour=red", Prefer="handling=lenient")).json()
    assert [each["search"]["mode"] for each in answer["entry"]] == ["match", "outcome"]
    assert answer["entry"][0]["resource"]["id"] == made
    assert "`colour`" in answer["entry"][1]["resource"]["issue"][0]["diagnostics"]
    assert "colour" not in answer["link"][0]["url"]


async def test_an_ignored_parameter_is_in_no_link(locality: Locality) -> None:
    """R4 section 3.1.1.5: the self link tells what was searched for. The next page is found without it."""
    trust = await locality.agency("trust")
    made = await several(locality, trust, 3)
    query = f"Observation?patient={locality.person}&colour=red&_count=2&_sort=date"
    first = (await trust.get(query, Prefer="handling=lenient")).json()
    links = {each["relation"]: each["url"] for each in first["link"]}
    assert "colour" not in "".join(links.values())
    assert [each["resource"]["id"] for each in (await trust.get(links["next"])).json()["entry"]] == made[2:]


async def post_search(agency: Agency, query: str, form: str) -> Any:
    """POST [type]/_search with parameters in both places."""
    headers = {"Authorization": f"Bearer {agency.token}", "Content-Type": "application/x-www-form-urlencoded"}
    return await agency.http.post(f"/fhir/Observation/_search{query}", content=form, headers=headers)


async def test_a_post_search_reads_both_places(locality: Locality) -> None:
    """URL and body are one list of parameters."""
    trust = await locality.agency("trust")
    made = await several(locality, trust, 2)
    answer = await post_search(trust, f"?patient={locality.person}", "date=2026-11-02")
    assert [each["resource"]["id"] for each in answer.json()["entry"]] == made[1:]


async def test_a_post_search_in_json_is_refused(locality: Locality) -> None:
    """415."""
    trust = await locality.agency("trust")
    assert (await trust.post("Observation/_search", {"patient": locality.person})).status_code == 415


async def test_a_form_that_is_not_ascii_is_refused(locality: Locality) -> None:
    """400, not 500."""
    trust = await locality.agency("trust")
    headers = {"Authorization": f"Bearer {trust.token}", "Content-Type": "application/x-www-form-urlencoded"}
    answer = await locality.http.post("/fhir/Observation/_search", content=b"code=\xff", headers=headers)
    assert answer.status_code == 400


async def test_a_deleted_record_is_no_match(locality: Locality) -> None:
    """Nor is it counted."""
    trust = await locality.agency("trust")
    (made,) = await several(locality, trust, 1)
    await trust.send("DELETE", f"Observation/{made}")
    assert (await trust.get(f"Observation?patient={locality.person}&_total=accurate")).json()["total"] == 0


async def test_an_updated_record_is_found_by_what_it_says_now(locality: Locality) -> None:
    """The old value finds nothing."""
    trust = await locality.agency("trust")
    made = await trust.created(observation(locality.person, "sleep"))
    await trust.put({**made, "code": {"coding": [{"system": SAMPLE, "code": "mood"}]}})
    hits = [await found(trust, f"Observation?patient={locality.person}&code={code}") for code in ("sleep", "mood")]
    assert hits == [[], [f"Observation/{made['id']}"]]


@pytest.mark.parametrize("cursor", ["x", "", "e30.e30", "%00", "A" * 5000])
async def test_a_made_up_cursor_is_refused(locality: Locality, cursor: str) -> None:
    """400."""
    trust = await locality.agency("trust")
    assert (await trust.get(f"Observation?patient={locality.person}&_cursor={cursor}")).status_code == 400


async def test_strings_match_without_case_and_accents(locality: Locality) -> None:
    """From the start."""
    trust = await locality.agency("trust")
    made = await trust.created({"resourceType": "Patient", "name": [{"family": "Ångström"}], "birthDate": "1911-02-03"})
    hits = await found(trust, f"Patient?family=angstr&_id={made['id']}")
    assert hits == [f"Patient/{made['id']}"]


async def test_an_include_of_a_version_gives_that_version(locality: Locality) -> None:
    """R4 3.1.1.6: what was referred to, and not what it has become."""
    trust = await locality.agency("trust")
    first = await trust.created(observation(locality.person))
    await trust.put({**first, "code": {"text": "changed"}})
    referred = f"Observation/{first['id']}/_history/1"
    by = await trust.created({**observation(locality.person), "derivedFrom": [{"reference": referred}]})
    answer = (await trust.get(f"Observation?_id={by['id']}&_include=Observation:derived-from")).json()
    found = [each["resource"] for each in answer["entry"] if each["search"]["mode"] == "include"]
    assert [(each["meta"]["versionId"], each["code"]) for each in found] == [("1", first["code"])]
