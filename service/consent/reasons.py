"""A decision and its reasons: the rows that fired, in order, each with the source it rests on."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Reason:
    """One row of the decision that fired.

    `row` is `custodian`, `IDN-3` or `L0` … `L6`. `source` names a Consent version and provision path
    (`Consent/1/_history/3#provision.provision[0]`), a policy row (`policy/uk-1#L5.implied-care`), an agreement or a grant's
    record. `text` is in plain words, without patient data.
    """

    row: str
    permit: bool
    source: str
    text: str


@dataclass(frozen=True, slots=True)
class Redaction:
    """A part to take out of a permitted resource.

    `kind` says how `value` names the part. `element`: a dotted path without indexes (`contact.name`); `section`: a Composition
    section by `system|code`; `label`: every element that carries this inline security label (key of
    `service.consent.terms.label_key`, or `CONFIDENTIALITY|code`).
    """

    kind: str
    value: str


@dataclass(frozen=True, slots=True)
class Decision:
    """The decision on a resource. The first of `reasons` decided; the other reasons are the further rows that fired, in order of
    the layers.

    `obligations` are codes from `service.consent.policy`. `consents` are the version references of the Consents that permitted
    or denied.
    """

    permit: bool
    reasons: tuple[Reason, ...]
    policy_version: str
    redactions: tuple[Redaction, ...] = ()
    obligations: tuple[str, ...] = ()
    consents: tuple[str, ...] = ()
