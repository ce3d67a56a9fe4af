"""`baton --version`."""

from __future__ import annotations

from importlib.metadata import version

import pytest

from service.cli import main
from service.store.layout import LAYOUT


def test_the_version_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    """As the CapabilityStatement tells it, and with the layout, which says what may be upgraded to what."""
    with pytest.raises(SystemExit) as ended:
        main(["--version"])
    assert (ended.value.code, capsys.readouterr().out) == (0, f"baton {version('baton-fhir')}, layout {LAYOUT}\n")


def test_help_tells_of_it(capsys: pytest.CaptureFixture[str]) -> None:
    """Who asks a service for its version looks there."""
    with pytest.raises(SystemExit) as ended:
        main(["--help"])
    out = capsys.readouterr().out
    assert ended.value.code == 0
    assert "--version" in out
    assert "Baton: a FHIR R4 service" in out
