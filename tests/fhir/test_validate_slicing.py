"""Profiles: cardinality, types, fixed values, patterns and every kind of slicing."""

import copy

import pytest

from service.fhir.definitions import Definitions
from service.fhir.validate import Validator

URL = "x:profile"
R4 = "http://hl7.org/fhir/StructureDefinition/"


class Own:
    """Definitions with one profile in place of ours."""

    def __init__(self, definitions, type_, *elements, more=()):
        self.definitions = definitions
        root = {"id": type_, "path": type_, "min": 0, "max": "*"}
        self.structures = {URL: {"url": URL, "type": type_, "kind": "resource", "element": [root, *elements]}}
        self.structures |= {item["url"]: item for item in more}

    def structure(self, name):
        return self.structures.get(name.split("|")[0]) or self.definitions.structure(name)

    def own(self, kind):
        return self.structures if kind == "StructureDefinition" else {}

    def __getattr__(self, name):
        return getattr(self.definitions, name)


@pytest.fixture
def judge(definitions):
    """Errors (code, place) of a resource under a profile of these elements."""

    def run(resource, *elements, more=()):
        assert isinstance(definitions, Definitions)
        validator = Validator(Own(definitions, resource["resourceType"], *elements, more=more))
        claimed = copy.deepcopy(resource) | {"meta": {"profile": [URL]}}
        return {(issue.code, issue.expression) for issue in validator.check(claimed) if issue.severity == "error"}

    return run


def element(identity, **members):
    path = ".".join(part.split(":")[0] for part in identity.split("."))
    return {"id": identity, "path": path, "min": 0, "max": "*"} | members


def sliced(identity, kind, path, **more):
    return element(identity, slicing={"discriminator": [{"type": kind, "path": path}], "rules": "open"} | more)


TASK = {"resourceType": "Task", "status": "draft", "intent": "order"}
CODE = {"coding": [{"system": "x:s", "code": "a"}]}


def entry(code, **value):
    return {"type": {"coding": [{"system": "x:s", "code": code}]}} | value


def test_more_may_be_required(judge):
    assert judge(TASK, element("Task.description", min=1, max="1")) == {("required", "Task.description")}


def test_a_member_may_be_forbidden(judge):
    assert judge(TASK | {"description": "x"}, element("Task.description", max="0")) == {("structure", "Task.description")}


def test_what_is_required_below_an_absent_member_is_not_asked(judge):
    assert judge(TASK, element("Task.restriction", max="1"), element("Task.restriction.period", min=1, max="1")) == set()


def test_what_is_required_below_a_present_member_is_asked(judge):
    found = judge(
        TASK | {"restriction": {"repetitions": 1}},
        element("Task.restriction", max="1"),
        element("Task.restriction.period", min=1),
    )
    assert found == {("required", "Task.restriction.period")}


def test_a_fixed_value_must_be_equal(judge):
    assert judge(TASK, element("Task.intent", min=1, max="1", fixedCode="plan")) == {("value", "Task.intent")}


def test_a_pattern_must_be_held(judge):
    rule = element("Task.code", max="1", patternCodeableConcept=CODE)
    assert judge(TASK | {"code": CODE | {"text": "more"}}, rule) == set()
    assert judge(TASK | {"code": {"text": "x"}}, rule) == {("value", "Task.code")}


def test_a_choice_may_be_narrowed(judge):
    rules = element("Task.input"), element("Task.input.value[x]", min=1, max="1", type=[{"code": "string"}])
    assert judge(TASK | {"input": [entry("a", valueInteger=1)]}, *rules) == {("structure", "Task.input[0].value")}


def test_targets_may_be_narrowed(judge):
    rule = element("Task.focus", max="1", type=[{"code": "Reference", "targetProfile": [f"{R4}CarePlan"]}])
    assert judge(TASK | {"focus": {"reference": "Goal/1"}}, rule) == {("value", "Task.focus")}


def test_a_required_binding_may_be_added(judge):
    bound = {"strength": "required", "valueSet": "http://hl7.org/fhir/ValueSet/task-status"}
    rule = element("Task.businessStatus", max="1", binding=bound)
    assert judge(TASK | {"businessStatus": {"coding": [{"system": "x:s", "code": "a"}]}}, rule) == {
        ("code-invalid", "Task.businessStatus")
    }


def test_a_rule_may_be_added(judge):
    rule = {"key": "x-1", "severity": "error", "human": "Say more.", "expression": "description.exists()"}
    assert (
        judge(TASK, element("Task", constraint=[rule]), element("Task.status", constraint=[rule | {"expression": "true"}]))
        == set()
    )
    assert judge(TASK | {"input": [entry("a", valueString="x")]}, element("Task.input", constraint=[rule])) == {
        ("invariant", "Task.input[0]")
    }


def test_a_rule_that_fails_to_run_is_a_warning(definitions):
    rule = {"key": "x-1", "severity": "error", "human": "x", "expression": "status.nosuchfunction()"}
    own = Own(definitions, "Task", element("Task.input", constraint=[rule]))
    issues = Validator(own).check(TASK | {"meta": {"profile": [URL]}, "input": [entry("a", valueString="x")]})
    assert [(issue.code, issue.severity) for issue in issues] == [("not-supported", "warning")]


@pytest.mark.parametrize(
    ("kind", "path", "rule"),
    [
        ("pattern", "type", [element("Task.input:a.type", patternCodeableConcept=CODE)]),
        ("value", "type", [element("Task.input:a.type", patternCodeableConcept=CODE)]),
        ("pattern", "type.coding", [element("Task.input:a.type", patternCodeableConcept=CODE)]),
        (
            "value",
            "type.coding",
            [element("Task.input:a.type"), element("Task.input:a.type.coding", patternCoding=CODE["coding"][0])],
        ),
        ("value", "type.coding.code", [element("Task.input:a.type.coding.code", fixedCode="a")]),
        ("value", "type.coding", [element("Task.input:a.type.coding.code", fixedCode="a")]),
    ],
)
def test_a_slice_told_by_value_has_its_own_cardinality_and_rules(judge, kind, path, rule):
    rules = [
        sliced("Task.input", kind, path),
        element("Task.input:a", sliceName="a", min=1, max="1"),
        *rule,
        element("Task.input:a.value[x]", min=1, max="1", type=[{"code": "string"}]),
    ]
    right, other = entry("a", valueString="x"), entry("b", valueInteger=1)
    assert judge(TASK | {"input": [other, right]}, *rules) == set()
    assert judge(TASK | {"input": [other]}, *rules) == {("required", "Task.input")}
    assert judge(TASK | {"input": [right, right]}, *rules) == {("structure", "Task.input")}
    assert judge(TASK | {"input": [other, entry("a", valueInteger=1)]}, *rules) == {("structure", "Task.input[1].value")}


TWO = [
    element("Task.input:a", min=0),
    element("Task.input:a.type", patternCodeableConcept=CODE),
    element("Task.input:b", min=0),
    element("Task.input:b.type", patternCodeableConcept={"coding": [{"code": "b"}]}),
]


@pytest.mark.parametrize(
    ("rules", "ordered", "codes", "errors"),
    [
        ("open", False, "xbxa", set()),
        ("closed", False, "ba", set()),
        ("closed", False, "bax", {("structure", "Task.input[2]")}),
        ("open", True, "axb", set()),
        ("open", True, "ba", {("structure", "Task.input")}),
        ("openAtEnd", True, "abx", set()),
        ("openAtEnd", True, "axb", {("structure", "Task.input")}),
    ],
)
def test_slices_may_be_closed_and_ordered(judge, rules, ordered, codes, errors):
    held = TASK | {"input": [entry(code, valueString="x") for code in codes]}
    assert judge(held, sliced("Task.input", "pattern", "type", rules=rules, ordered=ordered), *TWO) == errors


def test_a_slice_told_by_existence(judge):
    rules = [
        sliced("Task.note", "exists", "time"),
        element("Task.note:timed", max="1"),
        element("Task.note:timed.time", min=1, max="1"),
        element("Task.note:plain", max="1"),
        element("Task.note:plain.time", max="0"),
    ]
    timed, plain = {"text": "x", "time": "2026-01-01"}, {"text": "x"}
    assert judge(TASK | {"note": [timed, plain]}, *rules) == set()
    assert judge(TASK | {"note": [timed, timed]}, *rules) == {("structure", "Task.note")}


def test_a_slice_told_by_type(judge):
    observation = {"resourceType": "Observation", "status": "final", "code": {"text": "x"}, "valueQuantity": {"value": 1}}
    rules = [
        sliced("Observation.value[x]", "type", "$this"),
        element("Observation.value[x]:valueQuantity", type=[{"code": "Quantity"}]),
        element("Observation.value[x]:valueQuantity.unit", min=1, max="1"),
    ]
    assert judge(observation, *rules) == {("required", "Observation.value.unit")}
    assert judge(observation | {"valueQuantity": {"value": 1, "unit": "kg"}}, *rules) == set()


def test_a_slice_told_by_the_type_a_reference_leads_to(judge):
    target = [{"code": "Reference", "targetProfile": [f"{R4}Consent"]}]
    rules = [
        sliced("Task.relevantHistory", "type", "resolve()", rules="open"),
        element("Task.relevantHistory:a", max="0", type=target),
    ]
    assert judge(TASK | {"relevantHistory": [{"reference": "Provenance/1"}]}, *rules) == set()
    bundle = {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": TASK}]}
    entries = [
        sliced("Bundle.entry", "type", "resource"),
        element("Bundle.entry:plan", min=1),
        element("Bundle.entry:plan.resource", type=[{"code": "CarePlan"}]),
    ]
    assert judge(bundle, *entries) == {("required", "Bundle.entry")}


def test_a_slice_told_by_profile(judge):
    other = {
        "url": "x:other",
        "type": "Task",
        "kind": "resource",
        "element": [element("Task"), element("Task.description", min=1)],
    }
    bundle = {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": TASK}]}
    rules = [
        sliced("Bundle.entry", "profile", "resource"),
        element("Bundle.entry:a", min=1),
        element("Bundle.entry:a.resource", type=[{"code": "Task", "profile": ["x:other"]}]),
    ]
    assert judge(bundle, *rules, more=[other]) == {("required", "Bundle.entry")}
    assert judge(bundle | {"entry": [{"resource": TASK | {"description": "x"}}]}, *rules, more=[other]) == set()


def test_an_extension_is_a_slice_told_by_its_url_and_checked_by_its_own_definition(judge):
    extension = {
        "url": "x:ext",
        "type": "Extension",
        "kind": "complex-type",
        "element": [element("Extension"), element("Extension.value[x]", min=1, max="1", type=[{"code": "boolean"}])],
    }
    rules = [
        sliced("Task.extension", "value", "url"),
        element("Task.extension:e", min=1, max="1", type=[{"code": "Extension", "profile": ["x:ext"]}]),
    ]
    assert judge(TASK, *rules, more=[extension]) == {("required", "Task.extension")}
    assert judge(TASK | {"extension": [{"url": "x:ext", "valueBoolean": True}]}, *rules, more=[extension]) == set()
    wrong = TASK | {"extension": [{"url": "x:ext", "valueString": "x"}]}
    assert judge(wrong, *rules, more=[extension]) == {("structure", "Task.extension[0].value")}
