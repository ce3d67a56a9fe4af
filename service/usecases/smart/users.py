"""People who log in: adds logins, checks passwords, and keeps the sessions of logged-in people."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from functools import partial

from service import clock
from service.auth import passwords, users
from service.auth.clients import digest
from service.auth.event import Event
from service.auth.users import PATIENT, Session, User, folded
from service.problem import Category, Problem, Refused, problem
from service.store.clients import Clients
from service.store.tokens import Tokens
from service.usecases.request.operated import Operation, Record, unrecorded

SESSION_HOURS = 13
"""How long a login lasts: a long shift of twelve and a half hours, so that nobody is logged out at work."""
WINDOW = timedelta(minutes=15)
MOST_FOR_USER = 10
MOST_FOR_ADDRESS = 100

Note = Callable[[Event], Awaitable[None]]


async def unnoted(event: Event) -> None:
    """Ignores an audit Event: the hook of tests that run without an audit trail."""


class Users:
    """Adds and removes logins, and logs people in and out. `note` receives an Event for every login attempt and logout;
    `record` audits each login added or removed."""

    def __init__(self, clients: Clients, tokens: Tokens, note: Note = unnoted, record: Record = unrecorded) -> None:
        self._clients, self._tokens, self._note, self._record = clients, tokens, note, record

    async def add_user(self, username: str, reference: str, password: str) -> User:
        """Adds a login for a PractitionerRole, Patient or RelatedPerson. Raises Refused INVALID or DUPLICATE."""
        fault = users.checked(username, reference, password)
        if fault is not None:
            raise Refused(fault)
        user = User(folded(username), reference, await asyncio.to_thread(passwords.hashed, password))
        patients = (reference,) if PATIENT.fullmatch(reference) else ()
        operation = Operation("C", f"login {user.username}", patients=patients, rows=(f"auth.users/{user.username}",))
        if not await self._record(partial(self._clients.add_user, user), operation):
            raise Refused(problem(Category.DUPLICATE, "duplicate", f"Username `{user.username}` is taken; choose another."))
        return user

    async def list_users(self) -> list[User]:
        """Every login, in order of username."""
        return await self._clients.users()

    async def remove_user(self, username: str) -> bool:
        """Removes a login, ends its sessions and revokes all its grants; False when there is no such login."""
        name = folded(username)
        operation = Operation("D", f"login {name}", rows=(f"auth.users/{name}",))
        removed = await self._record(partial(self._clients.remove_user, name), operation)
        await self._clients.end_sessions(name)
        await self._tokens.revoke_user(name)
        return removed

    async def login(self, username: str, password: str, address: str) -> str | Problem:
        """The secret of a new session, or a Problem: LOGIN for a wrong username or password, THROTTLED after too many attempts.
        `address` is the network address of the client, whose attempts are counted, too."""
        name, now = folded(username), clock.now()
        # Who guesses is counted by where from, never by whom: nobody locks another person out.
        keys = {f"user {digest(name)} {address}": MOST_FOR_USER, f"address {address}": MOST_FOR_ADDRESS}
        counts = [await self._clients.attempt(key, now, WINDOW) for key in keys]
        if any(count > most for count, most in zip(counts, keys.values(), strict=True)):
            await self._note(Event("login", False, user=name, reason="Throttled."))
            return problem(Category.THROTTLED, "throttled", "Too many attempts; wait a quarter of an hour and try again.")
        user = await self._clients.user(name)
        right = await asyncio.to_thread(passwords.holds, user.password if user else None, password)
        if user is None or not right:
            await self._note(Event("login", False, user=name, reason="Wrong username or password."))
            return problem(Category.LOGIN, "login", "The username or the password is wrong; try again.")
        await self._clients.forget_attempts(f"user {digest(name)} {address}")
        await self._clients.forgive_attempt(f"address {address}")
        await self._note(Event("login", True, user=user.reference))
        return await self._session(user)

    async def logged_in(self, secret: str) -> tuple[User, Session] | None:
        """The user and Session of a session's secret; None when the session has ended or the user was removed."""
        if not secret:
            return None
        session = await self._clients.session(digest(secret), clock.now())
        user = await self._clients.user(session.username) if session else None
        return (user, session) if user and session else None

    async def logout(self, secret: str) -> None:
        """Ends a session. Access that was granted for the time of the session can no longer be refreshed."""
        await self._clients.end_session(digest(secret))
        await self._note(Event("logout", True))

    async def _session(self, user: User) -> str:
        secret, now = clock.new_secret(), clock.now()
        await self._clients.add_session(Session(digest(secret), user.username, now, now + timedelta(hours=SESSION_HOURS)))
        return secret
