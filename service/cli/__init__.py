"""The command `baton`: reads arguments, calls use cases, prints. It decides nothing and knows no FHIR rule."""

from service.cli.commands import main

__all__ = ["main"]
