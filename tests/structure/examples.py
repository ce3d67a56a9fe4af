"""Modules that are no part of the service, written as they might be: each reads a store, hides one, or does neither."""

from __future__ import annotations

from collections.abc import Mapping
from textwrap import dedent

HEAD = """
from __future__ import annotations
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from functools import cache, partial
from operator import attrgetter
from typing import Any, Protocol, TypeVar
from pymongo.asynchronous.collection import AsyncCollection
from service.change import Resource
from service.fhir.query import Query
from service.store import row as stored
from service.store.history import History
from service.store.integrity import Integrity
from service.store.ledger import Head
from service.store.partners import Partner
from service.store.persons import Kept
from service.store.records import Records
from service.store.relations import Relation
from service.store.row import Document, Projection, Row, row_of
from service.store.visible import Visible
from service.usecases.interactions import records as interactions
from service.usecases.request.services import Services

T = TypeVar("T")
Rows = list[Row]
"""


def _modules(sources: Mapping[str, str]) -> dict[str, str]:
    return {name: HEAD + dedent(source) for name, source in sources.items()}


def _asking(expression: str, given: str = "services: Services") -> str:
    return f"async def f({given}) -> object:\n    return {expression}"


READS = _modules(
    {
        "asked_and_awaited_later": _asking("await services.records.ask('Task', 'x')"),
        "asked": _asking("await services.records.read('Task', 'x')"),
        "asked_for_several": _asking("(await services.records.read_many(['Task/x']))['Task/x']"),
        "asked_for_versions": _asking("await services.records.past.versions('Task', 'x', 9, 9)"),
        "asked_for_each": _asking("[row async for row in check.rows('Task')]", "check: Integrity"),
        "asked_for_what_was_written": _asking("await services.records.commit(None)"),
        "asked_for_a_collection": _asking("await services.mongo.collection('r.Task').find_one()"),
        "asked_for_the_driver": _asking("services.mongo.client"),
        "asked_in_passing": _asking("await (it := services.records).read('Task', 'x')"),
        "asked_in_a_text": _asking("f\"{await services.records.read('Task', 'x')}\""),
        "asked_of_a_class": _asking("await Records.read(services.records, 'Task', 'x')"),
        "asked_of_each_store": _asking("[await each.read('Task', 'x') for each in (services.records,)]"),
        "asked_of_a_container": _asking("await stores['x'].read('Task', 'x')", "stores: dict[str, Records]"),
        "asked_of_a_parameter": _asking("await anything.history('Task', 'x', limit=1)", "anything: Records"),
        "asked_of_what_may_be_none": _asking("await it.version('Task', 'x', 1) if it else None", "it: History | None"),
        "asked_of_a_new_store": "from service.store.example import Example\n" + _asking("await it.several()", "it: Example"),
        "asked_of_a_name_looked_up": _asking("await getattr(services, 'records').read('Task', 'x')"),
        "handed_on_to_be_asked": _asking("partial(services.records.read, 'Task')"),
        "made_by_a_function": _asking("row_of('Task', document, None)", "document: Document"),
        "made_by_a_function_of_a_module": _asking("stored.row_of('Task', document, None)", "document: Document"),
        "made_by_a_function_that_is_decorated": "from service.store.example import latest\n" + _asking("latest()", ""),
        "without_a_type": _asking("await services.records.read('Task', 'x')", "services"),
        "without_a_type_in_a_list": _asking("[row for row in await viewer.services.searches.find(q, limit=1)]", "viewer"),
        "without_a_type_of_itself": _asking("await self._holdings.of('Task', ['Patient/x'])", "self"),
        "without_a_type_of_its_own": _asking("await records.history('Task', 'x', limit=1)", "records"),
        "without_a_type_of_its_answer": _asking("(await services.records.read_many(['Task/x']))['Task/x']", "services"),
        "without_a_type_of_a_version": _asking("await services.records.past.versions('Task', 'x', 9, 9)", "services"),
        "of_any_type": """
            async def f(services: Services) -> object:
                it: Any = services.records
                return await it.read('Task', 'x')
        """,
        "by_another_name": """
            async def f(services: Services) -> object:
                rows = services.records
                return await rows.read('Task', 'x')
        """,
        "by_one_name_of_several": """
            async def f(services: Services) -> object:
                one, other = services.holdings, services.records
                return await other.read('Task', 'x')
        """,
        "by_an_attribute": """
            class Reader:
                def __init__(self, records: Records) -> None:
                    self._by_the_way = records

                async def f(self) -> object:
                    return await self._by_the_way.read('Task', 'x')
        """,
        "by_an_answer": """
            def its(services: Services) -> Records:
                return services.records

            async def f(services: Services) -> object:
                return await its(services).read('Task', 'x')
        """,
        "by_an_identity": """
            def same(it: T) -> T:
                return it

            async def f(services: Services) -> object:
                return await same(services.records).read('Task', 'x')
        """,
        "by_a_bound": """
            R = TypeVar("R", bound=Records)

            async def f(it: R) -> object:
                return await it.read('Task', 'x')
        """,
        "by_a_child": """
            class Mine(Records):
                pass

            async def f(mine: Mine) -> object:
                return await mine.read('Task', 'x')
        """,
        "in_an_argument": """
            def first(*found: T) -> T:
                return found[0]

            async def f(services: Services) -> object:
                return first(any(await services.searches.find(None, limit=1)))
        """,
        "in_code_that_is_never_reached": """
            async def f(services: Services) -> object:
                if sys.version_info < (3, 0):
                    return await services.records.read('Task', 'x')
        """,
    }
)
"""Each reads the store, and none of them may."""

HIDDEN = _modules(
    {
        "renamed": "def f(services: Services) -> object:\n    rows = services.records\n    return rows",
        "renamed_without_a_type": "rows = services.records",
        "renamed_in_passing": "class Reader:\n    def f(self):\n        return (rows := self._holdings)",
        "renamed_as_an_object": "def f(services: Services) -> object:\n    found: object = services.searches\n    return found",
        "looked_up": _asking("await getattr(services.records, 'read')('Task', 'x')"),
        "looked_up_by_a_made_name": _asking("getattr(services, name)", "services: Services, name: str"),
        "looked_up_by_a_getter": _asking("attrgetter('records.read')(services)"),
        "looked_up_among_all": _asking("vars(services.records)"),
        "given_to_anything": """
            async def read(it: Any) -> object:
                return await it.anything()

            async def f(services: Services) -> object:
                return await read(services.records)
        """,
        "given_to_a_protocol": """
            class Reader(Protocol):
                async def read(self, type_: str, id_: str) -> Row | None: ...

            async def read(reader: Reader) -> object:
                return await reader.read('Task', 'x')

            async def f(services: Services) -> object:
                return await read(services.records)
        """,
    }
)
"""Each has a store where nobody would see what is asked of it."""

TOUCHES = _modules(
    {
        "a_use_of_a_store": _asking("await services.records.holder('key')"),
        "a_ping": _asking("await services.mongo.followed()"),
        "a_store_handed_on": "def f(services: Services, take: Callable[[Records], None]) -> None:\n    take(services.records)",
        "a_store_without_a_type": _asking("await request.app.state.built.services.partners.list()", "request"),
        "a_store_made": _asking("Integrity(None, None)", ""),
    }
)
"""Each would be no handler's business."""

HARMLESS = _modules(
    {
        "a_use_case": """
            from service.usecases.interactions import records

            async def f(s):
                return await records.read(s, 'Task', 'x')
        """,
        "a_use_case_of_known_types": _asking("await interactions.read(services, None, 'Task', 'x')"),
        "a_row": _asking("row.resource, row.index, row.facts", "row: Row"),
        "what_is_kept": _asking("kept.of('Consent')", "kept: Kept"),
        "whose_a_key_is": _asking("await services.records.holder('key')"),
        "a_store_handed_to_what_takes_it": """
            def take(records: Records) -> None:
                pass

            def f(services: Services) -> None:
                take(services.records)
        """,
    }
)
"""None reads a store, or hides one."""

STORE_GIVES = {
    "one": "async def one(self) -> Row | None: ...",
    "several": "async def several(self) -> list[Row]: ...",
    "later": "def later(self) -> Awaitable[Row | None]: ...",
    "every": "def every(self) -> AsyncIterator[Row]: ...",
    "named": "async def named(self) -> Mapping[str, Row]: ...",
    "paired": "async def paired(self) -> tuple[int, Row]: ...",
    "aliased": "async def aliased(self) -> Rows: ...",
    "made": "def made(self) -> Callable[[], Row]: ...",
    "kept": "async def kept(self) -> dict[str, Kept]: ...",
    "resource": "async def resource(self) -> Resource: ...",
    "document": "async def document(self) -> Document | None: ...",
    "projection": "async def projection(self) -> Projection: ...",
    "current": "@property\n    def current(self) -> Row: ...",
    "shared": "@staticmethod\n    async def shared() -> Row: ...",
    "typeless": "async def typeless(self): ...",
    "anything": "async def anything(self) -> object: ...",
    "driven": "def driven(self) -> AsyncCollection: ...",
    "counted": "async def counted(self, query: Query) -> int: ...",
    "held": "held: list[Row]",
}
"""What a store might come to have that gives rows."""

STORE_TELLS = {
    "names": "async def names(self) -> list[str]: ...",
    "there": "async def there(self, row: Row) -> bool: ...",
    "until": "async def until(self, visible: Visible) -> None: ...",
    "head": "async def head(self) -> Head: ...",
    "partners": "async def partners(self) -> list[Partner]: ...",
    "relations": "async def relations(self) -> dict[str, Relation]: ...",
    "_inner": "async def _inner(self) -> Row: ...",
}
"""And what does not. A member of its own is out of reach: ruff forbids (SLF)."""

STORE = "\n    ".join(["class Example:", *STORE_GIVES.values(), *STORE_TELLS.values()])
FUNCTION = "\n\n@cache\ndef latest() -> Row: ..."

EXAMPLES = {
    "service.store.example": HEAD + STORE + FUNCTION,
    **{f"service.usecases.{name}": source for name, source in (READS | HIDDEN | TOUCHES | HARMLESS).items()},
}
"""All of them, as modules."""
