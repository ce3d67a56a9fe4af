"""Search (R4 section 3.1.1): matches that the caller may see, counted and paged as if no other records existed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from service.fhir.cursor import Cursor, seal, unseal
from service.fhir.date import milliseconds
from service.fhir.query import Query, place
from service.fhir.search import parse
from service.fhir.term import Setting
from service.problem import Category, Issue, Problem, Refused, problem
from service.usecases.interactions import inclusion
from service.usecases.request.audit import note, query_text
from service.usecases.request.presentation import subset
from service.usecases.request.results import Answer, Entry, Page
from service.usecases.request.services import RequestContext, Services
from service.usecases.request.viewer import Shown, allowed, viewer_of
from service.usecases.request.walk import Walk

Params = Sequence[tuple[str, str]]
CURSOR = "_cursor"


@dataclass(frozen=True, slots=True)
class Asked:
    """A search as it will be made: its parameters without the cursor, its query, and the place that the cursor names. `binding`
    ties cursors to the caller and the query."""

    params: Params
    query: Query
    binding: str
    after: Cursor | None


def checked(services: Services, context: RequestContext, kind: str, params: Params) -> None:
    """Refuses a search that cannot be made."""
    _asked(services, context, kind, params)


def _asked(services: Services, context: RequestContext, kind: str, params: Params) -> Asked:
    if kind not in services.definitions.served:
        text = f"`{kind}` is not an R4 resource type that is kept here; correct the URL."
        raise Refused(problem(Category.ABSENT, "not-supported", text))
    allowed(context, kind, "s")
    asked = [(name, value) for name, value in params if name != CURSOR]
    query = _parsed(services, context, kind, asked)
    used = [(name, value) for name, value in asked if name not in query.ignored]
    binding = f"{context.caller.client} {context.caller.user} {kind} {used!r}"
    return Asked(asked, query, binding, _after(services, params, binding))


async def search(services: Services, context: RequestContext, kind: str, params: Params) -> Page:
    """One page of a searchset. Consent is decided for every row before the row is counted, paged or included."""
    made = _asked(services, context, kind, params)
    asked, query, after = made.params, made.query, made.after
    viewer = await viewer_of(services, context)
    walk = Walk(services, viewer, query, await viewer.visible(kind, query))
    ignored = frozenset(query.ignored)
    total = await walk.total() if query.total != "none" or query.counts_only else None
    if query.counts_only:
        await note(services, context, "E", query_text(kind, asked), [])
        return Page((), total=total, issues=_ignored(query), ignored=ignored)
    count = min(query.count or services.settings.page_size, services.settings.max_page_size)
    shown = await walk.page(after, count + 1)
    matches, more = shown[:count], len(shown) > count
    others = await inclusion.included(viewer, query, matches)
    await note(services, context, "E", query_text(kind, asked), [*matches, *others])
    cursor = seal(Cursor(place(query, matches[-1].row.index)), services.secret, made.binding) if more else ""
    entries = [
        *(_entry(services, query, each, "match") for each in matches),
        *(_entry(services, query, each, "include") for each in others),
    ]
    return Page(tuple(entries), cursor, total, _ignored(query), ignored)


def _parsed(services: Services, context: RequestContext, kind: str, asked: Params) -> Query:
    zone = services.zone
    setting = Setting(context.base, zone, milliseconds(context.at))
    query = parse(kind, asked, services.indexer.parameters, lenient=context.handling == "lenient", setting=setting)
    if isinstance(query, Problem):
        raise Refused(query)
    return query


def _after(services: Services, params: Params, binding: str) -> Cursor | None:
    given = dict(params).get(CURSOR)
    if given is None:
        return None
    cursor = unseal(given, services.secret, binding)
    if isinstance(cursor, Problem):
        raise Refused(cursor)
    return cursor


def _entry(services: Services, query: Query, shown: Shown, mode: str) -> Entry:
    row = shown.row
    body = subset(shown.body, query.summary, query.elements, services.definitions)
    return Entry(Answer(row.reference, row.version, row.at, body), mode)


def _ignored(query: Query) -> tuple[Issue, ...]:
    return tuple(
        Issue("not-supported", f"The parameter `{name}` was ignored, as `handling=lenient` asks.", severity="warning")
        for name in query.ignored
    )
