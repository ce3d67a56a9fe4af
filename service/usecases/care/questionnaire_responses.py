"""Write rule of QuestionnaireResponse: the answers that a crisis plan rests on do not change, because the plan's agencies were
asked to agree to these answers (E9); the answers of a referral that is sent may be completed (E4)."""

from __future__ import annotations

from service.change import Resource
from service.problem import Category, Refused, problem
from service.store.records import Row
from service.usecases.care import assessments, crisis_plan, referral
from service.usecases.request.proposal import Proposal, store
from service.usecases.request.viewer import Viewer
from service.usecases.request.work import UnitOfWork

BESIDE = frozenset({"meta", "text"})


async def write(work: UnitOfWork, viewer: Viewer, proposal: Proposal) -> str:
    """The write rule of QuestionnaireResponse."""
    if proposal.row is not None and proposal.before is not None and _said(proposal.before) != _said(proposal.resource):
        await unagreed(work, viewer, proposal.row)
    ref = await store(work, viewer, proposal)
    await referral.answered(work, viewer, proposal.resource)
    await assessments.warn(work, viewer, proposal)
    return ref


async def unagreed(work: UnitOfWork, viewer: Viewer, row: Row) -> None:
    """Refuses a change of answers that a crisis plan rests on: the plan's content would change without the agencies'
    agreement."""
    plan = await crisis_plan.resting_on(work, viewer, row)
    if plan:
        text = f"The crisis plan `{plan}` says this as its agencies agree to it: send new answers, and refer to them in the plan."
        raise Refused(problem(Category.RULE, "business-rule", text, expression="QuestionnaireResponse.item", rule="E9"))


async def unsent(work: UnitOfWork, row: Row) -> None:
    """Refuses to delete the answers that a referral was sent with (E4): who decides about it reads them."""
    if await referral.rested_on(work, row):
        text = "A referral rests on these answers: withdraw it first, or correct the answers instead of deleting them."
        raise Refused(problem(Category.RULE, "business-rule", text, expression="QuestionnaireResponse.status", rule="E4"))


def _said(response: Resource) -> Resource:
    return {name: value for name, value in response.items() if name not in BESIDE}
