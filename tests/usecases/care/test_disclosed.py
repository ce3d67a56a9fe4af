"""`Task/[id]/$disclosed`: who fetches what was disclosed, and what has been taken back since."""

from __future__ import annotations

from typing import Any

import pytest

from service.problem import Category, Refused, problem
from tests.locality import Locality
from tests.usecases.care.asking import approved, asked_by, basis, found, linked, request, settled, waiting


@pytest.mark.parametrize("who", ["trust", "voluntary", "person"])
async def test_only_who_asked_fetches(locality: Locality, make: Any, who: str) -> None:
    """For everybody else it is as if the Task were not there."""
    await settled(make)
    task = await (await locality.agency("crisis")).created(request(make.person))
    app = ("crisis", "patient/*.cruds", make.person, make.person)
    asker = await (locality.agency(*app) if who == "person" else locality.agency(who))
    hidden, absent = [await asker.get(f"Task/{name}/$disclosed") for name in (task["id"], "not-there")]
    assert (hidden.status_code, hidden.text.replace(task["id"], "not-there")) == (404, absent.text)


async def test_another_task_discloses_nothing(locality: Locality, make: Any) -> None:
    """A handover is no data request."""
    trust = await locality.agency("trust")
    task = await locality.sent(trust)
    assert (await trust.get(f"Task/{task['id']}/$disclosed")).status_code == 404


async def test_a_withdrawn_consent_withholds(locality: Locality, make: Any) -> None:
    """HOV-8 in spirit: what was disclosed by it is not given again, and its recipient is asked to stop using it."""
    await settled(make, make.consent(identity="yes"))
    housing, trust = await locality.agency("housing"), await locality.agency("trust")
    task = await housing.created(asked_by("housing", make.person))
    before = await found(housing, task)
    consent = (await trust.get(f"Consent/{make.id('yes')}")).json()
    assert (await trust.put({**consent, "status": "inactive"})).status_code == 200
    assert (before, await found(housing, task)) == (["plain", "private"], [])
    rows = await locality.built.services.holdings.of("Task", [make.person])
    stops = [row.resource for row in rows if "code=stop-use" in row.index.keys]
    assert [(each["owner"], each["focus"]) for each in stops] == [
        ({"reference": "Organization/housing"}, {"reference": task["output"][0]["valueReference"]["reference"]})
    ]


async def test_a_basis_holds_for_what_was_disclosed_by_it_alone(locality: Locality, make: Any) -> None:
    """A weak basis does not stand in for the Consent by which something was disclosed."""
    await settled(make, make.consent(identity="yes"))
    housing, trust = await locality.agency("housing"), await locality.agency("trust")
    task = await housing.created(asked_by("housing", make.person, basis("explicit-consent-elsewhere")))
    done = (await trust.put(approved(task))).json()
    consent = (await trust.get(f"Consent/{make.id('yes')}")).json()
    await trust.put({**consent, "status": "inactive"})
    assert await found(housing, done) == []


async def test_a_denial_since_does_not_undo_an_approved_basis(locality: Locality, make: Any) -> None:
    """L2 stands above L3: it was disclosed under it, and may be fetched under it."""
    task = await waiting(make, locality)
    done = (await (await locality.agency("trust")).put(approved(task))).json()
    await make.stored("trust", make.consent("deny", to="crisis", identity="no"))
    assert await found(await locality.agency("crisis"), done) == ["plain", "private"]


async def test_who_fetches_is_decided_too(locality: Locality, make: Any) -> None:
    """What the person denies to one of the asker's staff is not given to that one."""
    await settled(make)
    task = await (await locality.agency("crisis")).created(request(make.person))
    denial = make.consent("deny", identity="no")
    denial["provision"]["actor"][0]["reference"] = {"reference": "PractitionerRole/crisis-second"}
    await make.stored("trust", denial)
    users = [await make.user("crisis", name) for name in ("lead", "second")]
    assert [await found(each, task) for each in users] == [["plain"], []]


async def test_it_gives_the_very_version_that_was_disclosed(locality: Locality, make: Any) -> None:
    """What the custodian wrote since is not part of it."""
    await settled(make)
    crisis, trust = await locality.agency("crisis"), await locality.agency("trust")
    task = await crisis.created(request(make.person))
    record = (await trust.get(f"Condition/{make.id('plain')}")).json()
    assert (await trust.put({**record, "code": {"text": "written later"}})).status_code == 200
    answer = await crisis.get(f"Task/{task['id']}/$disclosed")
    assert ("content-of-plain" in answer.text, "written later" in answer.text) == (True, False)


async def test_no_audit_no_answer(locality: Locality, make: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is audited before it leaves."""
    await settled(make)
    crisis = await locality.agency("crisis")
    task = await crisis.created(request(make.person))

    async def lost(*_: object, **__: object) -> None:
        raise Refused(problem(Category.UNAVAILABLE, "transient", "The database does not answer."))

    monkeypatch.setattr(locality.built.services.trail, "note", lost)
    answer = await crisis.get(f"Task/{task['id']}/$disclosed")
    assert (answer.status_code, "content-of" in answer.text) == (503, False)


@pytest.mark.parametrize("scope", ["system/Task.r", "system/Condition.r"])
async def test_every_scope_is_needed_to_fetch(locality: Locality, make: Any, scope: str) -> None:
    """Reading the Task and each type."""
    await settled(make)
    task = await (await locality.agency("crisis")).created(request(make.person))
    assert (await (await locality.agency("crisis", scope)).get(f"Task/{task['id']}/$disclosed")).status_code == 403


async def test_nobody_is_asked_to_log_in(locality: Locality, make: Any) -> None:
    """Anonymous: 401."""
    assert (await locality.anonymous().get("Task/any/$disclosed")).status_code == 401
    assert (await locality.anonymous().post("Task", request(make.person))).status_code == 401


async def test_it_is_listed(locality: Locality) -> None:
    """In the CapabilityStatement."""
    stated = (await locality.anonymous().get("metadata")).json()
    (task,) = [each for each in stated["rest"][0]["resource"] if each["type"] == "Task"]
    assert "disclosed" in [each["name"] for each in task["operation"]]


@pytest.mark.parametrize("who", ["person", "trust"])
async def test_the_account_of_access_shows_it(locality: Locality, make: Any, who: str) -> None:
    """The disclosure and each fetch, to the person and to the agency that keeps their record."""
    await settled(make)
    crisis = await locality.agency("crisis")
    task = await crisis.created(request(make.person))
    await found(crisis, task)
    app = ("trust", "patient/*.rs", make.person, make.person)
    asker = await (locality.agency(*app) if who == "person" else locality.agency(who))
    lines = [each["resource"] for each in (await asker.get(make.path("access-history"))).json()["entry"]]
    names = [name for line in lines for each in line["entity"] if (name := each.get("name"))]
    assert {f"Task/{task['id']}", f"Task/{task['id']}/$disclosed"} <= set(names)


async def test_the_account_of_a_linked_record_shows_it(locality: Locality) -> None:
    """What the trust disclosed is in the account of the trust's own Patient, though another's was asked about."""
    theirs, ours, record = await linked(locality)
    voluntary, trust = await locality.agency("voluntary"), await locality.agency("trust")
    await trust.put(approved(await voluntary.created(asked_by("voluntary", ours, basis()))))
    answer = await trust.get(f"{theirs}/$access-history")
    assert f"{record}/_history/1" in answer.text
    assert ours not in answer.text
