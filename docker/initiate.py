"""Makes the replica set, its administrator and the service's user, once; run again, it finds them and is done.

Runs beside the first member, in the member's network namespace: until there is a user, only a connection from localhost may make
one, and only in the database `admin` (MongoDB's localhost exception). Configured by the environment:

    MEMBERS         the members as they name each other, such as mongo1:27017,mongo2:27017,mongo3:27017
    LOCAL           the first member as it is reached from here (127.0.0.1:27017)
    ADMIN_PASSWORD  a file with the administrator's password
    BATON_PASSWORD  a file with the service's password

Passwords other than those that the set has are not changed here: that is told in one line, with status 1.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import Any

from pymongo import MongoClient
from pymongo.errors import OperationFailure, PyMongoError

SET, DATABASE, ADMIN, SERVICE = "baton", "baton", "admin", "baton"
WAIT_SECONDS = 180.0
ALREADY = 23
"""The set is founded already."""
STRANGERS = {13: "ADMIN_PASSWORD", 18: "ADMIN_PASSWORD", 51003: "BATON_PASSWORD"}
"""Which password the set does not know, by the code of what then failed: unauthorized, unauthenticated, or the user is there."""

Client = MongoClient[dict[str, Any]]


def main(environment: dict[str, str]) -> int:
    """The exit code: 0 when the set has a primary and the service's user may use its database."""
    members, local = environment["MEMBERS"].split(","), environment.get("LOCAL", "127.0.0.1:27017")
    admin, service = (Path(environment[name]).read_text().strip() for name in ("ADMIN_PASSWORD", "BATON_PASSWORD"))
    until(lambda: MongoClient(local, directConnection=True, serverSelectionTimeoutMS=2000).admin.command("ping"))
    if allowed(members, SERVICE, service):
        print("The replica set and its users are there.")
        return 0
    with MongoClient(local, directConnection=True) as client:
        found(client, members)
        until(lambda: primary(client))
        if not allowed(members, ADMIN, admin):
            client.admin.command("createUser", ADMIN, pwd=admin, roles=["root"])
    with connected(members, ADMIN, admin) as client:
        roles = [{"role": "dbOwner", "db": DATABASE}]
        client.admin.command("createUser", SERVICE, pwd=service, roles=roles)
    print("The replica set and its users are made.")
    return 0


def found(client: Client, members: list[str]) -> None:
    """Founds the set. The first member is preferred as its primary, since its users are made through it."""
    config = {
        "_id": SET,
        "members": [{"_id": number, "host": host, "priority": 2 if number == 0 else 1} for number, host in enumerate(members)],
    }
    try:
        client.admin.command("replSetInitiate", config)
    except OperationFailure as error:
        if error.code not in (ALREADY, 13):  # founded before, or already asking who we are
            raise


def primary(client: Client) -> bool:
    """Whether the first member is the primary."""
    return bool(client.admin.command("hello").get("isWritablePrimary"))


def connected(members: list[str], user: str, password: str) -> Client:
    """A client of the whole set as a user."""
    return MongoClient(
        [*members], replicaSet=SET, username=user, password=password, authSource="admin", serverSelectionTimeoutMS=5000
    )


def allowed(members: list[str], user: str, password: str) -> bool:
    """Whether a user is there, with this password."""
    with connected(members, user, password) as client:
        try:
            client[DATABASE].command("ping")
            client[DATABASE].list_collection_names()
        except PyMongoError:
            return False
        return True


def until(holds: Any) -> None:
    """Returns when something holds."""
    deadline = time.monotonic() + WAIT_SECONDS
    while True:
        try:
            if holds():
                return
        except PyMongoError as error:
            if time.monotonic() > deadline:
                sys.exit(f"The database did not answer in {WAIT_SECONDS:.0f} s: {error}")
        if time.monotonic() > deadline:
            sys.exit(f"The replica set has no primary after {WAIT_SECONDS:.0f} s.")
        time.sleep(0.5)


def reason(error: Exception, environment: dict[str, str]) -> str:
    """Why nothing could be made, in one line without a value."""
    named = STRANGERS.get(error.code or 0) if isinstance(error, OperationFailure) else ""
    if named:
        return f"`{environment[named]}` ({named}) is not the password that the replica set has: put that back."
    if isinstance(error, KeyError):
        return f"`{error.args[0]}` is not set."
    if isinstance(error, OSError):
        return f"`{error.filename}` cannot be read: {error.strerror}."
    return f"The replica set and its users could not be made: {type(error).__name__}."


if __name__ == "__main__":
    try:
        sys.exit(main(dict(os.environ)))
    except (KeyError, OSError, PyMongoError) as error:
        sys.exit(reason(error, dict(os.environ)))
