"""The residual rules (IHE PCF) that a token carries to a Consent Enforcement Point elsewhere.

Rules are read from the top and the last that matches wins; where no rule matches, the token is a permit. The rules start with
the policy's defaults, go on with the Consents, and end with the labels that no Consent can release. The rules are never wider
than `decide`: an override, a recorded lawful basis and an agency's own records are decided by the service that keeps the
records, and an agreement limited to some categories is written as no access at all.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from service.consent.decide import decide, default
from service.consent.facts import MARKS, Facts
from service.consent.policy import Policy
from service.consent.request import Evidence, Request
from service.consent.residual import joined, residual_json, speaking
from service.consent.terms import NORMAL, ORDER, RANK
from service.fhir.canonical import ACT_CODE, CONFIDENTIALITY

Written = list[dict[str, Any]]
NOTHING: Written = [{"type": "forbid"}]
ANY = Facts("", "")
"""Any record at all."""


def told(request: Request, evidence: Evidence, policy: Policy, patient: str, base: str = "") -> tuple[Written, tuple[str, ...]]:
    """The rules as written in a token, and the version references of the Consents that the rules come from. `base` makes
    references in the rules absolute. Never raises.
    """
    ordinary = replace(ANY, patients=(patient,), confidentiality=NORMAL)
    row = decide(request, ordinary, evidence, policy).reasons[0]
    barred = sorted(label for row in policy.barred if not row.sectors or request.sector in row.sectors for label in row.labels)
    if row.row == "L1":
        return ([_labelled("forbid", (*MARKS, *barred))] if row.permit else NOTHING), ()
    if row.row in ("L0", "L6"):
        return NOTHING, ()
    spoke = speaking(request, evidence, policy)
    rules = joined(spoke)
    if rules and rules[0].permit is None and not rules[0].conditions:
        rules = rules[1:]  # of what no later rule is about, no Consent says anything: the policy does
    whole = bool(rules) and not rules[0].conditions
    ground = [] if whole else _ground(request, policy)
    last = [_labelled("forbid", barred)] if barred else []
    return [*ground, *residual_json(rules, base), *last], tuple(ref for ref, _ in spoke)


def _ground(request: Request, policy: Policy) -> Written:
    """The rules of the policy's defaults, found by probing the policy. Where a record with a sensitivity label alone would be
    denied, every record without a confidentiality is denied too: no rule can tell the two apart.
    """

    def holds(confidentiality: int = 0, *labels: str) -> bool:
        row = default(request, replace(ANY, confidentiality=confidentiality, labels=labels), policy)
        return row is not None and row.permit

    if not holds(NORMAL):
        return NOTHING
    top = max(rank for rank in RANK.values() if all(holds(each) for each in range(NORMAL, rank + 1)))
    known = policy.terms.labels.keys() | {label for row in policy.defaults for label in row.labels}
    barred = sorted(label for label in known if not holds(NORMAL, label))
    open_ = holds() and all(holds(0, label) for label in known if label not in barred)
    return [
        *([] if open_ else [*NOTHING, _confidential("permit", top)]),
        *([_confidential("forbid", top + 1)] if top < len(ORDER) else []),
        *([_labelled("forbid", barred)] if barred else []),
    ]


def _confidential(effect: str, rank: int) -> dict[str, Any]:
    return {"type": effect, "securityLabel": [{"system": CONFIDENTIALITY, "code": ORDER[rank - 1]}]}


def _labelled(effect: str, labels: Iterable[str]) -> dict[str, Any]:
    """A rule over labels, each spelled as `service.consent.terms.label_key` spells it."""
    parted = [label.rpartition("|") for label in labels]
    return {"type": effect, "securityLabel": [{"system": system or ACT_CODE, "code": code} for system, _, code in parted]}
