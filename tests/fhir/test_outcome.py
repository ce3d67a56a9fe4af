"""An OperationOutcome says every issue, its rule and its place."""

from service.fhir.canonical import RULE_ID
from service.fhir.outcome import outcome
from service.problem import Issue


def test_an_issue_carries_its_sentence_rule_and_place():
    made = outcome([Issue("required", "`Task.intent` is missing.", "Task.intent", "HOV-1", "warning")])
    assert made == {
        "resourceType": "OperationOutcome",
        "issue": [
            {
                "severity": "warning",
                "code": "required",
                "details": {"coding": [{"system": RULE_ID, "code": "HOV-1"}], "text": "`Task.intent` is missing."},
                "diagnostics": "`Task.intent` is missing.",
                "expression": ["Task.intent"],
            }
        ],
    }


def test_every_issue_is_said():
    assert len(outcome([Issue("value", "One."), Issue("value", "Two.")])["issue"]) == 2


def test_no_issue_is_said_too():
    assert outcome([])["issue"][0]["severity"] == "information"
