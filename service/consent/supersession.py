"""Which Consent a newer Consent replaces: one of the same subject, controller, policy, category, recipients, purposes and data.
Nowhere else does a newer Consent win over an older one.

Whose Consents may replace one another, those of one custodian or the person's own, is for the use case to say, because a Consent
does not tell who recorded it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from service.consent.conditions import listed, members, ref_of
from service.fhir.coding import codings

CODED = ("action", "class", "code", "purpose", "securityLabel")


def supersession_key(resource: Mapping[str, Any], base: str = "") -> str:
    """A key that is equal for two Consents of which the later supersedes the earlier; empty for a Consent without a patient.
    Never raises.
    """
    patient = ref_of(resource.get("patient"), base)
    if not patient:
        return ""
    root = resource.get("provision")
    parts = (
        [patient],
        [ref_of(item, base) for item in listed(resource.get("organization"))],
        _policies(resource),
        _codes(listed(resource.get("category"))),
        [text for tree in _provisions(root) for text in _named(tree, base)],
    )
    text = json.dumps([sorted(set(part)) for part in parts], ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _provisions(root: object) -> Iterator[dict[str, Any]]:
    """The provision and every provision nested in it."""
    todo = members(root)
    for tree in todo:
        yield tree
        todo += members(tree.get("provision"))  # the list grows while it is walked: breadth first, without recursion


def _named(tree: Mapping[str, Any], base: str) -> Iterator[str]:
    """Everything that a provision names of recipients, purposes and data, each with the name of its element. What a provision
    permits or denies is no part of the key: a permit may take the place of a denial of the very same.
    """
    yield from (f"actor {ref_of(actor.get('reference'), base)}" for actor in members(tree.get("actor")))
    yield from (f"{name} {code}" for name in CODED for code in _codes(listed(tree.get(name))))
    yield from (f"data {item.get('meaning')} {ref_of(item.get('reference'), base)}" for item in members(tree.get("data")))
    for name in ("period", "dataPeriod"):
        yield from (f"{name} {item.get('start', '')}/{item.get('end', '')}" for item in members(tree.get(name)))


def _codes(values: Iterable[object]) -> list[str]:
    return [f"{system}|{code}" for value in values for system, code in codings(value)]


def _policies(resource: Mapping[str, Any]) -> list[str]:
    uris = [policy["uri"] for policy in members(resource.get("policy")) if isinstance(policy.get("uri"), str)]
    return uris + _codes([resource.get("policyRule")])
