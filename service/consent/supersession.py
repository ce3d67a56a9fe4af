"""Which Consent a newer Consent replaces: one of the same subject, controller, policy, category, recipients and purposes. Nowhere
else does a newer Consent win over an older one.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Any

from service.consent.conditions import listed, members, ref_of
from service.fhir.coding import codings


def supersession_key(resource: Mapping[str, Any], base: str = "") -> str:
    """A key that is equal for two Consents of which the later supersedes the earlier; empty for a Consent without a patient.
    Never raises.
    """
    patient = ref_of(resource.get("patient"), base)
    if not patient:
        return ""
    root = resource.get("provision")
    tree = root if isinstance(root, dict) else {}
    parts = (
        [patient],
        [ref_of(item, base) for item in listed(resource.get("organization"))],
        _policies(resource),
        _codes(listed(resource.get("category"))),
        [ref_of(actor.get("reference"), base) for actor in members(tree.get("actor"))],
        _codes(listed(tree.get("purpose"))),
    )
    text = json.dumps([sorted(set(part)) for part in parts], ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _codes(values: Iterable[object]) -> list[str]:
    return [f"{system}|{code}" for value in values for system, code in codings(value)]


def _policies(resource: Mapping[str, Any]) -> list[str]:
    uris = [policy["uri"] for policy in members(resource.get("policy")) if isinstance(policy.get("uri"), str)]
    return uris + _codes([resource.get("policyRule")])
