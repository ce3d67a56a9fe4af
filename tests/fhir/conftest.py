"""What the tests of the language share."""

from pathlib import Path

import pytest

from service.fhir.definitions import Definitions
from service.fhir.json import parse
from service.fhir.validate import Validator

CHECKOUT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def checkout():
    return CHECKOUT


@pytest.fixture(scope="session")
def definitions():
    return Definitions.load(CHECKOUT / "profiles")


@pytest.fixture(scope="session")
def validator(definitions):
    return Validator(definitions)


@pytest.fixture(scope="session")
def official(checkout):
    """Official R4 examples by file name without its ending."""
    folder = checkout.parent / "shared" / "data" / "hl7-r4"
    if not folder.is_dir():
        pytest.skip("the official R4 examples are not beside the checkout")
    return {path.stem: parse(path.read_bytes()) for path in sorted(folder.glob("*.json"))}
