"""The typed model of what the service itself makes: fhir.resources R4B classes, met only here.

R4B and R4 agree on every type the service builds. Each class is imported when its type is first built, since the whole model
costs memory and time. What others send is never read through the model: it would change numbers, order and instants.
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
    """The fhir.resources R4B class of a resource or data type, such as `AuditEvent`. ModuleNotFoundError: no such type."""
    return getattr(import_module(f"fhir.resources.R4B.{kind.lower()}"), kind)


def build(kind: str, /, **members: Any) -> Resource:
    """A resource of type `kind`, its members validated and in FHIR's order, values ready for JSON.

    Members carry FHIR's JSON names; where a name is a Python keyword (`class`, `import`), append an underscore. Datetimes,
    decimals and nested plain dicts are taken. Raises ValueError (pydantic's ValidationError) where the service builds something
    invalid: a bug of the caller.
    """
    named = {name.rstrip("_"): _ready(value) for name, value in members.items() if value is not None}
    made: Resource = model(kind).model_validate(named).model_dump(mode="json", exclude_none=True, by_alias=True)
    return {name: _as_given(value, named.get(name)) for name, value in made.items()}


NOTHING: tuple[Any, ...] = (None, [], {})


def literal(kind: str, /, **members: Any) -> Resource:
    """As `build`, in a hundredth of its time: for what is made on every request, in shapes that are written out in our code.

    Nothing is checked here. The tests put everything that is made while they run through `build`, too, and compare.
    """
    return _finished(
        {"resourceType": kind, **{name.rstrip("_"): _ready(value) for name, value in members.items() if value not in NOTHING}}
    )


def _finished(made: Resource) -> Resource:
    """Where the tests look."""
    return made


def _ready(value: Any) -> Any:
    """The JSON value of something the service holds: an aware datetime is an instant to the millisecond."""
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
