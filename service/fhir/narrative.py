"""Narrative safety: the XHTML of `text.div` may show content, but must not act or fetch from elsewhere.

Source: R4 2.7.1 (txt-1, txt-2), security rules §3.
"""

from __future__ import annotations

from functools import lru_cache
from html.entities import name2codepoint
from xml.parsers import expat

_ELEMENT_NAMES = """
a abbr acronym b big blockquote br caption cite code col colgroup dd del dfn div dl dt em h1 h2 h3 h4 h5 h6 hr i img ins kbd
li ol p pre q samp small span strong sub sup table tbody td tfoot th thead tr tt u ul var
"""
_ATTRIBUTE_NAMES = """
abbr accesskey align alt axis bgcolor border cellhalign cellpadding cellspacing cellvalign char charoff charset cite class
cols colspan compact coords dir frame headers height href hreflang hspace id lang longdesc name nowrap rel rev rowspan rules
scope shape span src start style summary tabindex target title type valign value vspace width xml:lang xml:space xmlns
"""
_ELEMENTS = frozenset(_ELEMENT_NAMES.split())
_ATTRIBUTES = frozenset(_ATTRIBUTE_NAMES.split())
_XHTML = "http://www.w3.org/1999/xhtml"
_LINKS = ("http:", "https:", "mailto:", "tel:")


class _UnsafeError(Exception):
    """A fault of a narrative; the error's text says which, as the end of a sentence."""


@lru_cache(maxsize=512)
def unsafe(div: str) -> str:
    """Why a narrative is refused, as a sentence; empty when the narrative is safe. Cached, because templates repeat."""
    try:
        _read(div)
    except _UnsafeError as error:
        return f"The narrative {error}."
    except (expat.ExpatError, UnicodeEncodeError, ValueError):
        return "The narrative is not well-formed XHTML: close every element and write `&amp;` for `&`."
    return ""


class _Reader:
    """The parser's handlers while one narrative is read."""

    def __init__(self) -> None:
        self.depth = 0
        self.content = False

    def start(self, name: str, attributes: dict[str, str]) -> None:
        if self.depth == 0 and (name != "div" or attributes.get("xmlns", "") != _XHTML):
            raise _UnsafeError(f'must be one `<div xmlns="{_XHTML}">`')
        self.depth += 1
        if name not in _ELEMENTS:
            raise _UnsafeError(f"may not hold the element `{name[:40]}`: use plain formatting only")
        self.content = self.content or name == "img"
        for attribute, value in attributes.items():
            _attribute(name, attribute, value)

    def end(self, _name: str) -> None:
        self.depth -= 1

    def text(self, data: str) -> None:
        self.content = self.content or not data.isspace()

    def entity(self, name: str, _parameter: bool) -> None:
        if name not in name2codepoint:
            raise _UnsafeError(f"names an entity `{name[:40]}` that XHTML does not have: write the character itself")
        self.content = True


def _attribute(element: str, name: str, value: str) -> None:
    if name not in _ATTRIBUTES:
        raise _UnsafeError(f"may not hold the attribute `{name[:40]}`: leave it out")
    link = "".join(value.split()).lower()
    if name == "href" and not (link.startswith(("#", *_LINKS)) or ":" not in link.split("/")[0]):
        raise _UnsafeError("links by a scheme that is not allowed: use `https`, `http`, `mailto` or `tel`")
    if name in ("src", "longdesc", "cite") and not (
        link.startswith(("#", "data:image/")) or (":" not in link and "//" not in link)
    ):
        raise _UnsafeError("fetches from elsewhere: refer to a contained picture by `#id`, or embed it")
    if name == "style" and ("url(" in link or "expression(" in link or "@import" in link or "\\" in link):
        raise _UnsafeError("has a style that fetches or acts: use plain styles")
    if name == "xmlns" and value != _XHTML:
        raise _UnsafeError(f"has an element `{element}` of another namespace: use XHTML only")


def _forbid(*_ignored: object) -> None:
    raise _UnsafeError("declares a document type, an entity or an instruction: send the `div` alone")


def _read(div: str) -> None:
    reader = _Reader()
    parser = expat.ParserCreate("utf-8")
    parser.SetParamEntityParsing(expat.XML_PARAM_ENTITY_PARSING_NEVER)
    parser.UseForeignDTD(True)
    parser.ordered_attributes = False
    parser.StartElementHandler = reader.start
    parser.EndElementHandler = reader.end
    parser.CharacterDataHandler = reader.text
    parser.SkippedEntityHandler = reader.entity
    parser.StartDoctypeDeclHandler = _forbid
    parser.EntityDeclHandler = _forbid
    parser.ProcessingInstructionHandler = _forbid
    parser.XmlDeclHandler = _forbid
    parser.Parse(div.encode("utf-8"), True)
    if not reader.content:
        raise _UnsafeError("is empty: say something in the `div`, or leave `text` out")
