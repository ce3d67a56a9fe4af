"""Early-warning signs (EWS-1): coded on the person's plan. A reported one, or too many missed contacts, opens a structured
review: a prompt, and no decision."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from service.care.step_up import contacts, due
from service.care.step_up.situation import Pathway
from service.care.task import reading
from service.care.task.made import task_of
from service.care.task.situation import AuditFact, Ids, Outcome, Staged
from service.care.task.timers import Calendar, after
from service.change import Notice, Resource, Timer
from service.fhir.canonical import EARLY_WARNING_SIGN, OBSERVATION_CATEGORY, TaskCode
from service.fhir.coding import codes_in, codings
from service.fhir.reference import link, name_of

SIGN = "early-warning-sign"
MISSED = 3
"""How many contacts in a row may be missed before a structured review, where the pathway gives no `missed-contacts`."""
REPORTED = frozenset(("registered", "preliminary", "final", "amended", "corrected"))


def reported(observation: Resource) -> frozenset[tuple[str, str]]:
    """The codes of the sign that an Observation reports; none for another Observation, or one that is taken back."""
    sign = SIGN in codes_in(observation.get("category"), OBSERVATION_CATEGORY)
    return frozenset(codings(observation.get("code"))) if sign and observation.get("status") in REPORTED else frozenset()


def listed(plan: Resource) -> frozenset[tuple[str, str]]:
    """The codes of the early-warning signs on a plan."""
    given = [one.get("valueCodeableConcept") for one in plan.get("extension", ()) if one.get("url") == EARLY_WARNING_SIGN]
    return frozenset(codings(given))


def on_list(plan: Resource, observation: Resource) -> bool:
    """Whether an active plan lists the sign that an Observation reports."""
    return plan.get("status") == "active" and not listed(plan).isdisjoint(reported(observation))


def too_many(attempts: Iterable[Resource], calendar: Calendar, pathway: Pathway | None = None) -> bool:
    """Whether more contacts in a row were missed than the pathway lets pass."""
    limit = pathway.count("missed-contacts", MISSED) if pathway is not None else MISSED
    return contacts.missed(attempts, calendar.zone) > limit


def is_open(task: Resource) -> bool:
    """Whether a Task is a structured review that nobody has ended."""
    return reading.code(task) == TaskCode.STRUCTURED_REVIEW and reading.status(task) not in reading.TERMINAL


def opened(plan: Resource, agency: str, at: datetime, calendar: Calendar, ids: Ids) -> Outcome:
    """EWS-1: the structured review of a plan, for the `agency` that leads it, due within 1 working day."""
    when, person = after(at, due.STRUCTURED_REVIEW, calendar), link(plan, "subject")
    task = task_of(
        ids(),
        TaskCode.STRUCTURED_REVIEW,
        requester=agency,
        owner=agency,
        patient=person,
        at=at,
        focus=name_of(plan),
        due=when,
        text="Look at the person: an early-warning sign was noticed, or contacts were missed",
    )
    return Outcome(
        (Staged(task, created=True, custodian=agency),),
        timers=(Timer(f"TIM-11:{name_of(task)}", "TIM-11", when, name_of(task)),),
        notices=(Notice("structured-review", agency, name_of(task), person),),
        audits=(AuditFact("C", "structured-review-opened", agency, "", person, (name_of(task),)),),
    )
