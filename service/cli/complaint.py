"""What a command says that could not be carried out."""

from __future__ import annotations

import sys

from service.problem import Refused, trace

PLACES = 3
"""How many of the places through which a fault came are named, the innermost last."""


def complain(text: str) -> None:
    """One line on standard error."""
    print(f"baton: {' '.join(text.split())}", file=sys.stderr, flush=True)


def complain_of(error: Exception) -> None:
    """Says why something failed: a line for each issue of a refusal; for a fault one line with its type and its place."""
    for text in [issue.text for issue in error.problem.issues] if isinstance(error, Refused) else [fault(error)]:
        complain(text)


def fault(error: Exception) -> str:
    """A fault in a sentence, without any value: the message of an exception may hold a record or a secret. What an operating
    system says of a file or a connection holds neither."""
    place = f"`{type(error).__name__}` at {', '.join(trace(error)[-PLACES:])}"
    if isinstance(error, OSError) and error.strerror:
        named = f" for `{error.filename}`" if error.filename else ""
        return f"{error.strerror}{named} ({place})."
    return f"This is a fault, please report it: {place}."
