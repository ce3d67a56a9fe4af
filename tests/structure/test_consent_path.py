"""The one way to patient data: what the store gives out is read on the consent path alone, and HTTP knows no store.

`tests.structure.stores` says what a store is and what it gives, from its annotations; here is who may ask for it, and why.
"""

from __future__ import annotations

import ast
import tomllib
from collections.abc import Iterator, Mapping
from functools import cache

import pytest

from tests.structure.examples import HARMLESS, HIDDEN, READS, STORE_GIVES, STORE_TELLS, TOUCHES
from tests.structure.known import known
from tests.structure.stores import Mention
from tests.structure.typed import SERVICE, dotted, place

pytestmark = pytest.mark.slow  # the whole service is typed for it

# The modules that may read patient data from the store. Each says why what it reads is decided, or never leaves.
PATHS: Mapping[str, str] = {
    "usecases/interactions/batches.py": "what a transaction refers to is looked at for whether one may see it; nothing leaves",
    "usecases/request/walk.py": "every row of a search is revealed before it is counted or paged",
    "usecases/register/definitions.py": "what the service publishes is compared with what it shipped; it is of nobody",
    "usecases/register/frozen.py": "the operator's check reads one snapshot; it names findings, not content",
    "usecases/request/viewer.py": "the way out itself: it loads who is asking, and every record it is given is decided",
    "usecases/request/telling.py": "what is taken out of a record is looked at for whether its reader may know of it",
    "usecases/disclosure/disclosure_account.py": "an account is decided line by line with the viewer of who asks",
    "usecases/disclosure/adjustments.py": "how a person is met stands in a Task; each reader sees it as they may see its dataset",
    "usecases/care/agendas.py": "rules look at meetings and plans; who may not know of an entry is not told of it",
    "usecases/care/meeting_cases.py": "rules look at plans and answers of those on an agenda; a refusal names linkIds alone",
    "usecases/care/meeting_close.py": "rules look at the open Tasks of those on an agenda; nothing leaves",
    "usecases/care/taken_on.py": "rules look for the plan by which an agency leads already; nothing leaves",
    "usecases/care/confirmed_roles.py": "rules look at what the agencies of a plan answered; nothing leaves",
    "usecases/care/careplans.py": "the timeline is of a plan that was revealed first; agreements are looked at by rules",
    "usecases/care/crisis_plan.py": "rules look at who agreed to a plan; nothing leaves",
    "usecases/care/explain.py": "what a pathway is explained on is revealed first, to whom it is explained",
    "usecases/care/handover.py": "rules look at the open handovers of a person; nothing leaves",
    "usecases/care/early_warning.py": "rules look at plans and reviews; who reports a sign is told nothing of them",
    "usecases/care/step_up.py": "rules look at teams, services and earlier reviews; nothing leaves",
    "usecases/care/step_up_review.py": "rules look at attempts, flags and formulations that the decider may see; nothing leaves",
    "usecases/care/identity.py": "rules compare Patients; whoever keeps one is told who registered the other, by a review",
    "usecases/care/assessments.py": "an earlier assessment is named to who may see it alone",
    "usecases/care/referral.py": "rules look at a person's referrals and Tasks; what is named of them both agencies may see",
    "usecases/care/pathways.py": "rules look at who agreed to a pathway, which is of nobody; nothing leaves",
    "usecases/care/parts.py": "rules look at the parts of a plan; nothing leaves",
    "usecases/care/patients.py": "rules look for open responsibility before a Patient goes; nothing leaves",
    "usecases/consent/emergency.py": "all three of number, name and birth date have to match; the answer is the override alone",
    "usecases/consent/override_review.py": "the reviews of one override are ended together; nothing leaves",
    "usecases/register/ownership.py": "the operator's check of ownership; it names findings, not content",
    "usecases/request/operated.py": "what an operator changed is written to the trail; nothing is read",
    "usecases/register/identities.py": "the operator has Patients compared; only their number is told",
    "usecases/request/idempotency.py": "the version a client wrote itself, given to the same client and user again",
    "usecases/request/directory.py": "directory entries and groups: who the caller is; nothing of them leaves",
    "usecases/disclosure/disclose.py": "the Patient whose records are disclosed is revealed first",
    "usecases/care/deadlines.py": "the worker's timers look at what they watch; nothing leaves",
    "usecases/request/evidence.py": "what decisions rest on; it is kept beside them and never answered",
    "usecases/consent/evaluate.py": "an explanation is of records that its asker may see",
    "usecases/register/integrity.py": "the operator's check of what is stored; it names findings, not content",
    "usecases/care/leads.py": "rules look at the plans of a lead; nothing leaves",
    "usecases/interactions/history.py": "every version is revealed before it is told",
    "usecases/interactions/loading.py": "the operator's load compares what is there; it tells fates, not content",
    "usecases/consent/named.py": "recipients that a Consent names are looked up in the directory; nothing leaves",
    "usecases/consent/override.py": "the Patient an override is about; the answer is the override alone",
    "usecases/smart/idp_directory.py": "the Patient an app is opened on is revealed before it is named",
    "usecases/interactions/records.py": "a record is revealed before it is answered; conditions find what one could write",
    "usecases/disclosure/release.py": "what is released is decided for its recipient, record by record",
    "usecases/disclosure/selection.py": "what was asked for is decided for its recipient, record by record",
    "usecases/interactions/inclusion.py": "every row is revealed before it is included",
    "usecases/consent/withdrawal.py": "a withdrawal looks at who relied on a Consent; nothing leaves",
    "usecases/request/pathways.py": "pathways are of nobody; rules read their versions",
    "usecases/request/calendars.py": "the locality's calendar, which is of nobody",
    "usecases/register/locality.py": "the locality's calendar, which is of nobody",
    "usecases/request/personal.py": "a questionnaire is looked up for whether it is open to persons; nothing leaves",
    "usecases/request/tenures.py": "the versions of a plan that was revealed first: who led it and when is told, and no content",
    "usecases/request/work.py": "loads for rules to decide on; what leaves passes the viewer",
    "cli/registers.py": "the operator names a Patient for a login; it is looked at for existence",
}
BY_NAME = frozenset({"getattr", "vars", "attrgetter", "methodcaller", "__dict__", "__getattribute__"})
"""What finds an attribute by a name that is made while the code runs."""


@cache
def modules() -> Mapping[str, str]:
    """Every module outside the store by its place, from `service/`."""
    places = map(place, sorted(SERVICE.rglob("*.py")))
    return {each: dotted(each) for each in places if not each.startswith("store/")}


@cache
def above() -> frozenset[str]:
    """The layers that may import the store, as the import contract lists them."""
    contracts = tomllib.loads((SERVICE.parent / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    layers: list[str] = next(each["layers"] for each in contracts if each["type"] == "layers")
    return frozenset(layers[: next(number for number, layer in enumerate(layers) if "store" in layer.split(" | "))])


@cache
def within_reach() -> tuple[Mention, ...]:
    """Every mention of a store outside the store, and of one that another store shows."""
    inside = (each for module, found in known().stores.mentions.items() if module.startswith("service.store.") for each in found)
    shown = [each for each in inside if "." in each.text and not each.name.startswith("_")]
    outside = [each for module in modules().values() for each in known().stores.mentions[module]]
    return tuple(each for each in (*shown, *outside) if each.stores)


@cache
def names_of_stores() -> frozenset[str]:
    """The attributes that hold stores: what has no known type is known by its name."""
    return frozenset(each.name.lstrip("_") for each in within_reach() if "." in each.text)


@cache
def names_of_reads() -> frozenset[str]:
    """What rows are asked for by. Of what has no known type, nothing is asked by such a name."""
    return frozenset(name for each in within_reach() for store in each.stores or () for name in known().stores.methods[store])


def reads(module: str) -> Iterator[Mention]:
    """Every mention of what gives rows: called, or handed on to be called elsewhere."""
    for each in known().stores.mentions[module]:
        if each.gives or (each.of is None and each.name in names_of_reads()):
            yield each


def touches(module: str) -> Iterator[Mention]:
    """Every mention of a store, whether it gives rows or not."""
    for each in known().stores.mentions[module]:
        named = each.stores is None and "." in each.text and each.name.lstrip("_") in names_of_stores()
        if each.stores or each.of or each.gives or named:
            yield each


def hidden(module: str, source: str) -> Iterator[Mention]:
    """Every way for a read to go unseen: a store that is given to what does not take one, or that gets another name, and an
    attribute that is looked up by a name nobody wrote."""
    yield from known().stores.lost.get(module, ())
    yield from renamed(module, source)
    if not above().isdisjoint(module.split(".")):
        yield from (each for each in known().stores.mentions[module] if each.name in BY_NAME)


def renamed(module: str, source: str) -> Iterator[Mention]:
    """`rows = services.records`: types see through it, people do not."""
    stores = {(each.line, each.text): each for each in known().stores.mentions[module] if _gives_rows(each)}
    for node in ast.walk(ast.parse(source)):
        value = node.value if isinstance(node, ast.Assign | ast.AnnAssign | ast.NamedExpr) else None
        if isinstance(value, ast.Attribute) and (found := stores.get((value.lineno, ast.unparse(value)))):
            yield found


def _gives_rows(mention: Mention) -> bool:
    if mention.stores is None:
        return mention.name.lstrip("_") in names_of_stores()
    return any(known().stores.members[each] for each in mention.stores)


def told(where: str, found: Iterator[Mention]) -> list[str]:
    """As a list to be read by who broke the rule."""
    return [f"{where}:{each.line} {each.text}" for each in found]


def test_patient_data_is_read_on_the_consent_path_alone() -> None:
    """A store read anywhere else would leave without a decision."""
    strays = [each for where, module in modules().items() if where not in PATHS for each in told(where, reads(module))]
    assert strays == []


@pytest.mark.parametrize("path", PATHS)
def test_the_list_of_paths_is_no_longer_than_it_must_be(path: str) -> None:
    """Every module on it reads a store."""
    assert any(reads(dotted(path)))


def test_no_read_goes_unseen() -> None:
    """No store is had but under its own name, and by its own type."""
    found = [each for where, name in modules().items() for each in told(where, hidden(name, (SERVICE / where).read_text()))]
    assert found == []


def test_http_touches_no_store() -> None:
    """A handler asks a use case, which decides."""
    handlers = {where: module for where, module in modules().items() if where.startswith("api/")}
    assert handlers
    assert [each for where, module in handlers.items() for each in told(where, touches(module))] == []


@pytest.mark.parametrize(
    ("store", "members"),
    [
        ("Records", {"ask", "read", "read_many", "version", "history", "commit", "answered"}),
        ("History", {"version", "versions"}),
        ("Holdings", {"of", "having", "kept"}),
        ("Searches", {"find"}),
        ("Integrity", {"rows"}),
        ("Persons", {"about"}),
        ("Mongo", {"client", "database", "collection", "aggregate"}),
    ],
)
def test_what_a_store_gives_is_found(store: str, members: set[str]) -> None:
    """The derivation sees at least these; it knows no list."""
    assert members <= known().stores.members[store]


@pytest.mark.parametrize("store", ["Generations", "Timers", "Partners", "Clients", "Tokens", "SigningKeys"])
def test_what_holds_no_records_gives_none(store: str) -> None:
    """Nor is everything taken for a row."""
    assert not known().stores.members[store]


@pytest.mark.parametrize("member", STORE_GIVES)
def test_a_new_member_of_a_store_is_covered_by_its_annotation(member: str) -> None:
    """No list has to be kept."""
    assert member in known().stores.members["Example"]


@pytest.mark.parametrize("member", STORE_TELLS)
def test_a_new_member_that_gives_no_row_is_free(member: str) -> None:
    """The check is no stricter than it must be."""
    assert member not in known().stores.members["Example"]


@pytest.mark.parametrize("example", READS)
def test_a_read_beside_the_path_is_caught(example: str) -> None:
    """The check can fail."""
    assert any(reads(f"service.usecases.{example}"))


@pytest.mark.parametrize("example", HIDDEN)
def test_a_hidden_store_is_caught(example: str) -> None:
    """So can this one."""
    assert any(hidden(f"service.usecases.{example}", HIDDEN[example]))


@pytest.mark.parametrize("example", TOUCHES)
def test_a_store_in_a_handler_is_caught(example: str) -> None:
    """So can the one for HTTP, by which not even a count gets out."""
    assert any(touches(f"service.usecases.{example}"))


@pytest.mark.parametrize("example", HARMLESS)
def test_what_reads_no_store_is_not_taken_for_it(example: str) -> None:
    """A use case or a row may be asked by the same names."""
    assert not [*reads(f"service.usecases.{example}"), *hidden(f"service.usecases.{example}", HARMLESS[example])]
