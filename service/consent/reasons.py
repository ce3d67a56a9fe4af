"""Why: the rows of the decision that fired, in order, each naming what it rests on."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Reason:
    """One row that fired.

    `row`: `custodian`, `IDN-3`, `L0` … `L6`. `source` names a consent version and provision path
    (`Consent/1/_history/3#provision.provision[0]`), a policy row (`policy/uk-1#L5.implied-care`), an agreement or a grant's
    record. `text`: plain words, no patient data.
    """

    row: str
    permit: bool
    source: str
    text: str


@dataclass(frozen=True, slots=True)
class Redaction:
    """Something to take out of a permitted resource.

    `kind` `element`: a dotted path without indexes (`contact.name`); `section`: a Composition section by `system|code`;
    `label`: every element that carries this inline security label (key of `service.consent.terms.label_key`, or
    `CONFIDENTIALITY|code`).
    """

    kind: str
    value: str


@dataclass(frozen=True, slots=True)
class Decision:
    """The answer. The first of `reasons` decided; the others are the further rows that fired, in order of the layers.

    `obligations` are codes from `service.consent.policy`. `consents` are the version references of the Consents that spoke.
    """

    permit: bool
    reasons: tuple[Reason, ...]
    policy_version: str
    redactions: tuple[Redaction, ...] = ()
    obligations: tuple[str, ...] = ()
    consents: tuple[str, ...] = ()
