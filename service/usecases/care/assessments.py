"""ASM-1: who assesses a person again soon after another agency did is warned, once it may see that assessment, and is asked why.

An assessment is a response to a questionnaire that is no minimum dataset. Two are of one family when they answer the same
questionnaire, or questionnaires of which one derives from the other or both derive from one (`derivedFrom`), whatever the
version.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

from service.change import Resource
from service.fhir.canonical import REASSESSMENT_REASON, dataset
from service.fhir.date import begins
from service.fhir.reference import link, name_of
from service.problem import Issue
from service.store.records import Row
from service.usecases.request.proposal import Proposal, sees
from service.usecases.request.viewer import Viewer
from service.usecases.request.work import UnitOfWork

SOON_DAYS = 30
"""For so many days an assessment is named, where the pathway in force does not say."""
DONE = frozenset({"completed", "amended"})
RULE = "ASM-1"


async def warn(work: UnitOfWork, viewer: Viewer, proposal: Proposal) -> None:
    """Adds to what the writer of an assessment is told that another agency has assessed the person already."""
    made = proposal.resource
    if not _is_assessment(made) or proposal.before is not None or _explained(made):
        return
    family = await _family(work, _canonical(made))
    days = (await work.services.pathways.in_force("front-door")).count("assessment-days", SOON_DAYS)
    rows = await work.services.holdings.of("QuestionnaireResponse", [link(made, "subject")])
    for row in sorted(rows, key=lambda each: each.at, reverse=True):
        if not await _earlier(work, row, family, timedelta(days=days)) or not await sees(work, viewer, row.reference):
            continue
        text = (
            f"`{row.reference}` of `{row.custodian}` assessed this within the last {days} days: use it, or say why it is "
            "done again in the extension `reassessment-reason`."
        )
        ref = name_of(made)
        told = Issue("informational", text, "QuestionnaireResponse.questionnaire", RULE, severity="warning")
        work.remarks[ref] = (*work.remarks.get(ref, ()), told)
        return


async def _earlier(work: UnitOfWork, row: Row, family: frozenset[str], soon: timedelta) -> bool:
    """Whether another agency completed an assessment of this family within the last days."""
    other = row.resource
    if row.custodian == work.context.caller.organization or not _is_assessment(other):
        return False
    done = begins(str(other.get("authored", "")), work.services.zone) or row.at
    recent = timedelta(0) <= work.context.at - done <= soon
    return recent and not family.isdisjoint(await _family(work, _canonical(other)))


async def _family(work: UnitOfWork, canonical: str) -> frozenset[str]:
    """The questionnaire, and those that it derives from."""
    rows = await work.services.holdings.having("Questionnaire", f"url={canonical}") if canonical else []
    derived = (str(one).partition("|")[0] for row in rows for one in _listed(row.resource.get("derivedFrom")))
    return frozenset({canonical, *derived})


def _listed(value: object) -> Iterable[object]:
    return value if isinstance(value, list) else ()


def _is_assessment(response: Resource) -> bool:
    canonical, subject = _canonical(response), link(response, "subject")
    ours = canonical.startswith(dataset(""))
    return response.get("status") in DONE and canonical != "" and not ours and subject.startswith("Patient/")


def _canonical(response: Resource) -> str:
    return str(response.get("questionnaire", "")).partition("|")[0]


def _explained(response: Resource) -> bool:
    return any(one.get("url") == REASSESSMENT_REASON for one in response.get("extension", ()))
