"""Limits for each client and each address (security rules, section 4): failed secrets, guessed ids and requests.

Who guesses is told to wait; nobody is locked out by somebody else's guesses: a secret that is right passes, wherever wrong ones
come from. Failed secrets are counted in the store, for all workers together; requests and guessed ids in each process.
"""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta

from service import clock
from service.auth.event import Event
from service.problem import Category, Problem, Refused, problem
from service.store.clients import Clients
from service.usecases.smart.users import Note, unnoted

WINDOW = timedelta(minutes=1)
MOST_ABSENT = 600
"""How many records that are absent or hidden one client may ask for in a minute."""
THROTTLED = "Too many requests; wait a minute, and then ask more slowly."


class Limits:
    """Counts and refuses. `requests` is how many requests one client may make in a minute, in one process; `failures` how many
    failed secrets (client secrets, assertions, codes, tokens) one address may present in a minute: each of these is audited, and
    then one line says that there were more."""

    def __init__(self, clients: Clients, note: Note = unnoted, *, requests: int, failures: int) -> None:
        self._clients, self._note, self._most, self._failures = clients, note, requests, failures
        self._minute, self._requests, self._absent = -1, Counter[str](), Counter[str]()

    async def failed(self, address: str, event: Event) -> Problem | None:
        """Counts a failed secret and audits it; a Problem THROTTLED instead of an audit line when there were too many."""
        count = await self._clients.attempt(f"failed {address}", clock.now(), WINDOW)
        if count > self._failures + 1:
            return problem(Category.THROTTLED, "throttled", THROTTLED)
        if count == self._failures + 1:
            await self._note(Event(event.kind, False, event.client, reason="Throttled: more failed in this minute."))
            return problem(Category.THROTTLED, "throttled", THROTTLED)
        await self._note(event)
        return None

    def counted(self, client: str, at: datetime) -> None:
        """Counts a request of a client. Raises Refused THROTTLED."""
        self._turn(at)
        self._requests[client] += 1
        if self._requests[client] > self._most or self._absent[client] > MOST_ABSENT:
            raise Refused(problem(Category.THROTTLED, "throttled", THROTTLED))

    def absent(self, client: str, at: datetime) -> None:
        """Counts a record that a client asked for and that is absent or hidden."""
        self._turn(at)
        self._absent[client] += 1

    def _turn(self, at: datetime) -> None:
        minute = int(at.timestamp() // WINDOW.total_seconds())
        if minute != self._minute:
            self._minute, self._requests, self._absent = minute, Counter(), Counter()
