"""`$break-glass`: who may, for how long, what it opens, and what is left to account for."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from service import clock
from service.consent.request import BREAK_GLASS
from service.fhir.date import instant
from tests.locality import Locality, code

REASON = "Found unconscious at home, crew needs the history."
Resource = dict[str, Any]


def asked(kind: str = "vital-interests", reason: str = REASON, *more: Resource) -> Resource:
    """The Parameters of `$break-glass`."""
    given = [{"name": "kind", "valueCode": kind}, {"name": "reason", "valueString": reason}]
    return {"resourceType": "Parameters", "parameter": [*given, *more]}


async def objected(make: Any) -> str:
    """The person objects to the crisis team, which takes part in their care; gives a record it may not read."""
    await make.tied("crisis")
    await make.stored("trust", make.condition("plain"), make.consent("deny", to="crisis", identity="no"))
    return f"Condition/{make.id('plain')}"


async def test_it_opens_what_consent_denied(make: Any) -> None:
    """L2 stands above L3."""
    record, crisis = await objected(make), await make.user("crisis")
    before = (await crisis.get(record)).status_code
    answer = await crisis.post(make.path("break-glass"), asked())
    assert answer.status_code == 201, answer.text
    assert (before, (await crisis.get(record)).status_code) == (404, 200)


async def test_it_opens_it_for_one_user(locality: Locality, make: Any) -> None:
    """Neither a colleague nor the agency's own systems see more than before."""
    record, crisis = await objected(make), await make.user("crisis")
    await crisis.post(make.path("break-glass"), asked())
    others = [await make.user("crisis", "second"), await locality.agency("crisis")]
    assert [(await each.get(record)).status_code for each in others] == [404, 404]


async def test_it_opens_one_person(make: Any, locality: Locality) -> None:
    """Another person who objected stays closed."""
    from tests.locality import person

    other = await person(locality.built)
    team = {"resourceType": "CareTeam", "id": make.id("other"), "status": "active", "subject": {"reference": other}}
    await objected(make)
    await make.stored(
        "trust",
        {**team, "participant": [{"member": {"reference": "Organization/crisis"}}]},
        {**make.condition("other"), "subject": {"reference": other}},
        {
            **make.consent("deny", to="crisis", identity="other-no"),
            "patient": {"reference": other},
            "performer": [{"reference": other}],
        },
    )
    crisis = await make.user("crisis")
    await crisis.post(make.path("break-glass"), asked())
    assert (await crisis.get(f"Condition/{make.id('other')}")).status_code == 404


async def test_its_scope_is_what_was_named(make: Any) -> None:
    """An override for care plans opens no Condition."""
    record, crisis = await objected(make), await make.user("crisis")
    await crisis.post(make.path("break-glass"), asked("patient-safety", REASON, {"name": "scope", "valueCode": "CarePlan"}))
    assert (await crisis.get(record)).status_code == 404


async def test_it_ends_by_itself(make: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """After its end the record is as closed as before."""
    record, crisis = await objected(make), await make.user("crisis")
    await crisis.post(make.path("break-glass"), asked())
    later = clock.now() + timedelta(hours=4, minutes=1)
    monkeypatch.setattr(clock, "now", lambda: later)
    crisis = await make.user("crisis")
    assert (await crisis.get(record)).status_code == 404


@pytest.mark.parametrize("kind", sorted(BREAK_GLASS))
async def test_each_kind_is_known(make: Any, kind: str) -> None:
    """The six kinds of consent rules, section 5."""
    await objected(make)
    crisis = await make.user("crisis")
    answer = await crisis.post(make.path("break-glass"), asked(kind))
    assert answer.json()["reasonCode"]["coding"][0]["code"] == kind


@pytest.mark.parametrize(
    ("body", "word"),
    [
        (asked("curiosity"), "kind"),
        (asked(reason="  because I can      "), "reason"),
        (asked("legal", REASON, {"name": "scope", "valueCode": "Task"}), "scope"),
        (asked("legal", REASON, {"name": "end", "valueInstant": instant(clock.now() + timedelta(hours=5))}), "end"),
        (asked("legal", REASON, {"name": "end", "valueInstant": "2020-01-01T00:00:00Z"}), "end"),
    ],
)
async def test_what_does_not_do_is_named(make: Any, body: Resource, word: str) -> None:
    """Kind, reason of 20 characters, scope, end within 4 hours."""
    await objected(make)
    crisis = await make.user("crisis")
    answer = await crisis.post(make.path("break-glass"), body)
    assert answer.status_code == 422
    assert answer.json()["issue"][0]["expression"] == [f"Parameters.parameter.where(name = '{word}')"]


async def test_a_system_does_not_override(locality: Locality, make: Any) -> None:
    """Only a person does."""
    await objected(make)
    crisis = await locality.agency("crisis")
    assert (await crisis.post(make.path("break-glass"), asked())).status_code == 403


async def test_the_person_does_not_override(locality: Locality, make: Any) -> None:
    """Nor does a patient's own app."""
    await objected(make)
    app = await locality.agency("crisis", "patient/*.cruds", user=make.person, patient=make.person)
    assert (await app.post(make.path("break-glass"), asked())).status_code == 403


async def test_nobody_is_asked_to_log_in(locality: Locality, make: Any) -> None:
    """Anonymous: 401."""
    assert (await locality.anonymous().post(make.path("break-glass"), asked())).status_code == 401


async def test_the_scope_to_create_a_task_is_needed(make: Any) -> None:
    """Wrong scope: 403."""
    crisis = await make.user("crisis", scope="user/Patient.rs")
    assert (await crisis.post(make.path("break-glass"), asked())).status_code == 403


async def test_without_a_relationship_there_is_nothing_to_override(make: Any) -> None:
    """L0 stands above L2: the answer is that of a Patient that is not there."""
    voluntary = await make.user("voluntary")
    answer = await voluntary.post(make.path("break-glass"), asked())
    assert answer.status_code == 404


async def test_without_an_agreement_there_is_nothing_to_override(locality: Locality, make: Any) -> None:
    """L0: told before any Patient is looked for, so alike for all."""
    agency = make.id("lapsed")
    role = {
        "resourceType": "PractitionerRole",
        "id": f"{agency}-lead",
        "active": True,
        "practitioner": {"reference": "Practitioner/crisis-lead"},
        "organization": {"reference": f"Organization/{agency}"},
    }
    await make.stored("trust", {"resourceType": "Organization", "id": agency, "active": True, "name": "Lapsed"}, role)
    lapsed = await make.user(agency)
    answers = [await lapsed.post(f"{patient}/$break-glass", asked()) for patient in (make.person, "Patient/not-there")]
    assert [each.status_code for each in answers] == [422, 422]
    assert answers[0].text == answers[1].text


async def test_the_review_goes_to_the_custodian(locality: Locality, make: Any) -> None:
    """The Task is the privacy officer's agency's to answer; it is told, and its 72 hours run."""
    await objected(make)
    crisis, trust = await make.user("crisis"), await locality.agency("trust")
    task = (await crisis.post(make.path("break-glass"), asked())).json()
    assert task["owner"] == {"reference": "Organization/trust"}
    assert (await trust.get(f"Task/{task['id']}")).status_code == 200
    mongo, ref = locality.built.services.mongo, f"Task/{task['id']}"
    timer = await mongo.collection("timers").find_one({"focus": ref})
    notice = await mongo.collection("outbox").find_one({"focus": ref})
    assert timer["due"] - timer["at"] == timedelta(hours=72)
    assert notice["to"] == "Organization/trust"


async def test_the_person_is_told(locality: Locality, make: Any) -> None:
    """A Communication to the person, in the same transaction."""
    await objected(make)
    crisis = await make.user("crisis")
    await crisis.post(make.path("break-glass"), asked())
    app = await locality.agency("trust", "patient/*.rs", user=make.person, patient=make.person)
    told = (await app.get("Communication?category=override-notice")).json()["entry"]
    assert [each["resource"]["recipient"] for each in told] == [[{"reference": make.person}]]


async def test_telling_the_person_may_be_deferred(locality: Locality, make: Any) -> None:
    """With a reason; then neither a message nor the review shows."""
    await objected(make)
    crisis = await make.user("crisis")
    defer = {"name": "defer", "valueString": "The person's partner reads their messages."}
    task = (await crisis.post(make.path("break-glass"), asked("safeguarding", REASON, defer))).json()
    app = await locality.agency("trust", "patient/*.rs", user=make.person, patient=make.person)
    assert (await app.get("Communication?category=override-notice")).json().get("entry", []) == []
    assert (await app.get(f"Task/{task['id']}")).status_code == 404


async def test_nothing_is_granted_by_half(make: Any, locality: Locality, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the transaction fails there is no grant, no message and no access."""
    from service.problem import Category, Refused, problem

    record, crisis = await objected(make), await make.user("crisis")

    async def lost(*_: object) -> None:
        raise Refused(problem(Category.UNAVAILABLE, "transient", "The database does not answer."))

    with monkeypatch.context() as patch:
        patch.setattr(locality.built.services.records, "commit", lost)
        assert (await crisis.post(make.path("break-glass"), asked())).status_code == 503
    assert (await crisis.get(record)).status_code == 404


async def test_a_client_does_not_write_itself_an_override(make: Any) -> None:
    """The Task is made by the operation alone."""
    record, crisis = await objected(make), await make.user("crisis")
    task = (await crisis.post(make.path("break-glass"), asked("legal", REASON, {"name": "scope", "valueCode": "Goal"}))).json()
    forged = {name: value for name, value in task.items() if name not in ("id", "meta", "input")}
    assert (await crisis.post("Task", forged)).status_code in (403, 422)
    assert (await crisis.get(record)).status_code == 404


async def test_a_client_does_not_widen_its_override(make: Any) -> None:
    """The agency that used it may not change what it was."""
    record, crisis = await objected(make), await make.user("crisis")
    task = (await crisis.post(make.path("break-glass"), asked("legal", REASON, {"name": "scope", "valueCode": "Goal"}))).json()
    answer = await crisis.put({name: value for name, value in task.items() if name != "input"})
    assert answer.status_code in (403, 422)
    assert (await crisis.get(record)).status_code == 404


async def test_the_reviewer_completes_the_review(locality: Locality, make: Any) -> None:
    """By what was decided; its clock stops."""
    await objected(make)
    crisis, trust = await make.user("crisis"), await locality.agency("trust")
    task = (await crisis.post(make.path("break-glass"), asked())).json()
    decided = {
        "type": {"coding": [{"system": "https://baton.example/fhir/CodeSystem/task-output", "code": "decision"}]},
        "valueCodeableConcept": code("override-decision", "justified", "The crew needed to know."),
    }
    assert (await trust.put({**task, "status": "completed"})).status_code == 422
    answer = await trust.put({**task, "status": "completed", "output": [decided]})
    assert answer.status_code == 200, answer.text
    timers = locality.built.services.mongo.collection("timers")
    assert await timers.find_one({"focus": f"Task/{task['id']}", "done": False}) is None


def judged(task: Resource, decision: str) -> Resource:
    """A review with its decision."""
    output = {"type": code("task-output", "decision"), "valueCodeableConcept": code("override-decision", decision)}
    return {**task, "status": "completed", "output": [output]}


async def test_an_unjustified_override_ends_at_once_and_is_an_incident(locality: Locality, make: Any) -> None:
    """Consent rules, section 5."""
    record, crisis, trust = await objected(make), await make.user("crisis"), await locality.agency("trust")
    task = (await crisis.post(make.path("break-glass"), asked())).json()
    before = (await crisis.get(record)).status_code
    assert (await trust.put(judged(task, "unjustified"))).status_code == 200
    assert (before, (await crisis.get(record)).status_code) == (200, 404)
    flags = (await trust.get(f"Flag?patient={make.person}")).json()["entry"]
    assert [each["resource"]["code"]["coding"][0]["code"] for each in flags] == ["override-unjustified"]


async def test_every_agency_whose_records_are_opened_reviews_and_each_ends_it_for_all(locality: Locality, make: Any) -> None:
    """Consent rules, section 5: never the agency that overrode."""
    record, crisis, trust = await objected(make), await make.user("crisis"), await locality.agency("trust")
    housing = await locality.agency("housing")
    team = {"resourceType": "CareTeam", "id": make.id("theirs"), "status": "active", "subject": {"reference": make.person}}
    theirs = {**make.condition("theirs"), "id": make.id("theirs")}
    await make.stored("housing", {**team, "participant": [{"member": {"reference": "Organization/crisis"}}]}, theirs)
    answer = await crisis.post(make.path("break-glass"), asked())
    refs = record, f"Condition/{make.id('theirs')}"
    opened = [(await crisis.get(ref)).status_code for ref in refs]
    (asked_too,) = (await housing.get(f"Task?code=override-review&patient={make.person}")).json()["entry"]
    assert asked_too["resource"]["owner"] == {"reference": "Organization/housing"}
    assert asked_too["resource"]["groupIdentifier"] == answer.json()["groupIdentifier"]
    assert (await housing.put(judged(asked_too["resource"], "unjustified"))).status_code == 200
    assert (opened, [(await crisis.get(ref)).status_code for ref in refs]) == ([200, 200], [404, 404])
    assert (await trust.get(f"Task/{answer.json()['id']}")).status_code == 200


async def test_a_deleted_draft_does_not_come_back_as_an_override(make: Any) -> None:
    """An update of a deleted Task is a new Task: it may not be one that only the service makes."""
    record, crisis = await objected(make), await make.user("crisis")
    task = (await crisis.post(make.path("break-glass"), asked("legal", REASON, {"name": "scope", "valueCode": "Goal"}))).json()
    draft = await crisis.created({"resourceType": "Task", "status": "draft", "intent": "order"})
    gone = await crisis.send("DELETE", f"Task/{draft['id']}", If_Match='W/"1"')
    assert gone.status_code == 204
    forged = {name: value for name, value in task.items() if name not in ("id", "meta", "input")}
    answer = await crisis.put({**forged, "id": draft["id"]}, If_Match='W/"2"')
    assert (answer.status_code < 300, (await crisis.get(record)).status_code) == (False, 404)


async def test_what_it_writes_is_valid(locality: Locality, make: Any) -> None:
    """The review Task and the message to the person are FHIR that anybody could have sent."""
    await objected(make)
    crisis = await make.user("crisis")
    task = (
        await crisis.post(make.path("break-glass"), asked("legal", REASON, {"name": "scope", "valueCode": "CarePlan"}))
    ).json()
    app = await locality.agency("trust", "patient/*.rs", user=make.person, patient=make.person)
    (told,) = (await app.get("Communication?category=override-notice")).json()["entry"]
    check = locality.built.services.validator.check
    issues = [each for resource in (task, told["resource"]) for each in check(resource) if each.severity == "error"]
    assert issues == []


async def test_a_repeat_opens_it_once(make: Any) -> None:
    """HOV-9: the same X-Request-Id gives the first answer again."""
    await objected(make)
    crisis = await make.user("crisis")
    answers = [await crisis.post(make.path("break-glass"), asked(), X_Request_Id=make.id("once")) for _ in range(2)]
    assert answers[0].json()["id"] == answers[1].json()["id"]
