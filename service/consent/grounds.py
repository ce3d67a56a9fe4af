"""The grounds that are decided before any Consent: the partner's agreement and relationship (L0), and recorded grants (L2)."""

from __future__ import annotations

from service.consent.facts import Facts
from service.consent.policy import Agreement, Policy, PolicyRow
from service.consent.reasons import Reason
from service.consent.request import BREAK_GLASS, BY_BASIS, Evidence, Grant, Request
from service.fhir.date import milliseconds
from service.fhir.reference import resolved

NO_AGREEMENT = Reason(
    "L0", False, "consent-rules#L0.agreement", "There is no live sharing agreement with this partner for this purpose."
)
NO_CATEGORY = Reason("L0", False, "consent-rules#L0.category", "The sharing agreement does not cover this category of record.")
NO_RELATIONSHIP = Reason(
    "L0", False, "consent-rules#L0.relationship", "This partner has no legitimate relationship with the person."
)


def agreed(request: Request, facts: Facts, evidence: Evidence, policy: Policy, now: int) -> list[Reason]:
    """The rows of L0 that fired, each a denial; none when agreement, relationship and law let the decision go on."""
    rows = []
    agreement = evidence.agreement
    if agreement is None or not _live(agreement, request, policy, now):
        rows.append(NO_AGREEMENT)
    elif agreement.categories and not _category(agreement, facts):
        rows.append(NO_CATEGORY)
    related = request.organization in evidence.relationships or not evidence.relationships.isdisjoint(request.principals)
    # A strong lawful basis recorded for exactly this record counts as a relationship; an override does not, but in an emergency.
    lawful = (grant for grant in evidence.grants if (grant.kind == BY_BASIS and not grant.weak) or grant.emergency)
    if not related and not any(applies(grant, request, facts, now) for grant in lawful):
        rows.append(NO_RELATIONSHIP)
    return rows + barred(request, facts, policy) if facts.labels else rows


def barred(request: Request, facts: Facts, policy: Policy) -> list[Reason]:
    """The rows of L0 by which the law bars a record from everybody but its custodian, the person included."""
    return [policy.sources[row.id] for row in policy.barred if _barred(row, request, facts)]


def _barred(row: PolicyRow, request: Request, facts: Facts) -> bool:
    return (not row.sectors or request.sector in row.sectors) and not row.labels.isdisjoint(facts.labels)


def _live(agreement: Agreement, request: Request, policy: Policy, now: int) -> bool:
    if agreement.organization != request.organization and agreement.organization not in request.principals:
        return False
    if (agreement.start and now < milliseconds(agreement.start)) or (agreement.end and now >= milliseconds(agreement.end)):
        return False
    if not request.purposes or agreement.purposes.issuperset(request.purposes):
        return bool(request.purposes)
    return all(_agreed(purpose, agreement, policy) for purpose in request.purposes)


def _agreed(purpose: str, agreement: Agreement, policy: Policy) -> bool:
    return purpose in agreement.purposes or any(purpose in policy.terms.purpose(wider) for wider in agreement.purposes)


def _category(agreement: Agreement, facts: Facts) -> bool:
    return (
        facts.type in agreement.categories
        or not agreement.categories.isdisjoint(facts.codes)
        or not agreement.categories.isdisjoint(facts.profiles)
    )


def granted(request: Request, facts: Facts, evidence: Evidence, now: int) -> tuple[tuple[Grant, ...], tuple[Grant, ...]]:
    """The strong and the weak grants that cover the record, each sorted by reference, so that the grants' order never matters."""
    found = sorted((grant for grant in evidence.grants if applies(grant, request, facts, now)), key=lambda grant: grant.ref)
    return tuple(grant for grant in found if not grant.weak), tuple(grant for grant in found if grant.weak)


def applies(grant: Grant, request: Request, facts: Facts, now: int) -> bool:
    """Whether a grant belongs to the caller, is in force, and covers the record."""
    if grant.organization != request.organization or (grant.kind not in BREAK_GLASS and grant.kind != BY_BASIS):
        return False
    if grant.user and grant.user != request.user and grant.user not in request.principals:
        return False
    if (grant.start and now < milliseconds(grant.start)) or (grant.until and now >= milliseconds(grant.until)):
        return False
    if grant.purposes and not set(grant.purposes).issuperset(request.purposes):
        return False
    if grant.keeper and grant.keeper != facts.custodian:
        return False
    if not grant.refs and not grant.types:
        return grant.kind in BREAK_GLASS
    return facts.type in grant.types or facts.ref in grant.refs or any(resolved(ref) == facts.ref for ref in grant.refs)
