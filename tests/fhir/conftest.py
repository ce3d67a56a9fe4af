"""What the tests of the language share."""

from pathlib import Path

import pytest

from service.fhir.definitions import Definitions

CHECKOUT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def checkout():
    return CHECKOUT


@pytest.fixture(scope="session")
def definitions():
    return Definitions.load(CHECKOUT / "profiles")
