"""The FHIRPath subset is exact, and what is outside it goes to the general engine."""

import pytest
from fhirpathpy import compile as compile_general
from fhirpathpy.models import models

from service.fhir.json import Number
from service.fhir.path import Environment, Path, UndecidedError, compile_path

PATIENT = {
    "resourceType": "Patient",
    "id": "p",
    "active": True,
    "name": [{"use": "official", "family": "Ada", "given": ["A", "B"]}, {"use": "usual", "given": ["A"]}],
    "deceasedBoolean": False,
    "multipleBirthInteger": 2,
    "_birthDate": {"extension": [{"url": "x:y", "valueString": "z"}]},
    "contact": [{"telecom": [{"system": "phone", "value": "1", "rank": 1}]}],
}

SHARED = [
    "name.given",
    "Patient.name.family",
    "name.where(use = 'usual').given",
    "name.given.distinct().count()",
    "name.given.isDistinct()",
    "name.exists(use = 'nickname')",
    "name.all(given.exists())",
    "name.select(given.first())",
    "name[1].use",
    "name.first().given.last()",
    "name.tail().given",
    "name.family.startsWith('A') and name.family.endsWith('a')",
    "name.family.matches('^A.a$')",
    "name.use.combine(name.given).count()",
    "name.given.intersect('A' | 'C')",
    "'official' in name.use",
    "name.use contains 'usual'",
    "active and contact.exists()",
    "active.not() or contact.empty()",
    "active implies name.family.exists()",
    "contact.name.exists() implies false",
    "active xor contact.empty()",
    "name.period.start = '2020'",
    "name.family != 'Bob'",
    "multipleBirth > 1",
    "multipleBirth + 1",
    "id & 'x'",
    "(name.count() + contact.count()) > 2",
    "iif(active, 'yes', 'no')",
    "name.family.substring(1)",
    "name.family.length()",
    "'12'.toInteger()",
    "contact.telecom.rank.toString()",
    "name.given.trace('given').count()",
    "name.use.select($this in ('official' | 'old')).allFalse()",
    "{}.empty()",
]


@pytest.mark.parametrize("expression", SHARED)
def test_the_subset_agrees_with_the_general_engine(expression):
    ours = compile_path(expression)
    assert not ours.general
    assert ours.values(PATIENT) == list(compile_general(expression, models["r4"])(PATIENT, {}))


@pytest.mark.parametrize(
    ("expression", "values"),
    [
        ("deceased", [False]),
        ("birthDate.exists()", [True]),
        ("birthDate.hasValue()", [False]),
        ("birthDate.extension('x:y').value", ["z"]),
        ("%resource.id", ["p"]),
        ("$this is Patient", [True]),
        ("is(Practitioner)", [False]),
        ("active = 1", [False]),
        ("contact.telecom.`system`", ["phone"]),
        ("name.where(use='x').given.first() and true", []),
    ],
)
def test_what_json_alone_can_tell(expression, values):
    assert compile_path(expression).values(PATIENT) == values


def test_dates_of_one_day_are_not_ordered():
    path = compile_path("a <= b")
    item = {"a": "2026-01-01", "b": "2026-01-01T10:00:00Z"}
    with pytest.raises(UndecidedError):
        path.holds(item, Environment(item, item))


def test_numbers_are_compared_as_numbers():
    assert compile_path("value < 10").values({"value": Number("9.50")}) == [True]


def test_an_invariant_that_answers_nothing_does_not_hold():
    item = {"status": "active"}
    assert not compile_path("status != 'active' or author.reference.matches('x')").holds(item, Environment(item, item))


def test_a_collection_is_no_boolean():
    item = {"a": [True, True]}
    with pytest.raises(UndecidedError):
        compile_path("a and true").holds(item, Environment(item, item))


@pytest.mark.parametrize("expression", ["name.repeat(given)", "1.5 + 1", "birthDate is date", "today() > @2020"])
def test_what_is_outside_goes_to_the_general_engine(expression):
    assert compile_path(expression).general


def test_the_general_engine_answers():
    path = compile_path("name.given.count() * 2")
    assert path.general
    assert path.values(PATIENT) == [6]


def test_every_invariant_of_a_stored_type_compiles(definitions):
    found = {
        rule["expression"]
        for name in definitions.types
        for element in definitions.structure(name)["element"]
        for rule in element.get("constraint", ())
        if "expression" in rule
    }
    assert all(isinstance(compile_path(expression), Path) for expression in found)


@pytest.mark.parametrize(
    "item", [{}, {"a": 1}, {"_a": {"id": "x"}}, {"b": [1]}, {"a": 1, "b": 2}, {"valueString": "x"}, {"a": 1, "_valueCode": {}}]
)
@pytest.mark.parametrize(
    "expression",
    [
        "a.exists()",
        "a.empty()",
        "a.empty() or b.empty()",
        "a.exists() implies b.exists()",
        "value.empty() or a.empty()",
        "value.exists() or b.exists()",
    ],
)
def test_the_direct_answer_agrees_with_the_whole_one(expression, item):
    path = compile_path(expression)
    assert path.presence is not None
    assert path.presence(item) is path.values(item)[0]
