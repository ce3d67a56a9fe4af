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
        "a&nbsp;b &lt; &#169;",
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
        (div("<img src='http://there/x.png'/>"), "fetches"),
        (div("<img src='//there/x.png'/>"), "fetches"),
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
