"""Builds the resources that the service itself makes with the typed model, the R4B classes of fhir.resources.

R4B and R4 agree on every type that the service builds. A class is imported when its type is first built, since the whole model
costs memory and time. No other module uses the model, and resources that clients send are never read through it: the model would
change their numbers, order and instants.
"""

from __future__ import annotations

from datetime import date, datetime
from functools import cache
from importlib import import_module
from typing import Any

from service.change import Resource
from service.fhir.date import instant


@cache
def model(kind: str) -> Any:
    """The fhir.resources R4B class of a resource or data type, such as `AuditEvent`. Raises ModuleNotFoundError for no type."""
    return getattr(import_module(f"fhir.resources.R4B.{kind.lower()}"), kind)


def build(kind: str, /, **members: Any) -> Resource:
    """A resource of type `kind`, with its members validated and in FHIR's order, and its values ready for JSON.

    Members have FHIR's JSON names; to a name that is a Python keyword (`class`, `import`), append an underscore. Values may be
    datetimes, decimals and nested plain dicts. Raises ValueError (pydantic's ValidationError) when the resource is invalid, which
    is a bug of the caller.
    """
    named = {name.rstrip("_"): _ready(value) for name, value in members.items() if value is not None}
    made: Resource = model(kind).model_validate(named).model_dump(mode="json", exclude_none=True, by_alias=True)
    return {name: _as_given(value, named.get(name)) for name, value in made.items()}


NOTHING: tuple[Any, ...] = (None, [], {})


def literal(kind: str, /, **members: Any) -> Resource:
    """A resource as `build` makes it, in a hundredth of the time: for resources that are made on every request, in shapes that
    are written out in our code.

    `literal` checks nothing. The tests pass every resource that `literal` makes while they run through `build` too, and compare.
    """
    return _finished(
        {"resourceType": kind, **{name.rstrip("_"): _ready(value) for name, value in members.items() if value not in NOTHING}}
    )


def _finished(made: Resource) -> Resource:
    """The resource that `literal` made. The tests replace this function to see every such resource."""
    return made


def _ready(value: Any) -> Any:
    """The JSON value of a Python value: an aware datetime becomes an instant to the millisecond."""
    if isinstance(value, datetime):
        return instant(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, dict):
        return {name: _ready(item) for name, item in value.items()}
    return [_ready(item) for item in value] if isinstance(value, list | tuple) else value


def _as_given(made: Any, given: Any) -> Any:
    """The model's members and order with the texts and numbers as given: the model writes `1.00` as `1.0` and pads seconds."""
    if isinstance(made, dict) and isinstance(given, dict):
        return {name: _as_given(value, given.get(name)) for name, value in made.items()}
    if isinstance(made, list) and isinstance(given, list) and len(made) == len(given):
        return [_as_given(value, item) for value, item in zip(made, given, strict=True)]
    return made if given is None or isinstance(given, dict | list) else given
