"""JSON is read and written without loss, and what would be lost is refused."""

import pickle
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from service.fhir.json import Number, dump, parse, pretty
from service.problem import Category, Problem


@pytest.mark.parametrize(
    "text",
    ["1.00", "1e2", "1.0E-2", "-0", "-0.0", "0", "-1", "1180591620717411303424", "9223372036854775808", "9223372036854775807",
             "-9223372036854775809", "100000000000000000000.10", "1E+2"],
)  # fmt: skip
def test_a_number_keeps_its_text(text):
    data = b'{"a":' + text.encode() + b',"b":[' + text.encode() + b"]}"
    resource = parse(data)
    assert not isinstance(resource, Problem)
    assert dump(resource) == data


def test_a_fraction_is_a_decimal_that_knows_its_text():
    resource = parse(b'{"value": 1.00}')
    assert resource["value"] == Decimal(1)
    assert resource["value"].text == "1.00"


def test_a_number_survives_pickling():
    assert pickle.loads(pickle.dumps(Number("1e2"))).text == "1e2"


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b'{"a":1,"a":2}', "`a` comes twice"),
        (b'{"x":[{"a":1,"b":2,"a":1}]}', "`a` comes twice"),
        (b'{"\\u0061":1,"a":2}', "`a` comes twice"),
        (b'{"a" :1,"a":2}', "`a` comes twice"),
        (b'{"a":1,"a":2,"b":"\\u0022:"}', "`a` comes twice"),
        (b'{"a":1,"a":2,"b":"x :"}', "`a` comes twice"),
        (b'{"a":{"b":1},"a":{}}', "`a` comes twice"),
        (b'{"a":NaN}', "not JSON"),
        (b'{"a":Infinity}', "not JSON"),
        (b'{"a":-Infinity}', "not JSON"),
        (b'{"a":"\xff"}', "UTF-8"),
        (b'{"a":"\xed\xa0\x80"}', "UTF-8"),
        (b'\xef\xbb\xbf{"a":1}', "byte order mark"),
        (b'{"a":"\\ud800"}', "surrogate"),
        (b'{"a":"\\udc00x"}', "not JSON"),
        (b'{"a":1} x', "trailing"),
        (b'{"a":1}{"a":1}', "trailing"),
        (b'{"a":1,}', "trailing comma"),
        (b'{"a":01}', "not JSON"),
        (b'{"a":"line\nbreak"}', "not JSON"),
        (b"[]", "not a JSON object"),
        (b"null", "not a JSON object"),
        (b'"a"', "not a JSON object"),
        (b"", "empty"),
        (b"  ", "empty"),
        (b'{"a":', "not JSON"),
        (b"[" * 10_000 + b"]" * 10_000, "deeper than `64`"),
        (b'{"a":' * 10_000 + b"1" + b"}" * 10_000, "deeper than `64`"),
        (b'{"a":' * 300 + b"1" + b"}" * 300, "deeper than `64`"),
        (b'{"a":' * 65 + b"1" + b"}" * 65, "deeper than `64`"),
        (b'{"a":1e9999}', "power of"),
        (b'{"a":1e99999999999999999999}', "number"),
        (b'{"a":' + b"9" * 5000 + b"}", "number"),
    ],
)
def test_what_cannot_be_kept_is_refused(data, says):
    refused = parse(data)
    assert isinstance(refused, Problem)
    assert refused.category is Category.MALFORMED
    assert says in str(refused)


def test_the_deepest_allowed_body_is_read():
    assert isinstance(parse(b'{"a":' * 64 + b"1" + b"}" * 64), dict)


@pytest.mark.parametrize(
    "data",
    [b'{"a":":","b":"\\":x"}',
     b'{"a" : 1, "b"\n: "-0,"}', b'{"\\u00e9":"\\u00e9","e":"\\ud83d\\ude00"}', b'{"a":"[[[{{{"}', b'{"":{}}'],
)  # fmt: skip
def test_text_that_looks_like_trouble_is_read(data):
    assert isinstance(parse(data), dict)


def test_pretty_keeps_numbers_and_order():
    assert pretty({"b": Number("1.00"), "a": 1}) == b'{\n  "b": 1.00,\n  "a": 1\n}'


def test_a_decimal_the_service_made_is_written_as_a_number():
    assert dump({"a": Decimal("2.50")}) == b'{"a":2.50}'


def test_what_is_not_json_is_a_bug_of_the_caller():
    with pytest.raises(TypeError):
        dump({"a": object()})


numbers = st.from_regex(r"\A-?(0|[1-9][0-9]{0,25})(\.[0-9]{1,8})?([eE][+-]?[0-9]{1,2})?\Z").map(Number)
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | numbers | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=20,
)


def plain(value):
    """The value with numbers as text and objects as ordered pairs, so that equality sees order and text."""
    if isinstance(value, dict):
        return [(name, plain(item)) for name, item in value.items()]
    if isinstance(value, list):
        return [plain(item) for item in value]
    return value.text if isinstance(value, Number) else repr(value)


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(st.dictionaries(texts, values, max_size=6))
def test_members_order_and_number_text_survive(resource):
    data = dump(resource)
    again = parse(data)
    assert dump(again) == data


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(st.dictionaries(texts, values, max_size=6))
def test_the_indented_form_reads_the_same(resource):
    assert plain(parse(pretty(resource))) == plain(parse(dump(resource)))


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(st.dictionaries(texts, values, min_size=1, max_size=4), st.booleans())
def test_a_repeated_member_is_always_found(resource, wide):
    name = next(iter(resource))
    body = (pretty if wide else dump)(resource)
    extra = dump({name: 1})[1:-1]
    assert isinstance(parse(body[:-1] + b"," + extra + b"}"), Problem)
