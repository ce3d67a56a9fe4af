"""Compiles one version of a Consent of either dialect. Any JSON object compiles: an element that cannot be read is named in
`findings` and can only deny.

Typed root (IHE PCF, FAST): the root's `type` is the effect. Untyped root (R4 text): the base effect comes from policyRule or
policy, and the children carry types. An untyped root with conditions is ambiguous and gets both readings: its conditions as
limits of the base, and as exceptions to the base.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import tzinfo
from itertools import chain
from typing import Any

from service.consent.conditions import Element, actors, listed, members, ref_of, whats
from service.consent.provision import EMPTY, Compiled, Node, What
from service.consent.reasons import Reason
from service.consent.terms import STANDARD, Terminology, purpose_key
from service.consent.vocabulary import action_fault, purpose_fault
from service.fhir.canonical import PCF_POLICY
from service.fhir.coding import codings
from service.fhir.date import ALWAYS, LOCAL, Interval, parse, period
from service.problem import Issue

MAX_DEPTH = 32
BASES: Mapping[str, str] = {
    "OPTIN": "permit",
    "OPTINR": "permit",
    "OPTOUT": "deny",
    "OPTOUTE": "deny",
    "EMRGONLY": "emergency",
    PCF_POLICY + "basic-normal": "permit",
    PCF_POLICY + "break-glass-only": "break-glass",
}
"""The base effect of an untyped root under each policy that is known here."""
EXCEPT = {"emergency": "ETREAT", "break-glass": "BTG"}
PRIVACY_SCOPES = frozenset({"patient-privacy", "research"})
CONDITIONS = ("actor", "action", "securityLabel", "purpose", "class", "code", "dataPeriod", "data")
TEXT = {
    (True, False): "The person's consent permits this.",
    (False, False): "The person's consent denies this.",
    (True, True): "The policy the person agreed to permits this.",
    (False, True): "The policy the person agreed to denies this.",
}
SILENT = What(vague=frozenset({"data"}), source={"data": ()})
CLOSED = "The person's consent permits only the data it names, and this is not among them."


@dataclass(slots=True)
class _Reading:
    """The context of compiling one Consent, with the findings gathered so far. `doubt`: a finding that ends its permits."""

    ref: str
    base: str
    zone: tzinfo
    terms: Terminology
    findings: list[Issue] = field(default_factory=list)
    doubt: bool = False

    def find(self, text: str, expression: str, code: str = "business-rule", *, doubt: bool = False) -> None:
        self.findings.append(Issue(code, text, f"Consent.{expression}", "consent-rules 2", "warning"))
        self.doubt = self.doubt or doubt

    def note(self, text: str, expression: str) -> None:
        self.findings.append(Issue("informational", text, f"Consent.{expression}", "consent-rules 2", "information"))

    def reason(self, path: str, permit: bool, *, policy: bool = False) -> Reason:
        return Reason("L4" if permit else "L3", permit, f"{self.ref}#{path}", TEXT[permit, policy])


def compile_consent(
    resource: Mapping[str, Any],
    version_ref: str,
    base: str = "",
    zone: tzinfo = LOCAL,
    terms: Terminology = STANDARD,
    *,
    recorder: str = "",
    confirmed: bool = False,
    standing: bool = True,
) -> Compiled:
    """One version of a Consent, compiled. `version_ref` is `Consent/1/_history/3`; `base` our own absolute base URL; dates
    without an offset are local to `zone`; `recorder`, `confirmed` and `standing` are as in Compiled.

    Never raises. The result depends on no request and may be cached as long as the version stands.
    """
    reading = _Reading(version_ref, base, zone, terms)
    root = resource.get("provision")
    tree = root if isinstance(root, dict) else {}
    if root is not None and not isinstance(root, dict):
        reading.find("`provision` is not an object; write it as one.", "provision", "structure", doubt=True)
    period = _period(reading, tree)
    written = _written(reading, resource)
    roots = _roots(reading, resource, tree)
    patient = ref_of(resource.get("patient"), base)
    _admissible(reading, resource, patient)
    return Compiled(
        version_ref,
        patient,
        resource.get("status") == "active",
        roots,
        period,
        written,
        frozenset(ref for item in listed(resource.get("performer")) if (ref := ref_of(item, base))),
        frozenset(ref for item in listed(resource.get("organization")) if (ref := ref_of(item, base))),
        any(item.get("verified") is True for item in members(resource.get("verification"))),
        reading.doubt,
        frozenset(chain.from_iterable(_named(node) for node in roots)),
        tuple(reading.findings),
        recorder,
        confirmed,
        standing,
    )


def _admissible(reading: _Reading, resource: Mapping[str, Any], patient: str) -> None:
    if not patient.startswith("Patient/"):
        # R4's invariants ppc-2 to ppc-5 never fire, so the patient is checked here.
        reading.find("A Consent says whose it is: give `patient` a reference to a Patient.", "patient", "required", doubt=True)
    if not any(ref_of(item, reading.base) for item in listed(resource.get("performer"))):
        # No `doubt` is needed: `applicable` finds no entitled performer, so the Consent's permits do not count.
        reading.find(
            "Nobody is named as giving it: give `performer`, the person or a verified representative.", "performer", "required"
        )
    if any(True for _ in _modifiers(resource)):
        reading.find(
            "It holds a `modifierExtension` that is not known here; leave it out.", "modifierExtension", "extension", doubt=True
        )
    scope = {code for _, code in codings(resource.get("scope"))}
    if scope and not scope & PRIVACY_SCOPES:
        reading.find("Its `scope` is not about sharing records; use `patient-privacy` or `research`.", "scope", doubt=True)


def _modifiers(resource: Mapping[str, Any]) -> Iterator[None]:
    """One item for every modifierExtension at any depth outside contained resources."""
    todo: list[Any] = [{name: value for name, value in resource.items() if name != "contained"}]
    while todo:
        item = todo.pop()
        if isinstance(item, dict):
            if item.get("modifierExtension"):
                yield None
            todo.extend(item.values())
        elif isinstance(item, list):
            todo.extend(item)


def _written(reading: _Reading, resource: Mapping[str, Any]) -> int | None:
    value = resource.get("dateTime")
    if value is None:
        return None
    found = parse(value, reading.zone) if isinstance(value, str) else None
    if found is None:
        reading.find("`dateTime` cannot be read; write a FHIR dateTime.", "dateTime", "value", doubt=True)
    return found.low if found else None


def _period(reading: _Reading, tree: Mapping[str, Any]) -> Interval | None:
    if "period" not in tree:
        return ALWAYS
    found = period(tree["period"], reading.zone)
    if found is None:
        reading.find(
            "`provision.period` cannot be read; write FHIR dates, the end not before the start.",
            "provision.period",
            "value",
            doubt=True,
        )
    return found


def _roots(reading: _Reading, resource: Mapping[str, Any], tree: Mapping[str, Any]) -> tuple[Node, ...]:
    kind = tree.get("type")
    if kind in ("permit", "deny"):
        return (_node(reading, tree, "provision", kind == "permit", depth=1),)
    if kind is not None:
        reading.find("`provision.type` is neither `permit` nor `deny`.", "provision.type", "code-invalid", doubt=True)
    base, path = _base(resource)
    conditions = any(name in tree for name in CONDITIONS)
    if conditions:
        reading.find("A root provision with conditions needs a `type`: say `permit` or `deny`.", "provision.type", "required")
        return _both(reading, tree, base, path)
    children = _children(reading, tree, "provision", 1)
    if not base:
        reading.find(
            "It names no policy we know and its root has no `type`: say `permit` or `deny`.", "provision.type", "required"
        )
        # The root itself neither permits nor denies: only its children do.
        return (Node(True, reading.reason("provision", True), what=SILENT, children=children),)
    reading.note(
        "Its root has no `type`, so its policy says what holds by default; a `type` would say it plainly.", "provision.type"
    )
    return (_policy_node(reading, base, path, children),)


def _base(resource: Mapping[str, Any]) -> tuple[str, str]:
    """The effect an untyped root takes from its policy, and the path of the policy; both empty when no policy is known. Of
    several policies the most restrictive wins.
    """
    found = [(BASES[code], "policyRule") for _, code in codings(resource.get("policyRule")) if code in BASES]
    for index, policy in enumerate(members(resource.get("policy"))):
        uri = policy.get("uri")
        if isinstance(uri, str) and uri in BASES:
            found.append((BASES[uri], f"policy[{index}].uri"))
    order = ("deny", "break-glass", "emergency", "permit")
    return min(found, key=lambda item: order.index(item[0]), default=("", ""))


def _policy_node(reading: _Reading, base: str, path: str, children: tuple[Node, ...]) -> Node:
    permit = base == "permit"
    if base in EXCEPT:
        purposes = reading.terms.purpose(EXCEPT[base])
        children = (*children, Node(True, reading.reason(path, True, policy=True), purposes=purposes))
    return Node(permit, reading.reason(path, permit, policy=True), children=children)


def _both(reading: _Reading, tree: Mapping[str, Any], base: str, path: str) -> tuple[Node, ...]:
    """Both readings of an untyped root with conditions: as limits of the base, and as exceptions to the base."""
    permit = base == "permit"
    limits = _node(reading, tree, "provision", permit, depth=1)
    quiet = replace(reading, findings=[])
    exception = _node(quiet, tree, "provision", not permit, depth=1, root=False)
    if not base:
        return (limits, exception)
    return (limits, _policy_node(reading, base, path, (exception,)))


def _node(reading: _Reading, tree: Mapping[str, Any], path: str, permit: bool, depth: int, *, root: bool = True) -> Node:
    element = Element(tree, path, reading.base, reading.zone, reading.terms)
    who = actors(element)
    what = whats(element, permit)
    vague = set(element.vague)
    purposes = _purposes(element, reading.terms)
    actions = _actions(element)
    during = None
    if depth > 1 and "period" in tree and (during := period(tree["period"], reading.zone)) is None:
        element.unclear("period", "`period` cannot be read; write FHIR dates, the end not before the start.")
    vague |= set(element.vague)
    for name, text in element.findings:
        reading.find(text, f"{path}.{name}", "value")
    reason = reading.reason(path, permit)
    closed = Reason("L3", False, reason.source, CLOSED) if permit and root and depth == 1 and what is not None else None
    return Node(
        permit,
        reason,
        who,
        purposes,
        actions,
        during,
        frozenset(vague) & GATE or EMPTY,
        what,
        closed,
        _children(reading, tree, path, depth),
    )


GATE = frozenset({"actor", "purpose", "action", "period"})


def _actions(element: Element) -> frozenset[str] | None:
    if "action" not in element.tree:
        return None
    given = [[code for _, code in codings(item)] for item in listed(element.tree["action"])]
    for codes in given or [[]]:
        if fault := action_fault(codes):
            element.unclear("action", fault)
    return frozenset(chain.from_iterable(given))


def _purposes(element: Element, terms: Terminology) -> frozenset[str] | None:
    if "purpose" not in element.tree:
        return None
    found: set[str] = set()
    for coding in listed(element.tree["purpose"]):
        pairs = list(codings(coding))
        found.update(*(terms.purpose(purpose_key(system, code)) for system, code in pairs))
        if not pairs:
            element.unclear("purpose", "`purpose` holds no code; give one.")
        for system, code in pairs:
            if fault := purpose_fault(system, code, terms):
                element.unclear("purpose", fault)
    if not found:
        element.unclear("purpose", "`purpose` holds no code; give one.")
    return frozenset(found)


def _children(reading: _Reading, tree: Mapping[str, Any], path: str, depth: int) -> tuple[Node, ...]:
    nested = tree.get("provision")
    if nested is None:
        return ()
    if depth >= MAX_DEPTH:
        reading.find(f"Provisions nest deeper than {MAX_DEPTH}; write them flatter.", path, "too-long", doubt=True)
        return ()
    found = []
    for index, item in enumerate(listed(nested)):
        here = f"{path}.provision[{index}]"
        if not isinstance(item, dict):
            reading.find("A nested provision is not an object; write it as one.", here, "structure", doubt=True)
            continue
        if item.get("type") not in ("permit", "deny"):
            reading.find(
                "A nested provision needs a `type`: say `permit` or `deny`; without it, it denies.", f"{here}.type", "required"
            )
        found.append(_node(reading, item, here, item.get("type") == "permit", depth + 1))
    return tuple(found)


def _named(node: Node) -> Iterator[str]:
    if node.what is not None:
        yield from node.what.named
    for child in node.children:
        yield from _named(child)
