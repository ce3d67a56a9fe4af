"""How a command line names an agency."""

from __future__ import annotations

from service.cli.arguments import wrong
from service.fhir.reference import relative, type_of


def agency_named(option: str, reference: str) -> str:
    """The `Organization/id` that an option names, however it is written. Raises Refused INVALID for any other text."""
    local = relative(reference)
    if type_of(local) != "Organization":
        raise wrong(f"`{option}` takes a reference such as `Organization/trust`, not `{reference}`.")
    return local
