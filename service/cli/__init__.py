"""The command `baton`: reads arguments, calls use cases and prints. This package takes no decision and knows no FHIR rule."""

from service.cli.commands import main

__all__ = ["main"]
