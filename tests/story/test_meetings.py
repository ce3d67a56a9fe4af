"""E1, E7, E9 and E13 as practices read: agencies meet, decide about people, and each decision is carried out. Each first without
what it cannot proceed without."""

from __future__ import annotations

from service.change import Resource
from tests.locality import SYSTEM, code, person, plan, stored
from tests.meetings import (
    action,
    agenda,
    ahead,
    close,
    decided,
    decision,
    entry,
    flag,
    forum_,
    found,
    meeting,
    part,
    participant,
    partner,
    ref,
    rules,
    texts,
    transaction,
)
from tests.stepping import consent
from tests.story.test_front_door import Story, allocated, story

__all__ = ["story"]
QUESTIONNAIRES = "https://baton.example/fhir/Questionnaire"
CRISIS: Resource = {"coding": [{"system": "http://snomed.info/sct", "code": "736253002"}]}
HERE = participant("crisis-lead"), participant("housing-lead")


async def test_e1_a_weekly_mdt_allocates_and_sets_actions(story: Story) -> None:
    """Nobody has the person until the receiving agency accepts; every entry has its decision, every action its owner and date."""
    referral = f"ServiceRequest/{(await story.housing.created(await story.referral()))['id']}"
    held = await story.trust.created(meeting("mdt", *HERE))
    listed = await story.trust.created(agenda(f"Encounter/{held['id']}", entry(referral)))

    answer = await close(story.trust, listed)
    assert (rules(answer), referral in texts(answer)) == (["E1"], True)
    assert "rationale" in texts(await close(story.trust, listed, decided(referral, "allocated", rationale="")))
    assert "TRI-1" in rules(await close(story.trust, listed, decided(referral, "allocated")))
    nobody = part("receiver", valueReference=ref("Organization/nobody"))
    assert "TRI-1" in rules(await close(story.trust, listed, decided(referral, "allocated", nobody)))
    crisis = part("receiver", valueReference=ref("Organization/crisis"))
    stranger = part("lead", valueReference=ref("PractitionerRole/housing-lead"))
    assert "another agency" in texts(await close(story.trust, listed, decided(referral, "allocated", crisis, stranger)))
    without = decided(referral, "allocated", crisis, action(owner=""))
    assert "TIM-11" in rules(await close(story.trust, listed, without))
    assert "TIM-11" in rules(await close(story.trust, listed, decided(referral, "allocated", crisis, action(due="none"))))
    stray = decided("ServiceRequest/elsewhere", "actions", action())
    assert "agenda" in texts(await close(story.trust, listed, decided(referral, "allocated", crisis), stray))
    assert await found(story.trust, "Communication?category=decision") == []
    assert (await story.trust.get(f"Encounter/{held['id']}")).json()["status"] == "planned"

    lead = part("lead", valueReference=ref("PractitionerRole/crisis-lead"))
    answer = await close(story.trust, listed, decided(referral, "allocated", crisis, lead, action()))
    assert answer.status_code == 200, answer.text
    names = [each["name"] for each in answer.json()["parameter"]]
    assert names == ["meeting", "advisory", "decision", "action"]
    assert (await story.trust.get(f"Encounter/{held['id']}")).json()["status"] == "finished"
    (made,) = await found(story.crisis, "Communication?category=decision")
    assert (made["about"][0]["reference"], made["subject"]["reference"]) == (referral, story.locality.person)
    assert made["sender"] == ref("PractitionerRole/trust-lead")
    assert [each["url"].rpartition("/")[2] for each in made["extension"]] == ["decision", "receiver", "lead", "pathway-version"]
    (task,) = await found(story.trust, f"Task?code=action&encounter=Encounter/{held['id']}")
    assert (task["focus"]["reference"], task["for"]["reference"]) == (referral, story.locality.person)

    assert await found(story.crisis, f"CarePlan?subject={story.locality.person}") == []
    allocation = await story.task(story.crisis, "allocation")
    accepted = {**allocation, "status": "accepted", "owner": ref("PractitionerRole/crisis-lead")}
    assert (await story.crisis.put(accepted)).status_code == 200
    (plan,) = await found(story.crisis, f"CarePlan?subject={story.locality.person}")
    assert plan["author"] == ref("PractitionerRole/crisis-lead")


async def test_mtg_3_a_meeting_allocates_nobody_twice(story: Story) -> None:
    """MTG-3: while an agency is asked to take the person on, no other is."""
    _, allocation = await allocated(story)
    referral = allocation["focus"]["reference"]
    held = await story.trust.created(meeting("mdt", *HERE))
    listed = await story.trust.created(agenda(f"Encounter/{held['id']}", entry(referral)))
    again = part("receiver", valueReference=ref("Organization/voluntary"))
    answer = await close(story.trust, listed, decided(referral, "allocated", again))
    assert (answer.status_code, answer.json()["issue"][0]["code"]) == (409, "duplicate")
    assert f"Task/{allocation['id']}" in answer.text


async def test_e1_the_same_by_a_plain_transaction(story: Story) -> None:
    """The meeting finishes with a decision for each entry, and not without; neither is anything stored."""
    referral = f"ServiceRequest/{(await story.housing.created(await story.referral()))['id']}"
    held = await story.trust.created(meeting("mdt", *HERE))
    ref_ = f"Encounter/{held['id']}"
    await story.trust.created(agenda(ref_, entry(referral)))
    finished = {**held, "status": "finished"}
    assert "E1" in rules(await story.trust.put(finished))
    alone = decision(ref_, referral, "actions", story.locality.person)
    assert "E1" in rules(await story.trust.send("POST", "Communication", alone))
    assert "TIM-11" in rules(await story.trust.send("POST", "", transaction(finished, alone)))
    task = {
        "resourceType": "Task",
        "status": "requested",
        "intent": "order",
        "code": code("task-code", "action"),
        "encounter": ref(ref_),
        "focus": ref(referral),
        "for": ref(story.locality.person),
        "requester": ref("PractitionerRole/trust-lead"),
        "owner": ref("PractitionerRole/trust-lead"),
        "restriction": {"period": {"end": ahead(5)}},
    }
    answer = await story.trust.send("POST", "", transaction(finished, alone, task))
    assert answer.status_code == 200, answer.text
    (made,) = await found(story.trust, "Communication?category=decision")
    assert (made["sender"], made["recipient"]) == (
        ref("PractitionerRole/trust-lead"),
        [ref("Organization/crisis"), ref("Organization/housing")],
    )
    assert "E1" in rules(await story.trust.put({**made, "payload": [{"contentString": "Otherwise"}]}))


async def test_mtg_2_without_its_forums_roles_a_meeting_is_advisory(story: Story) -> None:
    """MTG-2: what is decided is kept, and nobody is allocated; a delegate counts for whom they stand in for."""
    forum = await story.trust.created(forum_("mdt", required=["voluntary"]))
    referral = f"ServiceRequest/{(await story.housing.created(await story.referral()))['id']}"
    crisis = part("receiver", valueReference=ref("Organization/crisis"))
    held = await story.trust.created(meeting("mdt", *HERE))
    assert held["extension"][0]["valueReference"] == ref(f"HealthcareService/{forum['id']}")
    listed = await story.trust.created(agenda(f"Encounter/{held['id']}", entry(referral)))
    answer = await close(story.trust, listed, decided(referral, "allocated", crisis))
    assert answer.json()["parameter"][1] == {"name": "advisory", "valueBoolean": True}
    assert await found(story.crisis, "Task?code=allocation") == []
    assert len(await found(story.trust, "Communication?category=decision")) == 1

    held = await story.trust.created(meeting("mdt", *HERE, participant("voluntary-lead", "delegate")))
    (listed,) = await found(story.trust, f"List?encounter=Encounter/{held['id']}")
    answer = await close(story.trust, listed, decided(referral, "allocated", crisis))
    assert answer.json()["parameter"][1] == {"name": "advisory", "valueBoolean": False}
    assert len(await found(story.crisis, "Task?code=allocation")) == 1


async def test_e1_a_person_who_is_led_elsewhere_is_handed_over_by_who_leads_them(story: Story) -> None:
    """The lead changes only when the receiving agency accepts: the leading agency has a draft to complete."""
    story.locality.person = await person(story.locality.built, "Organization/trust")
    led = await story.trust.created(plan(story.locality.person))
    item = f"CarePlan/{led['id']}"
    held = await story.trust.created(meeting("mdt", *HERE))
    listed = await story.trust.created(agenda(f"Encounter/{held['id']}", entry(item, "review")))
    trust = part("receiver", valueReference=ref("Organization/trust"))
    assert "leads the plan" in texts(await close(story.trust, listed, decided(item, "allocated", trust)))
    crisis = part("receiver", valueReference=ref("Organization/crisis"))
    assert (await close(story.trust, listed, decided(item, "allocated", crisis))).status_code == 200
    (draft,) = await found(story.trust, "Task?code=handover&status=draft")
    assert (draft["focus"], draft["owner"]) == (ref(item), ref("Organization/crisis"))
    assert await found(story.crisis, "Task?code=handover") == []
    assert (await story.trust.get(item)).json()["author"] == ref("PractitionerRole/trust-lead")


async def test_e1_what_is_deferred_stands_on_the_next_agenda(story: Story) -> None:
    """It waits in the forum's own list until there is a meeting; on a date, or not at all."""
    referral = f"ServiceRequest/{(await story.housing.created(await story.referral()))['id']}"
    held = await story.trust.created(meeting("mdt", *HERE))
    listed = await story.trust.created(agenda(f"Encounter/{held['id']}", entry(referral)))
    assert "review" in texts(await close(story.trust, listed, decided(referral, "deferred")))
    past = part("review", valueDate="2020-01-01")
    assert "passed" in texts(await close(story.trust, listed, decided(referral, "deferred", past)))
    assert (
        await close(story.trust, listed, decided(referral, "deferred", part("review", valueDate=ahead(7))))
    ).status_code == 200
    (waiting,) = [each for each in await found(story.trust, "List") if "encounter" not in each]
    assert [each["item"] for each in waiting["entry"]] == [ref(referral)]
    other = await story.trust.created(meeting("case-review"))
    assert await found(story.trust, f"List?encounter=Encounter/{other['id']}") == []
    later = await story.trust.created(meeting("mdt", *HERE))
    (taken,) = await found(story.trust, f"List?encounter=Encounter/{later['id']}")
    assert [(each["item"], each["flag"]) for each in taken["entry"]] == [(ref(referral), code("agenda-reason", "deferred"))]
    assert "entry" not in (await story.trust.get(f"List/{waiting['id']}")).json()


async def test_e1_a_meeting_that_is_cancelled_forgets_nobody(story: Story) -> None:
    """What stood on its agenda stands on the next one, planned before or after."""
    referral = f"ServiceRequest/{(await story.housing.created(await story.referral()))['id']}"
    held = await story.trust.created(meeting("mdt", *HERE))
    await story.trust.created(agenda(f"Encounter/{held['id']}", entry(referral)))
    later = await story.trust.created(meeting("mdt", *HERE, period={"start": ahead(7)}))
    assert (await story.trust.put({**held, "status": "cancelled"})).status_code == 200
    (listed,) = await found(story.trust, f"List?encounter=Encounter/{later['id']}")
    assert [each["item"] for each in listed["entry"]] == [ref(referral)]


async def test_idn_6_an_agenda_ties_those_present_for_the_meetings_time(story: Story) -> None:
    """Not before it, not who sent apologies, and not after it."""
    built = story.locality.built
    me = await person(built, "Organization/trust")
    await stored(built, "Organization/trust", consent(me, "permit", "crisis", "housing"))
    item = f"Flag/{(await story.trust.created(flag(me)))['id']}"
    housing = participant("housing-lead", "apologies", came=False)
    held = await story.trust.created(meeting("mdt", participant("crisis-lead"), housing))
    listed = await story.trust.created(agenda(f"Encounter/{held['id']}", entry(item, "safeguarding")))
    assert (await story.crisis.get(item)).status_code == 404
    assert [each["item"] for each in (await story.crisis.get(f"List/{listed['id']}")).json()["entry"]] == [ref(item)]
    started = await story.trust.put({**held, "status": "in-progress"})
    assert (await story.crisis.get(item)).status_code == 200
    assert (await story.housing.get(item)).status_code == 404
    assert (await story.trust.put({**started.json(), "status": "in-progress", "period": {"start": ahead(2)}})).status_code == 200
    assert (await story.crisis.get(item)).status_code == 404
    assert (await close(story.trust, listed, decided(item, "actions", action()))).status_code == 200
    assert (await story.crisis.get(item)).status_code == 404


async def test_e1_an_agency_sees_those_of_an_agenda_whom_it_may_know_of(story: Story) -> None:
    """Counts included; who is present adds entries until the meeting starts, and takes away no other's."""
    built = story.locality.built
    other = await person(built, "Organization/trust")
    await stored(built, "Organization/trust", consent(story.locality.person, "permit", "crisis", "housing", "trust"))
    await stored(built, "Organization/trust", consent(other, "deny", "crisis"))
    hidden = f"Flag/{(await story.trust.created(flag(other)))['id']}"
    open_ = f"Flag/{(await story.trust.created(flag(story.locality.person)))['id']}"
    held = await story.trust.created(meeting("mdt", *HERE))
    listed = await story.trust.created(
        agenda(f"Encounter/{held['id']}", entry(hidden, "safeguarding"), entry(open_, "safeguarding"))
    )
    seen = (await story.crisis.get(f"List/{listed['id']}")).json()
    assert [each["item"]["reference"] for each in seen["entry"]] == [open_]
    assert hidden not in (await story.crisis.get("List")).text
    assert await found(story.crisis, f"List?item={hidden}") == []
    assert [each["about"][0]["reference"] for each in await found(story.crisis, "Communication?category=agenda-entry")] == [open_]
    voluntary = await story.locality.agency("voluntary", user="PractitionerRole/voluntary-lead")
    for path in (f"List/{listed['id']}", f"Encounter/{held['id']}"):
        assert (await voluntary.get(path)).status_code == 404
        assert (await story.crisis.get(path)).status_code == 200

    referral = f"ServiceRequest/{(await story.housing.created(await story.referral()))['id']}"
    seen = (await story.housing.get(f"List/{listed['id']}")).json()
    answer = await story.housing.put({**seen, "title": "Mine", "entry": [entry(referral)]})
    assert answer.status_code == 200, answer.text
    after = (await story.trust.get(f"List/{listed['id']}")).json()
    assert [each["item"]["reference"] for each in after["entry"]] == [hidden, open_, referral]
    assert "title" not in after
    assert after["entry"][2]["extension"][0]["valueReference"] == ref("Organization/housing")
    nothing = {**(await story.housing.get(f"List/{listed['id']}")).json()}
    assert "E1" in rules(await story.housing.put({**nothing, "entry": [entry("Flag/unknown", "safeguarding")]}))
    held = (await story.trust.get(f"Encounter/{held['id']}")).json()
    assert (await story.trust.put({**held, "status": "in-progress"})).status_code == 200
    nothing = (await story.housing.get(f"List/{listed['id']}")).json()
    answer = await story.housing.put({**nothing, "entry": [entry(open_, "review"), entry(hidden, "review")]})
    assert answer.status_code == 422 or answer.json()["entry"] == nothing["entry"]


async def test_e7_a_case_review_asks_each_agency_for_itself_and_for_its_role(story: Story) -> None:
    """One service coordinates; no role takes effect before its agency has confirmed it; the next review is dated (TIM-16)."""
    story.locality.person = await person(story.locality.built, "Organization/trust")
    roles = [partner("housing", "contact-with-person"), partner("crisis", "clinical-input")]
    draft = await story.trust.created(plan(story.locality.person, status="draft", extension=roles))
    item = f"CarePlan/{draft['id']}"
    assert "E7" in rules(await story.trust.put({**draft, "status": "active"}))
    held = await story.trust.created(meeting("case-review", *HERE))
    ref_ = f"Encounter/{held['id']}"
    await stored(
        story.locality.built, "Organization/trust", consent(story.locality.person, "permit", "crisis", "housing", "trust")
    )
    listed = await story.trust.created(agenda(ref_, entry(item, "review")))
    asked = decided(item, "actions", action())
    assert rules(await close(story.trust, listed, asked)) == ["E7", "E7", "E7"]
    for agency, name in ((story.trust, "trust"), (story.crisis, "crisis"), (story.housing, "housing")):
        left = {"identified_risks": ""} if name == "housing" else {}
        await agency.created({**story.answers(f"{QUESTIONNAIRES}/mds-case-review", name, **left), "encounter": ref(ref_)})
    assert "identified-risks" in texts(await close(story.trust, listed, asked))
    await story.housing.created({**story.answers(f"{QUESTIONNAIRES}/mds-case-review", "housing"), "encounter": ref(ref_)})
    late = decided(item, "actions", action(), part("review", valueDate=ahead(400)))
    assert "TIM-16" in rules(await close(story.trust, listed, late))
    assert (await close(story.trust, listed, asked)).status_code == 200

    (confirm,) = await found(story.housing, "Task?code=confirm-role")
    assert confirm["input"][0]["valueCodeableConcept"] == code("partner-role", "contact-with-person")
    current = (await story.trust.get(item)).json()
    assert "E7" in rules(await story.trust.put({**current, "status": "active"}))
    assert (await story.housing.put({**confirm, "status": "completed"})).status_code == 200
    (other,) = await found(story.crisis, "Task?code=confirm-role")
    no = {**other, "status": "rejected", "statusReason": code("status-reason", "does-not-confirm")}
    assert (await story.crisis.put(no)).status_code == 422
    assert (
        await story.crisis.put({**no, "statusReason": code("status-reason", "does-not-confirm", "No staff")})
    ).status_code == 200
    assert "E7" in rules(await story.trust.put({**current, "status": "active"}))
    without = {**current, "status": "active", "extension": roles[:1]}
    assert (await story.trust.put(without)).status_code == 200
    current = (await story.trust.get(item)).json()
    more = [*current["extension"], partner("voluntary", "contact-with-person")]
    assert "E7" in rules(await story.trust.put({**current, "extension": more}))


async def test_e9_a_planning_session_is_what_the_agreements_point_to(story: Story) -> None:
    """CRP-2: who was there is recorded with the session."""
    draft = await story.trust.created({**plan(story.locality.person, status="draft"), "category": [CRISIS]})
    item = f"CarePlan/{draft['id']}"
    held = await story.trust.created(meeting("shared-planning", *HERE))
    listed = await story.trust.created(agenda(f"Encounter/{held['id']}", entry(item, "review")))
    assert (await close(story.trust, listed, decided(item, "actions", action()))).status_code == 200
    asked = await found(story.trust, "Task?code=agree-plan")
    assert asked
    assert {each["encounter"]["reference"] for each in asked} == {f"Encounter/{held['id']}"}


async def test_e13_a_risk_forum_ends_each_case_with_an_action_or_a_review(story: Story) -> None:
    """By criterion, with consistent thresholds (MTG-5); a restrictive measure is proportionate, and ends by itself."""
    item = f"Flag/{(await story.trust.created(flag(story.locality.person)))['id']}"
    held = await story.trust.created(meeting("risk-forum", *HERE))
    listed = await story.trust.created(agenda(f"Encounter/{held['id']}", entry(item, "restrictive-measure")))
    assert "E13" in rules(await close(story.trust, listed, decided(item, "no-action", part("review", valueDate=ahead(7)))))
    forum = {**story.answers(f"{QUESTIONNAIRES}/mds-forum", "trust"), "encounter": ref(f"Encounter/{held['id']}")}
    await story.trust.created(forum)
    asked = decided(item, "no-action", part("review", valueDate=ahead(7)))
    assert set(rules(await close(story.trust, listed, asked))) == {"E13"}
    for each in forum["item"]:
        if each["linkId"] == "referral-criterion":
            each["answer"] = [{"valueString": "Repeated non-engagement since the summer"}]
        if each["linkId"] == "threshold-consistency":
            each["answer"] = [{"valueCoding": {"system": f"{SYSTEM}/dataset-answer", "code": "none"}}]
    await story.trust.created(forum)
    assert set(rules(await close(story.trust, listed, asked))) == {"E13", "MTG-5"}
    forum["item"][-1]["answer"] = [{"valueCoding": {"system": f"{SYSTEM}/dataset-answer", "code": "consistent"}}]
    await story.trust.created(forum)
    told = texts(await close(story.trust, listed, asked))
    assert "proportionate" in told
    assert "duration" in told
    measure = part("proportionality", valueString="Less would not keep them safe"), part("duration", valueString="14 days")
    asked = decided(item, "no-action", part("review", valueDate=ahead(7)), *measure)
    answer = await close(story.trust, listed, asked)
    assert answer.status_code == 200, answer.text
    (support,) = await found(story.trust, "ServiceRequest?category=intensive-support")
    assert (support["status"], support["occurrencePeriod"]["end"][:10]) == ("active", ahead(14))
