"""Batch and transaction (R4 section 3.1.0.11). A transaction is one unit of work; a batch commits each entry separately."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar
from urllib.parse import parse_qsl

from service import clock
from service.change import Resource
from service.fhir.naming import RULE, Naming, full_url_fault
from service.fhir.reference import own, relative, version_of
from service.fhir.resource import references, root
from service.problem import Category, Issue, Problem, Refused, problem
from service.usecases.interactions import conditional, records, search
from service.usecases.request import idempotency
from service.usecases.request.audit import denied
from service.usecases.request.results import Answer, Page
from service.usecases.request.services import RequestContext, Services
from service.usecases.request.viewer import allowed, viewer_of
from service.usecases.request.work import UnitOfWork, decided_again

T = TypeVar("T")
# R4 section 3.1.0.11.2: the methods of a transaction, in the order in which they are carried out.
ORDER = {"DELETE": 0, "POST": 1, "PUT": 2, "GET": 3, "HEAD": 3}
MAX_ENTRIES = 1000
# The order of types among the entries that create or update, whatever the method: records that other entries are decided by come
# first, so that a rule finds the records as the transaction will leave them. No id or reference depends on this order.
AMONG = {"Organization": -2, "Patient": -1, "CarePlan": 1, "Task": 2}
VERB = {"DELETE": "d", "POST": "c", "PUT": "u"}
ACTION = {"DELETE": "D", "POST": "C", "PUT": "U", "PATCH": "U", "GET": "R", "HEAD": "R"}
# The form of a request.url: no URL that leaves the base, climbs with `..` or names a host (attack list).
PLACE = re.compile(r"(?P<type>[A-Z][A-Za-z]{1,63})(?:/(?P<id>[A-Za-z0-9\-.]{1,64}))?(?:\?(?P<query>[^#]*))?")
TAG = re.compile(r'(?:W/)?"?([0-9]{1,9})"?|\*')

IN_ENTRY = re.compile(r"Bundle\.entry\[([0-9]+)\]")

LATE = problem(
    Category.THROTTLED, "throttled", "This batch has taken its time; send the entries that are left in another, after a pause."
)
"""The answer to an entry whose turn came too late."""


@dataclass(frozen=True, slots=True)
class EntryRequest:
    """One Bundle.entry as it will be carried out. `place` is the entry's index in the Bundle; `type`, `id` and `query` are read
    from request.url."""

    place: int
    method: str
    type: str
    id: str
    query: tuple[tuple[str, str], ...]
    resource: Resource | None
    full_url: str
    if_match: int | None
    if_none_exist: str


@dataclass(frozen=True, slots=True)
class Result:
    """The outcome of one entry, and the request of a search."""

    method: str
    outcome: Answer | Page | Problem
    searched: EntryRequest | None = None


async def perform(services: Services, context: RequestContext, bundle: Resource) -> tuple[Result, ...]:
    """Carries out a Bundle and gives one Result for each entry, in the Bundle's order. A transaction that fails is refused as a
    whole (Refused)."""
    kind = bundle.get("type")
    if bundle.get("resourceType") != "Bundle" or kind not in ("batch", "transaction"):
        text = "The base takes a Bundle of type `batch` or `transaction`; send a single resource to its own type."
        place = "Bundle.type" if root(bundle) == "Bundle" else root(bundle)
        raise Refused(problem(Category.MALFORMED, "value", text, expression=place, rule="R4 3.1.0.11"))
    entries = bundle.get("entry", [])
    if not isinstance(entries, list) or len(entries) > MAX_ENTRIES:
        text = f"A Bundle holds at most {MAX_ENTRIES} entries here; send it in parts."
        raise Refused(problem(Category.TOO_COSTLY, "too-costly", text, expression="Bundle.entry"))
    context = replace(context, directory=None)  # an entry may change the directory, by which later entries are decided
    read = _read(services, bundle, context.base)
    if kind == "transaction":
        return await decided_again(context, lambda at: _transaction(services, at, read))
    return await _in_time(services, context, read)


async def _in_time(services: Services, context: RequestContext, read: list[EntryRequest | Problem]) -> tuple[Result, ...]:
    """The Results of a batch's entries, one after the other. Once the batch has taken its time, the entries left are told to
    wait, so that one client's batch costs others no more than one client may."""
    until, results = clock.elapsed() + services.settings.batch_seconds, list[Result]()
    for each in read:
        late = clock.elapsed() > until and not isinstance(each, Problem)
        results.append(Result("", LATE) if late else await _alone(services, context, each))
        await asyncio.sleep(0)  # another request's turn
    return tuple(results)


async def _alone(services: Services, context: RequestContext, request: EntryRequest | Problem) -> Result:
    if isinstance(request, Problem):
        return Result("", request)
    try:
        if request.method in ("GET", "HEAD"):
            return await _get(services, context, request)
        allowed(context, request.type, VERB[request.method])
        own = replace(context, request_id=f"{context.request_id}#{request.place}")
        ready = await _resolved(services, request, Naming(context.base))
        answer = await decided_again(own, lambda at: records.planned(UnitOfWork(services, at), _stage, ready))
        return Result(request.method, answer)
    except Refused as refusal:
        place = f"{request.type}/{request.id}" if request.id else request.type
        await denied(services, context, ACTION[request.method], place, refusal.problem)
        return Result(request.method, refusal.problem)


async def _transaction(services: Services, context: RequestContext, read: list[EntryRequest | Problem]) -> tuple[Result, ...]:
    """Carries out all entries of a transaction or none. References between entries are resolved first, so that every rule sees
    the records as the transaction will leave them."""
    problems = [_placed(place, each) for place, each in enumerate(read) if isinstance(each, Problem)]
    if problems:
        raise Refused(Problem(problems[0].category, tuple(issue for each in problems for issue in each.issues)))
    work = UnitOfWork(services, context)
    if (earlier := await idempotency.transaction(work)) is not None:
        return tuple(Result(*each) for each in earlier)
    requests = await _linked(work, [each for each in read if isinstance(each, EntryRequest)])
    _distinct(requests)
    await _answered(work, requests)
    refs: dict[int, str] = {}
    for request in sorted(requests, key=_turn):
        if request.method not in ("GET", "HEAD"):
            refs[request.place] = await _at(request.place, _stage(work, request))
    for place, ref in refs.items():
        await _at(place, work.verify(ref))
    methods = {request.place: request.method for request in requests if request.place in refs}
    answers = await idempotency.together(work, [(methods[place], ref) for place, ref in sorted(refs.items())])
    written = dict(zip(sorted(refs), _first(answers), strict=True))
    return tuple(
        [
            Result(request.method, written[request.place])
            if request.place in written
            else await _alone(services, context, request)
            for request in requests
        ]
    )


def _read(services: Services, bundle: Resource, base: str) -> list[EntryRequest | Problem]:
    """The entries as they will be carried out. A fault of the envelope refuses the Bundle, a fault within an entry the entry."""
    entries = bundle.get("entry", [])
    faults = _envelope(services, bundle)
    if outside := tuple(issue for place, issues in faults.items() for issue in issues if place not in range(len(entries))):
        raise Refused(Problem(Category.MALFORMED, outside))
    return [
        Problem(Category.MALFORMED, tuple(faults[place])) if place in faults else _request(place, entry, base)
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


def _first(answers: Sequence[Answer]) -> Iterator[Answer]:
    """The answers, of which only the first to create a record says that it created it."""
    created: set[str] = set()
    for each in answers:
        yield replace(each, created=each.created and each.reference not in created)
        created.add(each.reference)


def _turn(request: EntryRequest) -> tuple[bool, int, int]:
    return request.method != "DELETE", AMONG.get(request.type, 0), ORDER[request.method]


async def _at(place: int, step: Awaitable[T]) -> T:
    """The result of a step of an entry; a refusal names the entry."""
    try:
        return await step
    except Refused as refusal:
        raise Refused(_placed(place, refusal.problem)) from None


async def _stage(work: UnitOfWork, request: EntryRequest) -> str:
    if request.method == "DELETE":
        return await records.plan_delete(work, request.type, request.id, request.if_match)
    resource = request.resource or {}
    if request.method == "POST":
        return await records.plan_create(work, request.type, resource, request.if_none_exist, request.id)
    return await records.plan_update(work, request.type, request.id, resource, request.if_match)


async def _get(services: Services, context: RequestContext, request: EntryRequest) -> Result:
    if request.id:
        return Result("GET", await records.read(services, context, request.type, request.id, request.query))
    return Result("GET", await search.search(services, context, request.type, request.query), request)


def _request(place: int, entry: Any, base: str) -> EntryRequest | Problem:
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
    kind, identity = found["type"], found["id"] or ""
    if (method in ("PUT", "DELETE")) != bool(identity) and method not in ("GET", "HEAD"):
        return _malformed(place, "POST goes to a type, PUT and DELETE to one id; correct the url.", "request.url")
    resource = entry.get("resource")
    if method in ("POST", "PUT") and not isinstance(resource, dict):
        return _malformed(place, "The entry carries no resource; add the one to store.", "resource")
    query = tuple(parse_qsl(found["query"] or "", keep_blank_values=True))
    if query and method not in ("GET", "HEAD"):
        text = "A write names its record by id, not by a search; correct it, or use `ifNoneExist`."
        return _malformed(place, text, "request.url")
    tag = TAG.fullmatch(str(asked.get("ifMatch", "")))
    if tag is None and "ifMatch" in asked:
        return _malformed(place, '`ifMatch` names one version as `W/"3"`; correct it.', "request.ifMatch")
    if_match = None if tag is None else records.ANY if tag[0] == "*" else int(tag[1])
    full_url = str(entry.get("fullUrl", ""))
    if fault := full_url_fault(full_url, resource):
        return _malformed(place, fault, "fullUrl")
    return EntryRequest(place, method, kind, identity, query, resource, full_url, if_match, str(asked.get("ifNoneExist", "")))


async def _linked(work: UnitOfWork, requests: list[EntryRequest]) -> list[EntryRequest]:
    """Gives new records their ids, replaces every reference to an entry's fullUrl by the reference of the entry's record, and
    replaces every conditional reference by the reference of the record found (R4 3.1.0.11.2)."""
    naming, named = Naming(work.context.base), list[EntryRequest]()
    for request in requests:
        there = await _at(request.place, _there(work, request, named))
        if not there and request.method == "POST":
            request = replace(request, id=clock.new_id())
        record = there or (f"{request.type}/{request.id}" if request.id else "")
        if request.full_url and record:
            naming.name(request.full_url, record, version_of(request.resource or {}))
        named.append(request)
    for request in requests:
        naming.records |= await _at(request.place, conditional.targets(work.services, work.context, request.resource or {}))
    return [await _at(each.place, _resolved(work.services, each, naming)) for each in named]


async def _resolved(services: Services, request: EntryRequest, naming: Naming) -> EntryRequest:
    """The entry with its references resolved. Refuses a reference that nothing answers."""
    if request.resource is None:
        return request
    resource, lost = naming.linked(request.resource, request.full_url, services.links)
    if lost:
        raise Refused(Problem(Category.INVALID, lost))
    return replace(request, resource=resource)


async def _there(work: UnitOfWork, request: EntryRequest, before: Sequence[EntryRequest]) -> str | None:
    """The reference of the record that a conditional create finds, among those stored and those that entries `before` it create;
    None when the entry will create a record."""
    if request.method != "POST" or not request.if_none_exist:
        return None
    allowed(work.context, request.type, "c")
    viewer = await viewer_of(work.services, work.context)
    if found := await records.existing(work, viewer, request.type, request.if_none_exist):
        return found
    query = records.sought(work, request.type, request.if_none_exist)
    created = (each for each in before if each.method == "POST" and each.type == request.type and each.id and each.resource)
    return next((f"{each.type}/{each.id}" for each in created if records.satisfies(work, query, each.resource or {})), None)


async def _answered(work: UnitOfWork, requests: list[EntryRequest]) -> None:
    """Refuses a reference to a record of ours that the caller does not see and no entry writes; hidden and absent are refused
    alike. What an update leaves as it was is not looked at again."""
    written = {f"{each.type}/{each.id}" for each in requests if each.method in ("POST", "PUT")}
    named: dict[str, tuple[int, str]] = {}
    for each in requests:
        kept = await _kept(work, each)
        for path, target in references(each.resource or {}) if each.type != "Bundle" else ():
            local = relative(target, work.context.base)
            if local and local not in written and target not in kept:
                named.setdefault(local, (each.place, path))
    rows = await work.services.records.read_many(list(named)) if named else {}
    persons = await work.services.evidence.persons(patient for row in rows.values() for patient in row.patients)
    viewer = await viewer_of(work.services, work.context)
    for ref, (place, path) in named.items():
        if ref not in rows or not viewer.permits([rows[ref]], persons):
            text = f"There is no `{ref}` here that you may see: send it along, or correct the reference."
            raise Refused(_placed(place, problem(Category.INVALID, "not-found", text, expression=path, rule=RULE)))


async def _kept(work: UnitOfWork, request: EntryRequest) -> frozenset[str]:
    """The references of the stored version that an entry updates."""
    row = await work.row(f"{request.type}/{request.id}") if request.method == "PUT" else None
    return frozenset(target for _, target in references(row.resource)) if row is not None else frozenset()


def _distinct(requests: list[EntryRequest]) -> None:
    """Refuses a transaction that writes one record twice (R4 3.1.0.11.2)."""
    seen: set[str] = set()
    for request in requests:
        target = f"{request.type}/{request.id}"
        if request.id and request.method not in ("GET", "HEAD"):
            if target in seen:
                text = f"`{target}` is written by two entries; write each record once."
                raise Refused(_placed(request.place, problem(Category.MALFORMED, "duplicate", text, rule="R4 3.1.0.11.2")))
            seen.add(target)


def _placed(place: int, found: Problem) -> Problem:
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
