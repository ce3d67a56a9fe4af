"""Cursors cannot be made up, changed or handed on."""

from __future__ import annotations

import pytest

from service.fhir.cursor import Cursor, seal, unseal
from service.problem import Category, Problem

SECRET = b"s" * 32
CURSOR = Cursor((1795408440123, None, "Ünder", "id-1"))


def refused(answer: Cursor | Problem) -> bool:
    return isinstance(answer, Problem) and answer.category is Category.MALFORMED


def test_a_cursor_comes_back_as_it_was() -> None:
    assert unseal(seal(CURSOR, SECRET, "client?status=active"), SECRET, "client?status=active") == CURSOR


def test_a_cursor_travels_in_a_url() -> None:
    assert set(seal(CURSOR, SECRET, "b")) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")


@pytest.mark.parametrize("binding", ["other?status=active", "client?status=draft", "", "client?status=active "])
def test_a_cursor_of_another_caller_or_query_is_refused(binding: str) -> None:
    assert refused(unseal(seal(CURSOR, SECRET, "client?status=active"), SECRET, binding))


def test_a_cursor_of_another_key_is_refused() -> None:
    assert refused(unseal(seal(CURSOR, SECRET, "b"), b"t" * 32, "b"))


def test_a_cursor_changed_in_any_place_is_refused() -> None:
    sealed = seal(CURSOR, SECRET, "b")
    changed = [sealed[:at] + ("A" if sealed[at] != "A" else "B") + sealed[at + 1 :] for at in range(len(sealed) - 1)]
    assert all(refused(unseal(each, SECRET, "b")) for each in changed)


@pytest.mark.parametrize("text", ["", "x", "é", "!!!!", "A" * 40, "=" * 8])
def test_what_was_never_a_cursor_is_refused(text: str) -> None:
    assert refused(unseal(text, SECRET, "b"))
