"""The cursor, which says where a page ended: a signed value, bound to the caller and the query for which it was made."""

from __future__ import annotations

import hashlib
import hmac
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error
from dataclasses import dataclass

from service.fhir.index import Rank
from service.problem import Category, Problem, problem

_TAG_BYTES = 32


@dataclass(frozen=True, slots=True)
class Cursor:
    """The place of a page's last match in the query's order: one value for each sort key, of which the last is the match's id."""

    values: tuple[Rank | None, ...]


def seal(cursor: Cursor, secret: bytes, binding: str) -> str:
    """The cursor as URL-safe text, signed with HMAC-SHA256. `binding` names caller and query; the text does not hold it."""
    payload = json.dumps(cursor.values, ensure_ascii=False, separators=(",", ":")).encode()
    return urlsafe_b64encode(_tag(payload, secret, binding) + payload).decode().rstrip("=")


def unseal(text: str, secret: bytes, binding: str) -> Cursor | Problem:
    """The cursor that `seal` made for the same binding; a Problem for a text that was edited, made up or made for another
    caller or query.
    """
    try:
        sealed = urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4))
    except (Error, ValueError):
        return _refusal()
    tag, payload = sealed[:_TAG_BYTES], sealed[_TAG_BYTES:]
    if not hmac.compare_digest(tag, _tag(payload, secret, binding)):
        return _refusal()
    return Cursor(tuple(json.loads(payload)))


def _tag(payload: bytes, secret: bytes, binding: str) -> bytes:
    bound = hashlib.sha256(binding.encode()).digest()  # a fixed length, so that binding and payload cannot run into each other
    return hmac.new(secret, bound + payload, hashlib.sha256).digest()


def _refusal() -> Problem:
    return problem(
        Category.MALFORMED,
        "value",
        "This page link does not belong to this search; run the search again from its first page.",
    )
