"""Which Consents apply to a request, and whether each permits or denies a resource: the walk of the provision tree."""

from __future__ import annotations

from operator import itemgetter

from service.consent.facts import Facts
from service.consent.match import NO, UNKNOWN, YES, Links, gate, holds
from service.consent.policy import Policy
from service.consent.provision import Compiled, Node, What
from service.consent.reasons import Reason
from service.consent.request import Evidence, Request
from service.consent.terms import NORMAL
from service.fhir.canonical import CONFIDENTIALITY
from service.fhir.date import ALWAYS


def spoken(request: Request, facts: Facts, evidence: Evidence, policy: Policy, now: int) -> list[tuple[str, Reason]]:
    """The version reference and the deciding reason of every Consent that permits or denies the resource, sorted by reference,
    so that the order of the Consents in the evidence never matters.
    """
    found = []
    patients, links = facts.patients, evidence.links
    for consent in evidence.consents:
        standing = applicable(consent, evidence, policy, now, patients)
        if standing:
            reason = verdict(consent, request, facts, links, now, standing)
            if reason is not None and not (reason.permit and curbed(consent, request) and not _normal(facts, links)):
                found.append((consent.ref, reason))
    if len(found) > 1:
        found.sort(key=_BY_REF)
    return found


_BY_REF = itemgetter(0)


def applicable(consent: Compiled, evidence: Evidence, policy: Policy, now: int, patients: tuple[str, ...] = ()) -> int:
    """Whether a Consent applies now. NO: the Consent does not. UNKNOWN: only its denials do, because the Consent is in
    doubt, not verified, not given by the person or a representative, or under another controller. YES: the whole Consent
    applies.
    """
    if not consent.active or (consent.patient not in patients and consent.patient not in evidence.patients):
        return NO
    if consent.written is not None and consent.written > now:
        return NO
    within = consent.period
    if within is not ALWAYS and within is not None and not within.covers(now):  # most have no period, and this is asked of each
        return NO
    if consent.doubt or (policy.verified and not consent.verified) or not entitled(consent, evidence):
        return UNKNOWN
    return UNKNOWN if policy.controllers and consent.controllers.isdisjoint(policy.controllers) else YES


def entitled(consent: Compiled, evidence: Evidence) -> bool:
    """Whether the person or a verified representative gave the Consent."""
    performers = consent.performers
    return (
        consent.patient in performers
        or not performers.isdisjoint(evidence.patients)
        or not performers.isdisjoint(evidence.representatives)
    )


def curbed(consent: Compiled, request: Request) -> bool:
    """Whether a Consent's permits reach up to N only: the agency that recorded it, or one under it, is the recipient, and nobody
    else has confirmed what the person said (consent rules, section 2.8).
    """
    return not consent.confirmed and (consent.recorder in request.principals or consent.recorder == request.organization)


CEILING = What(rank=NORMAL, source={"securityLabel": [{"system": CONFIDENTIALITY, "code": "N"}]})
"""What the permits of a curbed Consent reach."""


def _normal(facts: Facts, links: Links) -> bool:
    return holds(CEILING, True, facts, links) == YES


def verdict(consent: Compiled, request: Request, facts: Facts, links: Links, now: int, standing: int) -> Reason | None:
    """The reason with which one Consent permits or denies: a denial in any reading denies, a permit needs all readings. None:
    the Consent says nothing of the resource.
    """
    if len(consent.roots) == 1:
        return speak(consent.roots[0], request, facts, links, now, standing)
    permit: Reason | None = None
    silent = False
    for root in consent.roots:
        said = speak(root, request, facts, links, now, standing)
        if said is None:
            silent = True
        elif not said.permit:
            return said
        else:
            permit = permit or said
    return None if silent else permit


def speak(node: Node, request: Request, facts: Facts, links: Links, now: int, above: int) -> Reason | None:
    """The reason with which a provision permits or denies; None when the provision says nothing of the resource.

    The deepest level that says something decides; among siblings a denial wins. `above` is NO, UNKNOWN or YES: whether the
    who, when and why of the provision's ancestors hold.
    """
    here = gate(node, request, now)
    if above < here:
        here = above
    if here == NO:
        return None
    said: Reason | None = None
    for child in node.children:
        found = speak(child, request, facts, links, now, here)
        if found is not None:
            if not found.permit:
                return found
            said = said or found
    if said is not None:
        return said
    match = YES if node.what is None else holds(node.what, node.permit, facts, links)
    if not node.permit:
        return node.reason if match else None
    if match != YES:
        return node.closed
    return node.reason if here == YES else None
