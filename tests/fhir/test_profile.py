"""A record's code or category says which of our profiles applies."""

import pytest

from service.fhir.canonical import BASE, SNOMED, TASK_CODE
from service.fhir.profile import applied


def coded(system, code):
    return {"coding": [{"system": system, "code": code}]}


TEAM = {"resourceType": "CareTeam", "status": "active", "participant": [{"role": [coded(SNOMED, "768820003")]}]}


@pytest.mark.parametrize(
    ("resource", "names"),
    [
        ({"resourceType": "CarePlan", "status": "active", "category": [coded(SNOMED, "734163000")]}, ["baton-care-plan"]),
        ({"resourceType": "CarePlan", "status": "draft", "category": [coded(SNOMED, "734163000")]}, []),
        ({"resourceType": "CarePlan", "status": "draft", "category": [coded(SNOMED, "736253002")]}, ["baton-crisis-plan"]),
        ({"resourceType": "CarePlan", "status": "active"}, []),
        (TEAM, ["baton-care-team"]),
        (TEAM | {"status": "inactive"}, []),
        ({"resourceType": "Task", "code": coded(TASK_CODE, "handover")}, ["baton-handover-task"]),
        ({"resourceType": "Task", "code": coded(TASK_CODE, "agree-plan")}, ["baton-agree-plan-task"]),
        ({"resourceType": "Task", "code": coded(TASK_CODE, "data-request")}, ["baton-data-request-task"]),
        ({"resourceType": "Task", "code": coded("x:other", "handover")}, []),
        (
            {"resourceType": "Communication", "category": [coded(f"{BASE}/CodeSystem/disclosure-category", "any")]},
            ["baton-disclosure"],
        ),
        ({"resourceType": "Consent"}, []),
        ({"resourceType": "Task", "code": 1}, []),
        ({"resourceType": "CareTeam", "status": ["active"], "participant": "x"}, []),
        ({}, []),
    ],
)
def test_the_table_decides(resource, names):
    assert applied(resource) == tuple(f"{BASE}/StructureDefinition/{name}" for name in names)
