"""Attack list, side channels (consent rules, section 3): how much is hidden turns no answer into another, and what is hidden
takes the work of what is absent."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest

from service import clock
from service.auth.caller import Caller
from service.auth.scopes import Scopes, parse
from service.problem import Category, Refused
from service.store.search import Searches
from service.usecases.disclosure import disclosure_account
from service.usecases.interactions import search
from service.usecases.request.services import RequestContext, Services
from tests.attacks.callers import denied, stranger, tied
from tests.attacks.records import CONFIDENTIALITY, observation
from tests.locality import BASE, Agency, Locality, stored

FEW = 25


def narrow(services: Services) -> Services:
    """The service, which looks at few records only."""
    few = Searches(services.mongo, services.records.projector, most_scanned=FEW)
    return replace(services, searches=few, settings=services.settings.model_copy(update={"max_scan": FEW}))


def asked(agency: str) -> RequestContext:
    """A request of an agency's system."""
    scopes = parse("system/*.cruds")
    assert isinstance(scopes, Scopes)
    return RequestContext(Caller("test", f"Organization/{agency}", scopes), clock.now(), f"{BASE}/fhir")


async def notes(locality: Locality, label: str, number: int) -> None:
    """So many notes of the trust about the person, labelled alike."""
    meta = {"security": [{"system": CONFIDENTIALITY, "code": label}]}
    await stored(
        locality.built, "Organization/trust", *(observation(locality.person, id=clock.new_id(), meta=meta) for _ in range(number))
    )


@pytest.mark.parametrize("more", [(), (("_total", "accurate"),), (("_summary", "count"),), (("_sort", "code"),)])
async def test_hidden_records_make_no_search_too_costly(locality: Locality, more: tuple[tuple[str, str], ...]) -> None:
    """With hundreds more hidden than one search may look at, the answer is the same."""
    await tied(locality, "crisis")
    await notes(locality, "N", 3)
    services, params = narrow(locality.built.services), (("patient", locality.person), *more)
    before = await search.search(services, asked("crisis"), "Observation", params)
    await notes(locality, "R", 20 * FEW)
    after = await search.search(services, asked("crisis"), "Observation", params)
    assert (before.entries, before.total) == (after.entries, after.total)
    assert len(before.entries) == 3 or before.total == 3


@pytest.mark.parametrize("more", [(("_total", "accurate"),), (("_sort", "code"),)])
async def test_visible_records_still_do(locality: Locality, more: tuple[tuple[str, str], ...]) -> None:
    """What one may see and does not narrow down is refused as too costly."""
    await notes(locality, "N", FEW + 1)
    params = (("patient", locality.person), *more)
    with pytest.raises(Refused) as refused:
        await search.search(narrow(locality.built.services), asked("trust"), "Observation", params)
    assert refused.value.problem.category is Category.TOO_COSTLY


async def test_hidden_entries_make_no_account_too_costly(locality: Locality) -> None:
    """`$access-history` counts what it tells."""
    trust = await locality.agency("trust")
    await trust.get(locality.person)
    for _ in range(3 * FEW):
        await trust.get(f"Observation?patient={locality.person}&_id=none")
    identity = locality.person.partition("/")[2]
    page = await disclosure_account.history(narrow(locality.built.services), asked("trust"), identity, (("_count", "50"),))
    assert page.entries


async def spent(locality: Locality, agency: Agency, path: str, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The collections that a read asks, in order, when it is read again."""
    await agency.get(path)
    mongo, found = locality.built.services.mongo, list[str]()
    kept: Callable[[str], Any] = mongo.collection

    def collection(name: str) -> Any:
        found.append(name)
        return kept(name)

    with monkeypatch.context() as patched:
        patched.setattr(mongo, "collection", collection)
        await agency.get(path)
    return sorted(each for each in found if "Audit" not in each and "ledger" not in each)


@pytest.mark.parametrize("caller", [stranger, denied])
@pytest.mark.parametrize("more", ["", "/_history/1", "/_history"])
async def test_a_hidden_record_costs_what_an_absent_one_costs(
    locality: Locality, caller: Callable[[Locality], Awaitable[Agency]], more: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same reads of the database, once the person's evidence is kept."""
    await stored(locality.built, "Organization/trust", note := observation(locality.person, id=clock.new_id()))
    agency = await caller(locality)
    hidden = await spent(locality, agency, f"Observation/{note['id']}{more}", monkeypatch)
    absent = await spent(locality, agency, f"Observation/{clock.new_id()}{more}", monkeypatch)
    assert hidden == absent
