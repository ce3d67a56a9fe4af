"""Nothing is kept in the service for tests alone: what it defines, it uses."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from service.cli.commands import TABLE
from tests.structure.examples_of_use import UNUSED, USED
from tests.structure.known import known

pytestmark = pytest.mark.slow  # the whole service is typed for it

# What the service defines and does not use itself, and why it is there. A class stands for all its methods.
KEPT: Mapping[str, str] = {
    "auth.clients.Client": "Authlib asks a client by these names",
    "auth.tokens.Code": "Authlib asks a code by these names",
    "auth.tokens.Token": "Authlib asks a token by these names",
    "api.health._Counted": "prometheus_client asks it for its metrics",
    "care.task.machine.diagram": "README's diagram is drawn with it",
    "care.task.engagement.counts_as_failed_attempt": "discharge counts failed attempts with it (E11), which comes next",
    "fhir.definitions._Component": "msgspec reads it of a search parameter",
    "store.outbox.Outbox": "notices wait until partners can subscribe to them: nothing delivers them yet",
}

COMMANDS = frozenset(f"service.cli.{command.place.replace(':', '.')}" for command in TABLE)
"""What `baton` finds by its place in the table of commands."""


def is_kept(name: str, kept: str) -> bool:
    """Whether a definition is this one, or of this class."""
    return name == f"service.{kept}" or name.startswith(f"service.{kept}.")


def test_the_service_uses_what_it_defines() -> None:
    """What only a test calls is code that nobody runs: it belongs to the test, or nowhere."""
    ours = [name for name in known().unused if not name.startswith("service.care.example.") and name not in COMMANDS]
    assert [name for name in ours if not any(is_kept(name, kept) for kept in KEPT)] == []


@pytest.mark.parametrize("kept", KEPT)
def test_the_list_of_what_is_kept_is_no_longer_than_it_must_be(kept: str) -> None:
    """What is used by now, or is gone, needs no reason."""
    assert any(is_kept(name, kept) for name in known().unused)


@pytest.mark.parametrize("name", UNUSED)
def test_what_nothing_uses_is_found(name: str) -> None:
    """The check can fail: neither itself, nor an import, nor a variable of the same name is a use."""
    assert f"service.care.example.{name}" in known().unused


@pytest.mark.parametrize("name", USED)
def test_what_is_used_is_not_taken_for_dead(name: str) -> None:
    """Through a child or a parent, a protocol, a library, or something of no known type."""
    assert f"service.care.example.{name}" not in known().unused
