"""Batch and transaction (R4 section 3.1.0.11). A transaction is one unit of work; a batch commits each entry separately."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from service import clock
from service.change import Resource
from service.fhir.naming import RULE, Naming
from service.fhir.reference import id_of, relative, version_of
from service.fhir.resource import references, root
from service.problem import Category, Problem, Refused, problem
from service.store.turn import give_way
from service.usecases.interactions import conditional, conditional_writes, entries, patching, records, search
from service.usecases.interactions.entries import ORDER, EntryRequest, placed
from service.usecases.request import idempotency
from service.usecases.request.audit import denied
from service.usecases.request.results import Answer, Page
from service.usecases.request.services import RequestContext, Services
from service.usecases.request.viewer import allowed, viewer_of
from service.usecases.request.work import UnitOfWork, decided_again

T = TypeVar("T")
MAX_ENTRIES = 1000
# The order of types among the entries that create or update, whatever the method: records that other entries are decided by come
# first, so that a rule finds the records as the transaction will leave them. No id or reference depends on this order.
AMONG = {"Organization": -2, "Patient": -1, "CarePlan": 1, "ServiceRequest": 1, "Task": 2, "List": 3}
VERB = {"DELETE": "d", "POST": "c", "PUT": "u", "PATCH": "u"}
ACTION = {"DELETE": "D", "POST": "C", "PUT": "U", "PATCH": "U", "GET": "R", "HEAD": "R"}
LATE = problem(
    Category.THROTTLED, "throttled", "This batch has taken its time; send the entries that are left in another, after a pause."
)
"""The answer to an entry whose turn came too late."""
UNTRIED = problem(
    Category.UNAVAILABLE, "transient", "The database went away at an entry before this one, which was not tried: send it again."
)
"""The answer to an entry whose turn came after the database had gone away."""


@dataclass(frozen=True, slots=True)
class Result:
    """The outcome of one entry, and the request of a read or search."""

    method: str
    outcome: Answer | Page | Problem
    read: EntryRequest | None = None


async def perform(services: Services, context: RequestContext, bundle: Resource) -> tuple[Result, ...]:
    """Carries out a Bundle and gives one Result for each entry, in the Bundle's order. A transaction that fails is refused as a
    whole (Refused)."""
    kind = bundle.get("type")
    if bundle.get("resourceType") != "Bundle" or kind not in ("batch", "transaction"):
        text = "The base takes a Bundle of type `batch` or `transaction`; send a single resource to its own type."
        place = "Bundle.type" if root(bundle) == "Bundle" else root(bundle)
        raise Refused(problem(Category.MALFORMED, "value", text, expression=place, rule="R4 3.1.0.11"))
    listed = bundle.get("entry", [])
    if not isinstance(listed, list):
        raise Refused(
            problem(Category.MALFORMED, "structure", "`entry` is a list of entries; write it so.", expression="Bundle.entry")
        )
    if len(listed) > MAX_ENTRIES:
        text = f"A Bundle holds at most {MAX_ENTRIES} entries here; send it in parts."
        raise Refused(problem(Category.TOO_COSTLY, "too-costly", text, expression="Bundle.entry"))
    context = replace(context, directory=None)  # an entry may change the directory, by which later entries are decided
    read = entries.read(services, bundle, context.base)
    if kind == "transaction":
        return await decided_again(context, lambda at: _transaction(services, at, read))
    return await _in_time(services, context, read)


async def _in_time(services: Services, context: RequestContext, read: list[EntryRequest | Problem]) -> tuple[Result, ...]:
    """The Results of a batch's entries, one after the other. Once the batch has taken its time, the entries left are told to
    wait, so that one client's batch costs others no more than one client may; and once the database is away, so that the client
    does not wait for it again with every entry."""
    until, results = clock.elapsed() + services.settings.batch_seconds, list[Result]()
    left: Problem | None = None
    for each in read:
        left = left or (LATE if clock.elapsed() > until else None)
        told = left if left and not isinstance(each, Problem) else None
        results.append(Result("", told) if told else await _alone(services, context, each))
        left = left or (UNTRIED if _away(results[-1]) else None)
        await give_way()
    return tuple(results)


def _away(result: Result) -> bool:
    return isinstance(result.outcome, Problem) and result.outcome.category is Category.UNAVAILABLE


async def _alone(services: Services, context: RequestContext, request: EntryRequest | Problem) -> Result:
    if isinstance(request, Problem):
        return Result("", request)
    try:
        if request.reads:
            return await _get(services, context, request)
        allowed(context, request.type, VERB[request.method])
        own = replace(context, request_id=f"{context.request_id}#{request.place}")
        if request.method == "DELETE" and request.criteria:
            gone = await conditional_writes.delete(services, own, request.type, request.criteria, request.if_match)
            return Result("DELETE", gone or Answer("", 0, own.at))
        ready = await _resolved(services, request, Naming(context.base))
        answer = await decided_again(own, lambda at: idempotency.once(UnitOfWork(services, at), _stage, ready))
        return Result(request.method, answer)
    except Refused as refusal:
        place = f"{request.type}/{request.id}" if request.id else request.type
        await denied(services, context, ACTION[request.method], place, refusal.problem)
        return Result(request.method, refusal.problem)


async def _transaction(services: Services, context: RequestContext, read: list[EntryRequest | Problem]) -> tuple[Result, ...]:
    """Carries out all entries of a transaction or none. References between entries are resolved first, so that every rule sees
    the records as the transaction will leave them."""
    problems = [placed(place, each) for place, each in enumerate(read) if isinstance(each, Problem)]
    if problems:
        raise Refused(Problem(problems[0].category, tuple(issue for each in problems for issue in each.issues)))
    requests, work = [each for each in read if isinstance(each, EntryRequest)], UnitOfWork(services, context)
    answers = await idempotency.transaction(work)
    if answers is None:
        answers = await _together(work, requests)
    written = _first(answers)
    return tuple(
        [
            await _alone(services, context, request) if request.reads else Result(request.method, next(written))
            for request in requests
        ]
    )


async def _together(work: UnitOfWork, read: list[EntryRequest]) -> list[Answer]:
    """Carries out the entries that write in one Change. Gives their answers, in the Bundle's order."""
    refs = {request.place: "" for request in read if not request.reads}
    deletes = [await _at(each.place, _aimed(work, each)) for each in read if each.method == "DELETE"]
    for each in deletes:
        if each.id:
            refs[each.place] = await _at(each.place, _stage(work, each))
    others = await _linked(work, [each for each in read if each.method != "DELETE"])
    _distinct([*deletes, *others])
    work.coming = frozenset(f"{each.type}/{each.id}" for each in others if each.id and not each.reads)
    await _answered(work, others)
    for each in sorted(others, key=_turn):
        if not each.reads:
            refs[each.place] = await _at(each.place, _stage(work, each))
    for place, ref in refs.items():
        await _at(place, work.verify(ref) if ref else asyncio.sleep(0))
    for each in others:
        if each.reads:
            await _at(each.place, _readable(work, each))
    return await idempotency.together(work, list(refs.values()))


async def _aimed(work: UnitOfWork, request: EntryRequest) -> EntryRequest:
    """A delete with the id of the record that its search finds, or without id when there is none."""
    if not request.criteria:
        return request
    found = await conditional_writes.aim(work, request.type, request.criteria)
    return replace(request, id=id_of(found) if found else "")


async def _readable(work: UnitOfWork, request: EntryRequest) -> None:
    """Refuses a read that would be refused once the transaction has written, when it would be too late to write nothing."""
    if not request.id:
        return search.checked(work.services, work.context, request.type, request.query)
    staged = work.staged.get(f"{request.type}/{request.id}")
    if staged is None:
        await records.readable(work, request.type, request.id, request.query)
    elif staged.deleted:
        raise records.gone(request.type, request.id)
    return None


def _first(answers: Sequence[Answer]) -> Iterator[Answer]:
    """The answers, of which only the first to create a record says that it created it."""
    created: set[str] = set()
    for each in answers:
        yield replace(each, created=each.created and each.reference not in created)
        created.add(each.reference)


def _turn(request: EntryRequest) -> tuple[int, int]:
    return AMONG.get(request.type, 0), ORDER[request.method]


async def _at(place: int, step: Awaitable[T]) -> T:
    """The result of a step of an entry; a refusal names the entry."""
    try:
        return await step
    except Refused as refusal:
        raise Refused(placed(place, refusal.problem)) from None


async def _stage(work: UnitOfWork, request: EntryRequest) -> str:
    resource = request.resource or {}
    match request.method:
        case "DELETE":
            return await records.plan_delete(work, request.type, request.id, request.if_match)
        case "POST":
            return await records.plan_create(work, request.type, resource, request.if_none_exist, request.id)
        case "PATCH":
            return await patching.plan_patch(work, request.type, request.id, request.operations, request.if_match)
    if request.criteria:
        return await conditional_writes.plan_update(work, request.type, resource, request.criteria, request.if_match, request.id)
    return await records.plan_update(work, request.type, request.id, resource, request.if_match)


async def _get(services: Services, context: RequestContext, request: EntryRequest) -> Result:
    if request.id:
        return Result(request.method, await records.read(services, context, request.type, request.id, request.query), request)
    return Result(request.method, await search.search(services, context, request.type, request.query), request)


async def _linked(work: UnitOfWork, requests: list[EntryRequest]) -> list[EntryRequest]:
    """Gives new records their ids, replaces every reference to an entry's fullUrl by the reference of the entry's record, and
    replaces every conditional reference by the reference of the record found (R4 3.1.0.11.2)."""
    naming, named = Naming(work.context.base), list[EntryRequest]()
    for request in requests:
        there = await _at(request.place, _there(work, request, named))
        if request.criteria:
            request = replace(request, id=id_of(there) if there else _new_id(request))
        elif not there and request.method == "POST":
            request = replace(request, id=clock.new_id())
        record = there or (f"{request.type}/{request.id}" if request.id else "")
        if request.full_url and record:
            naming.name(request.full_url, record, version_of(request.resource or {}))
        named.append(request)
    for request in requests:
        naming.records |= await _at(request.place, conditional.targets(work.services, work.context, request.resource or {}))
    return [await _at(each.place, _resolved(work.services, each, naming)) for each in named]


def _new_id(request: EntryRequest) -> str:
    """The id of the record that a conditional update creates."""
    return str((request.resource or {}).get("id") or clock.new_id())


async def _resolved(services: Services, request: EntryRequest, naming: Naming) -> EntryRequest:
    """The entry with its references resolved. Refuses a reference that nothing answers."""
    if request.resource is None:
        return request
    resource, lost = naming.linked(request.resource, request.full_url, services.links)
    if lost:
        raise Refused(Problem(Category.INVALID, lost))
    return replace(request, resource=resource)


async def _there(work: UnitOfWork, request: EntryRequest, before: Sequence[EntryRequest]) -> str | None:
    """The reference of the record that a conditional write finds, among those stored and those that entries `before` it create;
    None when it finds none, or when the entry is no conditional write."""
    criteria = request.criteria or (request.if_none_exist if request.method == "POST" else "")
    if not criteria:
        return None
    allowed(work.context, request.type, VERB[request.method])
    viewer = await viewer_of(work.services, work.context)
    if found := await records.existing(work, viewer, request.type, criteria):
        return found
    query = records.sought(work, request.type, criteria)
    created = (each for each in before if each.type == request.type and each.id and each.resource)
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
    gone = {ref for ref, each in work.staged.items() if each.deleted}
    rows = await work.services.records.read_many([ref for ref in named if ref not in gone])
    persons = await work.services.evidence.persons(patient for row in rows.values() for patient in row.patients)
    viewer = await viewer_of(work.services, work.context)
    for ref, (place, path) in named.items():
        if ref not in rows or not viewer.permits([rows[ref]], persons):
            text = f"There is no `{ref}` here that you may see: send it along, or correct the reference."
            raise Refused(placed(place, problem(Category.INVALID, "not-found", text, expression=path, rule=RULE)))


async def _kept(work: UnitOfWork, request: EntryRequest) -> frozenset[str]:
    """The references of the stored version that an entry updates."""
    row = await work.row(f"{request.type}/{request.id}") if request.method == "PUT" else None
    return frozenset(target for _, target in references(row.resource)) if row is not None else frozenset()


def _distinct(requests: list[EntryRequest]) -> None:
    """Refuses a transaction that writes one record twice (R4 3.1.0.11.2)."""
    seen: set[str] = set()
    for request in requests:
        target = f"{request.type}/{request.id}"
        if request.id and not request.reads:
            if target in seen:
                text = f"`{target}` is written by two entries; write each record once."
                raise Refused(placed(request.place, problem(Category.MALFORMED, "duplicate", text, rule="R4 3.1.0.11.2")))
            seen.add(target)
