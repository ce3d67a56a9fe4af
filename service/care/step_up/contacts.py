"""Contacts and attempts: a Communication `contact-attempt` that is `completed` was a contact, one that is `not-done` for a reason
was an attempt that failed. Attempts are not contacts."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, tzinfo

from service.change import Resource
from service.fhir import date
from service.fhir.canonical import COMMUNICATION_CATEGORY
from service.fhir.coding import codes_in

_EVER = datetime.min.replace(tzinfo=UTC)


def is_contact(communication: Resource) -> bool:
    """Whether a Communication records a contact with the person."""
    return _of_category(communication) and communication.get("status") == "completed"


def has_failed(communication: Resource) -> bool:
    """Whether a Communication records an attempt that failed, with its reason."""
    return _of_category(communication) and communication.get("status") == "not-done" and bool(communication.get("statusReason"))


def sent_at(communication: Resource, zone: tzinfo) -> datetime | None:
    """The instant at which a contact was attempted, or None where none is recorded."""
    return date.begins(communication.get("sent"), zone)


def missed(communications: Iterable[Resource], zone: tzinfo) -> int:
    """How many attempts have failed since the last contact. An attempt without an instant counts as the earliest."""
    ordered = sorted(communications, key=lambda each: sent_at(each, zone) or _EVER)
    since = 0
    for each in ordered:
        since = 0 if is_contact(each) else since + has_failed(each)
    return since


def _of_category(communication: Resource) -> bool:
    return "contact-attempt" in codes_in(communication.get("category"), COMMUNICATION_CATEGORY)
