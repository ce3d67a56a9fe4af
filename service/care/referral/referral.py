"""What the rules of the front door read in a referral and in the Task of its triage."""

from __future__ import annotations

from dataclasses import dataclass

from service.care.task import reading
from service.change import Resource
from service.fhir.canonical import DECISION, REQUEST_CATEGORY, SHARING_AUTHORITY, TAG, TASK_OUTPUT, TRIAGE_OUTCOME
from service.fhir.coding import code_in, codes_in
from service.fhir.reference import link, links

REFERRAL, BORDERLINE, ALLOCATED, REDIRECTED = "referral", "borderline", "allocated", "redirected"
OUTCOMES = ("urgent", "eligible", BORDERLINE, "outside-scope")
"""The codes of `triage-outcome`, most urgent first."""
ENDED = frozenset({"completed", "revoked", "entered-in-error"})
OVERRIDDEN = {"system": TAG, "code": "threshold-overridden"}


def is_referral(request: Resource) -> bool:
    """Whether a ServiceRequest is a referral by its category."""
    return REFERRAL in codes_in(request.get("category"), REQUEST_CATEGORY)


def responses(request: Resource) -> tuple[str, ...]:
    """The QuestionnaireResponses that a referral gives, the newest last."""
    return tuple(ref for ref in links(request, "supportingInfo") if ref.startswith("QuestionnaireResponse/"))


def performer(request: Resource) -> str:
    """The front door that a referral is sent to: its first performer, or ''."""
    return next(iter(links(request, "performer")), "")


def basis(request: Resource) -> Resource | None:
    """The extension that says on what authority the referral is shared; None where consent decides."""
    return next((one for one in request.get("extension", ()) if one.get("url") == SHARING_AUTHORITY), None)


def overridden(resource: Resource) -> Resource:
    """The resource with the tag of a decision that is unlike the suggestion."""
    meta = resource.get("meta", {})
    tags = meta.get("tag", [])
    return resource if OVERRIDDEN in tags else {**resource, "meta": {**meta, "tag": [*tags, OVERRIDDEN]}}


def untagged(resource: Resource, before: Resource) -> Resource:
    """The submitted resource with the tag of an overridden threshold if the stored one has it, and without it otherwise."""
    meta = resource.get("meta", {})
    tags = [one for one in meta.get("tag", ()) if (one.get("system"), one.get("code")) != (TAG, OVERRIDDEN["code"])]
    meta = reading.with_member(meta, "tag", tags or None)
    kept = reading.with_member(resource, "meta", meta or None)
    return overridden(kept) if OVERRIDDEN in before.get("meta", {}).get("tag", ()) else kept


@dataclass(frozen=True, slots=True)
class Decision:
    """What a triage Task says was decided, from its outputs; '' for what it does not say."""

    kind: str
    threshold: str
    suggestion: str
    rationale: str
    receiver: str
    lead: str
    redirect: str
    decided_by: str
    pathway: str

    @property
    def borderline(self) -> bool:
        """Whether a senior has to approve it: the threshold that was acted on is borderline. One that is acted on unlike the
        suggestion is tagged, and looked at later (GOV-1)."""
        return self.threshold == BORDERLINE


def decision_of(task: Resource) -> Decision:
    """The decision of a triage Task. Outputs are added and not taken away, so the last of a kind counts."""
    return Decision(
        kind=_code(task, "decision", DECISION),
        threshold=_code(task, "threshold", TRIAGE_OUTCOME),
        suggestion=_code(task, "suggestion", TRIAGE_OUTCOME),
        rationale=_value(task, "rationale", "valueString"),
        receiver=_reference(task, "receiver"),
        lead=_reference(task, "lead"),
        redirect=_reference(task, "redirect"),
        decided_by=_reference(task, "decided-by"),
        pathway=_value(task, "pathway", "valueCanonical"),
    )


def without(task: Resource, *kinds: str) -> Resource:
    """A copy of a Task without its outputs of these kinds."""
    kept = [one for one in task.get("output", ()) if code_in(one.get("type"), TASK_OUTPUT) not in kinds]
    return reading.with_member(task, "output", kept or None)


def goals(task: Resource) -> tuple[str, ...]:
    """The Goals that an acceptance names (OUT-1)."""
    return tuple(filter(None, (reading.value_reference(one) for one in reading.outputs(task, "goal"))))


def goals_by(task: Resource) -> str:
    """The date by which goals are agreed (OUT-1), or ''."""
    return _value(task, "goals-by", "valueDate")


def referred(task: Resource) -> str:
    """The referral that a Task of the front door is about."""
    return link(task, "focus")


def _code(task: Resource, kind: str, system: str) -> str:
    return code_in(_last(task, kind).get("valueCodeableConcept"), system)


def _value(task: Resource, kind: str, member: str) -> str:
    return str(_last(task, kind).get(member, ""))


def _reference(task: Resource, kind: str) -> str:
    return reading.value_reference(_last(task, kind))


def _last(task: Resource, kind: str) -> Resource:
    return next(reversed(reading.outputs(task, kind)), {})
