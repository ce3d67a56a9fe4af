"""Search (R4 section 3.1.1): matches that the caller may see, counted and paged as if no other records existed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from service.fhir.cursor import Cursor, seal, unseal
from service.fhir.date import milliseconds
from service.fhir.query import Query, Sort, included, place, referring
from service.fhir.query import matches as evaluated
from service.fhir.search import parse
from service.fhir.term import Setting
from service.problem import Category, Issue, Problem, Refused, problem
from service.store.records import Row
from service.store.search import Visible
from service.usecases.request.audit import note, query_text
from service.usecases.request.presentation import subset
from service.usecases.request.results import Answer, Entry, Page
from service.usecases.request.services import RequestContext, Services
from service.usecases.request.viewer import Shown, Viewer, allowed, parted, viewer_of

Params = Sequence[tuple[str, str]]
MAX_INCLUDED = 1000
CURSOR = "_cursor"
BATCH = 500


async def search(services: Services, context: RequestContext, kind: str, params: Params, *, lenient: bool = False) -> Page:
    """One page of a searchset. Consent is decided for every row before the row is counted, paged or included."""
    if kind not in services.definitions.types:
        raise Refused(problem(Category.ABSENT, "not-supported", f"`{kind}` is not an R4 resource type; correct the URL."))
    allowed(context, kind, "s")
    asked = [(name, value) for name, value in params if name != CURSOR]
    query = _parsed(services, context, kind, asked, lenient)
    viewer = await viewer_of(services, context)
    walk = Walk(services, viewer, query, await viewer.visible(kind, query))
    binding = f"{context.caller.client} {context.caller.user} {kind} {asked!r}"
    after = _after(services, params, binding)
    total = await walk.total() if query.total != "none" or query.counts_only else None
    if query.counts_only:
        await note(services, context, "E", query_text(kind, asked), [])
        return Page((), total=total, issues=_ignored(query))
    count = min(query.count or services.settings.page_size, services.settings.max_page_size)
    shown = await walk.page(after, count + 1)
    matches, more = shown[:count], len(shown) > count
    others = await _included(services, viewer, query, matches)
    await note(services, context, "E", query_text(kind, asked), [*matches, *others])
    cursor = seal(Cursor(place(query, matches[-1].row.index)), services.secret, binding) if more else ""
    entries = [
        *(_entry(services, query, each, "match") for each in matches),
        *(_entry(services, query, each, "include") for each in others),
    ]
    return Page(tuple(entries), cursor, total, _ignored(query))


@dataclass(slots=True)
class Walk:
    """Gives the matches of one search that the caller may see, in order. Rows are read a batch at a time, so that hidden rows
    leave no gap. Only what the caller may see counts against the limits: how much is hidden turns no answer into a refusal."""

    services: Services
    viewer: Viewer
    query: Query
    visible: Visible
    verb: str = "s"
    afforded: bool = False

    async def _shown(self, rows: Sequence[Row]) -> list[Shown]:
        """The rows that the caller may see. A redacted part cannot be searched for: a redacted record is a match only when its
        shown parts match."""
        shown = await self.viewer.reveal(rows, self.verb)
        return [each for each in shown if not parted(each.row) or evaluated(self.query, self.viewer.left(each))]

    async def page(self, after: Cursor | None, wanted: int) -> list[Shown]:
        """The next matches after a place, at most `wanted`. Raises Refused TOO_COSTLY."""
        await self._afford()
        found: list[Shown] = []
        size = wanted
        while len(found) < wanted:
            rows = await self._batch(self.query, after, size)
            found += await self._shown(rows)
            if len(rows) < size:
                break
            after = Cursor(place(self.query, rows[-1].index))
            size = max(size, min(2 * size, BATCH))  # a long run of hidden rows is passed in few steps
        return found[:wanted]

    async def total(self) -> int:
        """The exact number of matches that the caller may see. Raises Refused TOO_COSTLY."""
        counted, after = 0, None
        query = replace(self.query, sort=(Sort("_id"),))  # what is only counted needs no other order
        while rows := await self._batch(query, after, BATCH):
            counted += len(await self._shown(rows))
            if counted > self.services.settings.max_scan:
                text = "The search has to look at too many records; narrow it, by `patient` or by date say."
                raise Refused(problem(Category.TOO_COSTLY, "too-costly", text))
            if len(rows) < BATCH:
                break
            after = Cursor(place(query, rows[-1].index))
        return counted

    async def _afford(self) -> None:
        """Refuses an order that no index gives over more matches than may be sorted, of those that the caller may see."""
        if not self.afforded and await self.services.searches.many(self.query, self.visible):
            await self.total()
        self.afforded = True

    async def _batch(self, query: Query, after: Cursor | None, limit: int) -> list[Row]:
        return await self.services.searches.find(query, visible=self.visible, after=after, limit=limit, afforded=self.afforded)


def _parsed(services: Services, context: RequestContext, kind: str, asked: Params, lenient: bool) -> Query:
    zone = services.zone
    setting = Setting(context.base, zone, milliseconds(context.at))
    query = parse(kind, asked, services.indexer.parameters, lenient=lenient, setting=setting)
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


async def _included(services: Services, viewer: Viewer, query: Query, matches: Sequence[Shown]) -> list[Shown]:
    """The records that `_include` and `_revinclude` add, one step from the matches. More than `MAX_INCLUDED` records are refused,
    not cut."""
    if not (query.includes or query.revincludes):
        return []
    indexes = [viewer.left(each) for each in matches]
    here = {each.row.reference for each in matches}
    wanted = [ref for ref in included(query, indexes, services.indexer.parameters) if ref not in here]
    rows = list((await services.records.read_many(wanted)).values()) if wanted else []
    shown = await viewer.reveal([row for row in rows if not row.deleted], "r")
    for each in query.revincludes:
        if here:
            reverse = referring(each, sorted(here), services.indexer.parameters)
            walk = Walk(services, viewer, reverse, await viewer.visible(reverse.type, reverse), "r")
            shown += await walk.page(None, MAX_INCLUDED + 1)
    if len(shown) > MAX_INCLUDED:
        text = f"The includes bring more than {MAX_INCLUDED} records; ask for fewer matches with `_count`."
        raise Refused(problem(Category.TOO_COSTLY, "too-costly", text))
    return list({each.row.reference: each for each in shown if each.row.reference not in here}.values())


def _entry(services: Services, query: Query, shown: Shown, mode: str) -> Entry:
    row = shown.row
    body = subset(shown.body, query.summary, query.elements, services.definitions)
    return Entry(Answer(row.reference, row.version, row.at, body), mode)


def _ignored(query: Query) -> tuple[Issue, ...]:
    return tuple(
        Issue("not-supported", f"The parameter `{name}` was ignored, as `handling=lenient` asks.", severity="warning")
        for name in query.ignored
    )
