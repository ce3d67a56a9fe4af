"""A narrative may show, never act or fetch."""

import pytest

from service.fhir.narrative import unsafe

XHTML = 'xmlns="http://www.w3.org/1999/xhtml"'


def div(inner):
    return f"<div {XHTML}>{inner}</div>"


@pytest.mark.parametrize(
    "inner",
    [
        "text",
        "<p class='a' style='color: red'>x</p>",
        "a&#160;b &lt; &#169; &amp; &quot; &apos;",
        "<p style='background-image: url(data: image/png;base64,AA/+==)'>x</p>",
        "<p style='background-image: url(stripes.png); color: /* not black */ red'>x</p>",
        "<h2><a name='there'> </a>x</h2><a href='ftp://there/x'>y</a><a href='Patient?name=a:b'>z</a>",
        "<address>x</address><bdo dir='rtl'>y</bdo><map name='m'><area href='#a' alt='z' shape='rect' coords='0,0,1,1'/></map>",
        "<table class='grid' border='1' cellpadding='0'><thead><tr><th nowrap='nowrap'>x</th></tr></thead></table>",
        '<img src="https://there/x.png" alt="x" width="1"/>',
        "<p xmlns:x='urn:x' xml:lang='en'>x</p>",
        "<table><tbody><tr><td colspan='2'>x</td></tr></tbody></table>",
        '<a href="https://there/">x</a><a href="#b">y</a><a href="Patient/1">z</a>',
        '<img src="#pic" alt="x"/>',
        '<img src="data:image/png;base64,AA==" alt="x"/>',
        "<!-- a remark --><br/>x",
    ],
)
def test_plain_formatting_is_safe(inner):
    assert unsafe(div(inner)) == ""


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (div("<script>alert(1)</script>"), "`script`"),
        (div("<SCRIPT>x</SCRIPT>"), "`SCRIPT`"),
        (div("<iframe src='x'/>"), "`iframe`"),
        (div("<object/>"), "`object`"),
        (div("<form action='x'>x</form>"), "`form`"),
        (div("<input value='x'/>"), "`input`"),
        (div("<style>x</style>"), "`style`"),
        (div("<svg onload='x'/>"), "`svg`"),
        (div("<svg:script xmlns:svg='http://www.w3.org/2000/svg'>x</svg:script>"), "`svg:script`"),
        (div("<p onclick='x'>y</p>"), "`onclick`"),
        (div("<p onmouseover='x'>y</p>"), "`onmouseover`"),
        (div("<a href='javascript:x'>y</a>"), "scheme"),
        (div("<a href='jAvA&#10;script:x'>y</a>"), "scheme"),
        (div("<a href=' data:text/html,x'>y</a>"), "scheme"),
        (div("<a href='vbscript:x'>y</a>"), "scheme"),
        (div("<img src='javascript:x'/>"), "scheme"),
        (div("<img src='data:text/html,x'/>"), "scheme"),
        (div("<a href='javascript&colon;x'>y</a>"), "`colon`"),
        (div("a&nbsp;b"), "`nbsp`"),
        (div("<p style='background: url(//there/x)'>x</p>"), "style"),
        (div("<p style='background: image-set(\"https://there/x\" 1x)'>x</p>"), "style"),
        (div("<p style='width: exp/* */ression(x)'>x</p>"), "style"),
        (div("<u>x</u>"), "`u`"),
        (div("<del>x</del>"), "`del`"),
        (div("<p href='x'>y</p>"), "`href` of `p`"),
        (div("<table bgcolor='red'><tr><td>x</td></tr></table>"), "`bgcolor`"),
        (div("<p style='background: url(https://there)'>x</p>"), "style"),
        (div("<p style='width: expression(x)'>x</p>"), "style"),
        (div("<p xmlns='http://www.w3.org/2000/svg'>x</p>"), "namespace"),
        (f"<!DOCTYPE div [<!ENTITY a 'b'>]>{div('&a;')}", "declares"),
        (f"<!DOCTYPE div SYSTEM 'file:///etc/passwd'>{div('x')}", "declares"),
        (f"<?xml version='1.0'?>{div('x')}", "declares"),
        (div("<?php x ?>y"), "declares"),
        (div("&undefined;"), "`undefined`"),
        ("<div>x</div>", "must be one"),
        (f"<p {XHTML}>x</p>", "must be one"),
        (f"{div('x')}{div('y')}", "well-formed"),
        (div("<b>x"), "well-formed"),
        (div("a & b"), "well-formed"),
        ("x", "well-formed"),
        (div(" \n "), "empty"),
    ],
)
def test_what_acts_or_fetches_is_refused(text, says):
    assert says in unsafe(text)
