"""The situations in which a referral is written, and in which the Tasks of the front door are decided."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from service.care.ownership.role import Lead
from service.care.task.authority import NONE_DECIDED, Authority
from service.care.task.dataset import Completeness
from service.care.task.situation import Situation
from service.change import Resource

COMPLETE = Completeness()
NOBODY = Lead()


@dataclass(frozen=True, slots=True)
class Suggested:
    """What the pathway in force suggests: the outcome's code ('' when a person decides), why, and the pathway's canonical with
    its version."""

    code: str = ""
    why: str = ""
    pathway: str = ""


@dataclass(frozen=True, slots=True)
class Referral:
    """A referral as it is written. `before` is the stored one.

    `agency` is the caller's Organization. `sender` and `receiver` are the Organizations of requester and performer; `live` says
    whether the receiver's sharing agreement stands. `response` is the newest dataset, '' when there is none that its sender may
    see. `replaced` is the referral that this one replaces, None when there is none that the sender may see, and `reasons` are
    those of its triage; `circular` says that it leads back to this one. `first` is an earlier referral for the same need that
    both agencies may see, and `elsewhere` are active plans of other agencies that the receiver may see. `triage` and
    `clarification` are the Tasks of a referral that was sent, and `asked` the approval or the allocation that its triage led to,
    those that are open. `unseen` are responses that it names and its sender does not see. `decide_by`
    and `answer_by` are the instants of TIM-14 and TIM-15.
    """

    at: datetime
    agency: str
    user: str
    after: Resource
    before: Resource | None
    sender: str
    receiver: str
    live: bool
    decide_by: datetime
    answer_by: datetime
    known: bool = True
    response: str = ""
    dataset: Completeness = COMPLETE
    authority: Authority = NONE_DECIDED
    suggested: Suggested = Suggested()
    replaced: Resource | None = None
    reasons: tuple[str, ...] = ()
    circular: bool = False
    first: str = ""
    elsewhere: tuple[str, ...] = ()
    triage: Resource | None = None
    clarification: Resource | None = None
    asked: tuple[Resource, ...] = ()
    unseen: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class FrontDoorSituation(Situation):
    """A Task of the front door with the referral that it is about, and the Task of its triage where it is another.

    `keeper` is the Organization that keeps the referral, `clarification` the open one of its triage. `decider` is the
    Organization of output `decided-by`, `deciding` that role, and `earlier` the role that decided what is approved. `live` says
    whether the receiver that a decision names is active and its sharing agreement stands, and `lead` is the Lead that the Task
    names; `authority` decides whether the receiver may have what was referred. `redirect` says how complete the redirect's
    dataset is, and `urgent` whether it says that urgent routes were told. For an approval these four are of the decision that is
    approved. `senior` is the front door's contact for approvals. `suggested` is what the pathway suggests now. `goals` are the
    Goals that the caller may see and that are about the person. `decide_by` is the instant of TIM-14 for what is to be decided
    again.
    """

    referral: Resource | None = None
    keeper: str = ""
    triage: Resource | None = None
    clarification: Resource | None = None
    decider: str = ""
    deciding: Lead = NOBODY
    earlier: Lead = NOBODY
    live: bool = False
    lead: Lead = NOBODY
    authority: Authority = NONE_DECIDED
    redirect: Completeness = COMPLETE
    urgent: bool = False
    senior: str = ""
    suggested: Suggested = Suggested()
    goals: frozenset[str] = frozenset()
    decide_by: datetime | None = None
