"""What a driver's error says of the settings: that the database is not away but will never be had with them.

The driver's own message of a command is left out, because it may hold a document.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

from pymongo.errors import ConfigurationError, InvalidName, OperationFailure, PyMongoError, ServerSelectionTimeoutError

from service.problem import Category, Refused, problem

USER, DATABASE, URI = "`BATON_MONGODB_USER`", "`BATON_MONGODB_DATABASE`", "`BATON_MONGODB_URI`"
_NAME = f"{DATABASE} is no name that this MongoDB takes: give letters, digits, `_` and `-`."
_LOGIN = (
    f"The database does not let its user in: correct {USER} and `BATON_MONGODB_PASSWORD_FILE`, or the user, password and "
    f"`authSource` of {URI}."
)
_RIGHTS = (
    f"The database's user has not the rights it needs in {DATABASE}, or none is named: grant {USER} the role `dbOwner` there."
)
_CODES = {
    11: _LOGIN,  # UserNotFound
    13: _RIGHTS,  # Unauthorized
    18: _LOGIN,  # AuthenticationFailed
    8000: _LOGIN,  # the same of a hosted MongoDB
    73: _NAME,  # InvalidNamespace
    13297: f"A database is there whose name differs from {DATABASE} in upper and lower case alone: give that, or another name.",
}
_ALONE = f"{URI} names a MongoDB that is no replica set, which has no transactions: make it a set, of one member if need be."
_OTHER_SET = f"`replicaSet` in {URI} is not the name of the replica set that its servers belong to: correct it."
_FOREIGN = ("available for replica set name", "configured to connect to a replica set named")


def wrong_set(error: BaseException) -> bool:
    """Whether the servers answer and belong to another replica set than the uri says, or to none."""
    return isinstance(error, ServerSelectionTimeoutError) and any(each in str(error) for each in _FOREIGN)


def fault(error: Exception, uri: str) -> str:
    """What is wrong with the settings, in a sentence; empty when the error says nothing of them."""
    if wrong_set(error):
        return _OTHER_SET
    if isinstance(error, OperationFailure):
        return _ALONE if "replica set member" in str(error) and error.code == 20 else _CODES.get(error.code or 0, "")
    if isinstance(error, InvalidName):
        return _NAME
    if isinstance(error, ConfigurationError):
        return f"{URI} does not hold: {_without_password(str(error), uri).rstrip('.')}."
    return ""


@contextmanager
def told(uri: str) -> Iterator[None]:
    """Turns a driver's error that the settings are to blame for into Refused RULE, which nobody waits for. Every other is raised
    unchanged."""
    try:
        yield
    except PyMongoError as error:
        if not (text := fault(error, uri)):
            raise
        raise Refused(problem(Category.RULE, "business-rule", text)) from error


@contextmanager
def read(uri: str) -> Iterator[None]:
    """As `told`, while the driver reads the uri: for what is wrong with an option it raises anything."""
    try:
        with told(uri):
            yield
    except (OSError, TypeError, ValueError) as error:
        text = f"{URI} does not hold: {_without_password(str(error), uri).rstrip('.')}."
        raise Refused(problem(Category.RULE, "business-rule", text)) from error


def _without_password(text: str, uri: str) -> str:
    password = urlsplit(uri).password
    return text.replace(password, "***") if password else text
