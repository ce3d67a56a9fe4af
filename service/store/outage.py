"""What a driver's error says of the database: that it is away for now, and that to ask again later is right.

Every other error is a fault: a wrong question stays wrong however often it is asked.
"""

from __future__ import annotations

from typing import Any

from pymongo.errors import (
    BulkWriteError,
    ConnectionFailure,
    ExecutionTimeout,
    OperationFailure,
    PyMongoError,
    WriteConcernError,
)

from service.store import setting_fault
from service.store.mongod_log import NO_ROOM

AWAY = "The database does not answer; try again when it is back."
UNTOLD = (
    "The database went away as this was being written, so whether it is stored is not known: repeat the request under the same "
    "`X-Request-Id`, and it is carried out once."
)
FULL = "The database has no room left on its disk; try again when its operators have made some."

UNFOLLOWED = "The database's primary answers, and a majority of its members does not follow it: nothing can be stored for good."

_NO_ROOM = 14031  # OutOfDiskSpace
_TIMED_OUT = 64  # WriteConcernTimeout
_UNKNOWN = 8
_FORGOTTEN = frozenset((225, 244, 251))
"""Codes of a server that does not know a transaction any more: its predecessor may have committed it."""
_CODES = frozenset(
    {
        *(6, 7, 89, 202, 262, 9001),  # it cannot reach others, or not in time
        *(91, 189, 216, 10058, 10107, 11600, 11601, 11602, 13435, 13436),  # it stops, steps down, or is being elected
        *(94, 133, 134, 211),  # it has just started: no member, no majority, no key of the cluster's clock yet
        *(24, 46, 112, 239, 246, 276, 279, 290, 317, 355),  # what it was doing was given up, for others or for an election
        *(43, 175, 237),  # the rest of an answer went with the server that held it
        _NO_ROOM,
        *_FORGOTTEN,
    }
)
"""Codes by which a server says that it cannot do now what is right to ask."""


def away(error: BaseException) -> bool:
    """Whether a driver's error means that the database cannot be reached now, and not that something is wrong."""
    if setting_fault.wrong_set(error):
        return False
    if isinstance(error, ConnectionFailure | ExecutionTimeout | WriteConcernError):
        return True
    if isinstance(error, BulkWriteError):
        return _CODES.issuperset(_codes(error, "writeErrors"))  # and where there is none, a majority has not confirmed
    return isinstance(error, OperationFailure) and _code(error.code, str(error)) in _CODES


def unfollowed(error: PyMongoError) -> bool:
    """Whether the primary has written, and a majority has not followed in the time that it was given."""
    if isinstance(error, BulkWriteError):
        return _TIMED_OUT in _codes(error, "writeConcernErrors")
    return isinstance(error, WriteConcernError) and error.code == _TIMED_OUT


def told(error: PyMongoError) -> str:
    """What is told of an error that means `away`: never that nothing is stored where something may be."""
    alone = [_code(getattr(error, "code", None), str(error))]
    codes = _codes(error, "writeErrors") if isinstance(error, BulkWriteError) else alone
    if _NO_ROOM in codes:
        return FULL
    return UNTOLD if _written(error) or _FORGOTTEN.intersection(codes) else AWAY


def _written(error: PyMongoError) -> bool:
    """Whether something may be stored: of several writes, those before the one that failed are."""
    labelled = any(error.has_error_label(each) for each in ("UnknownTransactionCommitResult", "RetryableWriteError"))
    return labelled or isinstance(error, WriteConcernError | BulkWriteError)


def _codes(error: BulkWriteError, name: str) -> list[Any]:
    return [_code(each.get("code"), str(each.get("errmsg"))) for each in error.details.get(name) or ()]


def _code(code: Any, text: str) -> Any:
    """The code of an error; that a write found no room has none of its own where the storage engine says so."""
    return _NO_ROOM if code == _UNKNOWN and NO_ROOM in text else code
