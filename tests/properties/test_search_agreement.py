"""A search answers the same in memory and in MongoDB, whatever is asked of whatever there is."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pymongo import MongoClient

from service.change import Write
from service.fhir.date import instant
from service.fhir.definitions import Definitions
from service.fhir.index import Index, Indexer
from service.fhir.query import Query
from service.fhir.search import matches, parse, place
from service.store import worklist
from service.store.row import Projection, draft
from service.store.search_filter import filter_of, order_of
from service.store.visible import Visible

Documents = list[dict[str, Any]]

INDEXER = Indexer(Definitions.load(Path(__file__).resolve().parents[2] / "profiles"), "https://baton.example/fhir")
START = datetime(2026, 1, 1, tzinfo=UTC)

codes = st.sampled_from(["a", "b", "a|b", "a,b", "A", "\\", "é"])
systems = st.sampled_from(["http://s", "http://s/t", "urn:x|y"])
texts = st.sampled_from(
    ["Ann", "ann", "Anna-Lena", "Änn", "O'Neil", "x.y", "a+b", "(q)", "李", "the  crisis plan", "...", "a\tb", "^$"]
)
moments = st.integers(-12, 12).map(lambda steps: START + timedelta(hours=steps * 4.25, milliseconds=steps * 250))
dates = st.one_of(
    st.sampled_from(
        ["2025", "2026", "2026-01", "2025-12", "2026-01-01", "2025-12-31", "2026-01-01T00:00:00Z", "2026-01-01T00:00+01:00"]
    ),
    moments.map(instant),
)
references = st.sampled_from(
    [
        "Organization/o",
        "Organization/p",
        "Patient/o",
        "https://baton.example/fhir/Organization/o",
        "Organization/o/_history/2",
        "http://x/Organization/o",
        "#c",
    ]
)

coding = st.fixed_dictionaries({}, optional={"system": systems, "code": codes, "display": texts})
concept = st.fixed_dictionaries({}, optional={"coding": st.lists(coding, max_size=2), "text": texts})
identifier = st.fixed_dictionaries({}, optional={"system": systems, "value": codes, "type": concept})
reference = st.fixed_dictionaries({}, optional={"reference": references, "identifier": identifier})
period = st.fixed_dictionaries({}, optional={"start": dates, "end": dates})

tasks = st.fixed_dictionaries(
    {"resourceType": st.just("Task")},
    optional={
        "status": st.sampled_from(["draft", "requested"]),
        "code": concept,
        "identifier": st.lists(identifier, max_size=2),
        "owner": reference,
        "for": reference,
        "authoredOn": dates,
        "executionPeriod": period,
        "restriction": st.fixed_dictionaries({"period": period}),
    },
)
names = st.fixed_dictionaries({}, optional={"family": texts, "given": st.lists(texts, max_size=2)})
patients = st.fixed_dictionaries(
    {"resourceType": st.just("Patient")},
    optional={"name": st.lists(names, max_size=2), "birthDate": dates, "active": st.booleans(), "deceasedBoolean": st.booleans()},
)


def escaped(value: str) -> str:
    for mark in "\\,|$":
        value = value.replace(mark, f"\\{mark}")
    return value


token_values = st.one_of(
    codes.map(escaped),
    st.tuples(systems, codes).map(lambda pair: "|".join(map(escaped, pair))),
    codes.map(lambda code: "|" + escaped(code)),
    systems.map(lambda system: escaped(system) + "|"),
)
reference_values = st.one_of(references.filter(lambda each: each[0] != "#"), st.just("o"))
date_values = st.tuples(st.sampled_from(["", "eq", "ne", "gt", "lt", "ge", "le", "sa", "eb", "ap"]), dates).map("".join)
missing = st.sampled_from(["true", "false"])


def param(names: list[str], values: st.SearchStrategy[str]) -> st.SearchStrategy[tuple[str, str]]:
    return st.tuples(st.sampled_from(names), st.lists(values, min_size=1, max_size=3).map(",".join))


searchable = texts.filter(lambda text: any(c.isalnum() for c in text)).map(escaped)
task_params = st.one_of(
    param(["code", "code:not", "identifier", "owner:identifier", "status", "status:not"], token_values),
    param(["code:text", "identifier:text"], searchable),
    param(
        ["owner", "subject", "patient", "owner:Organization"],
        reference_values.filter(lambda each: "/" not in each or each.startswith("Org")),
    ),
    param(["authored-on", "period", "due", "_lastUpdated"], date_values),
    st.tuples(st.sampled_from([f"{name}:missing" for name in ("code", "owner", "due", "period", "status", "patient")]), missing),
    param(["_id"], st.sampled_from("0123")),
)
patient_params = st.one_of(
    param(["name", "family", "given", "name:contains", "family:contains"], searchable),
    param(["name:exact", "family:exact"], texts.map(escaped)),
    param(["active", "deceased", "deceased:not"], missing),
    param(["birthdate"], date_values),
    st.tuples(st.sampled_from(["name:missing", "active:missing"]), missing),
)
sorts = {
    "Task": ["_lastUpdated", "-_lastUpdated,_id", "authored-on", "-due,code", "code,-period", "-owner"],
    "Patient": ["name", "-name", "family,-birthdate", "-active"],
}
cases = st.one_of(
    st.tuples(st.just("Task"), st.lists(tasks, max_size=4), st.lists(task_params, max_size=3)),
    st.tuples(st.just("Patient"), st.lists(patients, max_size=4), st.lists(patient_params, max_size=3)),
)


@pytest.fixture(scope="module")
def rows(mongod: str) -> Iterator[Any]:
    client: MongoClient[dict[str, Any]] = MongoClient(mongod, tz_aware=True)
    name = f"test_{secrets.token_hex(6)}"
    yield client[name]["rows"]
    client.drop_database(name)
    client.close()


def stored(resources: Documents) -> tuple[Documents, list[Index]]:
    """The rows of resources, with ids and last updates of their own, and the Index each was drawn."""
    documents, indexes = [], []
    for number, resource in enumerate(resources):
        at = START + timedelta(milliseconds=number * 750 - 1500)
        whole = {**resource, "id": str(number), "meta": {"lastUpdated": instant(at)}}
        index = INDEXER.index(whole)
        indexes.append(index)
        documents.append(
            draft(Write(whole, 0, "Organization/o"), at, lambda *_, it=index: Projection(it, it.patients, {})).current
        )
    return documents, indexes


def query_of(type_: str, params: list[tuple[str, str]]) -> Query:
    query = parse(type_, params, INDEXER.parameters)
    assert isinstance(query, Query), query
    return query


@settings(max_examples=600, deadline=None, suppress_health_check=list(HealthCheck))
@given(case=cases)
def test_memory_and_database_find_the_same(rows: Any, case: tuple[str, Documents, list[tuple[str, str]]]) -> None:
    type_, resources, params = case
    documents, indexes = stored(resources)
    query = query_of(type_, params)
    rows.delete_many({})
    if documents:
        rows.insert_many(documents)
    assert {row["_id"] for row in rows.find(filter_of(query))} == {index.id for index in indexes if matches(query, index)}


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(case=cases)
def test_a_stored_row_gives_back_its_index(rows: Any, case: tuple[str, Documents, Any]) -> None:
    """And on whose worklist a Task stands, which is drawn as it is stored."""
    documents, indexes = stored(case[1])
    listed = [frozenset(f"{worklist.KEY}{each}" for each in document.get(worklist.AGENCIES, ())) for document in documents]
    indexes = [replace(index, keys=index.keys | keys) for index, keys in zip(indexes, listed, strict=True)]
    rows.delete_many({})
    if documents:
        rows.insert_many(documents)
    assert [Index.from_row(case[0], row) for row in rows.find().sort("_id")] == indexes


@settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))
@given(case=cases, data=st.data())
def test_the_database_orders_by_the_place_of_each_record(
    rows: Any, case: tuple[str, Documents, Any], data: st.DataObject
) -> None:
    """A missing value is below every value; descending reverses that."""
    documents, indexes = stored(case[1])
    query = query_of(case[0], [("_sort", data.draw(st.sampled_from(sorts[case[0]])))])
    rows.delete_many({})
    if documents:
        rows.insert_many(documents)
    expected = list(indexes)
    for at in reversed(range(len(query.sort))):
        expected.sort(key=lambda index: _comparable(place(query, index)[at]), reverse=query.sort[at].descending)
    found = [row["_id"] for row in rows.find(filter_of(query)).sort(order_of(query))]
    assert found == [index.id for index in expected]


def _comparable(value: Any) -> tuple[bool, Any]:
    return value is not None, value.encode() if isinstance(value, str) else value or 0


visibles = st.builds(
    Visible,
    organization=st.sampled_from(["", "Organization/o", "Organization/p"]),
    patients=st.lists(st.sampled_from(["Patient/o", "Patient/0"]), max_size=2).map(tuple),
    public=st.booleans(),
    everything=st.booleans(),
)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(resources=st.lists(tasks, max_size=4), visible=visibles)
def test_only_what_is_visible_is_found(rows: Any, resources: Documents, visible: Visible) -> None:
    documents, indexes = stored(resources)
    rows.delete_many({})
    if documents:
        rows.insert_many(documents)

    def seen(index: Index) -> bool:
        shared = bool(set(visible.patients) & set(index.patients))
        own = visible.organization == "Organization/o"
        return visible.everything or own or shared or (visible.public and not index.patients)

    found = {row["_id"] for row in rows.find(filter_of(Query("Task"), visible))}
    assert found == {index.id for index in indexes if seen(index)}
