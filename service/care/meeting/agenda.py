"""What the rules of meetings read in the List of an agenda, and the Lists that they make."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from service.care.meeting.meeting import forum_of
from service.change import Resource
from service.fhir.canonical import ADDED_BY, AGENDA, AGENDA_REASON, FORUM, FORUM_KIND
from service.fhir.coding import code_in, codes_in, concept
from service.fhir.reference import link, reference_to, target, unversioned

TYPES = ("ServiceRequest", "CarePlan", "EpisodeOfCare", "Flag", "RiskAssessment", "Task")
"""What stands on an agenda."""
PERSON = {"EpisodeOfCare": "patient", "Task": "for"}
"""The member by which such a record names its person, where it is not `subject`."""
RESTRICTIVE, DEFERRED = "restrictive-measure", "deferred"


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry of an agenda: its item, why it is there (`reasons`, the first of them `reason`), and the Organization that put it
    there, '' for what stood there when the agenda was written by who keeps it. `place` is its index in the List."""

    item: str
    reason: str
    added_by: str = ""
    place: int = 0
    reasons: frozenset[str] = frozenset()


def is_agenda(listed: Resource | None) -> bool:
    """Whether a List says that it is an agenda, or holds what waits for one."""
    if listed is None or listed["resourceType"] != "List":
        return False
    profiles = [str(each).partition("|")[0] for each in (listed.get("meta") or {}).get("profile", ())]
    return AGENDA in profiles or bool(forum_of(listed)) or any(code_in(each.get("flag"), AGENDA_REASON) for each in _all(listed))


def entries(listed: Resource) -> tuple[Entry, ...]:
    """The entries of an agenda, without those that it says were taken away."""
    return tuple(_entry(each, place) for place, each in enumerate(_all(listed)) if each.get("deleted") is not True)


def together(found: Iterable[Entry]) -> tuple[Entry, ...]:
    """The entries of several agendas of one meeting, each item once: for all reasons for which it is there."""
    known: dict[str, Entry] = {}
    for each in found:
        first = known.setdefault(each.item, each)
        known[each.item] = replace(first, reasons=first.reasons | each.reasons)
    return tuple(known.values())


def _entry(element: Resource, place: int) -> Entry:
    by = (link(each, "valueReference") for each in element.get("extension", ()) if each.get("url") == ADDED_BY)
    flag = element.get("flag")
    item = unversioned(target(element.get("item")))
    return Entry(item, code_in(flag, AGENDA_REASON), next(by, ""), place, codes_in(flag, AGENDA_REASON))


def person_of(item: Resource | None) -> str:
    """The person whom an item is about, or ''."""
    return link(item, PERSON.get((item or {}).get("resourceType", ""), "subject"))


def made(item: str, reason: str, agency: str) -> Resource:
    """An entry as the service writes it: by which agency it was added."""
    return {
        "extension": [{"url": ADDED_BY, "valueReference": reference_to(agency)}],
        "flag": concept(AGENDA_REASON, reason),
        "item": reference_to(item),
    }


def put(elements: Iterable[Resource], item: str, reason: str, agency: str, *, first: bool = False) -> list[Resource]:
    """The entries with one more, last or `first`; an item that stands there already has one more reason."""
    found = [*elements]
    for place, each in enumerate(found):
        if unversioned(target(each.get("item"))) == item:
            if reason not in codes_in(each.get("flag"), AGENDA_REASON):
                coding = [*each["flag"]["coding"], *concept(AGENDA_REASON, reason)["coding"]]
                found[place] = {**each, "flag": {**each["flag"], "coding": coding}}
            return found
    return [made(item, reason, agency), *found] if first else [*found, made(item, reason, agency)]


def by(element: Resource, agency: str) -> Resource:
    """A submitted entry, with the agency that adds it and nothing that it says of that itself."""
    kept = [each for each in element.get("extension", ()) if each.get("url") != ADDED_BY]
    return {**element, "extension": [*kept, {"url": ADDED_BY, "valueReference": reference_to(agency)}]}


def with_entries(listed: Resource, elements: Iterable[Resource]) -> Resource:
    """The List with these entries."""
    found = [*elements]
    rest = {name: value for name, value in listed.items() if name not in ("entry", "emptyReason")}
    return {**rest, "entry": found} if found else rest


def without(listed: Resource, hidden: Iterable[str]) -> Resource:
    """The List without the entries of these items, as who may not know of them sees it."""
    gone = {*hidden}
    if not gone:
        return listed
    return with_entries(listed, (each for each in _all(listed) if unversioned(target(each.get("item"))) not in gone))


def empty(identity: str, *, encounter: str = "", forum: str = "", kind: str = "") -> Resource:
    """A List that the service makes: the agenda of a meeting, or what waits for the next one of a forum or kind."""
    said = [{"url": FORUM, "valueReference": reference_to(forum)}] if forum and not encounter else []
    said += [{"url": FORUM_KIND, "valueCode": kind}] if kind and not encounter else []
    listed: Resource = {"resourceType": "List", "id": identity, "meta": {"profile": [AGENDA]}}
    if said:
        listed["extension"] = said
    listed |= {"status": "current", "mode": "working", "title": "Agenda" if encounter else "Waiting for the next meeting"}
    return {**listed, "encounter": reference_to(encounter)} if encounter else listed


def _all(listed: Resource) -> list[Resource]:
    return [each for each in listed.get("entry", ()) if isinstance(each, dict)]
