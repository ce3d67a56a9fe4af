"""Search parameters are read into queries, or refused by name."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from service.fhir.date import milliseconds
from service.fhir.definitions import Definitions
from service.fhir.index import Indexer
from service.fhir.query import Include, Query, Sort, included, matches, place, referring
from service.fhir.search import Setting, parse
from service.problem import Category, Problem

BASE = "https://baton.example/fhir"
NOW = milliseconds(datetime(2026, 11, 23, tzinfo=UTC))

Finds = Callable[..., bool]


@pytest.fixture(scope="module")
def indexer(definitions: Definitions) -> Indexer:
    return Indexer(definitions, BASE)


def asked(indexer: Indexer, type_: str, *params: tuple[str, str], **options: Any) -> Query:
    query = parse(type_, params, indexer.parameters, setting=Setting(BASE, now=NOW), **options)
    assert isinstance(query, Query), query
    return query


def refusal(indexer: Indexer, type_: str, *params: tuple[str, str]) -> Problem:
    found = parse(type_, params, indexer.parameters, setting=Setting(BASE))
    assert isinstance(found, Problem)
    return found


@pytest.fixture
def finds(indexer: Indexer) -> Finds:
    """Whether a search finds a resource."""

    def finds_(name: str, value: str, type_: str, /, **members: Any) -> bool:
        resource = {"resourceType": type_, "id": "a", "meta": {"lastUpdated": "2026-11-23T04:34:00.123Z"}, **members}
        return matches(asked(indexer, type_, (name, value)), indexer.index(resource))

    return finds_


CODED = {
    "code": {"coding": [{"system": "http://s", "code": "c", "display": "Crisis plan"}, {"code": "a,b|c$d"}], "text": "Free text"}
}


@pytest.mark.parametrize(
    ("name", "value", "found"),
    [
        ("code", "c", True),
        ("code", "http://s|c", True),
        ("code", "http://t|c", False),
        ("code", "|c", False),
        ("code", "http://s|", True),
        ("code", "http://|", False),
        ("code", "C", False),
        ("code", "x,c", True),
        ("code", "a\\,b\\|c\\$d", True),
        ("code", "|a\\,b\\|c\\$d", True),
        ("code:not", "c", False),
        ("code:not", "x,y", True),
        ("code:not", "x,c", False),
        ("code:text", "crisis", True),
        ("code:text", "FREE", True),
        ("code:text", "plan", False),
        ("code:missing", "false", True),
        ("code:missing", "true", False),
        ("status:missing", "true", True),
        ("status:not", "active", True),
    ],
)
def test_tokens_match_as_r4_says(finds: Finds, name: str, value: str, found: bool) -> None:
    assert finds(name, value, "Task", **CODED) is found


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ("http://hl7.org/fhir/task-status|requested", True),
        ("http://hl7.org/fhir/task-status|", True),
        ("http://hl7.org/fhir/task-status|draft", False),
        ("http://hl7.org/fhir/task-status|nothing", False),
        ("http://hl7.org/fhir/request-status|requested", False),
        ("|requested", False),
    ],
)
def test_a_code_is_in_the_system_its_element_is_bound_to(finds: Finds, value: str, found: bool) -> None:
    """An element of data type code has a system, though it does not say which."""
    assert finds("status", value, "Task", status="requested") is found


@pytest.mark.parametrize(
    ("name", "value", "found"),
    [
        ("family", "mun", True),
        ("family", "MUÑOZ", True),
        ("family", "munoz oneil", True),
        ("family", "neil", False),
        ("family:contains", "neil", True),
        ("family:contains", "munoz o", True),
        ("family:exact", "Muñoz O'Neil", True),
        ("family:exact", "Munoz O'Neil", False),
        ("family:exact", "Muñoz", False),
        ("name", "ana", True),
        ("family:missing", "false", True),
        ("given:missing", "true", False),
    ],
)
def test_strings_match_from_the_start_without_case_and_accents(finds: Finds, name: str, value: str, found: bool) -> None:
    assert finds(name, value, "Patient", name=[{"family": "Muñoz O'Neil", "given": ["Ana"]}]) is found


@pytest.mark.parametrize(
    ("name", "value", "found"),
    [
        ("owner", "Organization/o", True),
        ("owner", f"{BASE}/Organization/o", True),
        ("owner", "o", True),
        ("owner:Organization", "o", True),
        ("owner:Organization", "Organization/o", True),
        ("owner:Patient", "o", False),
        ("owner", "Organization/o/_history/2", True),
        ("owner", "Organization/o/_history/1", False),
        ("owner", "Organization/p,o", True),
        ("owner", "https://other.example/fhir/Organization/o", False),
        ("owner:identifier", "http://s|1", True),
        ("owner:identifier", "2", False),
    ],
)
def test_references_match_in_every_form(finds: Finds, name: str, value: str, found: bool) -> None:
    owner = {"reference": "Organization/o/_history/2", "identifier": {"system": "http://s", "value": "1"}}
    assert finds(name, value, "Task", owner=owner) is found


@pytest.mark.parametrize(
    ("name", "value", "found"),
    [
        ("url", "http://a.example/x", True),
        ("url", "http://a.example", False),
        ("url:below", "http://a.example", True),
        ("url", "HTTP://a.example/x", False),
    ],
)
def test_uris_match_whole_or_below(finds: Finds, name: str, value: str, found: bool) -> None:
    assert finds(name, value, "Questionnaire", url="http://a.example/x") is found


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ("2026-11-23", True),
        ("eq2026-11-23T04:34Z", True),
        ("gt2026-11-23", False),
        ("ge2026-11-23", True),
        ("ge2026-11-23T05:34:00+01:00", True),
        ("ge2026-11-23T05:34:00 01:00", True),  # with its + not escaped in the URL
        ("ge2026-11-23T05:35:00 01:00", False),
        ("lt2027", True),
        ("ap2026-12-01", False),
    ],
)
def test_the_last_update_is_an_instant(finds: Finds, value: str, found: bool) -> None:
    assert finds("_lastUpdated", value, "Task") is found


def test_approximately_is_a_tenth_of_the_gap_to_the_present(finds: Finds) -> None:
    """Ten days ago, give or take one."""
    days = {
        day: finds("authored-on", "ap2026-11-13", "Task", authoredOn=f"2026-11-{day}T12:00:00Z") for day in (11, 12, 13, 14, 15)
    }
    assert days == {11: False, 12: True, 13: True, 14: True, 15: False}


def test_a_date_in_a_query_takes_the_zone_given(indexer: Indexer) -> None:
    setting = Setting(zone=ZoneInfo("Europe/London"))
    query = parse("Task", [("authored-on", "2026-06-10")], indexer.parameters, setting=setting)
    task = {"resourceType": "Task", "id": "a", "authoredOn": "2026-06-09T23:30:00Z"}
    assert isinstance(query, Query)
    assert matches(query, indexer.index(task))


def test_a_search_is_read_by_the_base_and_zone_it_is_indexed_by(definitions: Definitions) -> None:
    """A granular scope has no request to take them from."""
    there = Indexer(definitions, "https://there.example/fhir", ZoneInfo("Europe/London"))
    task = {"resourceType": "Task", "id": "a", "authoredOn": "2026-06-10", "owner": {"reference": "Organization/o"}}
    params = [("authored-on", "2026-06-10"), ("owner", "https://there.example/fhir/Organization/o")]
    query = parse("Task", params, there.parameters)
    assert isinstance(query, Query)
    assert matches(query, there.index(task))


def test_ids_are_alternatives(finds: Finds) -> None:
    assert (finds("_id", "b,a", "Task"), finds("_id", "b", "Task")) == (True, False)


def test_parameters_are_anded(indexer: Indexer) -> None:
    task = indexer.index({"resourceType": "Task", "id": "a", "status": "draft", **CODED})
    assert matches(asked(indexer, "Task", ("code", "c"), ("status", "draft")), task)
    assert not matches(asked(indexer, "Task", ("code", "c"), ("code", "x")), task)


def test_a_query_finds_its_own_type_only(indexer: Indexer) -> None:
    assert not matches(asked(indexer, "Task"), indexer.index({"resourceType": "CarePlan", "id": "a"}))


def test_deceased_as_a_granular_scope_would_ask_it(finds: Finds) -> None:
    assert finds("deceased", "false", "Patient")


@pytest.mark.parametrize(
    ("name", "value", "named"),
    [
        ("colour", "red", "`colour`"),
        ("code:above", "c", "`:above`"),
        ("code:exact", "c", "`:exact`"),
        ("_lastUpdated:missing", "true", "`:missing`"),
        ("_id:not", "a", "`:not`"),
        ("owner:Slot", "a", "`:Slot`"),
        ("authored-on", "xx2026", "`authored-on`"),
        ("authored-on", "2026-13", "`authored-on`"),
        ("authored-on", "", "`authored-on`"),
        ("status:missing", "yes", "`status:missing`"),
        ("status", "", "`status`"),
        ("status", "draft,", "`status`"),
        ("status", "a|b|c", "`status`"),
        ("status", "|", "`status`"),
        ("identifier:of-type", "a|b", "`identifier:of-type`"),
        ("owner", "Colour/red", "`owner`"),
        ("owner", "Organization/", "`owner`"),
        ("owner:Organization", "Patient/p", "`owner`"),
        ("patient.name", "x", "`patient.name`"),
        ("patient:Patient.name", "x", "`patient:Patient.name`"),
        ("_has:Task:owner:status", "x", "`_has`"),
        ("_id", "a b", "`_id`"),
        ("requisition", "x", "`requisition`"),
        ("_content", "x", "`_content`"),
        ("_sort", "colour", "`colour`"),
        ("_sort", "code,status,intent,owner,priority", "`_sort`"),
        ("_count", "-1", "`_count`"),
        ("_count", "many", "`_count`"),
        ("_total", "some", "`_total`"),
        ("_summary", "yes", "`_summary`"),
        ("_elements", "a b", "`_elements`"),
        ("_include", "Task:colour", "`colour`"),
        ("_include", "CarePlan:subject", "`_include`"),
        ("_include", "Task:status", "`status`"),
        ("_include:iterate", "Task:owner", "`_include:iterate`"),
        ("_revinclude", "Nothing:focus", "`Type:parameter`"),
    ],
)
def test_what_is_not_understood_is_refused_by_name(indexer: Indexer, name: str, value: str, named: str) -> None:
    found = refusal(indexer, "Task", (name, value))
    assert (found.category, named in str(found)) == (Category.MALFORMED, True), str(found)


def test_every_fault_is_named_at_once(indexer: Indexer) -> None:
    assert len(refusal(indexer, "Task", ("colour", "red"), ("_count", "x"), ("status", "draft"), ("size", "1")).issues) == 3


def test_a_refusal_does_not_repeat_the_value(indexer: Indexer) -> None:
    assert "1985" not in str(refusal(indexer, "Patient", ("birthdate", "1985-13-45")))


def test_lenient_handling_drops_what_is_not_understood_and_says_so(indexer: Indexer) -> None:
    query = asked(indexer, "Task", ("colour", "red"), ("status", "draft"), ("code:above", "c"), lenient=True)
    assert ([term.asked for term in query.terms], query.ignored) == (["status"], ("colour", "code:above"))


@pytest.mark.parametrize(
    ("value", "sort"),
    [
        ("-_lastUpdated", (Sort("_lastUpdated", True), Sort("_id", True))),
        ("status,-authored-on", (Sort("status"), Sort("authored-on", True), Sort("_id", True))),
        ("-_id,status", (Sort("_id", True),)),
        ("status,status", (Sort("status"), Sort("_id"))),
    ],
)
def test_every_order_is_total(indexer: Indexer, value: str, sort: tuple[Sort, ...]) -> None:
    assert asked(indexer, "Task", ("_sort", value)).sort == sort


def test_without_a_sort_the_order_never_changes(indexer: Indexer) -> None:
    """An id is for ever; an update would move a record past a reader who pages by `_lastUpdated`."""
    assert asked(indexer, "Task").sort == (Sort("_id"),)


def test_the_shape_of_the_answer_is_read(indexer: Indexer) -> None:
    query = asked(indexer, "Task", ("_count", "5"), ("_total", "accurate"), ("_elements", "status,code"), ("_format", "json"))
    assert (query.count, query.total, query.elements, query.counts_only) == (5, "accurate", ("status", "code"), False)


@pytest.mark.parametrize("param", [("_summary", "count"), ("_count", "0")])
def test_a_count_alone_can_be_asked_for(indexer: Indexer, param: tuple[str, str]) -> None:
    assert asked(indexer, "Task", param).counts_only


def test_summary_and_elements_clash(indexer: Indexer) -> None:
    assert "_elements" in str(refusal(indexer, "Task", ("_summary", "true"), ("_elements", "status")))


def task(indexer: Indexer, **members: Any) -> Any:
    return indexer.index({"resourceType": "Task", "id": "a", **members})


def test_includes_name_the_references_to_fetch_each_once(indexer: Indexer) -> None:
    found = [task(indexer, owner={"reference": "Organization/o"}), task(indexer, owner={"reference": "Practitioner/p"})] * 2
    query = asked(indexer, "Task", ("_include", "Task:owner"))
    assert included(query, found, indexer.parameters) == ("Organization/o", "Practitioner/p")


def test_an_include_may_name_its_target_type(indexer: Indexer) -> None:
    found = [task(indexer, owner={"reference": "Organization/o"}, requester={"reference": "Practitioner/p"})]
    query = asked(indexer, "Task", ("_include", "Task:owner:Practitioner"))
    assert included(query, found, indexer.parameters) == ()


def test_a_star_includes_every_reference(indexer: Indexer) -> None:
    found = [task(indexer, owner={"reference": "Organization/o"}, requester={"reference": "Practitioner/p"})]
    assert included(asked(indexer, "Task", ("_include", "*")), found, indexer.parameters) == ("Organization/o", "Practitioner/p")


def test_a_revinclude_is_a_search_for_what_refers(indexer: Indexer) -> None:
    query = asked(indexer, "CarePlan", ("_revinclude", "Task:focus"))
    assert query.revincludes == (Include("Task", "focus", "CarePlan"),)
    tasks = referring(query.revincludes[0], ["CarePlan/c"], [], indexer.parameters)
    assert matches(tasks, task(indexer, focus={"reference": "CarePlan/c"}))
    assert not matches(tasks, task(indexer, focus={"reference": "CarePlan/d"}))


def test_the_place_of_a_record_has_a_value_for_each_sort_key(indexer: Indexer) -> None:
    query = asked(indexer, "Task", ("_sort", "status,-due"))
    assert place(query, task(indexer, status="draft")) == ("draft", None, "a")
