from __future__ import annotations

import math
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sigpb import protos
from sigpb.inspect.proto_scalars import count, float_text, packed, quoted, scalars
from sigpb.inspect.schema import fields_by_name
from sigpb.wire import Message, WireError, length_delimited

TENSOR = fields_by_name(protos.TensorProto.DESCRIPTOR)


@given(st.floats(width=32, allow_nan=False))
def test_the_text_of_a_float_is_read_as_that_float(value: float) -> None:
    read = float(float_text(value))
    assert struct.pack("<f", read) == struct.pack("<f", value)
    assert len(float_text(value)) <= len(repr(value)) or abs(value) < 1e-3 or abs(value) > 1e5


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.1, "0.1"), (-0.0, "-0"), (1e20, "1e+20"), (math.inf, "inf"), (math.nan, "nan")],
)
def test_floats(value: float, text: str) -> None:
    (value,) = struct.unpack("<f", struct.pack("<f", value))
    assert float_text(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("a\"b\\c'd", r'"a\"b\\c\'d"'),
        ("é\n\t", r'"é\n\t"'),
        ("\x9b2J\u2028\u202e\x7f", r'"\302\2332J\342\200\250\342\200\256\177"'),
        (b"a\x00\xff", r'"a\000\377"'),
    ],
)
def test_quoted(value: str | bytes, text: str) -> None:
    assert quoted(value) == text


@given(st.lists(st.integers(0, 2**63 - 1)))
def test_packed_numbers_are_counted_and_taken_apart(values: list[int]) -> None:
    content = protos.TensorProto(int64_val=values).SerializeToString()
    message, known = Message.root(content), TENSOR["int64_val"]
    for field in message.fields():
        assert list(scalars(known, message, field)) == values
        assert count(known, message, field) == len(values)
        assert len(list(packed(known, message, field))) == len(values)
        assert b"".join(packed(known, message, field)) == message.value(field)


@pytest.mark.parametrize(
    ("name", "content"),
    [("float_val", b"abc"), ("int64_val", b"\x01\x80"), ("int64_val", b"\xff" * 12 + b"\x01")],
)
def test_damaged_lists_are_refused(name: str, content: bytes) -> None:
    known = TENSOR[name]
    message = Message.root(length_delimited(known.number, content))
    (field,) = message.fields()
    with pytest.raises(WireError):
        list(scalars(known, message, field))
