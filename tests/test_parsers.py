from __future__ import annotations

import json
import resource

import pytest
from google.protobuf import text_format
from hypothesis import example, given, settings
from hypothesis import strategies as st

from sigpb import protos
from sigpb.parsers import (
    parse_call,
    parse_json_value,
    parse_number,
    parse_path,
    parse_text_proto,
    with_short_literals,
)


@pytest.mark.parametrize("text", ["[" * 100_000, "9" * 5000, "", "{", b"\xff", '{"a": 1} {'])
def test_what_is_no_json_is_a_value_error(text: str | bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 (of several kinds)
        parse_json_value(text)


def test_json() -> None:
    assert parse_json_value('{"a": [1.5]}', lambda text: float(text) * 2) == {"a": [3.0]}
    with pytest.raises(json.JSONDecodeError):
        parse_json_value("[1,]")


@pytest.mark.parametrize("value", [None, 1, ["a"], "a\0b", "\ud800"])
def test_no_path(value: object) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 (of several kinds)
        parse_path(value)


@pytest.mark.parametrize("path", ["", "/a/b", "gs://a/b", "é", "not UTF-8: \udcff"])
def test_path(path: str) -> None:
    assert parse_path(path) == path


@pytest.mark.parametrize("depth", [5, 100_000])
def test_text_protos(depth: int) -> None:
    text = (
        "meta_graphs { graph_def { node { attr { key: 'a' value { "
        + "func { attr { value { " * depth
    )
    with pytest.raises(text_format.ParseError):
        parse_text_proto(text, protos.SavedModel(), protos.POOL)
    assert parse_text_proto("id: 'p'", protos.SavedModelPatch()).id == "p"


@pytest.mark.parametrize("text", ["", "x", "-1", "+1", "1.0", " 1", "1_0", "²", "٣"])
def test_no_number(text: str) -> None:
    assert parse_number(text) is None


def test_numbers() -> None:
    assert [parse_number(text) for text in ("0", "007", str(2**63 - 1))] == [0, 7, 2**63 - 1]
    assert (parse_number("9" * 5000) or 0) > 2**63


def test_calls() -> None:
    assert parse_call(" f(1, ['a', None], x=-2.5) ") == ("f", [1, ["a", None]], {"x": -2.5})
    assert parse_call("f()") == ("f", [], {})
    assert parse_call("f(1/255, x=[-1 / 2, 3])") == ("f", [1 / 255], {"x": [-0.5, 3]})


DEEP = ("f(" + "[" * 5000 + ")", "f(" + "(" * 5000 + ")" * 5001, "-" * 100_000 + "1")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "f",
        "f(",
        "f(x)",
        "f(g())",
        "f(*[1])",
        "f(**{})",
        "a.f()",
        "f(1)(2)",
        "f(1/0)",
        "f(1/x)",
        "f(1/'a')",
        "f(10**9)",
        "f(\0)",
        *DEEP,
    ],
)
def test_what_is_no_call(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 (of several kinds)
        parse_call(text)


def parsed(text: str) -> protos.AttrValue:
    return text_format.Parse(text, protos.AttrValue())


@settings(max_examples=15, deadline=None)
@given(st.binary(min_size=1, max_size=40), st.booleans())
@example(b"a", False)
@example(b"\x00", False)
@example(b"\\", False)
@example(b"\"'", False)
@example("\U0001f600".encode(), True)
def test_the_same_is_parsed(part: bytes, as_utf8: bool) -> None:
    value = protos.AttrValue(s=part * 3_000)
    text = text_format.MessageToString(value, as_utf8=as_utf8)

    short = with_short_literals(text)

    assert parsed(short) == value
    assert short.count("\n") == text.count("\n")
    assert max(map(len, short.split(' "'))) < 1 << 16


def test_every_way_to_write_a_character() -> None:
    for escape in (r"\n", r"\101", r"\7", r"\x41", r"\u00e4", r"\U0001F600", r"\'", r"\""):
        for before in range(40):
            text = f's: "{"abcdefghij" * 1635 + "." * before}{escape * 40}"'
            assert parsed(with_short_literals(text)) == parsed(text)


@pytest.mark.parametrize(
    "text",
    [
        "s: 'a' # it's \"\ni: 3",
        f"# {'x' * 20_000} isn't it\ns: 'a'",
        f"s: 'a' {' ' * 20_000} # \\\"",
    ],
)
def test_what_has_no_long_literal_stays(text: str) -> None:
    assert with_short_literals(text) == text


@pytest.mark.parametrize("text", [f's: "{"x" * 40_000}', f's: "{"x" * 40_000}\ni: 3', 's: "\\'])
def test_text_with_long_literals_that_is_no_proto_stays_none(text: str) -> None:
    with pytest.raises(text_format.ParseError):
        parsed(with_short_literals(text))


def test_memory_is_in_proportion() -> None:
    text = f's: "{"x" * 4_000_000}"'
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    parse_text_proto(text, protos.AttrValue())

    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024
    assert grown < 10 * len(text)  # In one piece it is more than a hundred times as much.
