"""Meetings, whatever is written by whomever in whatever order, and whatever a decision lacks (E1, E7, E13, MTG-5, TIM-16, TRI-1).

No entry of an agenda is lost that its writer cannot see, nobody takes another's entry away who does not keep the agenda, each
item stands once and says who added it, and what stands keeps its place. What lacks nothing is decided, and what lacks anything
is not.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from service.care.meeting import agenda, decision, needs, writing
from service.care.meeting.situation import Case
from service.care.ownership.role import Lead
from service.care.task.dataset import Completeness
from service.change import Resource
from tests.care.conftest import AT
from tests.care.front_door import CRISIS
from tests.care.sitting import PLAN, case, element, entry, items, listing, measure, meeting
from tests.care.told import HOUSING, TRUST

ITEMS = [f"{kind}/{number}" for kind in ("ServiceRequest", "Flag", "CarePlan") for number in range(3)]
AGENCIES = (TRUST, HOUSING, CRISIS, "Organization/other")
some_items = st.lists(st.sampled_from(ITEMS), unique=True)
an_agency = st.sampled_from(AGENCIES)


class Agendas(RuleBasedStateMachine):
    """One agenda that the trust keeps, and what each agency writes, from what it sees or from nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.listed: Resource = {}
        self.by: dict[str, str] = {}

    @initialize(first=some_items)
    def make(self, first: list[str]) -> None:
        self.listed = writing.listed(listing(*map(element, first)), None, TRUST, (), keeper=True)
        self.by = dict.fromkeys(first, TRUST)

    def seen(self, hidden: Iterable[str]) -> list[Resource]:
        """The entries as an agency reads them."""
        return [*agenda.without(self.listed, hidden).get("entry", ())]

    def write(self, agency: str, sent: list[Resource], hidden: frozenset[str]) -> None:
        before, keeper = self.listed, agency == TRUST
        body = listing(*sent, title=agency)
        assert writing.formed(body) == ()
        self.listed = writing.listed(body, before, agency, hidden, keeper=keeper)
        stood, stands = items(before), items(self.listed)
        said = {each["item"]["reference"] for each in sent}
        assert hidden <= {*stands}
        assert len(stands) == len({*stands})
        gone = [each for each in stood if each not in stands]
        assert all(keeper or self.by[each] == agency for each in gone)
        assert said.isdisjoint(gone)
        assert all(each in said or each in hidden for each in stands if keeper or self.by.get(each) == agency)
        kept = [each for each in before.get("entry", ()) if each["item"]["reference"] in stands]
        assert self.listed.get("entry", [])[: len(kept)] == kept
        self.by = {each: self.by.get(each, agency) for each in stands}
        assert {each.item: each.added_by for each in agenda.entries(self.listed)} == self.by
        assert {each.item for each in writing.added(self.listed, before)} == {*stands} - {*stood}
        assert [each.item for each in writing.gone(self.listed, before)] == gone
        assert self.listed.get("title") == (agency if keeper else before.get("title"))

    @rule(agency=an_agency, hides=some_items, drops=some_items, adds=some_items, mixed=st.randoms(use_true_random=False))
    def change(self, agency: str, hides: list[str], drops: list[str], adds: list[str], mixed: Any) -> None:
        """What an agency reads, with entries left out, added and put in another order."""
        hidden = frozenset(hides) & {*items(self.listed)}
        kept = [each for each in self.seen(hidden) if each["item"]["reference"] not in drops]
        known = {each["item"]["reference"] for each in kept}
        sent = [*kept, *(element(each, "deferred", by=CRISIS) for each in adds if each not in known)]
        mixed.shuffle(sent)
        self.write(agency, sent, hidden)

    @rule(agency=an_agency, hides=some_items, sent=some_items)
    def write_blindly(self, agency: str, hides: list[str], sent: list[str]) -> None:
        """Whatever comes to mind, of what stands there and cannot be seen too."""
        self.write(agency, [*map(element, sent)], frozenset(hides) & {*items(self.listed)})

    @rule(agency=an_agency, hides=some_items)
    def send_what_was_read(self, agency: str, hides: list[str]) -> None:
        """Which changes nothing, whatever is hidden."""
        hidden, before = frozenset(hides) & {*items(self.listed)}, self.listed
        self.write(agency, self.seen(hidden), hidden)
        assert self.listed.get("entry") == before.get("entry")

    @rule(item=st.sampled_from(ITEMS), reason=st.sampled_from(("deferred", "crisis-contact")), first=st.booleans())
    def a_rule_puts(self, item: str, reason: str, first: bool) -> None:
        """The service adds an entry, or a reason to the one that stands."""
        stood = items(self.listed)
        self.listed = agenda.with_entries(
            self.listed, agenda.put(self.listed.get("entry", ()), item, reason, CRISIS, first=first)
        )
        new = [] if item in stood else [item]
        assert items(self.listed) == ([*new, *stood] if first else [*stood, *new])
        assert next(each for each in agenda.entries(self.listed) if each.item == item).reasons >= {reason}
        self.by.setdefault(item, CRISIS)


TestAgendas = Agendas.TestCase
TestAgendas.settings = settings(max_examples=100, stateful_step_count=20, deadline=None)


# What a decision needs.

HELD = ("mdt", "case-review", "shared-planning", "risk-forum", "governance")
LACKING = Completeness(missing=("current-risks",))
answers = st.dictionaries(st.sampled_from(AGENCIES), st.just(Completeness()), min_size=1)


@st.composite
def cases(draw: Any, held: str) -> Case:
    """A case with all that its decision and the kind of its meeting need."""
    kind, measured = draw(st.sampled_from(decision.KINDS)), draw(st.booleans())
    whole = case(kind, said=measure() if measured else {})
    item = draw(st.sampled_from(ITEMS))
    reasons = ("new-referral", "restrictive-measure") if measured and draw(st.booleans()) else ("new-referral",)
    planned = held == "case-review" or draw(st.booleans())
    proposed = draw(st.booleans())
    said = replace(whole.decisions[0], item=item, lead=whole.decisions[0].lead if proposed else "")
    given = draw(answers)
    return replace(
        whole,
        entry=entry(item, *reasons),
        decisions=(said,),
        plan=PLAN if planned else None,
        leader=TRUST if planned else "",
        answered=given,
        agencies=tuple(given),
        criterion=True,
        consistent=True,
        review_by=AT + timedelta(days=84),
    )


def lesser(held: str, whole: Case) -> dict[str, Case]:
    """The case without one of the things that it needs, each by name."""
    (said,) = whole.decisions

    def but(**change: Any) -> Case:
        return replace(whole, decisions=(replace(said, **change),))

    found = {
        "a decision": replace(whole, decisions=()),
        "one decision": replace(whole, decisions=(said, said)),
        "a known kind": but(kind="later"),
        "its reason": but(rationale=""),
    }
    if said.kind == "allocated":
        found |= {"a receiver": but(receiver=""), "an Organization": but(receiver="PractitionerRole/cal")}
        found["an agreement"] = replace(whole, live=False)
        if said.lead:
            found["somebody who can lead"] = replace(whole, lead=Lead())
        if whole.plan is not None:
            found["another leader"] = replace(whole, leader=said.receiver)
        else:
            found["a referral"] = replace(whole, referral=False)
    if said.kind == "redirected" or (said.kind == "allocated" and whole.plan is None):
        found["its own triage"] = replace(whole, triaged=False)
    if said.kind in ("deferred", "no-action"):
        found |= {"a date": but(review=""), "a date ahead": but(review="2026-10-22")}
    if said.kind == "actions":
        found["an action"] = replace(whole, actions=())
    if said.duration:
        found |= {"proportionality": but(proportionality=" \u200b"), "an end": but(duration=None)}
    if held in ("case-review", "risk-forum"):
        found |= {f"all of {each}": replace(whole, answered={**whole.answered, each: LACKING}) for each in whole.answered}
    if held == "case-review":
        found |= {
            f"answers of {each}": replace(whole, answered={one: full for one, full in whole.answered.items() if one != each})
            for each in whole.agencies
        }
        found |= {"a coordinator": replace(whole, leader=""), "a review in time": but(review="2027-06-01")}
        found |= {"a review ahead": but(review="2026-10-22"), "who may know": replace(whole, untold=((HOUSING, "she said no"),))}
    if held == "risk-forum":
        found |= {"its dataset": replace(whole, answered={}), "a criterion": replace(whole, criterion=False)}
        found["consistency"] = replace(whole, consistent=False)
        if said.kind in ("allocated", "redirected"):
            found["an action"] = replace(whole, actions=())
    return found


@given(st.data(), st.sampled_from(HELD))
@settings(max_examples=300, deadline=None)
def test_what_lacks_nothing_is_decided_and_what_lacks_anything_is_not(data: Any, held: str) -> None:
    """E1: and what is said of it names the item."""
    whole = data.draw(cases(held))
    found = meeting(held)
    assert needs.decided(found, whole) == ()
    for what, lacking in lesser(held, whole).items():
        said = needs.decided(found, lacking)
        assert said, what
        assert all(f"`{whole.entry.item}`" in each.text for each in said), what
