"""The decision of a meeting about one entry of its agenda: a Communication `decision` with its extensions."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from service.care.meeting.meeting import length
from service.care.task.dataset import blank
from service.care.task.made import make
from service.change import Resource
from service.fhir.canonical import (
    COMMUNICATION_CATEGORY,
    DECIDED,
    DECISION,
    DURATION,
    PATHWAY_VERSION,
    PROPORTIONALITY,
    PROPOSED_LEAD,
    RECEIVER,
    REVIEW,
)
from service.fhir.coding import code_in, codes_in, concept
from service.fhir.date import written
from service.fhir.reference import link, links, reference_to, references_to, unversioned

ALLOCATED, REDIRECTED, DEFERRED, ACTIONS, NO_ACTION = "allocated", "redirected", "deferred", "actions", "no-action"
KINDS = (ALLOCATED, REDIRECTED, DEFERRED, ACTIONS, NO_ACTION)
CATEGORY = "decision"
_SPAN = re.compile(r"(P?T?)\s*(\d{1,4})\s*(h|d|w|wk|m|mo|hours?|days?|weeks?|months?)\s*", re.IGNORECASE)
_UNITS = {"h": "h", "d": "d", "w": "wk", "m": "mo"}
_EITHER = {"P": "mo", "PT": "min"}
"""What an `m` alone means after each of these (ISO 8601); without, nobody can tell months from minutes."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What a meeting decided about an item; '' for what it does not say. `redirect` is the response that a redirect refers to."""

    item: str
    kind: str
    rationale: str
    receiver: str = ""
    lead: str = ""
    review: str = ""
    proportionality: str = ""
    duration: timedelta | None = None
    lasts: str = ""
    pathway: str = ""
    redirect: str = ""


def is_decision(communication: Resource | None) -> bool:
    """Whether a Communication is a decision by its category."""
    return CATEGORY in codes_in((communication or {}).get("category"), COMMUNICATION_CATEGORY)


def of_meeting(communication: Resource | None) -> str:
    """The meeting that a decision was taken in, or ''."""
    return link(communication, "encounter") if is_decision(communication) else ""


def item_of(communication: Resource) -> str:
    """The item that a decision is about: the first record that it names."""
    return next(map(unversioned, links(communication, "about")), "")


def read(communication: Resource) -> Decision:
    """What a Communication says was decided."""
    said = {str(each.get("url")): each for each in communication.get("extension", ())}
    texts = [str(each.get("contentString", "")) for each in communication.get("payload", ())]
    about = [unversioned(each) for each in links(communication, "about")]
    kind = said.get(DECIDED, {})
    duration = said.get(DURATION, {})
    return Decision(
        item=next(iter(about), ""),
        kind=code_in(kind.get("valueCodeableConcept"), DECISION) or str(kind.get("valueCode", "")),
        rationale=next((each for each in texts if not blank(each)), ""),
        receiver=link(said.get(RECEIVER), "valueReference"),
        lead=link(said.get(PROPOSED_LEAD), "valueReference"),
        review=str(said.get(REVIEW, {}).get("valueDate", "")),
        proportionality=str(said.get(PROPORTIONALITY, {}).get("valueString", "")),
        duration=lasting(duration),
        lasts=DURATION if duration else "",
        pathway=str(said.get(PATHWAY_VERSION, {}).get("valueCanonical", "")),
        redirect=next((each for each in about[1:] if each.startswith("QuestionnaireResponse/")), ""),
    )


def lasting(element: Resource) -> timedelta | None:
    """How long a measure lasts: a Duration, or words such as `14 days` or `P2W`. None where it cannot be told."""
    if "valueDuration" in element:
        return length(element["valueDuration"])
    found = _SPAN.fullmatch(str(element.get("valueString", "")).strip())
    if found is None:
        return None
    start, unit = found[1].upper(), found[3].lower()
    return length({"value": int(found[2]), "code": _EITHER.get(start) if unit == "m" else _UNITS[unit[0]]})


def made(
    identity: str,
    *,
    meeting: str,
    item: str,
    person: str,
    rationale: str,
    at: datetime,
    said: Iterable[Resource],
    about: Iterable[str] = (),
) -> Resource:
    """The Communication of a decision, without what the meeting adds to it as it closes."""
    return make(
        "Communication",
        id=identity,
        extension=[*said] or None,
        status="completed",
        category=[concept(COMMUNICATION_CATEGORY, CATEGORY)],
        subject=reference_to(person),
        about=references_to([item, *about]),
        encounter=reference_to(meeting),
        sent=written(at),
        payload=[{"contentString": rationale}] if rationale else None,
    )


def completed(communication: Resource, *, person: str, chair: str, told: Iterable[str], pathway: str, at: datetime) -> Resource:
    """A decision as it is kept: about its person, from the chair, to the agencies that are told, under the pathway in force."""
    extensions = [each for each in communication.get("extension", ()) if each.get("url") != PATHWAY_VERSION]
    if pathway:
        extensions.append({"url": PATHWAY_VERSION, "valueCanonical": pathway})
    recipients = references_to(told)
    kept = {name: value for name, value in communication.items() if name != "recipient"}
    return {
        **kept,
        "extension": extensions,
        "status": "completed",
        "subject": reference_to(person),
        "sender": reference_to(chair),
        "sent": written(at),
        **({"recipient": recipients} if recipients else {}),
    }
