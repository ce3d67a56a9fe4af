"""Index keys: the readable strings by which a record is found, and the same strings built from a search value.

| form | stands for |
|---|---|
| `code=736253002` | a code, identifier value, boolean or primitive, of any system |
| `code=http://snomed.info/sct|736253002` | a code in a system; also found by the prefix `code=http://snomed.info/sct|` |
| `code=|736253002` | a Coding or Identifier that has no system |
| `code:text=crisis plan` | folded display or text of a token |
| `identifier:of-type=system|code|value` | an identifier by its type |
| `owner=Organization/x` | a reference, also `Organization/x/_history/2` and foreign or canonical URLs |
| `owner:identifier=system|value` | a reference's logical identifier, in the three token forms |
| `name=smith<TAB>Smith` | a string, folded, then as written |
| `url=http://…` | a uri |

A `|` or `\\` inside a part is escaped with `\\`. Codes and identifiers are compared as written: R4 says identifier values are
case sensitive, and the code systems in use here are; only contact points (`FOLDED`) are folded.
"""

from __future__ import annotations

import re
import unicodedata

from service.fhir.reference import unversioned

_SEPARATOR = re.compile(r"(?<!\\)\|")

FOLDED = frozenset({"email", "phone", "telecom"})
"""Token parameters over contact points, whose values are compared without case."""


_ASCII = {
    code: chr(code).lower() if chr(code).isspace() or unicodedata.category(chr(code))[0] not in "PC" else None
    for code in range(128)
}
"""The folded form of each ASCII character; None for a character that folding takes away."""


def fold(text: str) -> str:
    """A text without case, accents, punctuation and repeated spaces (R4 search, string)."""
    if text.isascii():
        text = text.translate(_ASCII)
    else:
        text = "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c)).casefold()
        text = "".join(c for c in text if c.isspace() or unicodedata.category(c)[0] not in "PC")
    return " ".join(text.split())


def part(text: str) -> str:
    """One part of a token key, with `|` and `\\` escaped."""
    if "|" in text or "\\" in text:
        return text.replace("\\", "\\\\").replace("|", "\\|")
    return text


def tokens(name: str, system: str, value: str) -> tuple[str, ...]:
    """The two keys of a code or identifier: by value, and by system and value."""
    if name in FOLDED:
        value = value.casefold()
    if "|" in value or "\\" in value:
        value = part(value)
    if "|" in system or "\\" in system:
        system = part(system)
    return f"{name}={value}", f"{name}={system}|{value}"


def value_of(key: str) -> str:
    """The value of a token key, without its system: the same for both keys of a code or identifier."""
    return _SEPARATOR.split(key.partition("=")[2])[-1]


def string(name: str, text: str) -> str:
    """The key of a string: its folded form, for search by its start, then the string as written, for `:exact`."""
    return f"{name}={fold(text)}\t{text}"


def reference(name: str, target: str) -> tuple[str, ...]:
    """The keys of a reference that is already relative where possible; a versioned reference has its record's key too."""
    record = unversioned(target)
    return (f"{name}={target}",) if record is target else (f"{name}={target}", f"{name}={record}")
