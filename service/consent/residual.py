"""The IHE PCF residual rules of an access token: the conditions on data that are left to enforce on each resource once the
Consents' conditions of who, when and why are decided.

Rules are read from the top and the last that matches wins; its effect is exactly the effect of the Consents on the resource.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import reduce
from typing import Any

from service.consent.applicable import CEILING, applicable, curbed
from service.consent.match import NO, YES, gate
from service.consent.policy import Policy
from service.consent.provision import Compiled, Node, What
from service.consent.request import Evidence, Request
from service.fhir.date import milliseconds
from service.fhir.reference import target

MOST = 4096
"""The most rules that a token carries: with more, the token forbids everything instead, which is safe."""


@dataclass(frozen=True, slots=True)
class ResidualRule:
    """The effect on a resource for which every condition holds. `permit` None: the Consents say nothing of the resource.

    A condition is the data named by a permit (True) or by a denial (False). A condition that is unknown for a resource holds for
    a denial's data and does not hold for a permit's.
    """

    permit: bool | None
    conditions: tuple[tuple[What, bool], ...] = ()


Rules = tuple[ResidualRule, ...]
Merge = Callable[[bool | None, bool | None], bool | None]
FORBID = ResidualRule(False)


def speaking(request: Request, evidence: Evidence, policy: Policy) -> tuple[tuple[str, Rules], ...]:
    """The version reference and the rules of each Consent that permits or denies some resource, in the order of references."""
    now = milliseconds(request.now)
    found = []
    for consent in sorted(evidence.consents, key=lambda consent: consent.ref):
        standing = applicable(consent, evidence, policy, now)
        rules = _consent(consent, request, now, standing)
        if any(rule.permit is not None for rule in rules):
            found.append((consent.ref, rules))
    return tuple(found)


def joined(spoke: Iterable[tuple[str, Rules]]) -> Rules:
    """The rules of several Consents as one list; empty when no Consent permits or denies any resource."""
    return _trim(_together(rules for _, rules in spoke))


def residual_json(rules: Rules, base: str = "") -> list[dict[str, Any]]:
    """The `residual` of the `ihe_pcf` token extension. The token itself is a general permit, so a leading unconditional permit is
    not written; a rule without an effect is written as `forbid`. Several conditions on one element have no published form and
    are written as `allOf`.
    """
    kept = rules[1:] if rules and rules[0].permit and not rules[0].conditions else rules
    return [_written(rule, base) for rule in kept if not (rule.permit and any(what.vague for what, _ in rule.conditions))]


def _consent(consent: Compiled, request: Request, now: int, standing: int) -> Rules:
    lists = [_node(root, request, now, standing) for root in consent.roots]
    rules = reduce(lambda left, right: _product(left, right, _both), lists) if lists else ()
    return tuple(each for rule in rules for each in _reaching(rule)) if curbed(consent, request) else rules


def _reaching(rule: ResidualRule) -> Rules:
    """The rule of a curbed Consent: above its ceiling a permit says nothing."""
    if not rule.permit:
        return (rule,)
    return ResidualRule(None, rule.conditions), ResidualRule(True, (*rule.conditions, (CEILING, True)))


def _node(node: Node, request: Request, now: int, above: int) -> Rules:
    here = min(above, gate(node, request, now))
    if here == NO:
        return ()
    named = ((node.what, node.permit),) if node.what is not None else ()
    rule = ResidualRule((True if here == YES else None) if node.permit else False, named)
    own: Rules = (FORBID, rule) if node.closed else (rule,) if rule.permit is not None else ()
    return own + _together([_node(child, request, now, here) for child in node.children])


def _together(lists: Iterable[Rules]) -> Rules:
    """The rules of sibling provisions, or of several Consents, as one list in which a denial wins. Lists of a single effect need
    no product: permits are put first and denials last.
    """
    some = [_trim(rules) for rules in lists if rules]
    permits = [rules for rules in some if all(rule.permit is True for rule in rules)]
    denials = [rules for rules in some if all(rule.permit is False for rule in rules)]
    mixed = [rules for rules in some if rules not in permits and rules not in denials]
    between = reduce(lambda left, right: _product(left, right, _either), mixed) if mixed else ()
    if any(rule.permit is None for rule in between) and permits:
        between, permits = reduce(lambda left, right: _product(left, right, _either), [*permits, between]), []
    return (*(rule for rules in permits for rule in rules), *between, *(rule for rules in denials for rule in rules))


def _product(left: Rules, right: Rules, merge: Merge) -> Rules:
    """The list in which the last matching rule has the merged effect of the last matching rules of `left` and of `right`. `none`
    stands for no match in one of the two lists.
    """
    if (len(left) + 1) * (len(right) + 1) > MOST:
        return (FORBID,)
    none = ResidualRule(None)
    pairs = [(one, two) for one in (none, *left) for two in (none, *right)][1:]
    return _trim(tuple(ResidualRule(merge(one.permit, two.permit), one.conditions + two.conditions) for one, two in pairs))


def _either(one: bool | None, two: bool | None) -> bool | None:
    """The effect of two siblings or two Consents: a denial overrides a permit, and a permit overrides no effect."""
    return False if one is False or two is False else one or two


def _both(one: bool | None, two: bool | None) -> bool | None:
    """The effect of two readings of one Consent: a denial in either denies, a permit needs both."""
    return False if one is False or two is False else True if one and two else None


def _trim(rules: Rules) -> Rules:
    """The rules from the last unconditional rule on, which hides every rule before it."""
    for index in range(len(rules) - 1, 0, -1):
        if not rules[index].conditions:
            return rules[index:]
    return rules


def _written(rule: ResidualRule, base: str) -> dict[str, Any]:
    kind: dict[str, Any] = {"type": "permit" if rule.permit else "forbid"}
    parts = [_elements(what, base, ceiling=permit and not rule.permit) for what, permit in rule.conditions]
    names = [name for part in parts for name in part]
    if len(set(names)) < len(names):
        return kind | {"allOf": parts}
    return reduce(lambda whole, part: whole | part, parts, kind)


def _elements(what: What, base: str, *, ceiling: bool) -> dict[str, Any]:
    """The elements as written, without the elements that could not be read: a denial is wider without them, and a permit with
    such an element is not written at all. `ceiling`: the data come from a permit but the rule is a denial, which would read the
    permit's confidentiality ceiling as a floor; so the labels are left out.
    """
    unsaid = what.vague | {"securityLabel"} if ceiling and what.rank else what.vague
    readable = {name: value for name, value in what.source.items() if name not in unsaid}
    return {name: _absolute(value, base) if name == "data" else value for name, value in readable.items()}


def _absolute(data: Any, base: str) -> Any:
    """`data` with relative references made absolute."""
    if not base or not isinstance(data, list):
        return data
    return [_absolute_reference(item, base.rstrip("/")) for item in data]


def _absolute_reference(item: Any, base: str) -> Any:
    reference: Any = item.get("reference") if isinstance(item, dict) else None
    text = target(reference)
    if not text or ":" in text or text.startswith("#"):
        return item
    return {**item, "reference": {**reference, "reference": f"{base}/{text}"}}
