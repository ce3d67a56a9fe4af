"""Audits what operators do by command: a change of a register is made together with its AuditEvent, or not at all."""

from __future__ import annotations

import getpass
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from service import clock
from service.auth.caller import Caller
from service.auth.scopes import NONE
from service.change import Resource
from service.store.audit import AuditTrail
from service.store.ledger import Entry
from service.usecases.request.audit import event
from service.usecases.request.services import RequestContext

OPERATOR = "baton-operator"
T = TypeVar("T")
RegisterChange = Callable[[Any], Awaitable[T]]
"""A change of a register in the database session given. Its result is false when it changed nothing."""


@dataclass(frozen=True, slots=True)
class Operation:
    """What an operator does: the audit-event-action code `action` on `what`; the organisation and persons whom it concerns; and
    the rows of registers that it changes, as `collection/_id`."""

    action: str
    what: str
    organization: str = ""
    patients: tuple[str, ...] = ()
    rows: tuple[str, ...] = ()


class Record(Protocol):
    """Makes a change of a register, audited as an Operation."""

    async def __call__(self, change: RegisterChange[T], operation: Operation) -> T:
        """The result of the change."""
        ...


async def unrecorded(change: RegisterChange[T], operation: Operation) -> T:
    """Makes a change without an AuditEvent: the hook of tests that run without an audit trail."""
    del operation
    return await change(None)


def recorder(trail: AuditTrail) -> Record:
    """The Record that writes into an audit trail."""

    async def record(change: RegisterChange[T], operation: Operation) -> T:
        at = clock.now()
        context = RequestContext(Caller(OPERATOR, operation.organization, NONE, purposes=("HOPERAT",)), at, "")
        told = _by_user(event(context, operation.action, operation.what, patients=operation.patients))
        return await trail.together(change, Entry(told, at, operation.organization), operation.rows)

    return record


def _by_user(told: Resource) -> Resource:
    """The AuditEvent with the machine's user as the agent who asked for the change."""
    named = [{**agent, "requestor": False} for agent in told["agent"] if agent["who"].get("reference") != ""]
    return {**told, "agent": [*named, {"who": {"identifier": {"value": _user()}}, "requestor": True}]}


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container may run under a number that has no name
        return "unknown"
