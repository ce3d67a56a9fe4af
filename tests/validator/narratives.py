"""Mutations of the narrative: what it may not hold, what is no XHTML, and what says nothing."""

from __future__ import annotations

from random import Random

from tests.validator.places import Resource, kind

XHTML = 'xmlns="http://www.w3.org/1999/xhtml"'
ENTITIES = (
    "&nbsp;",
    "&copy;",
    "&bogus;",
    "&amp;",
    "a & b",
    "&#160;",
    "&#x1;",
    "&lt;",
    "&gt;",
    "&quot;",
    "&apos;",
    "&eacute;",
    "&hellip;",
    "&#8211;",
    "&#x2019;",
    "&lt",
    "&;",
)
ELEMENTS = (
    "<script>x</script>",
    "<b>x</b>",
    "<font color='red'>x</font>",
    "<iframe src='x'/>",
    "<form>x</form>",
    "<input type='text'/>",
    "<p><i>x</i></p>",
    "<table><tr><td>x</td></tr></table>",
    "<img src='#x' alt='x'/>",
    "<img src='http://example.org/x.png' alt='x'/>",
    "<h7>x</h7>",
    "<object>x</object>",
    "<style>p {}</style>",
    "<center>x</center>",
    "<br>",
    "<p>x",
    "<P>x</P>",
    "<!-- x -->y",
    "<?x y?>z",
    "<![CDATA[x]]>",
    "<u>x</u>",
    "<video>x</video>",
    "<a href='http://example.org'>x</a>",
    "<a href='javascript:x'>x</a>",
    "<a name='x'>y</a>",
    "<svg xmlns='http://www.w3.org/2000/svg'/>x",
    "<link rel='x'/>x",
    "<base href='x'/>x",
    "<pre>x</pre>",
    "<tt>x</tt>",
    "<section>x</section>",
    "<del>x</del>",
    "<label>x</label>",
)
ATTRIBUTES = (
    "onclick='x()'",
    "style='color: red'",
    "class='x'",
    "id='x'",
    "title='x'",
    "lang='en'",
    "xml:lang='en'",
    "background='x'",
    "data-x='y'",
    "style='background-image: url(x)'",
    "dir='rtl'",
    "width='1'",
    "bgcolor='red'",
    "bogus='x'",
    "nowrap='nowrap'",
    "role='x'",
    "STYLE='x'",
    "href='x'",
    "style='background-image: url(http://example.org/x.png)'",
    "align='left'",
    "onload='x'",
    "aria-label='x'",
    "xmlns:x='urn:x'",
)
DIVS = (
    f"<div {XHTML}></div>",
    f"<div {XHTML}/>",
    f"<div {XHTML}> \n </div>",
    "<div>x</div>",
    f"<p {XHTML}>x</p>",
    "x",
    f"<div {XHTML}>x",
    f"<div {XHTML}>x</div><div {XHTML}>y</div>",
    f"<div {XHTML}><p/></div>",
    f"<div {XHTML}><br/></div>",
    "<div xmlns='urn:x'>x</div>",
    f"<?xml version='1.0'?><div {XHTML}>x</div>",
    f"<!DOCTYPE html><div {XHTML}>x</div>",
    f" <div {XHTML}>x</div> ",
    f"<DIV {XHTML}>x</DIV>",
    f"<div {XHTML}>&#160;</div>",
    f"<div {XHTML}><p>x</div></p>",
    "<html:div xmlns:html='http://www.w3.org/1999/xhtml'>x</html:div>",
)


def told(resource: Resource, div: object, status: object = "generated") -> str:
    """Gives the resource, or the first resource in it, this narrative."""
    held = resource["entry"][0]["resource"] if resource["resourceType"] == "Bundle" else resource
    held["text"] = {"status": status, "div": div}
    return f"text.div = {div}"


def spoken(resource: Resource) -> bool:
    """Whether a resource may have a narrative."""
    return resource["resourceType"] != "Parameters"


@kind("entity in the narrative")
def entity(resource: Resource, chance: Random) -> str | None:
    return told(resource, f"<div {XHTML}>x {chance.choice(ENTITIES)}</div>") if spoken(resource) else None


@kind("element in the narrative")
def element(resource: Resource, chance: Random) -> str | None:
    return told(resource, f"<div {XHTML}>{chance.choice(ELEMENTS)}</div>") if spoken(resource) else None


@kind("attribute in the narrative")
def attribute(resource: Resource, chance: Random) -> str | None:
    name = chance.choice(["p", "div", "td", "span"])
    said = f"<{name} {chance.choice(ATTRIBUTES)}>x</{name}>"
    return (
        told(resource, f"<div {XHTML}>{f'<table><tr>{said}</tr></table>' if name == 'td' else said}</div>")
        if spoken(resource)
        else None
    )


@kind("narrative")
def div(resource: Resource, chance: Random) -> str | None:
    return told(resource, chance.choice(DIVS)) if spoken(resource) else None


@kind("text of a resource")
def text(resource: Resource, chance: Random) -> str | None:
    if not spoken(resource) or resource["resourceType"] == "Bundle":
        return None
    resource["text"] = chance.choice(
        [
            {"status": "no-such"},
            {"status": "empty"},
            {"div": f"<div {XHTML}>x</div>"},
            "x",
            {},
            {"status": "generated", "div": ""},
            {"status": "empty", "div": f"<div {XHTML}>x</div>"},
            {"status": "generated", "_div": {"id": "x"}},
            {"status": "generated", "div": f"<div {XHTML}>x</div>", "_div": {"id": "x"}},
        ]
    )
    return f"text = {resource['text']!r}"
