"""However a search is made, from its matches, from the people of its agency, or by asking first: the same rows, in the same
order, on the same pages, as deciding on each record by itself gives."""

from __future__ import annotations

from typing import Any

import pytest

from service import clock
from service.store import relations, search
from service.usecases.request import walk
from tests.api.notes import observation
from tests.locality import Agency, Locality, person

PLANS = {
    "as counted": (2000, 150, 1000),
    "people first": (2000, 150, 0),
    "matches first": (2000, 0, 1000),
    "asked first": (0, 0, 0),
}
SEARCHES = (
    "Observation?code:text={text}",
    "Observation?code:text={text}&_sort=-_id",
    "Observation?code:text={text}&_sort=-_lastUpdated",
    "Observation?code:text={text}&_sort=date",
    "Observation?code:text={text}&_sort=status,-_id",
    "Observation?code:text={text}&status:not=final",
    "Observation?code:text={text}&_total=accurate",
    "Observation?code:text={text}&_security:not=R",
)


async def walked(agency: Agency, path: str) -> list[Any]:
    """Every page of a search: its rows, with what is shown of them, and its links."""
    pages, url = [], f"{path}&_count=3"
    while url:
        page = (await agency.get(url)).json()
        assert page["resourceType"] == "Bundle", page
        pages.append([page.get("total"), page.get("entry", []), page["link"]])
        url = next((each["url"] for each in page["link"] if each["relation"] == "next"), "")
    return pages


async def told(locality: Locality, text: str) -> list[str]:
    """Notes about five people, of whom the crisis team is related to three: plain, restricted, its own, and of nobody."""
    trust, crisis = await locality.agency("trust"), await locality.agency("crisis")
    people = [await person(locality.built) for _ in range(5)]
    label = {"meta": {"security": [{"system": "http://terminology.hl7.org/CodeSystem/v3-Confidentiality", "code": "R"}]}}
    made = []
    for number, who in enumerate(people * 4):
        more: dict[str, Any] = {"status": ("final", "amended")[number % 2], **(label if number % 3 == 0 else {})}
        more["effectiveDateTime"] = f"2026-0{number % 9 + 1}-01"
        made.append(await trust.created(observation(who, text, **more)))
    for who in people[:3]:
        team = {"resourceType": "CareTeam", "status": "active", "subject": {"reference": who}}
        await trust.created({**team, "participant": [{"member": {"reference": "Organization/crisis"}}]})
    made.append(await crisis.created(observation(people[4], text)))
    made.append(await trust.created(observation("Group/g", text)))
    made.append(await trust.created({**observation(people[0], text), "performer": [{"reference": people[3]}]}))
    return [each["id"] for each in made]


@pytest.mark.parametrize("agency", ["trust", "crisis", "voluntary"])
async def test_every_plan_finds_what_may_be_read(locality: Locality, monkeypatch: pytest.MonkeyPatch, agency: str) -> None:
    """A search of each plan against reads of every record, and against one another."""
    text = clock.new_id()
    identities = await told(locality, text)
    asking = await locality.agency(agency)
    readable = {each for each in identities if (await asking.get(f"Observation/{each}")).status_code == 200}
    found: dict[str, list[Any]] = {}
    for name, (few, streams, matches) in PLANS.items():
        monkeypatch.setattr(relations, "FEW", few)
        monkeypatch.setattr(search, "STREAMS", streams)
        monkeypatch.setattr(search, "FEW", matches)
        monkeypatch.setattr(walk, "LOOKED", 5)
        locality.built.services.relations._large.clear()
        found[name] = [await walked(asking, each.format(text=text)) for each in SEARCHES]
    assert {each["resource"]["id"] for page in found["as counted"][0] for each in page[1]} == readable
    for name, pages in found.items():
        assert pages == found["as counted"], name
