"""Narrative: the XHTML of `text.div` holds what R4 allows, shows content, and does not act or fetch by style.

Source: R4 2.7.1 (txt-1, txt-2), security rules §3. The elements and attributes are those of HTML 4.0, chapters 7 to 11
(without 9.4) and 15, less what HTML 4.0 deprecates; entities are those of XML.
"""

from __future__ import annotations

import re
from functools import lru_cache
from xml.parsers import expat
from xml.parsers.expat import errors

_ELEMENT_NAMES = """
abbr acronym address b bdo big br caption cite code col colgroup dd dfn div dl dt em h1 h2 h3 h4 h5 h6 hr i kbd li ol p pre samp
small span strong sub sup tbody tfoot thead tr tt ul var
"""
_ATTRIBUTE_NAMES = """
abbr accesskey align axis char charoff class colspan dir headers id lang rowspan scope span style tabindex title valign width
xml:lang xml:space xmlns
"""
_MORE = {
    "a": "charset coords href hreflang name rel rev shape type",
    "area": "alt coords href nohref shape",
    "blockquote": "cite",
    "img": "alt border height ismap longdesc src usemap",
    "map": "name",
    "q": "cite",
    "table": "border cellpadding cellspacing frame rules summary",
    "td": "nowrap",
    "th": "nowrap",
}
_EVERYWHERE = frozenset(_ATTRIBUTE_NAMES.split())
_ATTRIBUTES = {
    **dict.fromkeys(_ELEMENT_NAMES.split(), _EVERYWHERE),
    **{name: _EVERYWHERE | frozenset(more.split()) for name, more in _MORE.items()},
}
"""The elements that a narrative may hold, with their attributes."""
_PARENT_NAMES = {
    "area": "map",
    "caption": "table",
    "col": "colgroup table",
    "colgroup": "table",
    **dict.fromkeys(("dd", "dt"), "dl"),
    "li": "ol ul",
    **dict.fromkeys(("tbody", "tfoot", "thead"), "table"),
    **dict.fromkeys(("td", "th"), "tr"),
    "tr": "table tbody tfoot thead",
}
_PARENTS = {name: frozenset(parents.split()) for name, parents in _PARENT_NAMES.items()}
"""The elements in which an element may stand that may not stand everywhere."""
_SPACE = " \t\r\n"
_TARGET = re.compile(r"""<(?:a|area|img)\s[^>]*?\b(?:href|src)\s*=\s*["']#([^"']+)["']""")
_NAMED = re.compile(r"""\s(?:id|name)\s*=\s*["']([^"']+)["']""")
_XHTML = "http://www.w3.org/1999/xhtml"
_LINKS = ("http:", "https:", "ftp:", "mailto:", "tel:", "sms:", "urn:")
_SCHEME = re.compile(r"[a-z][a-z0-9+.\-]*:")
_ENTITY = re.compile(r"&(?!#|(?:amp|apos|gt|lt|quot);)([A-Za-z][A-Za-z0-9]*);")
_FETCHES = re.compile(r"url\((?!['\"]?(?:data:image/|#|[a-z0-9_.\-]+['\"]?\)))|image-set\(|@import")
"""A style that asks for anything but a picture that is embedded, or a file beside the record."""
_ACTS = re.compile(r"expression\(|behavior:|-moz-binding|\\")
_MALFORMED = "The narrative is not well-formed XHTML: close every element and write `&amp;` for `&`."


class _UnsafeError(Exception):
    """A fault of a narrative; the error's text says which, as the end of a sentence."""


@lru_cache(maxsize=512)
def unsafe(div: str) -> str:
    """Why a narrative is refused, as a sentence; empty when the narrative is safe. Cached, because templates repeat."""
    try:
        _read(div)
    except _UnsafeError as error:
        return f"The narrative {error}."
    except expat.ExpatError as error:
        named = _ENTITY.search(div) if error.code == expat.errors.codes[errors.XML_ERROR_UNDEFINED_ENTITY] else None
        if named:
            return f"The narrative names an entity `{named[1][:40]}` that XML does not have: write the character itself."
        return _MALFORMED
    except (UnicodeEncodeError, ValueError):
        return _MALFORMED
    return ""


def targets(div: str) -> list[str]:
    """The ids to which the links and pictures of a narrative lead, less those of the narrative itself."""
    found = _TARGET.findall(div) if "#" in div else []
    return [each for each in found if each not in _NAMED.findall(div)]


class _Reader:
    """The parser's handlers while one narrative is read."""

    def __init__(self) -> None:
        self.open: list[str] = []
        self.content = False

    def start(self, name: str, attributes: dict[str, str]) -> None:
        if not self.open and (name != "div" or attributes.get("xmlns", "") != _XHTML):
            raise _UnsafeError(f'must be one `<div xmlns="{_XHTML}">`')
        if name not in _ATTRIBUTES:
            raise _UnsafeError(f"may not hold the element `{name[:40]}`: use the plain formatting of HTML 4.0")
        if name in _PARENTS and self.open[-1] not in _PARENTS[name]:
            raise _UnsafeError(f"has an element `{name}` out of its place: put it into `{min(_PARENTS[name])}`")
        self.open.append(name)
        self.content = self.content or name == "img"
        for attribute, value in attributes.items():
            _attribute(name, attribute, value)

    def end(self, _name: str) -> None:
        self.open.pop()

    def text(self, data: str) -> None:
        self.content = self.content or data.strip(_SPACE) != ""


def _attribute(element: str, name: str, value: str) -> None:
    if name not in _ATTRIBUTES[element] and not name.startswith("xmlns:"):
        raise _UnsafeError(f"may not hold the attribute `{name[:40]}` of `{element}`: leave it out")
    link = "".join(value.split()).lower()
    if name in ("href", "cite", "longdesc") and not _leads(link):
        raise _UnsafeError("links by a scheme that is not allowed: use `https`, `http`, `mailto` or `tel`")
    if name == "src" and not (link.startswith("data:image/") or _leads(link)):
        raise _UnsafeError("shows a picture by a scheme that is not allowed: use `https`, `#id` or `data:image/…`")
    if name == "style" and _goes_out(_uncommented(link)):
        raise _UnsafeError("has a style that fetches or acts: use plain styles, and embed pictures as `data:image/…`")
    if name == "xmlns" and value != _XHTML:
        raise _UnsafeError(f"has an element `{element}` of another namespace: use XHTML only")


def _leads(link: str) -> bool:
    """Whether a link is relative, or of a scheme that only leads somewhere."""
    return link.startswith(_LINKS) or not _SCHEME.match(link)


def _uncommented(style: str) -> str:
    """A style without its comments, which could part a word in two. A comment that does not end takes the rest with it."""
    parts, start = [], 0
    while (opened := style.find("/*", start)) >= 0:
        parts.append(style[start:opened])
        closed = style.find("*/", opened + 2)
        if closed < 0:
            return "".join(parts)
        start = closed + 2
    return "".join((*parts, style[start:]))


def _goes_out(style: str) -> bool:
    return _FETCHES.search(style) is not None or _ACTS.search(style) is not None


def _forbid(*_ignored: object) -> None:
    raise _UnsafeError("declares a document type, an entity or an instruction: send the `div` alone")


def _read(div: str) -> None:
    reader = _Reader()
    parser = expat.ParserCreate("utf-8")
    parser.ordered_attributes = False
    parser.StartElementHandler = reader.start
    parser.EndElementHandler = reader.end
    parser.CharacterDataHandler = reader.text
    parser.StartDoctypeDeclHandler = _forbid
    parser.EntityDeclHandler = _forbid
    parser.ProcessingInstructionHandler = _forbid
    parser.XmlDeclHandler = _forbid
    parser.Parse(div.encode("utf-8"), True)
    if not reader.content:
        raise _UnsafeError("is empty: say something in the `div`, or leave `text` out")
