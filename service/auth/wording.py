"""Scopes in plain words, for the person who is asked to allow them."""

from __future__ import annotations

import re

from service.auth.scopes import Access, Scopes
from service.fhir.canonical import CARE_PLAN, CRISIS_PLAN, SNOMED

_VERBS = {"r": "read", "s": "search", "c": "add", "u": "change", "d": "delete"}
_WORDS = {
    "openid": "know who you are",
    "fhirUser": "know your record or role in this service",
    "profile": "know your record or role in this service",
    "offline_access": "keep this access when you are not using it, until you or this service end it",
    "online_access": "keep this access while you stay logged in",
    "launch": "know which person you were looking at",
    "launch/patient": "know which person you choose here",
}
_WHOSE = {
    "patient": "of the chosen person",
    "user": "of everybody whose records you may see",
    "system": "of everybody",
}
_KNOWN = {
    f"{SNOMED}|{CRISIS_PLAN}": "“crisis plan”",
    f"{SNOMED}|{CARE_PLAN}": "“care plan”",
}
_PLURALS = {"*": "all records", "Consent": "consents and their limits", "Patient": "personal details"}


def lines(scopes: Scopes) -> tuple[str, ...]:
    """One line for each scope that would be granted: words such as `openid` first, then resource scopes; no line twice."""
    said = [_WORDS[word] for word in scopes.words if word in _WORDS]
    return tuple(dict.fromkeys([*said, *map(_line, scopes.entries)]))


def _line(access: Access) -> str:
    verbs = [_VERBS[verb] for verb in "rscud" if verb in access.verbs]
    doing = verbs[0] if len(verbs) == 1 else f"{', '.join(verbs[:-1])} and {verbs[-1]}"
    only = " and ".join(f"{name} {_value(value)}" for name, value in access.params)
    return f"{doing} {_noun(access.type)} {_WHOSE[access.context]}" + (f", only with {only}" if only else "")


def _value(value: str) -> str:
    """A filter's value in plain words where this service knows them, else its code."""
    return _KNOWN.get(value, value.rpartition("|")[2])


def _noun(kind: str) -> str:
    if kind in _PLURALS:
        return _PLURALS[kind]
    words = re.sub(r"(?<!^)(?=[A-Z])", " ", kind).lower()
    return f"{words[:-1]}ies" if words.endswith("y") else f"{words}s"
