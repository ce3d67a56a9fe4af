"""That the marker `pure` is true: `pytest -m pure` needs no database and starts no process, whatever is written next."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
OPENERS = frozenset({"Embedded", "MongoClient", "Serving", "connect", "find_mongod", "opened", "started"})
"""What gives a database to who calls it."""
PROCESSES = frozenset({"story", "benchmarks", "browser", "clients"})
"""Folders whose tests start the service, database and all."""

Function = ast.FunctionDef | ast.AsyncFunctionDef


def opening(source: str) -> Iterator[Function]:
    """The fixtures of a module that open a database."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, Function) and any("fixture" in ast.unparse(each) for each in node.decorator_list):
            names = {each.id for each in ast.walk(node) if isinstance(each, ast.Name)}
            if names & OPENERS:
                yield node


def unmarked(source: str) -> list[str]:
    """The fixtures of a module that open a database which the marker would not see."""
    return [each.name for each in opening(source) if "mongod" not in {each.name, *(arg.arg for arg in each.args.args)}]


def test_no_pure_test_has_a_database(request: pytest.FixtureRequest) -> None:
    """Among all that were collected: none rests on `mongod`, and none is of a folder that starts processes."""
    pure = [each for each in request.session.items if isinstance(each, pytest.Function) and each.get_closest_marker("pure")]
    assert request.node in pure
    assert [each.nodeid for each in pure if "mongod" in each.fixturenames] == []
    assert [each.nodeid for each in pure if PROCESSES & set(each.path.relative_to(TESTS).parts)] == []


def test_every_database_of_a_test_is_the_one_that_the_marker_knows() -> None:
    """A fixture that opened one without resting on `mongod` would make its tests pure in name alone."""
    paths = [path for path in sorted(TESTS.rglob("*.py")) if path.relative_to(TESTS).parts[0] not in PROCESSES]
    assert any(list(opening(path.read_text())) for path in paths)
    assert [f"{path.relative_to(TESTS)}: {name}" for path in paths for name in unmarked(path.read_text())] == []


def test_a_database_beside_the_one_is_caught() -> None:
    """The check can fail."""
    assert unmarked("@pytest.fixture\nasync def rows(tmp_path):\n    yield await connect('mongodb://127.0.0.1')") == ["rows"]
