"""Matches a provision in three values: no, unknown, yes. Elements are joined by AND (the least value), the values within one
element by OR (the greatest); an element that is absent gives yes.

A permit needs yes; a denial needs only unknown. Facts without an id stand for any record of their type, and without a type for
any record: what only some of these records are is unknown. Of all conditions only confidentiality depends on the effect: the
rank is a ceiling in a permit and a floor in a denial.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from service.consent.facts import Facts
from service.consent.provision import Node, What
from service.consent.request import Request
from service.fhir.reference import type_of

NO, UNKNOWN, YES = 0, 1, 2
_UNSAID = ("",)
Links = Mapping[str, tuple[str, ...]]
# Records of these types connect everything with everything, so a chain of references is not followed through them.
_HUBS = ("Patient/", "Practitioner/", "PractitionerRole/", "Organization/", "Location/", "HealthcareService/", "Group/")


def gate(node: Node, request: Request, now: int) -> int:
    """Whether a provision's conditions of who, when and why hold: NO, UNKNOWN or YES. `now` is the request's instant in
    milliseconds.
    """
    found = YES
    if node.actors is not None and node.actors.isdisjoint(request.principals):
        if "actor" not in node.vague:
            return NO
        found = UNKNOWN
    if node.purposes is not None and not node.purposes.issuperset(request.purposes or _UNSAID):
        if "purpose" not in node.vague and not _partly(node.purposes, request.purposes):
            return NO
        found = UNKNOWN
    if node.actions is not None and request.action not in node.actions:
        if "action" not in node.vague:
            return NO
        found = UNKNOWN
    if node.during is not None and not node.during.covers(now):
        return NO
    return UNKNOWN if "period" in node.vague else found


def _partly(covering: frozenset[str], purposes: tuple[str, ...]) -> bool:
    """Whether a provision covers some of the request's purposes, or the request names none: then the match is unknown, not no."""
    return not purposes or not covering.isdisjoint(purposes)


def holds(what: What, permit: bool, facts: Facts, links: Links) -> int:
    """Whether the resource is among the data that a provision names: NO, UNKNOWN or YES."""
    found = YES
    for name in what.source:
        said = TESTS[name](what, permit, facts, links)
        if said < found:
            if said == NO and name not in what.vague:
                return NO
            found = UNKNOWN
    return found


def _labelled(what: What, permit: bool, facts: Facts, _links: Links) -> int:
    found = NO
    if what.rank:
        if not facts.confidentiality:
            found = UNKNOWN
        elif facts.confidentiality <= what.rank if permit else facts.confidentiality >= what.rank:
            return YES
    if what.labels:
        if not what.labels.isdisjoint(facts.labels):
            return YES
        # A confidentiality or a sensitivity label shows that the record was labelled; a tag such as HTEST does not.
        if not facts.confidentiality and all("|" in label for label in facts.labels):
            found = UNKNOWN
    return found


def _kind(what: What, _permit: bool, facts: Facts, _links: Links) -> int:
    kinds = what.kinds
    if facts.type in kinds or "Resource" in kinds or "DomainResource" in kinds:
        return YES
    if not facts.id:
        return UNKNOWN if not facts.type or any(":" in kind for kind in kinds) else NO
    return NO if kinds.isdisjoint(facts.profiles) and kinds.isdisjoint(facts.classes) else YES


def _coded(what: What, _permit: bool, facts: Facts, _links: Links) -> int:
    if not what.codes.isdisjoint(facts.codes):
        return YES
    return UNKNOWN if facts.uncoded or not facts.id else NO


def _during(what: What, _permit: bool, facts: Facts, _links: Links) -> int:
    """Whether the resource's time lies in the data period: yes wholly inside, no wholly outside, else unknown (overlapping,
    undated or unreadable).
    """
    asked, found = what.during, facts.when
    if asked is None or found is None:
        return UNKNOWN
    if found.low >= asked.high or found.high <= asked.low:
        return NO
    return YES if asked.low <= found.low and found.high <= asked.high else UNKNOWN


def _among(what: What, _permit: bool, facts: Facts, links: Links) -> int:
    ref = facts.ref
    if not facts.id:
        return _some(what, facts.type)
    if ref in what.instances or ref in what.related or ref in what.dependents or not what.related.isdisjoint(facts.references):
        return YES
    # R4 defines `related` as the records that the named record refers to; IHE PCF as the records that refer to the named record.
    # One hop counts in either direction.
    if any(ref in links.get(named, ()) for named in what.related):
        return YES
    found = _authored(what.authors, facts, links) if what.authors else NO
    if what.dependents and found != YES:
        found = max(found, _depends(what.dependents, facts, links))
    return found


def _some(what: What, kind: str) -> int:
    """Whether some record of a type, of any type where `kind` is empty, may be among the data named."""
    if what.related or what.dependents or what.authors:
        return UNKNOWN
    return UNKNOWN if any(not kind or type_of(ref) == kind for ref in what.instances) else NO


def _authored(authors: frozenset[str], facts: Facts, links: Links) -> int:
    if not facts.authors:
        return UNKNOWN
    if not authors.isdisjoint(facts.authors):
        return YES
    found = NO
    if all(author.startswith("PractitionerRole/") for author in authors):
        return NO
    for author in facts.authors:
        if author.startswith("PractitionerRole/"):
            # A PractitionerRole as author stands for its Practitioner, whom only the directory (`links`) names.
            if author not in links:
                found = UNKNOWN
            elif not authors.isdisjoint(links[author]):
                return YES
    return found


def _depends(roots: frozenset[str], facts: Facts, links: Links) -> int:
    """Whether a chain of references leads from the resource to a root: unknown when a record on the way is not in `links`."""
    todo, seen, found = list(facts.references), {facts.ref}, NO
    while todo:
        ref = todo.pop()
        if ref in roots:
            return YES
        if ref in seen or ref.startswith((*_HUBS, "#")):
            continue
        seen.add(ref)
        if ref in links:
            todo.extend(links[ref])
        else:
            found = UNKNOWN
    return found


TESTS: Mapping[str, Callable[[What, bool, Facts, Links], int]] = {
    "securityLabel": _labelled,
    "class": _kind,
    "code": _coded,
    "dataPeriod": _during,
    "data": _among,
}
