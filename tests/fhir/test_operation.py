"""Parameters are read whole or refused with everything that is wrong with them."""

from __future__ import annotations

from typing import Any

import pytest

from service.fhir.operation import Input, given, parameter, parameters, parts
from service.problem import Category, Problem

INPUTS = (
    Input("mode", ("valueCode",), required=True),
    Input("purpose", ("valueCode", "valueCoding"), repeats=True),
    Input("exact", ("valueBoolean",)),
    Input("end", ("valueDateTime", "valueInstant")),
)
MODE = parameter("mode", "valueCode", "preview")


def test_values_come_by_name() -> None:
    """Repeats in their order; what was not given is empty."""
    body = parameters(MODE, parameter("purpose", "valueCode", "TREAT"), parameter("purpose", "valueCoding", {"code": "COC"}))
    assert given(body, INPUTS) == {"mode": ["preview"], "purpose": ["TREAT", {"code": "COC"}], "exact": [], "end": []}


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"resourceType": "Patient"}, "`Parameters`"),
        ({"resourceType": "Parameters", "parameter": {}}, "`parameter`"),
        ({"resourceType": "Parameters", "parameter": ["mode"]}, "`parameter`"),
        (parameters(), "`mode` is needed"),
        (parameters(MODE, MODE), "`mode` is given once"),
        (parameters(MODE, parameter("other", "valueCode", "x")), "no parameter `other`"),
        (parameters(MODE, {"name": ["mode"], "valueCode": "x"}), "no parameter"),
        (parameters({"name": "mode", "valueString": "preview"}), "comes as `valueCode`"),
        (parameters({"name": "mode", "valueCode": " "}), "comes as `valueCode`"),
        (parameters({"name": "mode", "valueCode": 1}), "comes as `valueCode`"),
        (parameters({**MODE, "valueString": "release"}), "nothing else"),
        (parameters(MODE, parameter("end", "valueDateTime", "2027-11-19T13:00")), "comes as `valueDateTime`"),
        (parameters(MODE, parameter("end", "valueInstant", "2027-11-19")), "comes as `valueDateTime`"),
        (parameters(MODE, parameter("end", "valueDateTime", "2027-02-30")), "comes as `valueDateTime`"),
        (parameters(MODE, {"name": "exact", "valueBoolean": "true"}), "comes as `valueBoolean`"),
    ],
)
def test_what_is_wrong_is_named(body: dict[str, Any], words: str) -> None:
    """Never ignored, never a fault."""
    found = given(body, INPUTS)
    assert isinstance(found, Problem)
    assert (found.category, words in str(found)) == (Category.MALFORMED, True)


def test_everything_wrong_is_named_at_once() -> None:
    """An unknown parameter and a missing one are two issues."""
    found = given(parameters(parameter("other", "valueCode", "x")), INPUTS)
    assert isinstance(found, Problem)
    assert len(found.issues) == 2


def test_parts_nest() -> None:
    """As R4 writes them."""
    assert parts("tenure", MODE) == {"name": "tenure", "part": [{"name": "mode", "valueCode": "preview"}]}
