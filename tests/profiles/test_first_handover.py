"""The `.http` file of a first handover is sound by itself. `tests/clients` sends it."""

from __future__ import annotations

import re
from pathlib import Path

from service.fhir.definitions import Definitions
from service.settings import shipped

WALK = Path(__file__).parents[2] / "profiles/examples/first-handover"
FILE = (WALK / "first-handover.http").read_text()


def sent(line: str) -> tuple[str, str]:
    """The method and the type of a request line."""
    method, _, url = line.partition(" ")
    return method, url.removeprefix("{{fhir}}/").partition("/")[0]


def requests() -> list[tuple[str, int]]:
    """The first line of each request, and the status that its title tells."""
    return [(each[2], int(each[1])) for each in re.finditer(r"^### .* ([0-9]{3})\n(.+)$", FILE, flags=re.MULTILINE)]


def test_each_request_of_the_file_goes_to_a_type_that_is_served() -> None:
    """And has a title with the status that it gets."""
    definitions = Definitions.load(shipped("profiles"))
    assert len(requests()) == FILE.count("\n###")
    assert all(sent(line)[0] in ("GET", "PUT") and sent(line)[1] in definitions.types for line, _ in requests())


def test_no_date_of_the_file_is_written_out() -> None:
    """A handover of last year would be refused."""
    assert re.findall(r"20[0-9]{2}-[0-9]{2}", FILE + (WALK / "dataset.json").read_text()) == []
