"""The same answers give the same suggestion: in any order, and whoever sends them about whomever (GOV-3, equity)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.care.pathway.pathway import NAMES, Pathway, read
from service.care.pathway.suggestion import suggest
from service.change import Resource

PROFILES = Path(__file__).parents[2] / "profiles"
EXAMPLES: tuple[Resource, ...] = tuple(
    json.loads(path.read_text()) for path in sorted((PROFILES / "examples" / "valid").glob("mds-*.json"))
)
PEOPLE = st.fixed_dictionaries(
    {
        "subject": st.builds(lambda text: {"reference": f"Patient/{text}"}, st.from_regex(r"[a-z]{1,8}", fullmatch=True)),
        "author": st.sampled_from([{"reference": "PractitionerRole/trust-lead"}, {"reference": "PractitionerRole/housing-lead"}]),
        "authored": st.sampled_from(["2026-11-23T09:00:00Z", "2027-02-01T10:00:00Z"]),
        "language": st.sampled_from(["en", "cy", "ur"]),
    }
)
PRIORITIES = st.sampled_from([None, "routine", "urgent", "asap", "stat"])


def shipped(name: str) -> Pathway:
    """A pathway as it is shipped."""
    return read(json.loads((PROFILES / "baton" / f"PlanDefinition-pathway-{name}.json").read_text()))


SHIPPED = {name: shipped(name) for name in NAMES}


@pytest.mark.parametrize("name", NAMES)
@given(data=st.data())
def test_the_same_answers_give_the_same_suggestion(name: str, data: Any) -> None:
    """GOV-3: of every shipped pathway, on every shipped dataset, the explanation included."""
    dataset = data.draw(st.sampled_from(EXAMPLES))
    priority, people = data.draw(PRIORITIES), data.draw(PEOPLE)
    request = priority and {"resourceType": "ServiceRequest", "priority": priority}
    items = [{**item, "answer": data.draw(st.permutations(item["answer"]))} for item in dataset["item"]]
    other = {**dataset, **people, "item": data.draw(st.permutations(items))}
    asked = request and {**request, "subject": people["subject"], "requester": people["author"]}
    assert suggest(SHIPPED[name], other, asked) == suggest(SHIPPED[name], dataset, request)


@given(dataset=st.sampled_from(EXAMPLES), name=st.sampled_from(NAMES))
def test_every_suggestion_has_its_reason(dataset: Resource, name: str) -> None:
    """GOV-3: what holds is told with at least one answer, and the first that holds is what is suggested."""
    found = suggest(SHIPPED[name], dataset, None)
    assert found.fault == ""
    assert found.code == next((held.code for held in found.holds), "")
    assert all(held.because for held in found.holds)
