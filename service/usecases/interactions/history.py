"""The history of one record (R4 section 3.1.0.13)."""

from __future__ import annotations

from datetime import datetime

from service.fhir.date import begins
from service.fhir.reference import key
from service.problem import Category, Refused, problem
from service.store.records import Row
from service.usecases.interactions import records
from service.usecases.interactions.records import Params
from service.usecases.request.audit import note
from service.usecases.request.results import Answer, Entry, Page
from service.usecases.request.services import RequestContext, Services
from service.usecases.request.viewer import Shown, Viewer, absent, allowed, viewer_of


async def history(services: Services, context: RequestContext, kind: str, identity: str, params: Params) -> Page:
    """The versions of one record, newest first. Each version is decided separately, as in `vread`."""
    records.served(services, kind)
    allowed(context, kind, "r")
    count, before, since = _asked(services, params)
    viewer = await viewer_of(services, context)
    found, fresh = await _versions(viewer, f"{kind}/{identity}", before, count + 1)
    recent = [each for each in found if since is None or each.row.at >= since]
    shown, more = recent[:count], len(recent) > count
    told = shown or found[:1]  # that nothing is as new as was asked for tells of the newest
    await note(services, context, "R", f"{kind}/{identity}/_history", told)
    if not found:
        raise absent(kind, identity)
    entries = tuple(Entry(_version(each, each.row.version in fresh), method=_method(each.row)) for each in shown)
    return Page(entries, cursor=str(shown[-1].row.version) if more and shown else "")


async def _versions(viewer: Viewer, reference: str, before: int | None, wanted: int) -> tuple[list[Shown], set[int]]:
    """The next versions that the caller may see, and the numbers of those that created the record: the first, and those after a
    deletion. Versions are read a batch at a time, so that hidden versions leave no gap and no empty page."""
    kind, identity = key(reference)
    found, fresh = list[Shown](), {1}
    current = await viewer.services.records.read(kind, identity)
    while len(found) < wanted:
        rows = await viewer.services.records.history(kind, identity, before=before, limit=wanted)
        fresh |= {row.version + 1 for row in rows if row.deleted}
        found += await viewer.reveal_past(rows, current, "r") if current else await viewer.reveal([], "r")
        if len(rows) < wanted:
            break
        before = rows[-1].version
    return found[:wanted], fresh


def _asked(services: Services, params: Params) -> tuple[int, int | None, datetime | None]:
    """The size of a page of history, the version that it is before, and the instant since which its versions were stored."""
    named = {"_count": str(services.settings.page_size), **dict(params)}
    since = begins(named.get("_since", "").replace(" ", "+"), services.zone)  # HAPI's client leaves an offset's `+` unescaped
    sound = {
        "_count": records.number(named["_count"]),
        "_since": since is not None,
        "_cursor": records.number(named.get("_cursor", "")),
    }
    wrong = next((name for name in named if not sound.get(name)), None)
    if wrong:
        text = "History takes `_count` (a number), `_since` (an instant) and the `_cursor` of its own next link; correct"
        raise Refused(problem(Category.MALFORMED, "invalid", f"{text} `{wrong}`."))
    cursor = named.get("_cursor")
    return min(int(named["_count"]), services.settings.max_page_size), int(cursor) if cursor else None, since


def _method(row: Row) -> str:
    return "DELETE" if row.deleted else row.method


def _version(shown: Shown, created: bool) -> Answer:
    body = b"" if shown.row.deleted else shown.body
    return Answer(f"{shown.row.type}/{shown.row.id}", shown.row.version, shown.row.at, body, created=created)
