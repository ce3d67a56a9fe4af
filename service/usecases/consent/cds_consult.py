"""The hook `patient-consent-consult` (consent rules, section 4): the decision of `Consent/$evaluate`, in the terms of LEAP.

| summary | when |
|---|---|
| `CONSENT_DENY` | a Consent denies, or something that no Consent can lift: no agreement, no relationship, a barred category |
| `CONSENT_PERMIT` | a Consent permits, or the record is the caller's own, or an override is in force |
| `NO_CONSENT` | no Consent applies and the policy's default decides; `effect` gives the default's decision |

A question about several classes of records gets the strictest of their decisions, and a question that names no class is about all
of them. The decision holds for every ordinary record of a class: where a Consent denies one code, one author or one record of it,
the card denies, and a read of each record tells more. A permit comes with an obligation to redact the labels that the permit does
not cover, and with what to do with a record that carries no confidentiality.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from service.change import Resource
from service.consent.explain import effect, sentence
from service.consent.facts import MARKS
from service.consent.policy import LABELLED_ONLY, SENSITIVE_RESTRICTED
from service.consent.reasons import Decision
from service.consent.terms import NORMAL, RANK
from service.fhir.canonical import ACT_CODE, CONFIDENTIALITY
from service.problem import Category, Refused, problem
from service.usecases.consent.evaluate import Enquiry, Matter, Name, matter, organization_of, patient_of, tell, told, unseen
from service.usecases.request.services import RequestContext, Services
from service.usecases.request.viewer import allowed, viewer_of

HOOK = "patient-consent-consult"
DENY, NO_CONSENT, PERMIT = "CONSENT_DENY", "NO_CONSENT", "CONSENT_PERMIT"
ANY = ("",)
"""The class of a question that names none: every record."""
STRICTEST = (DENY, NO_CONSENT, PERMIT)


@dataclass(frozen=True, slots=True)
class Question:
    """The question of a consultation. `actor` empty: the caller's own agency; `purposes` empty: the purposes that the caller is
    registered for; `classes` are types of records, empty: records of any ordinary kind."""

    patient: tuple[Name, ...]
    actor: tuple[Name, ...] = ()
    purposes: tuple[str, ...] = ()
    classes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Consultation:
    """The answer to a consultation. `effect` is the decision of `$evaluate`, `permit` or `deny`; `redact` are the labels
    (Codings) that a permit does not cover; `consents` are the version references of the Consents that applied, the deciding
    Consent first."""

    summary: str
    effect: str
    detail: str
    obligations: tuple[str, ...]
    redact: tuple[Resource, ...]
    consents: tuple[str, ...]


async def consult(services: Services, context: RequestContext, question: Question) -> Consultation:
    """The Consultation for the recipient. The recipient must be the caller's agency, unless that agency keeps the person's
    record.

    Raises Refused: ABSENT when the Patient is absent or hidden, MALFORMED when the actor is no single known Organization.
    """
    for kind in ("Patient", "Consent"):
        allowed(context, kind, "r")
    viewer = await viewer_of(services, context)
    recipient = await organization_of(viewer, question.actor) if question.actor else context.caller.organization
    patient = await patient_of(viewer, question.patient)
    if not patient:
        await unseen(viewer, HOOK)
        text = "There is no such Patient here that you may see; check the identifiers."
        raise Refused(problem(Category.ABSENT, "not-found", text, expression="context.patientId"))
    if not recipient:
        text = "The actor is one Organization that is known here, by reference or identifier; name it so."
        raise Refused(problem(Category.MALFORMED, "value", text, expression="context.actor", rule="consent-rules 4"))
    found = await matter(viewer, Enquiry(patient, recipient, question.purposes or context.caller.purposes, "access"))
    kinds = question.classes or ANY
    decisions = [found.decide(found.ordinary(kind)) for kind in kinds]
    await tell(viewer, found, HOOK, decisions)
    strictest = min(decisions, key=lambda each: STRICTEST.index(summary(each)))
    permitted = all(each.permit for each in decisions)
    uncovered = redactions(found, kinds) if permitted else ()
    duties = (*_duties(decisions), *unlabelled(found, kinds, uncovered)) if permitted else ()
    return answer(await told(viewer, strictest), effect(permitted), duties, uncovered)


def summary(decision: Decision) -> str:
    """The summary of a decision in the terms of LEAP, by the row of the decision table that decided."""
    if not decision.reasons or decision.reasons[0].row == "L5":
        return NO_CONSENT
    return PERMIT if decision.permit else DENY


def answer(decision: Decision, outcome: str, duties: tuple[str, ...], uncovered: tuple[Resource, ...]) -> Consultation:
    """The Consultation for a decision, with the obligations and redactions of a permit."""
    deciding = decision.reasons[0].source.partition("#")[0] if decision.reasons else ""
    consents = tuple(sorted(decision.consents, key=lambda ref: ref != deciding))
    return Consultation(summary(decision), outcome, sentence(decision), duties, uncovered, consents)


def unlabelled(matter: Matter, kinds: Sequence[str], uncovered: Sequence[Resource]) -> tuple[str, ...]:
    """The obligation about records without a confidentiality: to count one with a sensitivity label as restricted, where R is
    among the labels to redact, else to release none. Empty where each may be released as if it were normal."""

    def permitted(labels: tuple[str, ...] = ()) -> bool:
        return all(matter.decide(matter.ordinary(kind, 0, labels)).permit for kind in kinds)

    if not permitted():
        return (LABELLED_ONLY,)
    if all(permitted(labels) for coding, _, labels in _labels(matter) if labels and coding not in uncovered):
        return ()
    return (SENSITIVE_RESTRICTED if {"system": CONFIDENTIALITY, "code": "R"} in uncovered else LABELLED_ONLY,)


def _duties(decisions: Sequence[Decision]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(duty for each in decisions for duty in each.obligations))


def redactions(matter: Matter, kinds: Sequence[str]) -> tuple[Resource, ...]:
    """The labels under which an otherwise ordinary record of these types would be denied. Every label is decided."""
    denied = []
    for coding, rank, labels in _labels(matter):
        if not all(matter.decide(matter.ordinary(kind, rank, labels)).permit for kind in kinds):
            denied.append(coding)
    return tuple(denied)


def _labels(matter: Matter) -> Iterator[tuple[Resource, int, tuple[str, ...]]]:
    """The labels to decide about: each confidentiality above normal, and every other label that a decision may depend on, the
    latter on a record of normal confidentiality. Abstract codes are left out, because they label no record."""
    for code, rank in RANK.items():
        if rank > NORMAL:
            yield {"system": CONFIDENTIALITY, "code": code}, rank, ()
    policy = matter.policy
    known = {*policy.terms.labels, *MARKS, *(label for row in (*policy.barred, *policy.defaults) for label in row.labels)}
    for label in sorted(known):
        system, _, code = label.rpartition("|")
        if not code.startswith("_"):
            yield {"system": system or ACT_CODE, "code": code}, NORMAL, (label,)
