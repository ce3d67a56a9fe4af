"""Wrong inputs are refused at the place and for the reason they are wrong; right ones are not."""

import pytest

from service.fhir.json import Number

TASK = {"resourceType": "Task", "status": "requested", "intent": "order"}
PATIENT = {"resourceType": "Patient"}
OBSERVATION = {"resourceType": "Observation", "status": "final", "code": {"text": "x"}}
PLAN = {"resourceType": "CarePlan", "status": "draft", "intent": "plan", "subject": {"reference": "Patient/1"}}
BUNDLE = {"resourceType": "Bundle", "type": "collection"}
DIV = '<div xmlns="http://www.w3.org/1999/xhtml">'
UCUM = "http://unitsofmeasure.org"


def coded(system, code):
    return {"coding": [{"system": f"https://baton.example/fhir/CodeSystem/{system}", "code": code}]}


def narrative(inner):
    return TASK | {"text": {"status": "generated", "div": f"{DIV}{inner}</div>"}}


WRONG = [
    # shape
    (PATIENT | {"name": []}, "structure", "Patient.name"),
    (PATIENT | {"name": {}}, "structure", "Patient.name"),
    (PATIENT | {"name": {"family": "x"}}, "structure", "Patient.name"),
    (PATIENT | {"name": [{}]}, "structure", "Patient.name[0]"),
    (PATIENT | {"name": [None]}, "structure", "Patient.name[0]"),
    (PATIENT | {"name": ["x"]}, "structure", "Patient.name[0]"),
    (PATIENT | {"colour": "red"}, "structure", "Patient.colour"),
    (PATIENT | {"name": [{"surname": "x"}]}, "structure", "Patient.name[0].surname"),
    (PATIENT | {"gender": ["male"]}, "structure", "Patient.gender"),
    (PATIENT | {"gender": None}, "structure", "Patient.gender"),
    (PATIENT | {"maritalStatus": [{"text": "x"}]}, "structure", "Patient.maritalStatus"),
    (PATIENT | {"birthDate": {"value": "x"}}, "structure", "Patient.birthDate"),
    (PATIENT | {"name": [{"given": "x"}]}, "structure", "Patient.name[0].given"),
    (PATIENT | {"name": [{"given": []}]}, "structure", "Patient.name[0].given"),
    (PATIENT | {"name": [{"given": [None]}]}, "structure", "Patient.name[0].given[0]"),
    (PATIENT | {"name": [{"given": ["a", ""]}]}, "value", "Patient.name[0].given[1]"),
    (PATIENT | {"meta": {}}, "structure", "Patient.meta"),
    (PATIENT | {"contained": "x"}, "structure", "Patient.contained"),
    # what must be there
    ({"resourceType": "Task", "status": "requested"}, "required", "Task.intent"),
    ({"resourceType": "Observation", "status": "final"}, "required", "Observation.code"),
    (PLAN | {"activity": [{"detail": {"description": "x"}}]}, "required", "CarePlan.activity[0].detail.status"),
    (TASK | {"input": [{"type": {"text": "x"}}]}, "required", "Task.input[0].value"),
    (PATIENT | {"extension": [{"valueString": "x"}]}, "required", "Patient.extension[0].url"),
    (PATIENT | {"link": [{"type": "seealso"}]}, "required", "Patient.link[0].other"),
    # choices
    (OBSERVATION | {"valueAddress": {"city": "x"}}, "structure", "Observation.value"),
    (OBSERVATION | {"valueString": "x", "valueInteger": 1}, "structure", "Observation.value"),
    (OBSERVATION | {"value": "x"}, "structure", "Observation.value"),
    (PATIENT | {"deceasedBoolean": "true"}, "value", "Patient.deceased"),
    (PATIENT | {"deceasedDateTime": "yesterday"}, "value", "Patient.deceased"),
    # primitives
    (PATIENT | {"birthDate": 1980}, "value", "Patient.birthDate"),
    (PATIENT | {"birthDate": "1980-02-30"}, "value", "Patient.birthDate"),
    (PATIENT | {"birthDate": "1981-02-29"}, "value", "Patient.birthDate"),
    (PATIENT | {"birthDate": "1980-13-01"}, "value", "Patient.birthDate"),
    (PATIENT | {"birthDate": "80-01-01"}, "value", "Patient.birthDate"),
    (PATIENT | {"birthDate": "1980-01-01T00:00:00Z"}, "value", "Patient.birthDate"),
    (PATIENT | {"birthDate": ""}, "value", "Patient.birthDate"),
    (PATIENT | {"birthDate": "0000-01-01"}, "value", "Patient.birthDate"),
    (PATIENT | {"active": "true"}, "value", "Patient.active"),
    (PATIENT | {"active": 1}, "value", "Patient.active"),
    (PATIENT | {"multipleBirthInteger": True}, "value", "Patient.multipleBirth"),
    (PATIENT | {"multipleBirthInteger": Number("1.5")}, "value", "Patient.multipleBirth"),
    (PATIENT | {"multipleBirthInteger": 2**31}, "value", "Patient.multipleBirth"),
    (PATIENT | {"multipleBirthInteger": Number("-0")}, "value", "Patient.multipleBirth"),
    (PATIENT | {"id": "a b"}, "value", "Patient.id"),
    (PATIENT | {"id": "a" * 65}, "value", "Patient.id"),
    (PATIENT | {"id": "a_b"}, "value", "Patient.id"),
    (PATIENT | {"id": 7}, "value", "Patient.id"),
    (PATIENT | {"implicitRules": "a b"}, "value", "Patient.implicitRules"),
    (PATIENT | {"language": " en"}, "code-invalid", "Patient.language"),
    (PATIENT | {"name": [{"family": "a\x00b"}]}, "value", "Patient.name[0].family"),
    (PATIENT | {"telecom": [{"rank": 0, "system": "phone", "value": "1"}]}, "value", "Patient.telecom[0].rank"),
    (PATIENT | {"photo": [{"data": "x!", "contentType": "image/png"}]}, "value", "Patient.photo[0].data"),
    (PATIENT | {"meta": {"lastUpdated": "2026-11-23"}}, "value", "Patient.meta.lastUpdated"),
    (PATIENT | {"meta": {"lastUpdated": "2026-11-23T04:34:00"}}, "value", "Patient.meta.lastUpdated"),
    (PATIENT | {"meta": {"lastUpdated": "2026-11-31T04:34:00Z"}}, "value", "Patient.meta.lastUpdated"),
    (TASK | {"authoredOn": "2026-11-23T04:34Z"}, "value", "Task.authoredOn"),
    (TASK | {"authoredOn": "2026-11-23T24:00:00Z"}, "value", "Task.authoredOn"),
    (TASK | {"authoredOn": "2026-11-23T04:34:00+15:00"}, "value", "Task.authoredOn"),
    (OBSERVATION | {"valueQuantity": {"value": "1"}}, "value", "Observation.value.value"),
    (OBSERVATION | {"valueTime": "25:00:00"}, "value", "Observation.value"),
    # the siblings of primitives
    (PATIENT | {"_birthDate": {"id": "a"}}, "invariant", "Patient.birthDate"),
    (PATIENT | {"_birthDate": []}, "structure", "Patient.birthDate"),
    (PATIENT | {"birthDate": "1980", "_birthDate": {"colour": 1}}, "structure", "Patient.birthDate.colour"),
    (PATIENT | {"name": [{"given": ["a"], "_given": [None, {"id": "b"}]}]}, "structure", "Patient.name[0].given"),
    (PATIENT | {"name": [{"given": [None], "_given": [None]}]}, "structure", "Patient.name[0].given[0]"),
    (PATIENT | {"_name": [{"id": "a"}]}, "structure", "Patient._name"),
    # required bindings
    (PATIENT | {"gender": "M"}, "code-invalid", "Patient.gender"),
    (PATIENT | {"gender": 1}, "value", "Patient.gender"),
    (TASK | {"status": "done"}, "code-invalid", "Task.status"),
    (PLAN | {"intent": "wish"}, "code-invalid", "CarePlan.intent"),
    (PATIENT | {"telecom": [{"system": "pigeon", "value": "x"}]}, "code-invalid", "Patient.telecom[0].system"),
    (PATIENT | {"photo": [{"contentType": "png"}]}, "code-invalid", "Patient.photo[0].contentType"),
    (
        {
            "resourceType": "AllergyIntolerance",
            "patient": {"reference": "Patient/1"},
            "clinicalStatus": {"coding": [{"code": "active"}]},
        },
        "code-invalid",
        "AllergyIntolerance.clinicalStatus",
    ),
    # references
    (TASK | {"for": {"reference": "Nobody/1"}}, "value", "Task.for.reference"),
    (TASK | {"for": {"reference": "Patient"}}, "value", "Task.for.reference"),
    (TASK | {"for": {"reference": "1"}}, "value", "Task.for.reference"),
    (TASK | {"for": "Patient/1"}, "structure", "Task.for"),
    (TASK | {"encounter": {"reference": "Patient/1"}}, "value", "Task.encounter"),
    (TASK | {"encounter": {"reference": "https://there/fhir/Patient/1"}}, "value", "Task.encounter"),
    (TASK | {"encounter": {"type": "Patient", "identifier": {"value": "1"}}}, "value", "Task.encounter"),
    (TASK | {"for": {"reference": "#a"}}, "invariant", "Task.for"),
    (
        TASK | {"encounter": {"reference": "#a"}, "contained": [{"resourceType": "Patient", "id": "a"}]},
        "value",
        "Task.encounter",
    ),
    # contained resources
    (TASK | {"contained": [{"resourceType": "Patient", "id": "a"}]}, "invariant", "Task"),
    (TASK | {"contained": [{"id": "a"}]}, "structure", "Task.contained[0].resourceType"),
    (
        TASK | {"for": {"reference": "#a"}, "contained": [PATIENT | {"id": "a", "colour": 1}]},
        "structure",
        "Task.contained[0].colour",
    ),
    (TASK | {"for": {"reference": "#a"}, "contained": [PATIENT | {"id": "a", "meta": {"versionId": "1"}}]}, "invariant", "Task"),
    (TASK | {"for": {"reference": "#a"}, "contained": [PATIENT | {"id": "a", "contained": [PATIENT]}]}, "invariant", "Task"),
    # invariants
    (PATIENT | {"extension": [{"url": "x:y"}]}, "invariant", "Patient.extension[0]"),
    (PATIENT | {"contact": [{"gender": "male"}]}, "invariant", "Patient.contact[0]"),
    (PATIENT | {"telecom": [{"value": "1"}]}, "invariant", "Patient.telecom[0]"),
    (PLAN | {"period": {"start": "2026-02-01", "end": "2026-01-31"}}, "invariant", "CarePlan.period"),
    (
        PLAN | {"activity": [{"reference": {"reference": "Task/1"}, "detail": {"status": "scheduled"}}]},
        "invariant",
        "CarePlan.activity[0]",
    ),
    (OBSERVATION | {"valueString": "x", "dataAbsentReason": {"text": "x"}}, "invariant", "Observation"),
    (OBSERVATION | {"valueQuantity": {"value": 1, "code": "kg"}}, "invariant", "Observation.value"),
    (
        OBSERVATION | {"valueRange": {"low": {"value": 5, "unit": "kg"}, "high": {"value": 2, "unit": "kg"}}},
        "invariant",
        "Observation.value",
    ),
    (
        OBSERVATION | {"referenceRange": [{"low": {"value": 1, "comparator": "<"}}]},
        "invariant",
        "Observation.referenceRange[0].low.comparator",
    ),
    (TASK | {"authoredOn": "2026-02-02", "lastModified": "2026-02-01"}, "invariant", "Task"),
    ({"resourceType": "Organization", "active": True}, "invariant", "Organization"),
    # codes of ours
    (TASK | {"code": coded("task-code", "handoverr")}, "code-invalid", "Task.code.coding[0].code"),
    (TASK | {"code": coded("task-codes", "handover")}, "code-invalid", "Task.code.coding[0].system"),
    (PATIENT | {"meta": {"tag": coded("tag", "Ada")["coding"]}}, "code-invalid", "Patient.meta.tag[0].code"),
    # narrative
    (narrative("<script>x</script>"), "invariant", "Task.text.div"),
    (narrative('<b onclick="x">y</b>'), "invariant", "Task.text.div"),
    (narrative('<img src="javascript:x"/>'), "invariant", "Task.text.div"),
    (narrative("<b>unclosed"), "invariant", "Task.text.div"),
    (narrative(" "), "invariant", "Task.text.div"),
    # bundles
    (BUNDLE | {"entry": [{"resource": PATIENT | {"gender": "M"}}]}, "code-invalid", "Bundle.entry[0].resource.gender"),
    (BUNDLE | {"entry": [{"resource": {"resourceType": "Pig"}}]}, "structure", "Bundle.entry[0].resource.resourceType"),
    (BUNDLE | {"entry": [{"resource": PATIENT, "request": {"method": "GET", "url": "x"}}]}, "invariant", "Bundle"),
    (BUNDLE | {"entry": [{"fullUrl": "urn:x:1", "resource": PATIENT}] * 2}, "invariant", "Bundle"),
    (BUNDLE | {"type": "document", "entry": [{"resource": PATIENT}]}, "invariant", "Bundle"),
    # the type itself
    ({"resourceType": "Pig"}, "structure", "Pig.resourceType"),
    ({"resourceType": "DomainResource"}, "structure", "DomainResource.resourceType"),
    ({"resourceType": "Quantity", "value": 1}, "structure", "Quantity.resourceType"),
    ({"status": "x"}, "structure", "Resource.resourceType"),
    ([], "structure", "Resource"),
]


@pytest.mark.parametrize(("resource", "code", "place"), WRONG, ids=[f"{number}-{row[2]}" for number, row in enumerate(WRONG)])
def test_a_wrong_input_is_refused_where_and_as_it_is_wrong(validator, resource, code, place):
    found = {(issue.code, issue.expression) for issue in validator.check(resource) if issue.severity == "error"}
    assert (code, place) in found


RIGHT = [
    PATIENT | {"birthDate": "1980-02-29", "deceasedBoolean": False},
    PATIENT | {"birthDate": "1980", "_birthDate": {"extension": [{"url": "x:y", "valueString": "z"}]}},
    PATIENT | {"_birthDate": {"extension": [{"url": "x:y", "valueString": "z"}]}},
    PATIENT | {"name": [{"given": ["a", None], "_given": [None, {"extension": [{"url": "x:y", "valueCode": "z"}]}]}]},
    PATIENT | {"extension": [{"url": "x:y", "extension": [{"url": "z", "valueDecimal": Number("1.00")}]}]},
    TASK | {"for": {"reference": "urn:uuid:0c3201bd-1cbf-4d64-b04d-cd9187a4c6e0"}},
    TASK | {"for": {"reference": "Patient?identifier=x|1"}},
    TASK | {"for": {"reference": "https://there/fhir/Patient/1/_history/2"}, "encounter": {"display": "x"}},
    TASK | {"for": {"reference": "#a"}, "contained": [PATIENT | {"id": "a"}]},
    TASK | {"authoredOn": "2026-02-02", "lastModified": "2026-02-02T10:00:00Z"},
    PLAN | {"period": {"start": "2026-02-01", "end": "2026-02-01T10:00:00Z"}},
    narrative('<p class="x" id="p">a&#160;b &amp; <a href="https://there/">c</a><img src="#p" alt="d"/></p>'),
    OBSERVATION | {"valueQuantity": {"value": Number("1e2"), "code": "kg", "system": UCUM}},
    BUNDLE | {"entry": [{"fullUrl": "urn:x:1", "resource": PATIENT}, {"fullUrl": "urn:x:2", "resource": TASK}]},
    {"resourceType": "Parameters", "parameter": [{"name": "x", "resource": PATIENT}]},
]


@pytest.mark.parametrize("resource", RIGHT, ids=range(len(RIGHT)))
def test_a_right_input_has_no_issue(validator, resource):
    assert validator.check(resource) == ()


def test_all_problems_are_told_at_once(validator):
    issues = validator.check({"resourceType": "Task", "status": "done", "colour": 1, "authoredOn": 5})
    assert {issue.expression for issue in issues} == {"Task.status", "Task.colour", "Task.authoredOn", "Task.intent"}


def test_another_type_than_expected_is_said(validator):
    (issue,) = validator.check(PATIENT, type="Task")
    assert (issue.code, issue.expression) == ("invalid", "Patient.resourceType")


def test_a_code_of_ours_that_there_is_not_is_named(validator):
    (issue,) = validator.check(OBSERVATION | {"code": coded("lawful-basis", "consent")})
    assert "`consent`" in issue.text
    assert "`vital-interests`" in issue.text


def test_an_issue_holds_no_content_of_the_record(validator):
    assert "Ada" not in validator.check(OBSERVATION | {"code": coded("tag", "Ada")})[0].text
    issues = validator.check(PATIENT | {"birthDate": "Ada Lovelace", "gender": "Ada Lovelace", "name": [{"given": "Ada"}]})
    assert not any("Ada" in issue.text for issue in issues)


@pytest.mark.parametrize(("strict", "severity"), [(False, "warning"), (True, "error")])
def test_a_profile_that_is_not_known_is_said(validator, strict, severity):
    (issue,) = validator.check(PATIENT | {"meta": {"profile": ["https://there/p"]}}, strict_profiles=strict)
    assert (issue.severity, issue.expression) == (severity, "Patient.meta.profile[0]")


def test_a_profile_of_another_type_is_refused(validator):
    (issue,) = validator.check(PATIENT | {"meta": {"profile": ["http://hl7.org/fhir/StructureDefinition/vitalsigns"]}})
    assert (issue.code, issue.severity) == ("value", "error")


def test_a_known_profile_is_checked(validator):
    claimed = OBSERVATION | {"meta": {"profile": ["http://hl7.org/fhir/StructureDefinition/vitalsigns"]}}
    places = {issue.expression for issue in validator.check(claimed) if issue.severity == "error"}
    assert {"Observation.category", "Observation.subject", "Observation.effective"} <= places
