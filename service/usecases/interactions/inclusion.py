"""`_include` and `_revinclude` (R4 section 3.1.1.5.5): the records that a search adds to its matches, one step from them, by
reference and by canonical. Each is decided as a read of it would be."""

from __future__ import annotations

from collections.abc import Sequence

from service.fhir.index import Index
from service.fhir.query import Include, Query, defining, definitions, meant, referring, refers
from service.fhir.query import included as names
from service.fhir.reference import key, unversioned, version_in
from service.problem import Category, Refused, problem
from service.store.records import Row
from service.usecases.request.viewer import Shown, Viewer
from service.usecases.request.walk import Walk

MOST = 1000


async def included(viewer: Viewer, query: Query, matches: Sequence[Shown]) -> list[Shown]:
    """The records that the query's includes add. More than `MOST` are refused, not cut."""
    if not matches or not (query.includes or query.revincludes):
        return []
    indexes = [viewer.left(each) for each in matches]
    shown = [*await _referred(viewer, query, indexes, matches), *await _defined(viewer, query, indexes)]
    for each in query.revincludes:
        shown += await _referring(viewer, each, matches)
    if len(shown) > MOST:
        text = f"The includes bring more than {MOST} records; ask for fewer matches with `_count`."
        raise Refused(problem(Category.TOO_COSTLY, "too-costly", text))
    known = {(each.row.reference, each.row.version) for each in matches}
    return list({at: each for each in shown if (at := (each.row.reference, each.row.version)) not in known}.values())


async def _referred(viewer: Viewer, query: Query, indexes: Sequence[Index], matches: Sequence[Shown]) -> list[Shown]:
    """The records to which the matches refer."""
    here = {each.row.reference for each in matches}
    wanted = [ref for ref in names(query, indexes, viewer.services.indexer.parameters) if ref not in here]
    rows = await viewer.services.records.read_many({unversioned(ref) for ref in wanted}) if wanted else {}
    shown = await viewer.reveal([rows[ref] for ref in wanted if ref in rows and not rows[ref].deleted], "r")
    return shown + [each for ref in wanted if version_in(ref) for each in await _past(viewer, ref, rows.get(unversioned(ref)))]


async def _past(viewer: Viewer, ref: str, current: Row | None) -> list[Shown]:
    """The version of a record that a match refers to, as far as the caller may see it (R4 section 3.1.1.6)."""
    row = await viewer.services.records.version(*key(ref), version_in(ref)) if current is not None else None
    return await viewer.reveal_past([row], current, "r") if row is not None and current is not None and not row.deleted else []


async def _defined(viewer: Viewer, query: Query, indexes: Sequence[Index]) -> list[Shown]:
    """The definitions that the matches name by a canonical, in the version that it names."""
    shown: list[Shown] = []
    for kind, canonicals in sorted(definitions(query, indexes, viewer.services.indexer.parameters).items()):
        found = await _walked(viewer, defining(kind, canonicals)) if canonicals else []
        shown += [each for each in found if meant(canonicals, *_name(each.row))]
    return shown


async def _referring(viewer: Viewer, include: Include, matches: Sequence[Shown]) -> list[Shown]:
    """The records of a `_revinclude`: those that refer to a match."""
    parameters = viewer.services.indexer.parameters
    rows = [each.row for each in matches if include.target in ("", each.row.type)]
    here = frozenset(row.reference for row in rows)
    defined = [_name(row) for row in rows if "url" in parameters.of(row.type)]
    query = referring(include, here, {url for url, _ in defined}, parameters)
    found = await _walked(viewer, query) if query.terms[0].tests else []
    return [each for each in found if not defined or refers(include, viewer.left(each), here, defined, parameters)]


async def _walked(viewer: Viewer, query: Query) -> list[Shown]:
    walk = Walk(viewer.services, viewer, query, await viewer.visible(query.type, query), "r")
    return await walk.page(None, MOST + 1)


def _name(row: Row) -> tuple[str, str]:
    """A definition's url and version."""
    return str(row.resource.get("url", "")), str(row.resource.get("version", ""))
