"""What holds of the code as a whole: its layers, the one way to patient data, and that what is written about it is true."""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from importlinter.cli import EXIT_STATUS_SUCCESS, lint_imports

from service.api.problems import CHALLENGE, STATUS
from service.fhir.definitions import Definitions
from service.problem import SOURCES, Category, problem
from service.settings import Settings, shipped

CHECKOUT = Path(__file__).parents[1]
SERVICE = CHECKOUT / "service"
README = CHECKOUT / "README.md"
RULES = CHECKOUT.parent / "shared" / "design" / "care-rules.md"

STORES = frozenset({"records", "holdings", "searches", "past", "history"})
READS = frozenset({"read", "read_many", "version", "history", "of", "having", "kept", "find", "count", "count_estimate"})
# The modules that may read patient data from the store. Each says why what it reads is decided, or never leaves.
PATHS: Mapping[str, str] = {
    "usecases/request/viewer.py": "the way out itself: it loads who is asking, and every record it is given is decided",
    "usecases/disclosure/disclosure_account.py": "an account is decided line by line with the eyes of who asks",
    "usecases/care/careplans.py": "the timeline is of a plan that was revealed first; agreements are looked at by rules",
    "usecases/care/crisis_plan.py": "rules look at who agreed to a plan; nothing leaves",
    "usecases/care/handover.py": "rules look at the open handovers of a person; nothing leaves",
    "usecases/care/careteams.py": "rules look at the plans of a team; nothing leaves",
    "usecases/request/idempotency.py": "the version a client wrote itself, given to the same client and user again",
    "usecases/request/directory.py": "directory entries and groups: who the caller is; nothing of them leaves",
    "usecases/disclosure/disclose.py": "the Patient whose records are disclosed is revealed first",
    "usecases/care/deadlines.py": "the worker's timers look at what they watch; nothing leaves",
    "usecases/request/evidence.py": "what decisions rest on; it is kept beside them and never answered",
    "usecases/consent/evaluate.py": "an explanation is of records that its asker may see",
    "usecases/register/integrity.py": "the operator's check of what is stored; it names findings, not content",
    "usecases/care/leads.py": "rules look at the plans of a lead; nothing leaves",
    "usecases/interactions/loading.py": "the operator's load compares what is there; it tells fates, not content",
    "usecases/consent/override.py": "the Patient an override is about; the answer is the override alone",
    "usecases/smart/idp_directory.py": "the Patient an app is opened on is revealed before it is named",
    "usecases/interactions/records.py": "a record is revealed before it is answered; conditions find what one could write",
    "usecases/disclosure/release.py": "what is released is decided for its recipient, record by record",
    "usecases/disclosure/selection.py": "what was asked for is decided for its recipient, record by record",
    "usecases/interactions/search.py": "every row is revealed before it is counted, paged or included",
    "usecases/consent/withdrawal.py": "a withdrawal looks at who relied on a Consent; nothing leaves",
    "usecases/request/work.py": "loads for rules to decide on; what leaves passes access",
    "cli/registers.py": "the operator names a Patient for a login; it is looked at for existence",
}


def receivers(source: str) -> Iterator[tuple[int, str]]:
    """Line and call of every read of a patient store in a module's source."""
    tree = ast.parse(source)
    # `records` and `history` may also be use cases' modules.
    modules = {name.asname or name.name for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) for name in node.names}
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in READS:
            target = node.func.value
            held = isinstance(target, ast.Attribute) and target.attr.lstrip("_") in STORES
            named = isinstance(target, ast.Name) and target.id.lstrip("_") in STORES and target.id not in modules
            if held or named:
                yield node.lineno, ast.unparse(node.func)


def renamed(source: str) -> Iterator[tuple[int, str]]:
    """Line and text of every store that is given another name, behind which a read would not be seen."""
    for node in ast.walk(ast.parse(source)):
        value = node.value if isinstance(node, ast.Assign | ast.AnnAssign | ast.NamedExpr) else None
        if isinstance(value, ast.Attribute) and value.attr.lstrip("_") in STORES - {"history"}:
            yield node.lineno, ast.unparse(node)  # type: ignore[attr-defined]


def modules() -> Iterator[tuple[str, str]]:
    """Place and source of every module outside the store."""
    for path in sorted(SERVICE.rglob("*.py")):
        place = path.relative_to(SERVICE).as_posix()
        if not place.startswith("store/"):
            yield place, path.read_text()


def test_data_moves_one_way() -> None:
    """The import contracts of pyproject.toml hold."""
    assert lint_imports(str(CHECKOUT / "pyproject.toml"), no_cache=True) == EXIT_STATUS_SUCCESS


def test_patient_data_is_read_on_the_consent_path_alone() -> None:
    """A store read anywhere else would leave without a decision."""
    strays = [f"{place}:{line} {call}" for place, text in modules() if place not in PATHS for line, call in receivers(text)]
    assert strays == []


def test_no_store_hides_behind_another_name() -> None:
    """`rows = services.records` would hide a read from the check above."""
    assert [f"{place}:{line} {text}" for place, source in modules() for line, text in renamed(source)] == []


@pytest.mark.parametrize("place", PATHS)
def test_the_list_of_paths_is_no_longer_than_it_must_be(place: str) -> None:
    """Every module on it reads a store."""
    assert any(receivers((SERVICE / place).read_text()))


@pytest.mark.parametrize(
    "snippet",
    [
        "async def f(services):\n    return await services.records.read('Task', 'x')",
        "async def f(self):\n    return await self._holdings.of('Task', ['Patient/x'])",
        "async def f(eyes):\n    return [row for row in await eyes.services.searches.find(q, limit=1)]",
        "async def f(records):\n    return await records.history('Task', 'x', limit=1)",
        "async def f(services):\n    return (await services.records.read_many(['Task/x']))['Task/x']",
    ],
)
def test_a_read_beside_the_path_is_caught(snippet: str) -> None:
    """The check can fail."""
    assert len(list(receivers(snippet))) == 1


@pytest.mark.parametrize("snippet", ["rows = services.records", "(rows := self._holdings)", "found: object = services.searches"])
def test_a_renamed_store_is_caught(snippet: str) -> None:
    """So can this one."""
    assert len(list(renamed(snippet))) == 1


def test_a_use_case_is_not_taken_for_a_store() -> None:
    """`records.read(services, …)` of the edge calls the use case."""
    assert not list(
        receivers("from service.usecases import records\nasync def f(s):\n    return await records.read(s, 'Task', 'x')")
    )


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


AWAITED = ("OWN-8", "OWN-9", "OWN-10", "OWN-11", "IDN-4", "IDN-5", "IDN-6", "IDN-7", "IDN-8")
"""Rules that the design has and the service does not hold yet. One that is built is cited by its tests, and leaves this list."""


def cited() -> str:
    """What the tests say, this one aside."""
    return "\n".join(path.read_text() for path in sorted((CHECKOUT / "tests").rglob("*.py")) if path != Path(__file__))


def rules() -> list[str]:
    """The ids of care-rules sections 1, 1a and 2, and the datasets of section 4."""
    if not RULES.is_file():
        return []
    told = RULES.read_text()
    care = told.partition("## 1. Ownership")[2].partition("## 3. ")[0]
    datasets = told.partition("## 4. ")[2].partition("## 5. ")[0]
    return [*dict.fromkeys(re.findall(r"^- ((?:OWN|IDN|HOV)-\d+)", care, re.M)), *re.findall(r"^- `([a-z-]+)`:", datasets, re.M)]


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
