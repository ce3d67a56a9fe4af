"""Decides what becomes of a meeting as it is written, by a literal table of its statuses, and of an agenda."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping

from service.care.meeting import agenda, meeting, needs
from service.care.meeting.agenda import TYPES, Entry
from service.care.meeting.situation import Meeting
from service.care.task.requirements import Issues, issue
from service.change import Resource
from service.fhir.canonical import AGENDA_REASON
from service.fhir.coding import code_in
from service.fhir.reference import link, name_of, target, unversioned
from service.problem import Category, Problem, problem

Need = Callable[[Meeting], Issues]
_HELD: tuple[Need, ...] = (needs.sound,)
_CLOSED: tuple[Need, ...] = (needs.sound, needs.by_its_chair, needs.present)
_ENDED: tuple[Need, ...] = (needs.of_nobody,)

# fmt: off
MOVES: Mapping[tuple[str, str], tuple[Need, ...]] = {
    ("none",        "planned"):          _HELD,
    ("none",        "arrived"):          _HELD,
    ("none",        "in-progress"):      _HELD,
    ("none",        "finished"):         _CLOSED,
    ("planned",     "planned"):          _HELD,
    ("planned",     "arrived"):          _HELD,
    ("planned",     "in-progress"):      _HELD,
    ("planned",     "finished"):         _CLOSED,
    ("planned",     "cancelled"):        _ENDED,
    ("planned",     "entered-in-error"): _ENDED,
    ("arrived",     "arrived"):          _HELD,
    ("arrived",     "in-progress"):      _HELD,
    ("arrived",     "finished"):         _CLOSED,
    ("arrived",     "cancelled"):        _ENDED,
    ("arrived",     "entered-in-error"): _ENDED,
    ("in-progress", "in-progress"):      _HELD,
    ("in-progress", "finished"):         _CLOSED,
    ("in-progress", "cancelled"):        _ENDED,
    ("in-progress", "entered-in-error"): _ENDED,
}
# fmt: on
"""The statuses that a meeting is moved from and to, with what stands in the way. What was decided in it is not undone, so that a
meeting that ended stays as it is."""


def check(found: Meeting) -> Problem | None:
    """The refusal of a meeting as it is to be written, which names all that stands in the way; None when nothing does."""
    start = "none" if found.before is None else str(found.before.get("status", ""))
    wanted = MOVES.get((start, found.status))
    if wanted is None:
        ends = ", ".join(f"`{to}`" for at, to in MOVES if at == start and to != start) or "nothing: it stays as it is"
        text = f"A meeting that is `{start}` cannot be made `{found.status}`: from here it becomes {ends}."
        return problem(Category.RULE, "business-rule", text, expression="Encounter.status", rule=needs.RULE)
    issues = [one for need in wanted for one in need(found)]
    if found.before is not None and meeting.kind(found.before) != found.kind:
        issues.append(issue("A meeting keeps its kind: cancel it, and plan another.", "Encounter.type", needs.RULE))
    return Problem(Category.RULE, tuple(issues)) if issues else None


def kept(found: Meeting) -> Resource:
    """The meeting as it is stored: whether it is advisory is the service's to say, and its forum is the one that was found."""
    said = meeting.advisory(found.after, meeting.is_advisory(found.before or {}))
    return meeting.with_forum(said, name_of(found.forum) if found.forum else "")


def listed(after: Resource, before: Resource | None, agency: str, hidden: Collection[str], *, keeper: bool) -> Resource:
    """The agenda as it is stored when an agency writes it: entries that the agency cannot see stay, entries of others stay unless
    the agency keeps the agenda, and each new one says who added it. An agency that does not keep the agenda changes nothing
    else. A narrative is not kept: it would tell every reader of all entries."""
    stored = {unversioned(target(each.get("item"))): each for each in (before or {}).get("entry", ())}
    sent = [each for each in after.get("entry", ()) if unversioned(target(each.get("item"))) not in hidden]
    added_by = {each.item: each.added_by for each in agenda.entries(before or {})}
    wanted = {unversioned(target(each.get("item"))) for each in sent}
    stays = [
        each for item, each in stored.items()
        if item in wanted or item in hidden or not (keeper or added_by.get(item) == agency)
    ]  # fmt: skip
    new = [agenda.by(each, agency) for each in sent if unversioned(target(each.get("item"))) not in stored]
    kept = after if keeper or before is None else before
    return agenda.with_entries({name: value for name, value in kept.items() if name != "text"}, [*stays, *new])


def formed(after: Resource) -> Issues:
    """Each entry names one record of a kind that stands on an agenda, once, and why it is there."""
    issues, seen = [], set[str]()
    for place, each in enumerate(after.get("entry", ())):
        item, where = unversioned(target(each.get("item"))), f"List.entry[{place}]"
        if item.partition("/")[0] not in TYPES:
            kinds = ", ".join(f"`{one}`" for one in TYPES)
            issues.append(
                issue(f"What stands on an agenda is one of {kinds}: `{item or 'nothing'}` is not.", f"{where}.item", needs.RULE)
            )
        if item in seen:
            issues.append(issue(f"`{item}` stands on the agenda twice: name it once.", f"{where}.item", needs.RULE))
        if "deleted" in each:
            text = f"What stands on an agenda is decided about: leave the entry of `{item}` out, instead of marking it."
            issues.append(issue(text, f"{where}.deleted", needs.RULE))
        if not code_in(each.get("flag"), AGENDA_REASON):
            text = f"An entry says why it is there: give `{item}` a `flag` of `agenda-reason`."
            issues.append(issue(text, f"{where}.flag", needs.RULE))
        seen.add(item)
    if "subject" in after:
        issues.append(issue("An agenda is about several people: leave `subject` out.", "List.subject", needs.RULE))
    return tuple(issues)


def added(after: Resource, before: Resource | None) -> tuple[Entry, ...]:
    """The entries that an agenda has and did not have before."""
    known = {each.item for each in agenda.entries(before or {})}
    return tuple(each for each in agenda.entries(after) if each.item not in known)


def gone(after: Resource, before: Resource | None) -> tuple[Entry, ...]:
    """The entries that an agenda had before, and has not any more."""
    left = {each.item for each in agenda.entries(after)}
    return tuple(each for each in agenda.entries(before or {}) if each.item not in left)


def unseen(entry: Entry) -> Issues:
    """An entry's item is a record that its sender may see; hidden and absent are refused alike."""
    text = f"`{entry.item}` is no record of a person that you may see: write it first, or leave it out."
    return (issue(text, f"List.entry[{entry.place}].item", needs.RULE),)


def named_unseen(after: Resource, hidden: Collection[str]) -> Issues:
    """An entry that its sender may not know of is refused as one that is absent, whether it stands on the agenda or not."""
    return tuple(each for entry in agenda.entries(after) if entry.item in hidden for each in unseen(entry))


def kept_record(record: Resource) -> Problem | None:
    """The refusal of the delete of a meeting, or of an agenda: what was talked about, and with whom, is kept."""
    if meeting.is_meeting(record):
        text = "A meeting is kept: cancel it instead of deleting it."
        return problem(Category.RULE, "business-rule", text, rule=needs.RULE)
    if record["resourceType"] == "List" and agenda.is_agenda(record):
        text = "An agenda is kept: take its entries away until its meeting starts, instead of deleting it."
        return problem(Category.RULE, "business-rule", text, rule=needs.RULE)
    return None


def not_for_chair(entry: Entry, why: str) -> Issues:
    """Nobody is put on an agenda whom its chair may not know of (HOV-3)."""
    text = f"The chair of this meeting may not know of `{entry.item}`: {why}. Leave it out, or have consent to share it."
    return (issue(text, f"List.entry[{entry.place}].item", "HOV-3"),)


def started(encounter: Resource) -> Issues:
    """The agenda of a meeting that has started stays as it is."""
    if encounter.get("status") in meeting.PLANNED:
        return ()
    text = f"The agenda stays as it is once its meeting has started; this one is `{encounter.get('status')}`."
    return (issue(text, "List.entry", needs.RULE),)


def same_meeting(after: Resource, before: Resource) -> Issues:
    """An agenda stays with its meeting."""
    if link(after, "encounter") == link(before, "encounter"):
        return ()
    return (issue("An agenda stays with its meeting: leave `encounter` as it is.", "List.encounter", needs.RULE),)
