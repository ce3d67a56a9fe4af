"""Audits what operators do by command: a change of a register is made together with its AuditEvent, or not at all."""

from __future__ import annotations

import getpass
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, Protocol, TypeVar

from service import clock
from service.auth.caller import Caller
from service.auth.scopes import NONE
from service.change import Resource
from service.store.audit import AuditTrail
from service.usecases.request.audit import event
from service.usecases.request.services import RequestContext

OPERATOR = "baton-operator"
T = TypeVar("T")
RegisterChange = Callable[[Any], Awaitable[T]]
"""A change of a register in the database session given. Its result is false when it changed nothing."""


class Record(Protocol):
    """Makes a change of a register, audited as `action` on `what`; `organization` and `patients` are whom it concerns."""

    async def __call__(
        self, change: RegisterChange[T], action: str, what: str, organization: str = "", patients: Iterable[str] = ()
    ) -> T:
        """The result of the change."""
        ...


async def unrecorded(
    change: RegisterChange[T], action: str, what: str, organization: str = "", patients: Iterable[str] = ()
) -> T:
    """Makes a change without an AuditEvent: the hook of tests that run without an audit trail."""
    del action, what, organization, patients
    return await change(None)


def recorder(trail: AuditTrail) -> Record:
    """The Record that writes into an audit trail."""

    async def record(
        change: RegisterChange[T], action: str, what: str, organization: str = "", patients: Iterable[str] = ()
    ) -> T:
        at = clock.now()
        context = RequestContext(Caller(OPERATOR, organization, NONE, purposes=("HOPERAT",)), at, "")
        told = _by_user(event(context, action, what, patients=patients))
        return await trail.together(change, told, at=at, custodian=organization)

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
