"""Encoding protobuf fields."""

from __future__ import annotations

from sigpb.wire.fields import MAX_FIELD_NUMBER, WireType


def encode_varint(value: int) -> bytes:
    """Returns the shortest varint of an unsigned 64-bit number.

    Raises:
        ValueError: The number does not fit.
    """
    if not 0 <= value < 2**64:
        raise ValueError(f"{value} is not an unsigned 64-bit number")
    encoded = bytearray()
    while value >= 0x80:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)


def tag(number: int, wire_type: WireType) -> bytes:
    """Returns the tag that starts a field.

    Raises:
        ValueError: No field can have this number.
    """
    if not 0 < number <= MAX_FIELD_NUMBER:
        raise ValueError(f"{number} is not a field number")
    return encode_varint(number << 3 | wire_type)


def length_delimited(number: int, payload: bytes) -> bytes:
    """Returns a complete field that holds a message, a string, bytes or packed scalars."""
    return tag(number, WireType.LEN) + encode_varint(len(payload)) + payload


def map_entry(number: int, key: bytes, value: bytes) -> bytes:
    """Returns a complete entry of a string-keyed map field whose values are length-delimited."""
    return length_delimited(number, length_delimited(1, key) + length_delimited(2, value))
