"""One HTTP exchange in FHIR's terms: reads preferences, conditions and bodies of requests, and makes responses from answers."""

from __future__ import annotations

import re
import zlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime
from typing import Any, TypeVar
from urllib.parse import parse_qsl, urlencode

import orjson
from starlette.requests import Request
from starlette.responses import Response

from service.api.problems import FHIR_JSON
from service.change import Resource
from service.fhir.json import dump, parse, pretty, value
from service.fhir.outcome import outcome
from service.fhir.patch import MEDIA_TYPE
from service.fhir.reference import id_of, type_of, versioned
from service.problem import Category, Issue, Problem, Refused, problem
from service.usecases.interactions import records
from service.usecases.request.results import Answer, Page

T = TypeVar("T")
JSON_TYPES = frozenset({"application/fhir+json", "application/json", "text/json", "application/json+fhir"})
ANY_TYPES = frozenset({"", "*/*", "application/*", "text/*"})
JSON_FORMATS = frozenset({"json", *JSON_TYPES})
STORED = Issue("informational", "Done: the record is stored as sent.", severity="information")

Params = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Preferences:
    """The client's preferences for the answer (R4 sections 3.1.0.1.5 to 3.1.0.1.11), and the other parameters of the URL."""

    params: Params
    pretty: bool = False
    returning: str = ""


def preferences(request: Request, form: Params = ()) -> Preferences:
    """Reads `_format`, `_pretty`, Accept and Prefer; `form` are parameters that come in the body. Refuses every format other than
    JSON of R4, because this service writes only that."""
    query = request.scope["query_string"]
    params = (*(parse_qsl(query.decode("latin-1"), keep_blank_values=True) if query else ()), *form)
    named = dict(params)
    wanted = [named["_format"]] if "_format" in named else request.headers.get("accept", "").split(",")
    kinds = {kind.partition(";")[0].strip().lower().replace(" ", "+") for kind in wanted if not _of_another_version(kind)}
    if not kinds & (JSON_FORMATS | ANY_TYPES):
        raise Refused(problem(Category.FORMAT, "not-supported", "Only JSON is written here; ask for `application/fhir+json`."))
    prefer = _preferences(request)
    rest = tuple((name, value) for name, value in params if name not in ("_format", "_pretty"))
    return Preferences(rest, named.get("_pretty") == "true", prefer.get("return", ""))


def of_one(request: Request) -> Preferences:
    """The preferences of a write to one record. Refuses parameters, which say nothing there."""
    asked = preferences(request)
    if asked.params:
        text = "A write to one record has no parameter but `_format` and `_pretty`; leave the others out."
        raise Refused(problem(Category.MALFORMED, "not-supported", text))
    return asked


def handling(request: Request) -> str:
    """How the client wants what is unknown here to be taken: `strict`, `lenient`, or '' when it does not say (R4 section
    3.1.1.5)."""
    return _preferences(request).get("handling", "")


def _preferences(request: Request) -> Mapping[str, str]:
    header = request.headers.get("prefer")
    if not header:
        return {}
    pairs = (part.strip().partition("=") for part in header.replace(";", ",").split(","))
    return {name.strip().lower(): value.strip().strip('"') for name, _, value in pairs if name}


async def resource_in(request: Request, max_bytes: int, max_depth: int) -> tuple[Resource, bytes]:
    """The body as a resource, and the body's bytes. Refuses a media type other than JSON, and a body that is not sound JSON."""
    _sent_as(request, JSON_TYPES, "A body", "JSON as `application/fhir+json`")
    body = await _body(request, max_bytes)
    return _sound(parse(body, max_depth=max_depth)), body


async def patch_in(request: Request, max_bytes: int, max_depth: int) -> tuple[Any, bytes]:
    """The body as the operations of a JSON Patch, and the body's bytes. Refuses a media type other than JSON Patch, and a body
    that is not sound JSON."""
    _sent_as(request, (MEDIA_TYPE,), "A patch", f"a JSON Patch as `{MEDIA_TYPE}`")
    body = await _body(request, max_bytes)
    return _sound(value(body, max_depth=max_depth)), body


def _sent_as(request: Request, types: Collection[str], what: str, instead: str) -> None:
    """Refuses a body of any other media type."""
    given = request.headers.get("content-type", "")
    media = given.partition(";")[0].strip().lower()
    if _of_another_version(given):
        text = "A body of another version of FHIR is not read here; send one of R4, `fhirVersion=4.0`."
        raise Refused(problem(Category.MEDIA_TYPE, "not-supported", text))
    if media not in types:
        text = f"{what} of type `{media or 'none'}` is not read here; send {instead}."
        raise Refused(problem(Category.MEDIA_TYPE, "not-supported", text))


def _of_another_version(media: str) -> bool:
    """Whether a media type says that it is of another version of FHIR than R4 (R4 section 2.1.0.5)."""
    said = re.search(r"fhirversion\s*=\s*\"?([^;\",]*)", media.lower()) if "ersion" in media else None
    return said is not None and said[1].strip() not in ("4.0", "4.0.1")


def _sound(read: T | Problem) -> T:
    if isinstance(read, Problem):
        raise Refused(read)
    return read


async def _body(request: Request, max_bytes: int) -> bytes:
    body = await request.body()
    coding = request.headers.get("content-encoding")
    return _plain(body, coding.strip().lower(), max_bytes) if coding else body


def _plain(body: bytes, coding: str, most: int) -> bytes:
    """The body without its content coding (RFC 9110 section 8.4). No more than `most` bytes are unpacked."""
    if coding == "identity":
        return body
    if coding not in ("gzip", "x-gzip"):
        text = f"A body in the coding `{coding}` is not read here; send it plain or as `gzip`."
        raise Refused(problem(Category.MEDIA_TYPE, "not-supported", text, rule="RFC 9110 15.5.16"))
    unpacking = zlib.decompressobj(zlib.MAX_WBITS | 16)
    try:
        plain = unpacking.decompress(body, most + 1)
    except zlib.error:
        plain = b""
    if len(plain) > most:
        raise Refused(
            problem(Category.TOO_LARGE, "too-long", f"The body is larger than {most} bytes unpacked; send it in parts.")
        )
    if not unpacking.eof or unpacking.unused_data:
        text = "The body is not whole as `gzip`, which Content-Encoding says it is; send it again, or plain."
        raise Refused(problem(Category.MALFORMED, "structure", text))
    return plain


async def form_in(request: Request) -> Params:
    """The parameters in the body of a POST search. The caller adds them to the parameters of the URL (R4 section 3.1.1.4)."""
    media = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    body = await request.body()
    if body and media != "application/x-www-form-urlencoded":
        text = "A POST search carries its parameters as `application/x-www-form-urlencoded`."
        raise Refused(problem(Category.MEDIA_TYPE, "not-supported", text))
    try:
        return tuple(parse_qsl(body.decode("ascii"), keep_blank_values=True))
    except UnicodeDecodeError:
        text = "The form is not percent-encoded ASCII; encode it as `application/x-www-form-urlencoded`."
        raise Refused(problem(Category.MALFORMED, "structure", text)) from None


def if_match(request: Request) -> int | None:
    """The version that If-Match names; `records.ANY` for `If-Match: *`, `records.NEW` for `If-None-Match: *`, None when the
    request has neither header. Refuses a condition that would not be looked at."""
    given, none = request.headers.get("if-match"), request.headers.get("if-none-match")
    if none is not None and (given is not None or none.strip() != "*"):
        text = "A write takes If-None-Match as `*` alone, for a record that may only be created; name a version by If-Match."
        raise Refused(problem(Category.MALFORMED, "value", text, rule="RFC 9110 13.1.2"))
    if given is None and "if-unmodified-since" in request.headers:
        text = "A write names the version that it changes by If-Match, as the ETag of a read gives it, and not by its date."
        raise Refused(problem(Category.MALFORMED, "not-supported", text, rule="RFC 9110 13.1.4"))
    if given is None:
        return None if none is None else records.NEW
    if given.strip() == "*":
        return records.ANY
    text = given.strip().removeprefix("W/").strip('"')
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        said = 'If-Match must name one version as `W/"3"`, as the ETag of a read gives it.'
        raise Refused(problem(Category.MALFORMED, "value", said))
    return int(text)


def if_none_exist(request: Request, params: Params) -> str:
    """The search of a conditional create: If-None-Exist or, as fhirpy has it, the parameters of the URL; empty when the request
    has neither. To ignore parameters would store a second record of what is there."""
    header = request.headers.get("if-none-exist")
    if header is None:
        return urlencode(params)
    named = _text(header)
    if not named.strip():
        text = "If-None-Exist says nothing; name what must not exist yet, such as `identifier=system|value`, or leave it out."
        raise Refused(problem(Category.MALFORMED, "value", text, rule="R4 3.1.0.8.1"))
    if params:
        text = "A create says once what must not exist yet; send it in If-None-Exist, and no parameters in the URL."
        raise Refused(problem(Category.MALFORMED, "value", text, rule="R4 3.1.0.8.1"))
    return named


def _text(header: str) -> str:
    """A header's text, which clients write in UTF-8 where it is not percent-encoded."""
    try:
        return header.encode("latin-1").decode()
    except UnicodeDecodeError:
        return header


def named(answer: Answer, tags: str) -> bool:
    """Whether the tags of an If-None-Match name this version, weakly (RFC 9110 section 13.1.2)."""
    return tags.strip() == "*" or str(answer.version) in [tag.strip().removeprefix("W/").strip('"') for tag in tags.split(",")]


def unchanged(request: Request, answer: Answer) -> bool:
    """Whether a conditional read may be answered 304 (R4 section 3.1.0.1.2)."""
    tags = request.headers.get("if-none-match")
    if tags is not None:
        return named(answer, tags)
    since = request.headers.get("if-modified-since")
    if since is None:
        return False
    try:
        moment = parsedate_to_datetime(since)
    except ValueError:
        return False
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return answer.at.replace(microsecond=0) <= moment


def read(request: Request, answer: Answer, asked: Preferences) -> Response:
    """The response to a read: status 304 when the client has this version already."""
    if unchanged(request, answer):
        return Response(status_code=304, headers=version_headers(answer))
    return json(answer.body, asked, headers=version_headers(answer))


def written(answer: Answer, asked: Preferences, base: str) -> Response:
    """The response to a create or an update, in the representation that the client prefers."""
    headers = version_headers(answer)
    headers["Location"] = f"{base}/{versioned(answer.reference, answer.version)}"
    if warned := [one for one in answer.issues if one.rule == "ASM-1"]:
        headers["Warning"] = ", ".join(f'199 - "{one.text}"' for one in warned)
    status = 201 if answer.created else 200
    if asked.returning == "minimal":
        return Response(status_code=status, headers=headers)
    if asked.returning == "OperationOutcome":
        return json(dump(outcome((STORED, *answer.issues))), asked, status=status, headers=headers)
    return json(answer.body, asked, status=status, headers=headers)


def outcome_of(issues: tuple[Issue, ...], asked: Preferences, status: int = 200) -> Response:
    """The response with an OperationOutcome of an interaction that was not refused."""
    return json(dump(outcome(issues)), asked, status=status)


def json(body: bytes, asked: Preferences, *, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """The response with a body of stored bytes, unchanged, or indented when `_pretty=true`."""
    if asked.pretty and body:
        parsed = parse(body, max_depth=1000)
        body = pretty(parsed) if not isinstance(parsed, Problem) else body
    return Response(body, status_code=status, media_type=FHIR_JSON, headers=headers)


def version_headers(answer: Answer) -> dict[str, str]:
    """The headers ETag and Last-Modified of an answer."""
    return {"ETag": answer.etag, "Last-Modified": http_date(answer.at)}


def http_date(at: datetime) -> str:
    """An instant in the form of an HTTP date (RFC 9110 section 5.6.7)."""
    return format_datetime(at.astimezone(UTC), usegmt=True)


def page_links(url: str, params: Params, page: Page, cursor: str = "_cursor") -> list[Resource]:
    """The link `self` to a page as the page was searched for, without what was ignored (R4 section 3.1.1.5), and the link `next`
    to the page after it. `cursor` is the name of the parameter with the place of a page."""
    used = tuple((name, value) for name, value in params if name not in page.ignored)
    kept = tuple((name, value) for name, value in used if name != cursor)
    found = [("self", used), *([("next", (*kept, (cursor, page.cursor)))] if page.cursor else [])]
    return [{"relation": name, "url": f"{url}?{urlencode(each, safe='|:/,')}" if each else url} for name, each in found]


def bundle(kind: str, page: Page, base: str, links: list[dict[str, str]]) -> bytes:
    """A searchset or history Bundle around stored bytes, which are not serialised again. `base` is empty for records that have no
    place from which their reader may read them."""
    members: dict[str, Any] = {"resourceType": "Bundle", "type": kind}
    if page.total is not None:
        members["total"] = page.total
    members["link"] = links
    entries = [entry(kind, each.answer, each.mode, each.method, base) for each in page.entries]
    if page.issues:
        entries.append({"resource": orjson.Fragment(dump(outcome(page.issues))), "search": {"mode": "outcome"}})
    if entries:
        members["entry"] = entries
    return orjson.dumps(members)


def entry(kind: str, answer: Answer, mode: str, method: str, base: str) -> dict[str, Any]:
    """One Bundle.entry of a searchset or a history."""
    members: dict[str, Any] = {"fullUrl": f"{base}/{answer.reference}" if base else f"urn:uuid:{id_of(answer.reference)}"}
    if answer.body:
        members["resource"] = orjson.Fragment(answer.body)
    if kind == "searchset":
        members["search"] = {"mode": mode}
        return members
    url = type_of(answer.reference) if method == "POST" else answer.reference
    members["request"] = {"method": method, "url": url}
    members["response"] = {
        "status": "204" if method == "DELETE" else "201" if answer.created else "200",
        "etag": answer.etag,
        "lastModified": answer.at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
    }
    return members
