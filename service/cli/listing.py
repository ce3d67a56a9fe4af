"""`baton settings`: lists the settings of the service."""

from __future__ import annotations

from urllib.parse import urlsplit

from service.cli.arguments import Data, settings_for
from service.settings import Settings

SECRET = frozenset({"ledger_key"})


def settings(data: Data = None) -> None:
    """List every setting: its environment variable, its value, and what it is for."""
    present = settings_for(data).model_dump()
    for name, field in Settings.model_fields.items():
        value = "***" if name in SECRET and present[name] else _shown(str(present[name]))
        print(f"BATON_{name.upper()}={value}  # {field.description}")


def _shown(value: str) -> str:
    """The value as text, without the password that a database's URI may hold."""
    parts = urlsplit(value) if "://" in value and "@" in value else None
    return value.replace(f":{parts.password}@", ":***@") if parts and parts.password else value
