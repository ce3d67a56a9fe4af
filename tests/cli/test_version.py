"""`baton --version`."""

from __future__ import annotations

from importlib.metadata import version

import pytest

from service.cli import main


def test_the_version_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    """As the CapabilityStatement tells it."""
    with pytest.raises(SystemExit) as ended:
        main(["--version"])
    assert (ended.value.code, capsys.readouterr().out) == (0, f"baton {version('baton-fhir')}\n")
