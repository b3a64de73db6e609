from __future__ import annotations

import resource

import pytest
from google.protobuf import text_format
from hypothesis import example, given, settings
from hypothesis import strategies as st

from sigpb import protos
from sigpb.saved_model.text_literals import with_short_literals


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
def test_what_is_no_text_proto_stays_none(text: str) -> None:
    with pytest.raises(text_format.ParseError):
        parsed(with_short_literals(text))


def test_memory_is_in_proportion() -> None:
    text = f's: "{"x" * 4_000_000}"'
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    parsed(with_short_literals(text))

    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024
    assert grown < 10 * len(text)  # In one piece it is more than a hundred times as much.
