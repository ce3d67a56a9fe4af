"""What the service records with each version of a Consent, beside the Consent's own content (consent rules, section 2.8): whether
the agency that recorded it had standing then, and who else stands for it.

The marks are search tokens of the row, so that no writer can claim one and no later change of a relationship moves one.

| mark | when |
|---|---|
| `recorder=standing` | the recorder kept the person's record, or had a legitimate relationship with the person, at that instant |
| `said-by=[user]` | the person, or who may act for the person, said it signed in |
| `verified-by=[who]` | another agency with standing, or the person signed in, verified it with the person |

The words of `said-by` and `verified-by` stand as long as the content stands and the Consent is not made active again.
"""

from __future__ import annotations

from collections.abc import Collection

from service.auth.caller import Caller
from service.change import Resource
from service.store.records import Row

STANDING = "recorder=standing"
SAID = "said-by="
VERIFIED = "verified-by="
BOOKKEEPING = frozenset({"status", "meta", "text"})


def stands(consent: Row) -> bool:
    """Whether the recorder had standing, so that the Consent says something of the person's records."""
    return STANDING in consent.index.keys


def confirmed(marks: Collection[str]) -> bool:
    """Whether somebody other than the recorder's agency stands for what the Consent says."""
    return any(mark.startswith((SAID, VERIFIED)) for mark in marks)


def said_by(row: Row) -> str:
    """The person who said this signed in; empty for what an agency recorded."""
    return next((mark.removeprefix(SAID) for mark in row.index.keys if mark.startswith(SAID)), "")


def witnesses(before: Row | None, after: Resource, caller: Caller) -> tuple[str, ...]:
    """The marks `said-by` and `verified-by` of a new version that this caller writes."""
    if before is not None and same(before.resource, after) and not _revived(before.resource, after):
        return _kept(before)
    if caller.personal:
        own = before is None or said_by(before)
        return (f"{SAID if own else VERIFIED}{caller.user}",)
    if before is not None and before.custodian != caller.organization:
        return (f"{VERIFIED}{caller.organization}",)
    return ()


def same(before: Resource, after: Resource, *apart: str) -> bool:
    """Whether two versions say the same, but for their bookkeeping and the members `apart`."""
    return all(before.get(name) == after.get(name) for name in {*before, *after} - BOOKKEEPING - {*apart})


def _kept(before: Row) -> tuple[str, ...]:
    return tuple(mark for mark in before.index.keys if mark.startswith((SAID, VERIFIED)))


def _revived(before: Resource, after: Resource) -> bool:
    return after.get("status") == "active" != before.get("status")
