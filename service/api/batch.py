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
from service.problem import Issue, Problem
from service.usecases.interactions.batches import Result
from service.usecases.interactions.entries import EntryRequest
from service.usecases.request.results import Answer, Page


def responded(kind: str, results: tuple[Result, ...], base: str, returning: str = "") -> bytes:
    """The batch-response or transaction-response Bundle, with one entry for each Result. `returning` is what the client prefers
    to be told of writes (`Prefer: return=…`)."""
    entries = {"entry": [_entry(each, base, returning) for each in results]} if results else {}
    return orjson.dumps({"resourceType": "Bundle", "type": f"{kind}-response", **entries})


def _entry(result: Result, base: str, returning: str) -> dict[str, Any]:
    found, asked = result.outcome, result.read
    if isinstance(found, Problem):
        return {"response": {"status": str(STATUS[found.category]), "outcome": _told(found.cited)}}
    if isinstance(found, Page):
        assert asked is not None, "INVARIANT: only a search is answered by a page"
        links = exchange.page_links(f"{base}/{asked.type}", asked.query, found)
        body = {"resource": orjson.Fragment(exchange.bundle("searchset", found, base, links))} if asked.method == "GET" else {}
        return {**body, "response": {"status": "200"}}
    return _read(asked, found) if asked is not None else _written(result.method, found, base, returning)


def _read(asked: EntryRequest, answer: Answer) -> dict[str, Any]:
    since = asked.if_modified_since
    known = exchange.named(answer, asked.if_none_match) if asked.if_none_match else since is not None and answer.at <= since
    response = {"status": "304" if known else "200", **_version(answer)}
    return {"response": response} if known or asked.method == "HEAD" else _with(answer, response)


def _written(method: str, answer: Answer, base: str, returning: str) -> dict[str, Any]:
    if method == "DELETE":
        return {"response": {"status": "204"}}
    response: dict[str, Any] = {"status": "201" if answer.created else "200", **_version(answer)}
    response["location"] = f"{base}/{versioned(answer.reference, answer.version)}"
    if returning == "OperationOutcome":
        return {"response": {**response, "outcome": _told((exchange.STORED, *answer.issues))}}
    if answer.issues:
        response["outcome"] = _told(answer.issues)
    return {"response": response} if returning == "minimal" else _with(answer, response)


def _with(answer: Answer, response: dict[str, Any]) -> dict[str, Any]:
    """The entry with the record, where there is one that the caller may read."""
    return {**({"resource": orjson.Fragment(answer.body)} if answer.body else {}), "response": response}


def _version(answer: Answer) -> dict[str, str]:
    return {"etag": answer.etag, "lastModified": instant(answer.at)}


def _told(issues: tuple[Issue, ...]) -> orjson.Fragment:
    return orjson.Fragment(dump(outcome(issues)))
