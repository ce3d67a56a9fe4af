"""Keyed digests of stored documents.

A digest is over the whole document as MongoDB stores it (BSON), so no field can be changed, added, removed or moved unseen. The
key lies outside the database, so a person who can only write to the database cannot make a digest that fits.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from typing import Any

import bson
from bson.errors import BSONError

from service.store.mongo import READING

SIZE = 32
"""The length of a digest, in bytes."""


def digest(key: bytes, document: Mapping[str, Any], before: bytes = b"") -> bytes:
    """The keyed digest (HMAC-SHA256) of a document that follows `before` in a chain. A datetime counts in milliseconds, as it is
    stored."""
    return hmac.digest(key, len(before).to_bytes(8, "big") + before + bson.encode(document), "sha256")


def decoded(raw: bytes) -> dict[str, Any]:
    """The document of these BSON bytes; empty when the bytes hold a value that cannot be read, which the service never writes."""
    try:
        return bson.decode(raw, READING)
    except (BSONError, ValueError, OverflowError):
        return {}


def raw_bytes(document: Mapping[str, Any], name: str) -> bytes:
    """The bytes in a field of a document that somebody may have changed; empty when the field holds anything else."""
    held = document.get(name)
    return held if isinstance(held, bytes) else b""
