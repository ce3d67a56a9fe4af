"""What holds of the code as a whole: its layers, and that what is written about it is true."""

from __future__ import annotations

import ast
import re
import tomllib
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path
from statistics import median

import grimp
import pytest
from importlinter.cli import EXIT_STATUS_SUCCESS, lint_imports

from service.api.problems import CHALLENGE, STATUS
from service.fhir.definitions import Definitions
from service.problem import SOURCES, Category, problem
from service.settings import Settings, shipped

CHECKOUT = Path(__file__).parents[1]
SERVICE = CHECKOUT / "service"
TESTS = CHECKOUT / "tests"
README = CHECKOUT / "README.md"
RULES = CHECKOUT.parent / "shared" / "design" / "care-rules.md"


def test_data_moves_one_way() -> None:
    """The import contracts of pyproject.toml hold."""
    assert lint_imports(str(CHECKOUT / "pyproject.toml"), no_cache=True) == EXIT_STATUS_SUCCESS


@pytest.mark.parametrize("category", Category)
def test_every_category_of_problem_has_a_status(category: Category) -> None:
    """In the one table, an error of HTTP."""
    assert 400 <= STATUS[category] <= 503


@pytest.mark.parametrize("category", Category)
def test_every_category_of_problem_rests_on_something(category: Category) -> None:
    """A refusal that names no rule of its own cites the section that its category is from."""
    assert problem(category, "invalid", "No.").cited[0].rule == SOURCES[category]


def test_every_401_says_how_to_log_in() -> None:
    """RFC 9110, section 15.5.2."""
    assert {category for category, status in STATUS.items() if status == 401} <= set(CHALLENGE)


@pytest.mark.parametrize("name", Settings.model_fields)
def test_every_setting_is_documented(name: str) -> None:
    """In README's table, under the name operators use; and it says what it is."""
    assert f"`BATON_{name.upper()}`" in README.read_text()
    assert Settings.model_fields[name].description


def test_no_setting_is_documented_that_is_not_one() -> None:
    """README's names are settings."""
    named = set(re.findall(r"BATON_[A-Z_]+", README.read_text()))
    assert named == {f"BATON_{name.upper()}" for name in Settings.model_fields}


def test_security_names_modules_that_are_there() -> None:
    """Who reads how a secret is kept is led to where it is."""
    named = re.findall(r"`(\w+(?:/\w+)*\.py)`", (CHECKOUT / "SECURITY.md").read_text())
    assert named
    assert [each for each in named if not (SERVICE / each).is_file() and not (CHECKOUT / each).is_file()] == []


BANNED = (
    "uuid.uuid4",
    "datetime.datetime.now",
    "datetime.datetime.utcnow",
    "datetime.date.today",
    "time.time",
    "os.environ",
    "os.getenv",
)


def test_time_chance_and_environment_are_injected() -> None:
    """ruff refuses them everywhere but in clock.py and settings.py."""
    lint = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["tool"]["ruff"]["lint"]
    assert "TID" in lint["select"]
    assert set(BANNED) <= set(lint["flake8-tidy-imports"]["banned-api"])
    exempt = {path for path, rules in lint["per-file-ignores"].items() if "TID251" in rules and path.startswith("service")}
    assert exempt == {"service/clock.py", "service/settings.py"}


def test_every_published_definition_loads() -> None:
    """Each file of profiles/baton is known by its canonical."""
    definitions = Definitions.load(shipped("profiles"))
    profiles = sorted((CHECKOUT / "profiles" / "baton").glob("StructureDefinition-*.json"))
    missing = [
        path.name
        for path in profiles
        if definitions.structure(f"https://baton.example/fhir/StructureDefinition/{path.stem.partition('-')[2]}") is None
    ]
    assert profiles
    assert missing == []


@pytest.mark.parametrize("path", [path.relative_to(SERVICE).as_posix() for path in sorted(SERVICE.rglob("*.py"))])
def test_a_module_is_of_a_size_to_be_read(path: str) -> None:
    """Never over 400 lines."""
    assert len((SERVICE / path).read_text().splitlines()) <= 400


@pytest.mark.parametrize("path", [path.relative_to(TESTS).as_posix() for path in sorted(TESTS.rglob("*.py"))])
def test_a_file_of_tests_is_of_a_size_to_be_read(path: str) -> None:
    """Never over 400 lines, as of the service."""
    assert len((TESTS / path).read_text().splitlines()) <= 400


def lengths() -> list[int]:
    """How many lines each function of the service has, shortest first."""
    trees = (ast.parse(path.read_text()) for path in SERVICE.rglob("*.py"))
    functions = (each for tree in trees for each in ast.walk(tree) if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef))
    return sorted((each.end_lineno or each.lineno) - each.lineno + 1 for each in functions)


def test_functions_are_short() -> None:
    """Half of them have at most 7 lines, and 99 of 100 at most 30: simple code shows in its tail."""
    found = lengths()
    assert median(found) <= 7
    assert found[len(found) * 99 // 100] <= 30


def test_no_modules_import_each_other_in_a_ring() -> None:
    """A ring of imports is one module in several files."""
    graph = grimp.build_graph("service", cache_dir=None)
    order = TopologicalSorter({each: graph.find_modules_directly_imported_by(each) for each in graph.modules})
    order.prepare()  # raises CycleError, and names the ring


AWAITED: tuple[str, ...] = ()
"""Rules that the design has and the service does not hold yet. One that is built is cited by its tests, and leaves this list."""


PRACTICED = r"\b(?:MTG|TRI|ESC|ASM|OUT|EWS|DNA|EQU|GOV|TIM)-\d+\b"


@cache
def cited() -> str:
    """What the tests say, this one aside."""
    return "\n".join(path.read_text() for path in sorted((CHECKOUT / "tests").rglob("*.py")) if path != Path(__file__))


def rules() -> list[str]:
    """The ids of care-rules sections 1, 1a and 2, the datasets of section 4, and the ids of the practices that come first: what
    is common to all, pathways, the front door, meetings and step-up."""
    if not RULES.is_file():
        return []
    told = RULES.read_text()
    care = told.partition("## 1. Ownership")[2].partition("## 3. ")[0]
    datasets = told.partition("## 4. ")[2].partition("## 5. ")[0]
    practices = RULES.with_name("practices.md").read_text().partition("Common to all")[2].partition("## E2, E6")[0]
    named = (*re.findall(r"^- ((?:OWN|IDN|HOV)-\d+)", care, re.M), *re.findall(PRACTICED, practices))
    return [*dict.fromkeys(named), *re.findall(r"^- `([a-z-]+)`:", datasets, re.M)]


@pytest.mark.skipif(not RULES.is_file(), reason="the care rules are not beside the checkout (../shared/design/care-rules.md)")
@pytest.mark.parametrize(
    "rule",
    [
        pytest.param(rule, marks=pytest.mark.xfail(strict=True, reason="the rule is not built yet")) if rule in AWAITED else rule
        for rule in rules()
    ],
)
def test_every_rule_is_cited_by_a_test(rule: str) -> None:
    """A rule that no test names is not known to hold."""
    assert re.search(rf"(?<![\w-]){rule}(?![\w-])", cited())
