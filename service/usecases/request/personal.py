"""What a person's app writes (L1; consent rules, section 3): what the person says, and nothing of an agency's.

| type | what it says |
|---|---|
| Consent | whom the person lets see what |
| Communication | a message of the person |
| QuestionnaireResponse | answers to a questionnaire that is open to persons |
| Observation | what the person observed, marked as reported by the patient |

Each carries in `meta.security` that a patient reported it, and has a Provenance with the person as author, both made here. The
row keeps who said it (`testimony`), so that no other person changes it, and no agency writes one as the person.
"""

from __future__ import annotations

from dataclasses import replace

from service import clock
from service.care.identity_review.review import is_review
from service.care.task.made import provenance
from service.change import Party, Resource
from service.fhir.canonical import COMMUNICATION_CATEGORY, OBSERVATION_VALUE, PATIENT_ROLE, USAGE_CONTEXT
from service.fhir.coding import codes_in
from service.fhir.reference import link, links, versioned
from service.problem import Category, Refused, problem
from service.store.records import Row
from service.usecases.request import testimony
from service.usecases.request.proposal import Proposal
from service.usecases.request.viewer import Viewer
from service.usecases.request.work import UnitOfWork

SPEAKERS = {
    "Consent": ("performer",),
    "Communication": ("sender",),
    "QuestionnaireResponse": ("author", "source"),
    "Observation": ("performer",),
}
"""The types that a person writes, each with the members that say who speaks."""
REPORTED = {"system": OBSERVATION_VALUE, "code": testimony.REPORTED}
RULE = "L1"


async def said(work: UnitOfWork, viewer: Viewer, proposal: Proposal) -> Proposal:
    """The write as it is decided: a person's is marked as said by the person. Refuses a person's write of another type, about
    another person, in another's name, or of a record that somebody else made."""
    if not viewer.context.caller.personal:
        return proposal
    resource, row = proposal.resource, proposal.row
    if row is not None and proposal.type == "Task" and is_review(row.resource):
        return proposal  # whom the person is, the person may say (IDN-1)
    patients = viewer.services.indexer.patients(resource)
    if proposal.type not in SPEAKERS or not patients or not viewer.own.issuperset(patients):
        listed = ", ".join(f"`{each}`" for each in SPEAKERS)
        raise _refusal(f"A person writes {listed} about themselves, and no `{proposal.type}` of an agency; ask the agency.")
    if row is not None and not wrote(viewer, row):
        if proposal.type == "Consent" and proposal.verb == "u":
            return proposal  # the rule of Consent lets a person end or verify one about themselves
        raise _refusal("A person changes only what they wrote themselves; ask the agency to correct its record.")
    if proposal.verb == "d":
        return proposal
    await _own_words(work, viewer, resource)
    return replace(proposal, resource=_marked(resource))


def wrote(viewer: Viewer, row: Row) -> bool:
    """Whether the caller, a person, wrote this record with an app. What a representative said is that representative's."""
    speaker = testimony.said_by(row)
    return bool(speaker) and (speaker == viewer.context.caller.user or _is_own(viewer, speaker))


def _is_own(viewer: Viewer, speaker: str) -> bool:
    return viewer.context.caller.user.startswith("Patient/") and speaker in viewer.own


async def _own_words(work: UnitOfWork, viewer: Viewer, resource: Resource) -> None:
    """Refuses words that are put in another's mouth, or into a form that is not for persons."""
    kind, mine = str(resource["resourceType"]), {*viewer.own, viewer.context.caller.user}
    for member in SPEAKERS[kind]:
        named = {*links(resource, member), link(resource, member)} - {""}
        if not named <= mine:
            raise _refusal(
                f"`{member}` names another than the person who says it; name the person, or leave it out.", kind, member
            )
    if kind == "Communication" and codes_in(resource.get("category"), COMMUNICATION_CATEGORY):
        raise _refusal("The service alone tells in this category; choose another, or leave it out.", kind, "category")
    if kind == "QuestionnaireResponse" and not await _open(work, str(resource.get("questionnaire", ""))):
        text = "These answers are not to a questionnaire that is open to persons; ask the agency which is."
        raise _refusal(text, kind, "questionnaire")


async def _open(work: UnitOfWork, canonical: str) -> bool:
    """Whether a questionnaire, ours or stored here, is for patients to answer: its `useContext` names them as its users."""
    url = canonical.partition("|")[0]
    ours = work.services.definitions.questionnaire(url) if url else None
    kept = [] if ours or not url else await work.services.holdings.having("Questionnaire", f"url={url}")
    forms = [ours] if ours else [row.resource for row in kept if not row.deleted]
    return any(
        _for_patients(context) for form in forms if form.get("status") == "active" for context in form.get("useContext", ())
    )


def _for_patients(context: Resource) -> bool:
    user = codes_in(context.get("code"), USAGE_CONTEXT)
    return "user" in user and "PAT" in codes_in(context.get("valueCodeableConcept"), PATIENT_ROLE)


def _marked(resource: Resource) -> Resource:
    """The resource with the mark that a patient reported it, once."""
    meta = resource.get("meta", {})
    labels = [each for each in meta.get("security", ()) if each.get("code") != REPORTED["code"]]
    return {**resource, "meta": {**meta, "security": [*labels, REPORTED]}}


async def recorded(work: UnitOfWork, viewer: Viewer, ref: str) -> None:
    """Stages the Provenance of what a person said, and shows a Communication to the agencies that it is for."""
    staged, user = work.staged.get(ref), viewer.context.caller.user
    if not viewer.context.caller.personal or staged is None or staged.deleted or not testimony.reported(staged.resource):
        return
    if staged.resource["resourceType"] == "Communication":
        named = [await work.organization(each) for each in links(staged.resource, "recipient")]
        staged.parties = tuple(Party(each, work.context.at, work.context.at) for each in dict.fromkeys(named) if each)
    target = versioned(ref, staged.before + 1)
    work.create(
        provenance(clock.new_id(), targets=(target,), at=work.context.at, who="", agency=user, activity="said"), staged.custodian
    )


def _refusal(text: str, kind: str = "", member: str = "") -> Refused:
    return Refused(problem(Category.FORBIDDEN, "forbidden", text, expression=f"{kind}.{member}" if member else "", rule=RULE))
