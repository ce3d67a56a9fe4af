"""A ledger page: the AuditEvents that one commit wrote about one custodian's records, kept as one document.

Every read writes an AuditEvent before the answer leaves, so AuditEvents far outnumber all other records, and hardly any
AuditEvent is ever searched for. Kept in a page, many AuditEvents cost one insert, one set of search keys and one hash. A search
finds a page by the search keys of any of its entries; the search then tests each entry separately, and an entry is read, shown
and counted as a record of its own. All entries of a page were recorded at one instant and have ascending ids, so the order of
pages is the order of their entries.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

import msgspec

from service import clock
from service.change import Resource
from service.fhir import json
from service.fhir.date import instant, milliseconds
from service.fhir.resource import stamp
from service.store.row import Document, Projector, Row, row_of

TYPE = "AuditEvent"
ENTRIES = f"r.{TYPE}"
FORM = 2
"""The form of a page's hash: over the whole page. Pages of the first form, without `f`, were hashed by body and custodian."""
MOST_ENTRIES = 200
_ID_LENGTH = len(clock.new_id())
_texts = msgspec.json.Decoder(list[msgspec.Raw])


def page(events: Sequence[Resource], at: datetime, custodian: str, projector: Projector) -> Document:
    """The document of a page with these AuditEvents, at most `MOST_ENTRIES`. Each entry's id is the page's id with a number
    after it, and every entry has the same `recorded`. No search finds a page without entries."""
    identity = clock.new_id()
    bodies: list[bytes] = []
    keys: set[str] = set()
    patients: set[str] = set()
    dates: set[tuple[str, int, int]] = set()
    ranks: dict[str, Any] = {}
    for number, event in enumerate(events):
        told = stamp(event, id=f"{identity}.{number:03}", version=1, at=at)
        if "recorded" in told:
            told["recorded"] = instant(at)
        drawn = projector(told, ()).index
        bodies.append(json.dump(told))
        keys |= drawn.keys
        patients.update(drawn.patients)
        dates.update(drawn.dates)
        ranks.update(drawn.ranks)
    return {
        "_id": identity,
        "page": len(bodies),
        "body": b"[" + b",".join(bodies) + b"]",
        "cust": custodian,
        "pts": sorted(patients),
        "lu": at,
        "del": not bodies,
        "idx": sorted(keys),
        "dt": [{"p": name, "l": low, "h": high} for name, low, high in dates],
        "so": ranks,
    }


def is_page(document: Document) -> bool:
    """Whether a document of `r.AuditEvent` is a page; otherwise the document is one AuditEvent that another system sent."""
    return "page" in document


def rows_of(type_: str, document: Document, projector: Projector, *, backwards: bool = False) -> Iterator[Row]:
    """The records in a document of `r.<type>`: the entries of a page, in order or backwards, or the one record of any other
    document. Each is drawn when it is asked for."""
    if not is_page(document):
        yield row_of(type_, document, projector)
        return
    bodies = list(enumerate(_texts.decode(document["body"])))
    for number, body in reversed(bodies) if backwards else bodies:
        yield _entry(document, number, bytes(body), projector)


def _entry(document: Document, number: int, body: bytes, projector: Projector) -> Row:
    resource = json.parse(body, max_depth=1000)
    assert isinstance(resource, dict), "INVARIANT: a page holds canonical JSON"
    drawn = projector(resource, ())
    index = replace(drawn.index, updated=milliseconds(document["lu"]))
    return Row(
        type=TYPE,
        id=entry_id(document["_id"], number),
        version=1,
        body=body,
        custodian=document["cust"],
        patients=drawn.patients,
        facts=drawn.facts,
        at=document["lu"],
        method="POST",
        draw=lambda _: index,
    )


def entry_id(identity: str, number: int) -> str:
    """The id of the entry with this number in the page `identity`."""
    return f"{identity}.{number:03}"


def page_of(id_: str) -> str:
    """The id of the page that holds the AuditEvent with this id; empty when the id is not the id of an entry."""
    identity, _, number = id_.rpartition(".")
    return identity if len(identity) == _ID_LENGTH and len(number) == 3 and number.isdigit() else ""
