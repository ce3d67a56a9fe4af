"""An enforcement point elsewhere: it has the residual rules of a token, and holds every resource against them (IHE PCF)."""

from __future__ import annotations

from service.consent.facts import Facts
from service.consent.match import YES, Links, holds
from service.consent.policy import Policy
from service.consent.request import Evidence, Request
from service.consent.residual import ResidualRule, Rules, joined, speaking


def residual(request: Request, evidence: Evidence, policy: Policy) -> Rules:
    """The rules of every Consent that speaks to the request."""
    return joined(speaking(request, evidence, policy))


def apply(rules: Rules, facts: Facts, links: Links) -> bool | None:
    """What the rules say of one resource: permit, deny, or nothing (the policy's default decides). The last that matches wins."""
    return next((rule.permit for rule in reversed(rules) if _matches(rule, facts, links)), None)


def _matches(rule: ResidualRule, facts: Facts, links: Links) -> bool:
    """Unknown is true for a denial's data and false for a permit's."""
    return all(holds(what, permit, facts, links) >= (YES if permit else 1) for what, permit in rule.conditions)
