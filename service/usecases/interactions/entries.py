"""What the entries of a batch or transaction ask for (R4 sections 3.1.0.11 and 2.36.2), as read from the Bundle."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl

from service.change import Resource
from service.fhir.date import begins
from service.fhir.json import value
from service.fhir.naming import full_url_fault
from service.fhir.patch import MEDIA_TYPE
from service.fhir.reference import own
from service.problem import Category, Issue, Problem, Refused, problem
from service.usecases.interactions import records
from service.usecases.request.services import Services

# R4 section 3.1.0.11.2: the methods of a transaction, in the order in which they are carried out.
ORDER = {"DELETE": 0, "POST": 1, "PUT": 2, "PATCH": 2, "GET": 3, "HEAD": 3}
READS = frozenset({"GET", "HEAD"})
ONE = frozenset({"PUT", "PATCH", "DELETE"})
"""The methods that write one record, which they name by its id."""

# The form of a request.url: no URL that leaves the base, climbs with `..` or names a host (attack list).
PLACE = re.compile(r"(?P<type>[A-Z][A-Za-z]{1,63})(?:/(?P<id>[A-Za-z0-9\-.]{1,64}))?(?:\?(?P<query>[^#]*))?")
TAG = re.compile(r'(?:W/)?"?([0-9]{1,9})"?|\*')
IN_ENTRY = re.compile(r"Bundle\.entry\[([0-9]+)\]")


@dataclass(frozen=True, slots=True)
class EntryRequest:
    """One Bundle.entry as it will be carried out. `place` is the entry's index in the Bundle; `type`, `id` and `query` are read
    from request.url. `criteria` is the search by which an update or delete names its record, '' when it names it by id;
    `operations` is the JSON Patch of a PATCH."""

    place: int
    method: str
    type: str
    id: str
    query: tuple[tuple[str, str], ...]
    resource: Resource | None
    full_url: str
    if_match: int | None
    if_none_exist: str
    if_none_match: str = ""
    if_modified_since: datetime | None = None
    criteria: str = ""
    operations: Any = None

    @property
    def reads(self) -> bool:
        """Whether the entry writes nothing."""
        return self.method in READS


def read(services: Services, bundle: Resource, base: str) -> list[EntryRequest | Problem]:
    """The entries as they will be carried out. A fault of the envelope refuses the Bundle, a fault within an entry the entry."""
    entries = bundle.get("entry", [])
    faults = _envelope(services, bundle)
    if outside := tuple(issue for place, issues in faults.items() for issue in issues if place not in range(len(entries))):
        raise Refused(Problem(Category.MALFORMED, outside))
    return [
        Problem(Category.MALFORMED, tuple(faults[place]))
        if place in faults
        else _request(place, entry, base, services.settings.max_depth)
        for place, entry in enumerate(entries)
    ]


def _envelope(services: Services, bundle: Resource) -> dict[int, list[Issue]]:
    """The errors of the Bundle around its resources, by the place of their entry; -1 for the Bundle's own."""
    entries = [_shell(each) for each in bundle.get("entry", [])]
    found: dict[int, list[Issue]] = {}
    for issue in services.validator.check({**bundle, **({"entry": entries} if entries else {})}):
        if issue.severity in ("error", "fatal"):
            at = IN_ENTRY.match(issue.expression)
            found.setdefault(int(at[1]) if at else -1, []).append(issue)
    return found


def _shell(entry: Any) -> Any:
    """An entry without its resource, which is validated when it is written."""
    return {name: value for name, value in entry.items() if name != "resource"} if isinstance(entry, dict) else entry


def _request(place: int, entry: Any, base: str, max_depth: int) -> EntryRequest | Problem:
    """Reads one entry; a Problem when the entry cannot be read. URLs that leave the base, climb with `..` or name a host are
    refused (attack list)."""
    asked = entry.get("request") if isinstance(entry, dict) else None
    if not isinstance(asked, dict):
        return _malformed(place, "Every entry says what to do in `request`; add its method and url.", "request")
    method, url = asked.get("method"), asked.get("url")
    if not isinstance(method, str) or method not in ORDER or not isinstance(url, str):
        return _malformed(place, f"The method is one of `{'`, `'.join(ORDER)}` with a url; correct it.", "request.method")
    found = PLACE.fullmatch(own(url, base))
    if found is None:
        return _malformed(place, "The url is `Type` or `Type/id`, relative to this base; correct it.", "request.url")
    if fault := _aim_fault(method, found["id"] or "", found["query"] or ""):
        return _malformed(place, fault, "request.url")
    resource = entry.get("resource")
    if method in ("POST", "PUT", "PATCH") and not isinstance(resource, dict):
        return _malformed(place, "The entry carries no resource; add the one to store, or the patch.", "resource")
    operations = _operations(resource, max_depth) if method == "PATCH" else None
    if isinstance(operations, Problem):
        return placed(place, operations)
    if_match, tags = _version(asked), str(asked.get("ifNoneMatch", ""))
    if isinstance(if_match, str):
        return _malformed(place, if_match, "request.ifMatch")
    if tags and method not in READS:
        if tags != "*" or method != "PUT" or if_match is not None:
            text = "A write takes `ifNoneMatch` as `*` alone, for an update that may only create; leave it out."
            return _malformed(place, text, "request.ifNoneMatch")
        if_match = records.NEW
    full_url = str(entry.get("fullUrl", ""))
    if method != "PATCH" and (fault := full_url_fault(full_url, resource)):
        return _malformed(place, fault, "fullUrl")
    query = tuple(parse_qsl(found["query"] or "", keep_blank_values=True))
    return EntryRequest(
        place=place,
        method=method,
        type=found["type"],
        id=found["id"] or "",
        query=query if method in READS else (),
        resource=None if method == "PATCH" else resource,
        full_url=full_url,
        if_match=if_match,
        if_none_exist=str(asked.get("ifNoneExist", "")),
        if_none_match=tags,
        if_modified_since=begins(str(asked.get("ifModifiedSince", "")), UTC),
        criteria=f"?{found['query']}" if method in ONE and not found["id"] else "",
        operations=operations,
    )


def _aim_fault(method: str, identity: str, query: str) -> str:
    """Why a url does not say what a method is to write; '' when it does."""
    if method == "POST" and (identity or query):
        return "POST goes to a type; correct the url, or say by `ifNoneExist` what must not be there."
    if method in ONE and identity and query:
        return "A write names its record by id or by a search, not by both; correct the url."
    if method in ("PUT", "DELETE") and not (identity or query):
        return f"{method} goes to one id, or to the one record that a search finds; correct the url."
    if method == "PATCH" and not identity:
        return "PATCH goes to one id; correct the url."
    return ""


def _version(asked: Mapping[str, Any]) -> int | str | None:
    """The version that an entry's ifMatch names, or why it names none."""
    tag = TAG.fullmatch(str(asked.get("ifMatch", "")))
    if tag is None:
        return '`ifMatch` names one version as `W/"3"`; correct it.' if "ifMatch" in asked else None
    return records.ANY if tag[0] == "*" else int(tag[1])


def _operations(resource: Any, max_depth: int) -> Any:
    """The operations of a JSON Patch, which an entry carries as a Binary (R4 section 3.1.0.6)."""
    if resource.get("resourceType") != "Binary" or resource.get("contentType") != MEDIA_TYPE:
        text = f"A patch is carried as a Binary whose contentType is `{MEDIA_TYPE}`; send it so."
        return problem(Category.MEDIA_TYPE, "not-supported", text, expression="contentType", rule="R4 3.1.0.6")
    try:
        data = base64.b64decode(str(resource.get("data", "")), validate=True)
    except binascii.Error:
        text = "The patch is not in base64; encode it."
        return problem(Category.MALFORMED, "value", text, expression="data", rule="R4 3.1.0.6")
    read = value(data, max_depth=max_depth)
    return _all_of("data", read) if isinstance(read, Problem) else read


def _all_of(member: str, found: Problem) -> Problem:
    """The Problem, of which every issue is about one member of the resource."""
    return Problem(found.category, tuple(replace(issue, expression=member) for issue in found.issues))


def placed(place: int, found: Problem) -> Problem:
    """The Problem of an entry, with expressions that start at the entry in the Bundle."""
    return Problem(found.category, tuple(_within(place, found.issues)))


def _within(place: int, issues: tuple[Issue, ...]) -> Iterator[Issue]:
    for issue in issues:
        yield replace(issue, expression=_path(place, issue.expression))


def _path(place: int, expression: str) -> str:
    """The path in the Bundle of a path in the resource of an entry: `Task.owner`, or `meta.security` without the type."""
    entry = f"Bundle.entry[{place}]"
    if expression.startswith(entry):
        return expression
    head, dot, rest = expression.partition(".")
    inside = f"{dot}{rest}" if head[:1].isupper() else f".{expression}" if expression else ""
    return f"{entry}.resource{inside}"


def _malformed(place: int, text: str, member: str) -> Problem:
    return problem(Category.MALFORMED, "value", text, expression=f"Bundle.entry[{place}].{member}", rule="R4 3.1.0.11")
