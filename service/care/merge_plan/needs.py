"""The requirements that the table of a merge names. Each gives the issues in its way; none means that it is met."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from service.care.merge_plan import content
from service.care.merge_plan.situation import MergeSituation, Parallel
from service.care.ownership.plan import is_crisis_plan, is_top_level
from service.care.task import reading
from service.care.task.authority import basis
from service.care.task.requirements import Issues, issue
from service.fhir.reference import link, name_of

_FOCUS, _INPUT = "Task.focus", "Task.input"
_BACK = "Reject the merge, or have that mended first."


def parties(situation: MergeSituation) -> Issues:
    """The Task names both plans, the person of the plan that is to be merged, and who asks whom."""
    after, plan, found = situation.after, situation.merged.plan, []
    if after.get("intent") != "order":
        found.append(issue("A merge has intent `order`: set it.", "Task.intent"))
    if plan is None:
        found.append(issue("A merge is about one CarePlan that you may see: set `focus` to it.", _FOCUS, "OWN-6"))
    elif link(after, "for") != link(plan, "subject"):
        found.append(issue(f"Set `for` to the plan's subject, `{link(plan, 'subject')}`.", "Task.for", "OWN-6"))
    if situation.into.plan is None or len(reading.inputs(after, "into")) != 1:
        found.append(issue("A merge has exactly one input `into`: another CarePlan that you may see.", _INPUT, "OWN-6"))
    if not link(after, "requester").startswith("PractitionerRole/"):
        found.append(issue("Somebody asks for a merge: set `requester` to a PractitionerRole of your agency.", "Task.requester"))
    if not situation.organization(link(after, "owner")):
        found.append(issue("A merge is asked of the other plan's lead, or of the lead's agency: set `owner`.", "Task.owner"))
    return tuple(found)


def plans(situation: MergeSituation) -> Issues:
    """OWN-6 and OWN-11: two active plans, each standing for itself, of one person."""
    one, other = situation.merged.plan, situation.into.plan
    found = [*_standing(situation.merged, _FOCUS), *_standing(situation.into, _INPUT)]
    if one and content.dependent(one):
        text = "Goals or activities of the plan refer to what it contains: write that as records of its own, and refer to those."
        found.append(issue(text, _FOCUS, "OWN-6"))
    if one and other and name_of(one) == name_of(other):
        found.append(issue("A plan is not merged into itself: set input `into` to the other plan.", _INPUT, "OWN-6"))
    elif one and other and link(other, "subject") not in situation.patients:
        text = f"`{name_of(other)}` is not known to be about the same person: have that confirmed first (IDN-1)."
        found.append(issue(text, _INPUT, "OWN-11"))
    return tuple(found)


def _standing(side: Parallel, place: str) -> Issues:
    """Whether a plan is one of those that OWN-6 allows one of."""
    plan = side.plan
    if plan is None:
        return ()
    fault = rule = ""
    if plan.get("status") != "active":
        fault, rule = f"is `{plan.get('status')}`, and only active plans are merged", "OWN-6"
    elif is_crisis_plan(plan):
        fault, rule = "is a crisis plan: write its content into the other one, and have its agencies agree to that", "E9"
    elif not is_top_level(plan) or side.spared:
        fault, rule = "is no plan beside another: it is a part of a plan, or no top-level plan", "OWN-6"
    return (issue(f"`{name_of(plan)}` {fault}.", place, rule),) if fault else ()


def leads(situation: MergeSituation) -> Issues:
    """OWN-3: the agency that leads the plan asks the one that leads the other: its lead, or the agency itself."""
    found, other = [], situation.into
    if situation.merged.plan and not situation.agency == situation.merged.keeper != "":
        found.append(issue("Only the agency that leads the plan asks for its merge.", _FOCUS, "OWN-3"))
    leading = [each for each in (link(other.plan, "author"), other.keeper) if each]
    if other.plan and link(situation.after, "owner") not in leading:
        names = " or ".join(f"`{each}`" for each in leading)
        found.append(issue(f"A merge is asked of who leads the other plan: set `owner` to {names}.", "Task.owner", "OWN-3"))
    return tuple(found)


def one_way(situation: MergeSituation) -> Issues:
    """OWN-6: the plan that takes the other in is not itself asked to be merged into that."""
    if not situation.opposed:
        return ()
    return (issue(f"`{situation.opposed}` asks to merge the other plan into this one: answer that first.", _INPUT, "OWN-6"),)


def goals(situation: MergeSituation) -> Issues:
    """OUT-1: each Goal that ends is one that the plan alone has and that the sender may end, and it ends for a reason."""
    named = content.ends(situation.after)
    twice = [ref for ref, count in Counter(ref for ref, _ in named).items() if count > 1]
    found = [f"`{ref}` is named twice: name it once, with one reason." for ref in twice]
    for ref, reason in named:
        if fault := _unending(situation, ref):
            found.append(fault)
        elif not reason:
            found.append(f"Say why `{ref}` ends: add the extension `status-reason` to its input.")
    return tuple(issue(text, _INPUT, "OUT-1") for text in found)


def _unending(situation: MergeSituation, ref: str) -> str:
    """Why a Goal does not end with the merge, or ''."""
    if not ref or ref not in situation.goals or ref not in content.goals_of(situation.merged.plan):
        return (
            f"`{ref}` is no Goal of the plan that you may see: leave its input out."
            if ref
            else "An input `ended-goal` refers to a Goal."
        )
    aim = situation.goals[ref]
    if ref in content.goals_of(situation.into.plan):
        return f"`{ref}` is a Goal of the other plan, too, which goes on with it: leave its input out."
    if content.over(aim.goal):
        return f"`{ref}` has ended already: leave its input out."
    if aim.keeper != situation.sender:
        return f"`{ref}` is another agency's, which ends it itself: leave its input out."
    return ""


def authority_input(situation: MergeSituation) -> Issues:
    """HOV-3: a merge has at most one authority to share; without one consent decides alone."""
    given = reading.inputs(situation.after, "sharing-authority")
    if len(given) > 1:
        return (issue(f"A merge has at most one input `sharing-authority`, this has {len(given)}.", _INPUT, "HOV-3"),)
    return basis(given[0]) if given else ()


def authority(situation: MergeSituation) -> Issues:
    """HOV-3: the consent decision permits sharing the whole plan with the receiving agency."""
    if situation.authority.permitted:
        return ()
    return (issue(f"Sharing with `{situation.receiver}` is not permitted: {situation.authority.text}.", _INPUT, "HOV-3"),)


def authority_still(situation: MergeSituation) -> Issues:
    """HOV-8: the authority to share still holds."""
    if situation.authority.permitted:
        return ()
    text = f"The authority to share no longer holds: {situation.authority.text}. Its sender asks anew under one that does."
    return (issue(text, _INPUT, "HOV-8"),)


def still(situation: MergeSituation) -> Issues:
    """What the merge was asked on holds when it is accepted: both plans stand, and are led by the same agencies."""
    found = [*plans(situation)]
    for side, agency, place in ((situation.merged, situation.sender, _FOCUS), (situation.into, situation.receiver, _INPUT)):
        if side.plan is None:
            found.append(issue("The plan is not here any more.", place, "OWN-6"))
        elif side.keeper != agency:
            found.append(issue(f"`{name_of(side.plan)}` is led by another agency by now.", place, "OWN-3"))
    return tuple(replace(one, text=f"{one.text} {_BACK}") for one in found)
