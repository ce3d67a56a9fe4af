"""`baton settings`: lists the settings of the service."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from service.cli.arguments import Data, settings_for
from service.problem import Refused
from service.settings import PREFIX, Settings, given

SECRET = frozenset({"ledger_key"})


def settings(data: Data = None) -> None:
    """List every setting: its environment variable, its value, and what it is for."""
    try:
        _list(settings_for(data).model_dump())
    except Refused:  # what is asked for when a setting does not hold
        _list(given())
        raise


def _list(present: Mapping[str, Any]) -> None:
    for name, field in Settings.model_fields.items():
        value = "***" if name in SECRET and present[name] else _shown(str(present[name]))
        print(f"{PREFIX}{name.upper()}={value}  # {field.description}")


def _shown(value: str) -> str:
    """The value as text, without the password that a URL may hold."""
    return re.sub(r"(://[^:/@]*):.*@", r"\1:***@", value)
