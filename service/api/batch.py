"""The Bundle that answers a batch or a transaction."""

from __future__ import annotations

from typing import Any

import orjson

from service.api import exchange
from service.api.problems import STATUS
from service.fhir.date import instant
from service.fhir.json import dump
from service.fhir.outcome import outcome
from service.fhir.reference import versioned
from service.problem import Problem
from service.usecases.interactions.batches import Result
from service.usecases.request.results import Answer, Page


def responded(kind: str, results: tuple[Result, ...], base: str) -> bytes:
    """The batch-response or transaction-response Bundle, with one entry for each Result."""
    entries = {"entry": [_entry(each, base) for each in results]} if results else {}
    return orjson.dumps({"resourceType": "Bundle", "type": f"{kind}-response", **entries})


def _entry(result: Result, base: str) -> dict[str, Any]:
    found = result.outcome
    if isinstance(found, Problem):
        return {"response": {"status": str(STATUS[found.category]), "outcome": orjson.Fragment(dump(outcome(found.cited)))}}
    if isinstance(found, Page) and result.searched:
        links = exchange.page_links(f"{base}/{result.searched.type}", result.searched.query, found)
        return {"resource": orjson.Fragment(exchange.bundle("searchset", found, base, links)), "response": {"status": "200"}}
    assert isinstance(found, Answer), "INVARIANT: only a search is answered by a page"
    return _answered(result.method, found, base)


def _answered(method: str, answer: Answer, base: str) -> dict[str, Any]:
    if method == "DELETE":
        return {"response": {"status": "204"}}
    response: dict[str, Any] = {"status": "201" if answer.created else "200"}
    response |= {"etag": answer.etag, "lastModified": instant(answer.at)}
    if method != "GET":
        response["location"] = f"{base}/{versioned(answer.reference, answer.version)}"
    if answer.issues:
        response["outcome"] = orjson.Fragment(dump(outcome(answer.issues)))
    return {"resource": orjson.Fragment(answer.body), "response": response}
