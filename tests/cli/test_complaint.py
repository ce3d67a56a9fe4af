"""A start or a command that fails says why, in one line that holds no value."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from pymongo.errors import DuplicateKeyError

from service.cli import main, registers
from service.cli.processes import Factory, Starting
from service.problem import Category, Refused, problem
from service.settings import Settings

RULE = Refused(problem(Category.RULE, "business-rule", "A newer version has laid it out."))
FAULT = DuplicateKeyError("dup key: { name: 'Ada' }", 11000, {"keyValue": {"name": "Ada"}})


@pytest.mark.parametrize(("error", "said"), [(RULE, "A newer version"), (FAULT, "`DuplicateKeyError`")], ids=["refused", "fault"])
async def test_a_start_that_fails_says_why(capsys: pytest.CaptureFixture[str], error: Exception, said: str) -> None:
    """Uvicorn, which is silenced, gets to know no more than that it failed."""
    factory = Factory(Settings(data=Path("none")), "", "", works=False)
    sent: list[Any] = []

    async def inner(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "lifespan.startup.failed", "message": "Traceback"})
        raise error

    async def send(message: Any) -> None:
        sent.append(message)

    await Starting(inner, factory)({"type": "lifespan"}, send, send)
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("baton: ")
    assert said in line
    assert "Ada" not in line
    assert (factory.faults, sent) == ([error], [{"type": "lifespan.startup.failed", "message": ""}])


@pytest.mark.parametrize(
    ("error", "said"),
    [(FAULT, "`DuplicateKeyError`"), (OSError(28, os.strerror(28), "/data/x"), "No space left on device for `/data/x`")],
)
def test_a_command_that_fails_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], error: Exception, said: str
) -> None:
    """With the type and the place of the fault, and nothing of what was stored."""

    def failing(*_: Any) -> None:
        raise error

    monkeypatch.setattr(registers, "with_service", failing)
    with pytest.raises(SystemExit) as ended:
        main(["partner", "list"])
    (line,) = capsys.readouterr().err.splitlines()
    assert ended.value.code == 1
    assert said in line
    assert f"{Path(__file__).name}:" in line
    assert "Ada" not in line
