"""The single-record interactions: read, vread, create, update, delete (R4 section 3.1.0).

The `plan_` functions stage one write without committing it, so that a transaction stages many writes and commits once.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from urllib.parse import parse_qsl

from service import clock
from service.change import Resource
from service.consent.decide import DIRECTORY
from service.consent.redact import is_redacted
from service.fhir.coding import codings
from service.fhir.key import value_of
from service.fhir.query import Key
from service.fhir.reference import id_of, name_of, own, relative
from service.fhir.resource import identified, references, root
from service.fhir.search import Query, matches, parse
from service.problem import Category, Issue, Problem, Refused, problem
from service.store.records import Row
from service.usecases import rules
from service.usecases.request import idempotency
from service.usecases.request.audit import note
from service.usecases.request.presentation import presented
from service.usecases.request.proposal import Proposal
from service.usecases.request.results import Answer, written
from service.usecases.request.services import RequestContext, Services
from service.usecases.request.viewer import Shown, Viewer, absent, allowed, viewer_of
from service.usecases.request.work import UnitOfWork, decided_again

Params = Sequence[tuple[str, str]]

MANY = 1000
"""How many matches of an If-None-Exist are read, to find the matches that the caller may see."""

NEW = -1
"""The value of `if_match` for `If-None-Match: *`: the record must not exist yet (RFC 9110 section 13.1.2)."""

ANY = -2
"""The value of `if_match` for `If-Match: *`: the record must exist, in whatever version (RFC 9110 section 13.1.1)."""

# Types whose updates require If-Match (security rules, section 2): a lost update would lose responsibility for a person.
CONDITIONAL = frozenset({"Task", "CarePlan", "CareTeam", "Consent"})

RULED = frozenset({"Task", "CarePlan"})
"""Types whose rules look at most of what a record refers to."""


class Reading:
    """A read that starts to fetch its record at once, while the request's token is still being looked up."""

    def __init__(self, services: Services, kind: str, identity: str) -> None:
        self._services, self._kind, self._identity = services, kind, identity
        self._row = services.records.ask(kind, identity)

    async def answer(self, context: RequestContext, params: Params = ()) -> Answer:
        """The current version. An absent record and a hidden record are refused alike (ABSENT); a deleted record is refused as
        GONE only to a caller that might see the record."""
        served(self._services, self._kind)
        allowed(context, self._kind, "r")
        row = await self._row
        viewer = await viewer_of(self._services, context)
        shown = await viewer.reveal([row] if row else [], "r")
        return await _one(self._services, context, shown, self._kind, self._identity, params)


async def read(services: Services, context: RequestContext, kind: str, identity: str, params: Params = ()) -> Answer:
    """The current version of a record; as `Reading.answer`, for a request whose caller is known already."""
    return await Reading(services, kind, identity).answer(context, params)


async def readable(work: UnitOfWork, kind: str, identity: str, params: Params) -> None:
    """Refuses a read as the read itself would; nothing is shown, so nothing is noted."""
    served(work.services, kind)
    allowed(work.context, kind, "r")
    row = await work.row(f"{kind}/{identity}")
    shown = await (await viewer_of(work.services, work.context)).reveal([row] if row else [], "r")
    if not shown:
        raise absent(kind, identity)
    if shown[0].row.deleted:
        raise gone(kind, identity)
    answer(work.services, shown[0], params)


async def vread(
    services: Services, context: RequestContext, kind: str, identity: str, version: str, params: Params = ()
) -> Answer:
    """One version of a record. The version is decided by its own content, and again with the record's current labels."""
    served(services, kind)
    allowed(context, kind, "r")
    row = await services.records.version(kind, identity, int(version)) if number(version) else None
    current = await services.records.read(kind, identity) if row else None
    viewer = await viewer_of(services, context)
    shown = await viewer.reveal_past([row], current, "r") if row and current else await viewer.reveal([], "r")
    return await _one(services, context, shown, kind, identity, params)


async def _one(
    services: Services, context: RequestContext, shown: list[Shown], kind: str, identity: str, params: Params
) -> Answer:
    if not shown:
        await note(services, context, "R", f"{kind}/{identity}", shown)
        raise absent(kind, identity)
    await note(services, context, "R", f"{kind}/{identity}", shown)
    if shown[0].row.deleted:
        raise gone(kind, identity)
    return answer(services, shown[0], params)


def gone(kind: str, identity: str) -> Refused:
    """The refusal of a deleted record."""
    text = f"`{kind}/{identity}` was deleted; its history still tells what it was."
    return Refused(problem(Category.GONE, "deleted", text))


def number(text: str) -> bool:
    """Whether a text is a number that a version or a page size may have."""
    return text.isascii() and text.isdigit() and len(text) < 10


async def create(services: Services, context: RequestContext, kind: str, resource: Resource, none_exist: str = "") -> Answer:
    """Stores a new record under an id that this service chooses."""
    served(services, kind)
    allowed(context, kind, "c")
    return await decided_again(
        context, lambda at: idempotency.once(UnitOfWork(services, at), plan_create, kind, resource, none_exist)
    )


async def update(
    services: Services, context: RequestContext, kind: str, identity: str, resource: Resource, if_match: int | None
) -> Answer:
    """Stores the next version of a record."""
    served(services, kind)
    allowed(context, kind, "u")
    return await decided_again(
        context, lambda at: idempotency.once(UnitOfWork(services, at), plan_update, kind, identity, resource, if_match)
    )


async def delete(services: Services, context: RequestContext, kind: str, identity: str, if_match: int | None) -> Answer:
    """Marks a record as deleted; its history stays."""
    return await decided_again(context, lambda at: deleted(UnitOfWork(services, at), kind, identity, if_match))


async def deleted(work: UnitOfWork, kind: str, identity: str, if_match: int | None) -> Answer:
    """Commits one delete."""
    ref = await plan_delete(work, kind, identity, if_match)
    if ref not in work.staged:
        return await idempotency.found(work, ref)
    return written(await work.commit(), ref)


async def plan_create(work: UnitOfWork, kind: str, resource: Resource, none_exist: str = "", identity: str = "") -> str:
    """Stages a create and returns the record's reference. `identity` is an id that this service has chosen before; empty: the
    create chooses one."""
    services, context = work.services, work.context
    served(services, kind)
    allowed(context, kind, "c")
    _is_a(resource, kind)
    viewer = await viewer_of(services, context, work.known)
    if kind in RULED:
        await work.foresee(_referred(work, resource))

    async def made() -> str:
        ready = rules.prepared(identified(resource, identity or clock.new_id()), context.base)
        return await rules.write(work, viewer, Proposal(_checked(work, ready), None, "c"))

    return await unless_found(work, viewer, kind, none_exist, made)


async def unless_found(work: UnitOfWork, viewer: Viewer, kind: str, none_exist: str, create: Callable[[], Awaitable[str]]) -> str:
    """The reference of the record that an If-None-Exist finds, or else of the one that `create` stages."""
    if not none_exist:
        return await create()
    return await existing(work, viewer, kind, none_exist) or await in_turn(work, kind, none_exist, create)


async def in_turn(work: UnitOfWork, kind: str, criteria: str, create: Callable[[], Awaitable[str]]) -> str:
    """The reference of the record that `create` stages. Of writes that look for one thing by their criteria and find nothing, one
    is committed, and the others are decided again."""
    ref = await create()
    work.touches[ref] = (*work.touches.get(ref, ()), *_lanes(work, sought(work, kind, criteria)))
    return ref


async def plan_update(work: UnitOfWork, kind: str, identity: str, resource: Resource, if_match: int | None) -> str:
    """Stages an update and returns the record's reference. The caller must see the record, and the rule of its type decides who
    may write."""
    services, context = work.services, work.context
    served(services, kind)
    allowed(context, kind, "u")
    _is_a(resource, kind)
    if resource.get("id") != identity:
        text = f"The resource's id is not `{identity}`; give it the id of the URL."
        raise Refused(problem(Category.MALFORMED, "invalid", text, expression=f"{kind}.id", rule="R4 3.1.0.4"))
    viewer = await viewer_of(services, context, work.known)
    if kind in RULED:
        await work.foresee([f"{kind}/{identity}", *_referred(work, resource)])
    row = await work.row(f"{kind}/{identity}")
    visible = bool(await viewer.reveal([row] if row else [], "u"))
    if row is None or not visible:
        return await _chosen(work, viewer, kind, identity, identified(resource, identity), if_match)
    current(row, kind, if_match)
    proposal = Proposal(_checked(work, rules.prepared(identified(resource, identity), context.base)), row, "u")
    try:
        return await rules.write(work, viewer, proposal)
    except Refused:
        await _still(work, row)
        raise


def _referred(work: UnitOfWork, resource: Resource) -> list[str]:
    """The records here that a resource refers to, but for those that the directory knows."""
    found = (relative(target, work.context.base) for _, target in references(resource))
    return [ref for ref in found if ref and ref.partition("/")[0] not in DIRECTORY]


async def _still(work: UnitOfWork, row: Row) -> None:
    """Refuses with CONFLICT when another request has changed the record since it was read. A rule that has refused may have read
    records from before and after the other change, so that its own reason may be wrong."""
    now = await work.services.records.read(row.type, row.id)
    if now is None or now.version != row.version:
        text = f"`{row.reference}` was changed by another request first; read it again, and repeat your change on that."
        raise Refused(problem(Category.CONFLICT, "conflict", text, rule="HOV-5"))


async def plan_delete(work: UnitOfWork, kind: str, identity: str, if_match: int | None) -> str:
    """Stages a delete and returns the record's reference. The delete of a deleted record stages nothing and succeeds (R4 section
    3.1.0.7)."""
    services, context = work.services, work.context
    served(services, kind)
    allowed(context, kind, "d")
    viewer = await viewer_of(services, context, work.known)
    row = await work.row(f"{kind}/{identity}")
    shown = await viewer.reveal([row] if row else [], "d")
    if row is None or not shown:
        raise absent(kind, identity)
    if not row.deleted:
        current(row, kind, if_match)
        await rules.remove(work, viewer, row)
    return f"{kind}/{identity}"


async def _chosen(work: UnitOfWork, viewer: Viewer, kind: str, identity: str, resource: Resource, if_match: int | None) -> str:
    """Stages an update as a create, with an id that the client has chosen. The id must begin with the id of the caller's agency,
    and the token must be for all records of the agency, so that a try tells nothing about the records of other agencies."""
    caller = work.context.caller
    agency = id_of(caller.organization)
    whole = any(rule.context != "patient" and not rule.params for rule in caller.scopes.grants(kind, "c"))
    if caller.personal or not whole or not identity.startswith(f"{agency}."):
        text = f"There is no `{kind}/{identity}` here that you may update; check it, or choose one that starts with `{agency}.`."
        raise Refused(problem(Category.ABSENT, "not-found", text))
    if if_match not in (None, NEW):
        which = "" if if_match == ANY else f"version {if_match} of "
        text = f"There is no {which}`{kind}/{identity}` here that you may see; leave If-Match out to create it."
        raise Refused(problem(Category.STALE, "conflict", text, rule="R4 3.1.0.5"))
    ref = await rules.write(work, viewer, Proposal(_checked(work, rules.prepared(resource, work.context.base)), None, "c"))
    work.staged[ref].method = "PUT"
    return ref


def current(row: Row, kind: str, if_match: int | None) -> None:
    """Refuses an update or delete whose If-Match does not name the current version, that lacks If-Match on a type of
    `CONDITIONAL`, or that requires a new record (`NEW`) where the record exists."""
    if if_match == ANY and not row.deleted:
        return
    if if_match == NEW:
        if row.deleted:
            return
        text = f"`{kind}/{row.id}` is here already, and you asked for it to be new; read it, and update what it says now."
        raise Refused(problem(Category.STALE, "conflict", text, rule="RFC 9110 13.1.2"))
    if if_match is None and kind in CONDITIONAL:
        text = (
            f'A `{kind}` is updated only with If-Match: read it, then send `If-Match: W/"{row.version}"` if that is what you saw.'
        )
        raise Refused(problem(Category.UNCONDITIONAL, "required", text, rule="R4 3.1.0.5"))
    if if_match is not None and if_match != row.version:
        since = "was deleted" if if_match == ANY else f"has changed since version {if_match}"
        text = f"`{kind}/{row.id}` {since}; read it again and repeat your change on what it says now."
        raise Refused(problem(Category.STALE, "conflict", text, rule="R4 3.1.0.5"))


async def existing(work: UnitOfWork, viewer: Viewer, kind: str, none_exist: str) -> str | None:
    """Conditional writes (R4 section 3.1.0.8.1): the reference of the caller's one matching record, None when no record matches.

    Only a record that the caller could have created counts, so that a token for one patient learns nothing about the agency's
    other patients; of the directory, which everybody may read, any agency's entry counts. Of creates that look for one thing at
    the same moment one creates: each of the others is decided again, and finds it.
    """
    query = sought(work, kind, none_exist)
    await work.premise(*_lanes(work, query))
    custodian = "" if kind in DIRECTORY else work.context.caller.organization
    kept = await work.services.holdings.kept(query, custodian, MANY)
    shown = [each for each in await viewer.reveal(kept, "c") if matches(query, viewer.left(each))]
    rows = [each.row for each in shown if not _going(work, each.row)]
    if len(rows) > 1:
        text = "More than one of your records matches this condition; make it name one."
        raise Refused(problem(Category.STALE, "multiple-matches", text, rule="R4 3.1.0.8.1"))
    if rows:
        work.rows[f"{kind}/{rows[0].id}"] = rows[0]
        return f"{kind}/{rows[0].id}"
    fresh = {ref: each.resource for ref, each in work.staged.items() if ref.startswith(f"{kind}/") and not each.deleted}
    return next((ref for ref, each in fresh.items() if satisfies(work, query, each)), None)


def _going(work: UnitOfWork, row: Row) -> bool:
    """Whether the unit of work deletes a record."""
    staged = work.staged.get(row.reference)
    return staged is not None and staged.deleted


def criteria(kind: str, none_exist: str, base: str) -> Params:
    """The search that If-None-Exist asks for, in each of the forms that clients send: the parameters alone, with a `?` before
    them, and with the type or the type's URL before that. Refuses a search of another type or of another server."""
    head, mark, query = own(none_exist.strip(), base).partition("?")
    if not mark or "=" in head:
        head, query = "", none_exist.strip()
    if head not in ("", kind):
        text = f"This condition looks for `{kind}` here, not at `{head}`; send the parameters, such as `identifier=system|value`."
        raise Refused(problem(Category.MALFORMED, "value", text, rule="R4 3.1.0.8.1"))
    return tuple(parse_qsl(query, keep_blank_values=True))


def sought(work: UnitOfWork, kind: str, none_exist: str) -> Query:
    """The search of an If-None-Exist. Refuses a search that cannot be made, or that looks for nothing."""
    query = parse(kind, criteria(kind, none_exist, work.context.base), work.services.indexer.parameters)
    if isinstance(query, Problem):
        raise Refused(query)
    if not query.terms:
        text = "This condition looks for nothing; name what the record has, such as `identifier=system|value`."
        raise Refused(problem(Category.MALFORMED, "value", text, rule="R4 3.1.0.8.1"))
    return query


def _lanes(work: UnitOfWork, query: Query) -> tuple[str, ...]:
    """The counters that a conditional create rests on and raises: one for each identifier looked for, with or without its system,
    or one for the type. They name whose records are searched, so that agencies, and people, neither hinder each other nor learn
    anything about each other."""
    caller = work.context.caller
    whose = "" if query.type in DIRECTORY else f"{caller.organization} {caller.user if caller.personal else ''} {caller.patient}"
    tests = [test for term in query.terms if term.asked == "identifier" for test in term.tests]
    values = {value_of(test.key) for test in tests if isinstance(test, Key)} - {""}
    return tuple(f"R4 3.1.0.8.1 {whose} {query.type} {value}" for value in sorted(values) or ("",))


def satisfies(work: UnitOfWork, query: Query, resource: Resource) -> bool:
    """Whether a resource that is not stored would be a match."""
    return matches(query, work.services.indexer.index(resource))


def _checked(work: UnitOfWork, resource: Resource) -> Resource:
    """The resource, when it is valid; the unit of work keeps what is to be told of it."""
    work.remarks[name_of(resource)] = checked(work.services, resource, strict=work.context.handling == "strict")
    return resource


def checked(services: Services, resource: Resource, *, strict: bool = False) -> tuple[Issue, ...]:
    """The warnings about a valid resource (fhir-api rules, section 3). Refuses an invalid resource with every error at once, and
    a redacted or partial (SUBSETTED) copy of a record; `strict` refuses a profile that is not known, too."""
    kind = resource["resourceType"]
    if is_redacted(resource):
        text = "This is a redacted copy: storing it would lose what was taken out. Change the custodian's record instead."
        raise Refused(problem(Category.RULE, "business-rule", text, expression=f"{kind}.meta.security", rule="consent-rules 3"))
    meta = resource.get("meta")
    if any(code == "SUBSETTED" for _, code in codings(meta.get("tag") if isinstance(meta, dict) else None)):
        text = "This is a part of a record (`SUBSETTED`): storing it would lose the rest. Read the whole record and change that."
        raise Refused(problem(Category.RULE, "business-rule", text, expression=f"{kind}.meta.tag", rule="R4 3.1.0.1.7"))
    issues = services.validator.check(resource, strict_profiles=strict)
    errors = tuple(issue for issue in issues if issue.severity in ("error", "fatal"))
    if errors:
        raise Refused(Problem(Category.INVALID, errors))
    return issues


def served(services: Services, kind: str) -> None:
    """Refuses a type that is not kept here."""
    if kind not in services.definitions.served:
        text = f"`{kind}` is not an R4 resource type that is kept here; correct the URL."
        raise Refused(problem(Category.ABSENT, "not-supported", text))


def _is_a(resource: Resource, kind: str) -> None:
    if resource.get("resourceType") != kind:
        text = f"The URL takes a `{kind}`; set `resourceType` to it or send the resource to its own type."
        raise Refused(problem(Category.MALFORMED, "invalid", text, expression=root(resource), rule="R4 3.1.0.8"))


def answer(services: Services, shown: Shown, params: Params) -> Answer:
    """The Answer with a record as the reader may see it, without the elements that `_summary` and `_elements` leave out."""
    row = shown.row
    return Answer(row.reference, row.version, row.at, presented(shown.body, params, services.definitions))
