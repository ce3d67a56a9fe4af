"""History and vread over HTTP (R4 sections 3.1.0.3 and 3.1.0.9)."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.notes import observation
from tests.locality import Agency, Locality

Stored = dict[str, Any]


async def versions(locality: Locality, trust: Agency, count: int) -> Stored:
    """A record with this many versions, whose code says which."""
    resource = {"resourceType": "Basic", "code": {"text": "1"}, "subject": {"reference": locality.person}}
    made = await trust.created(resource)
    for version in range(2, count + 1):
        made = (await trust.put({**made, "code": {"text": str(version)}})).json()
    return made


async def test_history_tells_every_version_newest_first(locality: Locality) -> None:
    """Each with its request and response."""
    trust = await locality.agency("trust")
    made = await versions(locality, trust, 3)
    await trust.send("DELETE", f"Basic/{made['id']}")
    bundle = (await trust.get(f"Basic/{made['id']}/_history")).json()
    assert bundle["type"] == "history"
    assert [each["request"]["method"] for each in bundle["entry"]] == ["DELETE", "PUT", "PUT", "POST"]
    assert [each["response"]["etag"] for each in bundle["entry"]] == ['W/"4"', 'W/"3"', 'W/"2"', 'W/"1"']
    assert "resource" not in bundle["entry"][0]


async def test_history_is_paged_to_its_end(locality: Locality) -> None:
    """Every version once."""
    trust = await locality.agency("trust")
    made = await versions(locality, trust, 5)
    url, seen = f"Basic/{made['id']}/_history?_count=2", []
    while url:
        bundle = (await trust.get(url)).json()
        seen += [each["resource"]["code"]["text"] for each in bundle.get("entry", ())]
        url = next((link["url"] for link in bundle["link"] if link["relation"] == "next"), "")
    assert seen == ["5", "4", "3", "2", "1"]


@pytest.mark.parametrize("offset", ["Z", "%2B00:00", "+00:00"])
async def test_history_is_told_since_an_instant(locality: Locality, offset: str) -> None:
    """_since: the versions stored at it or after it, also when they are none, over all pages; with its offset escaped or not."""
    trust = await locality.agency("trust")
    made = await versions(locality, trust, 4)
    url = f"Basic/{made['id']}/_history"
    instants = [each["resource"]["meta"]["lastUpdated"] for each in (await trust.get(url)).json()["entry"]]
    since = instants[2].replace("Z", offset)
    first = (await trust.get(f"{url}?_count=1&_since={since}")).json()
    assert [link["relation"] for link in first["link"]] == ["self", "next"]
    after = (await trust.get(f"{url}?_since={since}")).json()
    assert [each["resource"]["meta"]["lastUpdated"] for each in after["entry"]] == [
        each for each in instants if each >= instants[2]
    ]
    assert "entry" not in (await trust.get(f"{url}?_since=2100-01-01T00:00:00Z")).json()


async def test_a_version_is_read_as_it_was(locality: Locality) -> None:
    """vread of an old version."""
    trust = await locality.agency("trust")
    made = await versions(locality, trust, 2)
    answer = await trust.get(f"Basic/{made['id']}/_history/1")
    assert (answer.json()["code"], answer.headers["etag"]) == ({"text": "1"}, 'W/"1"')


@pytest.mark.parametrize("version", ["3", "0", "x", "99999999999999999999", "1.0", "%C2%B2"])
async def test_a_version_that_is_not_there_is_absent(locality: Locality, version: str) -> None:
    """404."""
    trust = await locality.agency("trust")
    made = await versions(locality, trust, 2)
    assert (await trust.get(f"Basic/{made['id']}/_history/{version}")).status_code == 404


async def test_the_version_that_deleted_is_gone(locality: Locality) -> None:
    """410 for the deletion, 200 for what was before it."""
    trust = await locality.agency("trust")
    made = await versions(locality, trust, 1)
    await trust.send("DELETE", f"Basic/{made['id']}")
    answers = [(await trust.get(f"Basic/{made['id']}/_history/{version}")).status_code for version in (1, 2)]
    assert answers == [200, 410]


async def test_history_of_nothing_is_absent(locality: Locality) -> None:
    """404."""
    assert (await (await locality.agency("trust")).get("Basic/not-there/_history")).status_code == 404


@pytest.mark.parametrize("params", ["", "?_count=1", "?_since=2100-01-01", "?_cursor=2", "?_count=1&_cursor=3"])
async def test_a_hidden_history_is_absent_however_it_is_asked(locality: Locality, params: str) -> None:
    """No page of it says that there are versions."""
    trust, stranger = await locality.agency("trust"), await locality.agency("housing")
    made = await versions(locality, trust, 3)
    hidden = await stranger.get(f"Basic/{made['id']}/_history{params}")
    absent = await stranger.get(f"Basic/not-there/_history{params}")
    assert hidden.status_code == absent.status_code == 404
    assert hidden.text.replace(made["id"], "not-there") == absent.text


@pytest.mark.parametrize("params", ["_since=x", "_since=", "_at=2026", "_count=x", "_cursor=x", "_count=%C2%B2", "_sort=date"])
async def test_history_ignores_no_parameter(locality: Locality, params: str) -> None:
    """400 naming it."""
    trust = await locality.agency("trust")
    made = await versions(locality, trust, 1)
    assert (await trust.get(f"Basic/{made['id']}/_history?{params}")).status_code == 400


async def test_a_history_with_nothing_so_new_was_read(locality: Locality) -> None:
    """Its AuditEvent is of a read that was allowed."""
    trust = await locality.agency("trust")
    made = await versions(locality, trust, 1)
    await trust.get(f"Basic/{made['id']}/_history?_since=2100-01-01")
    told = (await trust.get(f"AuditEvent?patient={locality.person}&_sort=-_lastUpdated&_count=1")).json()["entry"][0]
    assert (told["resource"]["action"], told["resource"]["outcome"]) == ("R", "0")


async def test_each_version_tells_how_it_came_to_be(locality: Locality) -> None:
    """R4 3.1.0.13: PUT creates under an id of the client's, and creates what was deleted anew."""
    trust = await locality.agency("trust")
    chosen = observation(locality.person, id=f"trust.{locality.person.partition('/')[2][:20]}")
    first = (await trust.put(chosen)).json()
    await trust.send("DELETE", f"Observation/{chosen['id']}")
    await trust.put({**chosen, "status": "amended"})
    await trust.put({**chosen, "status": "corrected"})
    entries = (await trust.get(f"Observation/{first['id']}/_history")).json()["entry"]
    told = [(each["request"]["method"], each["request"]["url"], each["response"]["status"]) for each in entries]
    url = f"Observation/{first['id']}"
    assert told == [("PUT", url, "200"), ("PUT", url, "201"), ("DELETE", url, "204"), ("PUT", url, "201")]


async def test_a_history_of_no_entries_has_none(locality: Locality) -> None:
    """_count=0."""
    trust = await locality.agency("trust")
    made = await trust.created(observation(locality.person))
    answer = (await trust.get(f"Observation/{made['id']}/_history?_count=0")).json()
    assert "entry" not in answer
    assert [each["relation"] for each in answer["link"]] == ["self"]


async def test_a_part_of_a_version_may_be_asked_for(locality: Locality) -> None:
    """_elements of a vread; another parameter is refused."""
    trust = await locality.agency("trust")
    made = await trust.created(observation(locality.person))
    part = (await trust.get(f"Observation/{made['id']}/_history/1?_elements=subject")).json()
    assert ("subject" in part, part["meta"]["tag"][0]["code"]) == (True, "SUBSETTED")
    assert (await trust.get(f"Observation/{made['id']}/_history/1?colour=red")).status_code == 400
