from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sigpb.wire import Message, WireType, encode_varint, length_delimited, map_entry, tag

from .nodes import Number, encoded, make_node, names


@pytest.mark.parametrize(
    ("value", "expected"),
    [(0, "00"), (127, "7f"), (128, "80 01"), (300, "ac 02"), (2**64 - 1, "ff" * 9 + "01")],
)
def test_varint(value: int, expected: str) -> None:
    assert encode_varint(value) == bytes.fromhex(expected)


@pytest.mark.parametrize("value", [-1, 2**64])
def test_numbers_that_do_not_fit_are_refused(value: int) -> None:
    with pytest.raises(ValueError, match="not an unsigned 64-bit number"):
        encode_varint(value)


@given(st.integers(0, 2**64 - 1))
def test_varints_are_those_of_protobuf(value: int) -> None:
    data = tag(Number.IDS, WireType.VARINT) + encode_varint(value)
    assert data == encoded(make_node(ids=[value]))


@given(st.integers(1, 2**29 - 1), st.sampled_from([WireType.LEN, WireType.VARINT]))
def test_a_tag_is_read_back(number: int, wire_type: WireType) -> None:
    (field,) = Message.root(tag(number, wire_type) + b"\x00").fields()
    assert (field.number, field.wire_type) == (number, wire_type)


@pytest.mark.parametrize("number", [0, -1, 2**29])
def test_numbers_that_no_field_has_are_refused(number: int) -> None:
    with pytest.raises(ValueError, match="not a field number"):
        tag(number, WireType.LEN)


@given(st.binary(max_size=300))
def test_length_delimited_fields_are_those_of_protobuf(payload: bytes) -> None:
    assert length_delimited(Number.PAYLOAD, payload) == encoded(make_node(payload=payload))


@given(names, names)
def test_map_entries_are_those_of_protobuf(key: str, name: str) -> None:
    value = encoded(make_node(name=name))
    expected = encoded(make_node(by_name={key: {"name": name}}))
    assert map_entry(Number.BY_NAME, key.encode(), value) == expected
