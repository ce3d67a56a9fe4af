"""Scopes: the grammar, narrowing by coverage, and its algebra."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.auth.scopes import Access, Permission, Scopes, parse
from service.problem import Problem


def scopes(text: str) -> Scopes:
    found = parse(text)
    assert isinstance(found, Scopes), found
    return found


@pytest.mark.parametrize(
    "text",
    [
        "patient/CarePlan.rs",
        "user/*.cruds",
        "system/Task.c",
        "patient/*.read",
        "user/Task.write",
        "system/*.*",
        "openid fhirUser launch launch/patient offline_access online_access profile",
        "patient/CarePlan.rs?category=http://snomed.info/sct|736253002",
        "patient/Observation.rs?category=a&code=b",
    ],
)
def test_a_scope_is_echoed_as_it_was_written(text: str) -> None:
    assert str(scopes(text)) == text


@pytest.mark.parametrize(
    "text",
    [
        "patient/CarePlan",
        "patient/CarePlan.",
        "patient/CarePlan.sr",
        "patient/CarePlan.rr",
        "patient/CarePlan.readwrite",
        "patient/careplan.r",
        "patient/.r",
        "patient/CarePlan.rs?",
        "patient/CarePlan.rs?category",
        "patient/CarePlan.rs?category=",
        "patient/CarePlan.read?category=a",
        "patient/*.rs,user/*.rs",
        'patient/CarePlan.rs?x="',
        "system/Task.R",
        "user/Task.rs user/",
        "x" * 9000,
    ],
)
def test_what_is_not_a_scope_is_refused(text: str) -> None:
    assert isinstance(parse(text), Problem)


@pytest.mark.parametrize(
    ("asked", "allowed", "granted"),
    [
        ("system/Task.rs", "system/*.cruds", "system/Task.rs"),
        ("patient/*.rs", "patient/CarePlan.rs?category=a", "patient/CarePlan.rs?category=a"),
        ("user/*.read", "user/*.cruds", "user/*.read"),
        ("user/*.read", "user/Task.cruds", "user/Task.read"),
        ("user/Task.cruds", "user/Task.read", "user/Task.rs"),
        ("system/Task.rs", "user/Task.rs", ""),
        ("openid email patient/*.rs", "openid patient/*.r", "openid patient/*.r"),
        ("patient/CarePlan.rs?category=a", "patient/CarePlan.r?category=b", "patient/CarePlan.r?category=a&category=b"),
        ("user/*.rs user/Task.cruds", "user/*.cruds", "user/*.rs user/Task.cruds"),
    ],
)
def test_what_is_granted_is_what_both_allow(asked: str, allowed: str, granted: str) -> None:
    assert str(scopes(asked).narrowed(scopes(allowed))) == granted


def test_rules_say_from_which_context_and_under_which_filters() -> None:
    held = scopes("patient/CarePlan.rs?category=a user/*.r system/Task.c")
    assert held.grants("CarePlan", "r") == (Permission("patient", (("category", "a"),)), Permission("user"))


def test_a_verb_that_is_not_granted_has_no_rule() -> None:
    assert scopes("patient/CarePlan.rs user/Task.*").grants("CarePlan", "u") == ()


def test_filters_are_decoded_once() -> None:
    assert scopes("patient/Task.r?category=a%26b%253D").entries[0].params == (("category", "a&b%3D"),)


def test_an_unknown_type_is_unsupported() -> None:
    assert "`patient/Ghost.rs`" in str(scopes("patient/Ghost.rs").unsupported({"Task"}, lambda *_: ""))


def fault(_: str, params: tuple[tuple[str, str], ...]) -> str:
    """Filters by status only."""
    return "" if all(name == "status" for name, _ in params) else "it cannot be searched."


def test_an_unknown_search_parameter_is_unsupported() -> None:
    refused = scopes("patient/Task.rs?ghost=1").unsupported({"Task"}, fault)
    assert "ghost=1` cannot be enforced" in str(refused)


def test_what_can_be_enforced_is_supported() -> None:
    assert scopes("openid patient/Task.rs?status=1 user/*.r").unsupported({"Task"}, fault) is None


params = st.lists(st.tuples(st.sampled_from(["category", "status"]), st.sampled_from(["a", "b"])), max_size=2)


def access(context: str, kind: str, verbs: set[str], filters: list[tuple[str, str]]) -> Access:
    return Access(context, kind, "".join(verb for verb in "cruds" if verb in verbs), tuple(sorted(set(filters))))


accesses = st.builds(
    access,
    st.sampled_from(["patient", "user", "system"]),
    st.sampled_from(["*", "Task", "CarePlan"]),
    st.sets(st.sampled_from("cruds"), min_size=1),
    params,
)
words = st.lists(st.sampled_from(["openid", "launch", "offline_access"]), unique=True, max_size=3)
sets = st.builds(lambda entries, said: scopes(" ".join([*said, *map(str, entries)])), st.lists(accesses, max_size=4), words)


def same(one: Scopes, other: Scopes) -> bool:
    return one.covers(other) and other.covers(one)


@given(sets)
def test_text_and_value_agree(held: Scopes) -> None:
    assert parse(str(held)) == held


@given(sets, sets)
def test_narrowing_grants_nothing_that_either_side_does_not(asked: Scopes, allowed: Scopes) -> None:
    granted = asked.narrowed(allowed)
    assert asked.covers(granted)
    assert allowed.covers(granted)


@given(sets, sets)
def test_narrowing_twice_changes_nothing(asked: Scopes, allowed: Scopes) -> None:
    granted = asked.narrowed(allowed)
    assert same(granted.narrowed(allowed), granted)


@given(sets)
def test_narrowing_to_itself_changes_nothing(held: Scopes) -> None:
    assert same(held.narrowed(held), held)


@given(sets, sets)
def test_which_side_asks_makes_no_difference_to_what_is_granted(one: Scopes, other: Scopes) -> None:
    assert same(one.narrowed(other), other.narrowed(one))


@given(sets, st.randoms())
def test_order_makes_no_difference_to_what_is_granted(held: Scopes, random: Random) -> None:
    parts = str(held).split()
    random.shuffle(parts)
    assert same(scopes(" ".join(parts)), held)


@given(sets, sets, st.sampled_from(["Task", "CarePlan"]), st.sampled_from("cruds"))
def test_covering_means_granting(one: Scopes, other: Scopes, kind: str, verb: str) -> None:
    if one.covers(other) and other.grants(kind, verb):
        assert one.grants(kind, verb)
