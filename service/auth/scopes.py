"""SMART scopes: what a token allows, as a value that can be parsed, narrowed and queried.

Grammar (SMART App Launch 2.2, section 3.0.2): `(patient|user|system)/(Type|*).[c][r][u][d][s][?param=value&…]`, the v1 form
`….read`, `….write`, `….*`, and the words `openid`, `fhirUser`, `launch`, `launch/patient`, `offline_access` and so on.
Params of one scope are joined by AND; several scopes are joined by OR.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field, replace
from functools import lru_cache
from urllib.parse import quote, unquote_plus

from service.problem import Category, Problem, problem

VERBS = "cruds"
WORDS = frozenset(
    {"openid", "fhirUser", "profile", "launch", "launch/patient", "offline_access", "online_access"},
)
_V1 = {"read": "rs", "write": "cud", "*": "cruds"}
_V1_NAMES = {verbs: name for name, verbs in _V1.items()}
_RESOURCE = re.compile(r"(patient|user|system)/(\*|[A-Z][A-Za-z]{1,63})\.(read|write|\*|c?r?u?d?s?)(?:\?(.+))?")
_LEGAL = re.compile(r"[\x21\x23-\x5B\x5D-\x7E]+")
_LONGEST = 8192

Param = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Permission:
    """A permission to use one verb on one type: in one context (`patient`, `user`, `system`), and only for content that matches
    all `params`.
    """

    context: str
    params: tuple[Param, ...] = ()


_permission = lru_cache(maxsize=4096)(Permission)
"""Permissions are cached: every request asks for some, and making a Permission takes longer than looking it up."""


@dataclass(frozen=True, slots=True)
class Access:
    """One resource scope. `verbs` is a subset of "cruds" in that order; `v1` only remembers the spelling to echo."""

    context: str
    type: str
    verbs: str
    params: tuple[Param, ...] = ()
    v1: bool = field(default=False, compare=False)

    def __str__(self) -> str:
        verbs = _V1_NAMES.get(self.verbs, self.verbs) if self.v1 and not self.params else self.verbs
        query = "&".join(f"{_encoded(name)}={_encoded(value)}" for name, value in self.params)
        return f"{self.context}/{self.type}.{verbs}" + (f"?{query}" if query else "")

    def covers(self, other: Access) -> bool:
        """Whether this scope alone allows everything that `other` allows."""
        return set(other.verbs) <= set(self.verbs) and self._reaches(other)

    def meet(self, other: Access) -> Access | None:
        """The scope of all that this scope and `other` both allow, spelled like this scope; None when that is nothing."""
        verbs = "".join(verb for verb in self.verbs if verb in other.verbs)
        if self.context != other.context or not verbs or not _types_meet(self.type, other.type):
            return None
        params = tuple(sorted({*self.params, *other.params}))
        return replace(self, type=other.type if self.type == "*" else self.type, verbs=verbs, params=params)

    def _reaches(self, other: Access) -> bool:
        return self.context == other.context and self.type in ("*", other.type) and set(self.params) <= set(other.params)


@dataclass(frozen=True, slots=True)
class Scopes:
    """A set of scopes. Order means nothing except in the text that is echoed."""

    entries: tuple[Access, ...] = ()
    words: tuple[str, ...] = ()

    def __str__(self) -> str:
        return " ".join((*self.words, *map(str, self.entries)))

    def __bool__(self) -> bool:
        return bool(self.entries or self.words)

    def has(self, word: str) -> bool:
        """Whether a scope without a resource, such as `openid`, is among these scopes."""
        return word in self.words

    def grants(self, type: str, verb: str) -> tuple[Permission, ...]:
        """Every permission to use `verb` (one of "cruds") on `type`; empty when these scopes do not allow the verb."""
        reached = [entry for entry in self.entries if verb in entry.verbs and entry.type in ("*", type)]
        found = [_permission(entry.context, entry.params) for entry in reached]
        return tuple(found) if len(found) < 2 else tuple(dict.fromkeys(found))

    def covers(self, other: Scopes) -> bool:
        """Whether these scopes allow everything that `other` allows."""
        if not set(other.words) <= set(self.words):
            return False
        return all(self._covers(replace(entry, verbs=verb)) for entry in other.entries for verb in entry.verbs)

    def narrowed(self, allowed: Scopes) -> Scopes:
        """The scopes of all that both these scopes and `allowed` grant, compared by coverage and not by spelling.

        The order and the form (v1 or v2) of these scopes are kept.
        """
        words = tuple(word for word in self.words if word in allowed.words)
        return Scopes(_merged(part for entry in self.entries for part in _parts(entry, allowed.entries)), words)

    def without(self, context: str) -> Scopes:
        """These scopes, less every resource scope of `context`."""
        return replace(self, entries=tuple(entry for entry in self.entries if entry.context != context))

    def with_records(self, *references: str) -> Scopes:
        """These scopes, and with `openid fhirUser` the reading of the records that say who the user is (SMART 2.2 section 4)."""
        if not (self.has("openid") and self.has("fhirUser")):
            return self
        named = [each.partition("/") for each in references if each]
        return replace(self, entries=(*self.entries, *(Access("user", kind, "r", (("_id", id),)) for kind, _, id in named)))

    def contexts(self) -> frozenset[str]:
        """The contexts (`patient`, `user`, `system`) that appear in these scopes."""
        return frozenset(entry.context for entry in self.entries)

    def unsupported(self, types: Collection[str], fault: Callable[[str, tuple[Param, ...]], str]) -> Problem | None:
        """The refusal of the first scope that the service could not enforce, or None.

        `types` are the resource types that are served; `fault(type, params)` says why a filter cannot be evaluated against the
        content of that type, or ''. A scope that cannot be enforced is refused when it is asked for, never ignored later.
        """
        for entry in self.entries:
            if entry.type != "*" and entry.type not in types:
                return _refusal(f"Scope `{entry}` names a resource type that is not served here; ask for a served type.")
            if entry.params and (why := fault(entry.type, entry.params)):
                return _refusal(f"Scope `{entry}` cannot be enforced here: {why}")
        return None

    def _covers(self, access: Access) -> bool:
        return any(entry.covers(access) for entry in self.entries)


NONE = Scopes()


@lru_cache(maxsize=4096)
def parse(text: str) -> Scopes | Problem:
    """Reads a space-separated scope text. Unknown words are kept: narrowing to a client's scopes removes them."""
    if len(text) > _LONGEST:
        return _refusal(f"The scope text is longer than {_LONGEST} characters; ask for fewer scopes.")
    entries: list[Access] = []
    words: list[str] = []
    for item in text.split():
        if not _LEGAL.fullmatch(item):
            return _refusal("A scope holds a character that RFC 6749 does not allow; percent-encode it.")
        if item.startswith(("patient/", "user/", "system/")):
            entry = _access(item)
            if entry is None:
                return _refusal(f"Scope `{item}` is not of the form `patient|user|system/Type.cruds?param=value`; correct it.")
            entries.append(entry)
        else:
            words.append(item)
    return Scopes(_merged(entries), tuple(dict.fromkeys(words)))


def _access(item: str) -> Access | None:
    found = _RESOURCE.fullmatch(item)
    if found is None or not found[3]:
        return None
    params = _params(found[4])
    if params is None:
        return None
    v1 = found[3] in _V1
    if v1 and params:  # v1 has no filters
        return None
    return Access(found[1], found[2], _V1.get(found[3], found[3]), params, v1)


def _params(query: str | None) -> tuple[Param, ...] | None:
    """The sorted pairs of name and value of a scope's query; None when a pair has no name or no value."""
    if query is None:
        return ()
    pairs = [part.partition("=") for part in query.split("&")]
    if not all(name and value for name, _, value in pairs):
        return None
    return tuple(sorted({(unquote_plus(name), unquote_plus(value)) for name, _, value in pairs}))


def _encoded(text: str) -> str:
    return quote(text, safe="/:|,$-._~!*()@;")


def _types_meet(one: str, other: str) -> bool:
    return "*" in (one, other) or one == other


def _parts(asked: Access, allowed: Iterable[Access]) -> list[Access]:
    """The meets of one asked scope with all allowed scopes, less every meet that another meet covers."""
    meets = _merged(meet for each in allowed if (meet := asked.meet(each)) is not None)
    return [one for one in meets if not any(other is not one and other.covers(one) for other in meets)]


def _merged(entries: Iterable[Access]) -> tuple[Access, ...]:
    """One entry for each (context, type, params), with the verbs of all entries that share them, in the order first seen."""
    found: dict[tuple[str, str, tuple[Param, ...]], Access] = {}
    for entry in entries:
        key = (entry.context, entry.type, entry.params)
        before = found.get(key)
        if before is None:
            found[key] = entry
            continue
        verbs = "".join(verb for verb in VERBS if verb in before.verbs or verb in entry.verbs)
        found[key] = replace(before, verbs=verbs, v1=before.v1 and entry.v1)
    return tuple(found.values())


def _refusal(text: str) -> Problem:
    return problem(Category.SCOPE, "forbidden", text, rule="SMART 2.2 scopes")
