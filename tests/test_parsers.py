from __future__ import annotations

import json

import pytest
from google.protobuf import text_format

from sigpb import protos
from sigpb.parsers import (
    parse_call,
    parse_json_value,
    parse_number,
    parse_path,
    parse_text_proto,
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


DEEP = ("f(" + "[" * 5000 + ")", "f(" + "(" * 5000 + ")" * 5001, "-" * 100_000 + "1")


@pytest.mark.parametrize(
    "text",
    ["", "f", "f(", "f(x)", "f(g())", "f(*[1])", "f(**{})", "a.f()", "f(1)(2)", "f(\0)", *DEEP],
)
def test_what_is_no_call(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 (of several kinds)
        parse_call(text)
