"""Hashes and checks passwords with argon2id; a check takes the same time whether or not the user exists."""

from __future__ import annotations

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

SHORTEST = 12
LONGEST = 256

_HASHER = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)  # OWASP's minimum for argon2id
_NOBODY = _HASHER.hash("nobody has this password")


def fault(password: str) -> str:
    """Why a password cannot be accepted, as a sentence; empty when it can. Only its length is checked (NIST SP 800-63B)."""
    if SHORTEST <= len(password) <= LONGEST:
        return ""
    return f"A password needs {SHORTEST} to {LONGEST} characters."


def hashed(password: str) -> str:
    """The argon2id hash of a password. Hashing takes tens of milliseconds: call this function off the event loop."""
    return _HASHER.hash(password)


def holds(known: str | None, password: str) -> bool:
    """Whether `known` is the hash of `password`. `known` is None for a user who does not exist; the check takes as long."""
    try:
        right = _HASHER.verify(known or _NOBODY, password[:LONGEST])
    except (VerificationError, InvalidHashError):
        return False
    return right and known is not None and len(password) <= LONGEST
