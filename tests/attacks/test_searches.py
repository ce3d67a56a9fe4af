"""Attack list, searches (security rules, section 3): no search, page link or include finds what is hidden."""

from __future__ import annotations

from typing import Any

import pytest

from service import clock
from tests.attacks.callers import CALLERS, alike, stranger, tied
from tests.attacks.records import CONFIDENTIALITY, SAMPLE, denial, observation
from tests.locality import BASE, Agency, Locality, patient, stored

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
