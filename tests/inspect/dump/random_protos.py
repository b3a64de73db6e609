"""Random messages in wire format: with fields again, in any order, packed or not, and unknown."""

from __future__ import annotations

import functools
import struct

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from hypothesis import strategies as st

from sigpb.inspect.schema import KnownField, known_fields
from sigpb.wire import WireType, encode_varint, length_delimited, tag

NUMBERS = st.one_of(
    st.integers(0, 300),
    st.sampled_from([2**31 - 1, 2**31, 2**32 - 1, 2**32, 2**63 - 1, 2**63, 2**64 - 1]),
)
FLOATS = st.one_of(
    st.floats(width=32, allow_nan=False),
    st.sampled_from([0.0, -0.0, 1e-45, 0.1, 16777217.0, 3.4028234663852886e38, float("nan")]),
)
TEXTS = st.one_of(st.text(max_size=8), st.sampled_from(["é\n", '"\\', "\x9b\u2028", "x" * 3000]))
BYTES = st.one_of(st.binary(max_size=8), st.binary(min_size=2000, max_size=2100))


@functools.cache
def encoded(schema: Descriptor, depth: int = 3) -> st.SearchStrategy[bytes]:
    """Some bytes of a message, which protobuf can parse."""
    known = [field for field in known_fields(schema).values() if depth or field.message is None]
    fields = [field_bytes(field, depth) for field in known]
    return st.lists(st.one_of(*fields, unknown(schema)), max_size=5).map(b"".join)


def unknown(schema: Descriptor) -> st.SearchStrategy[bytes]:
    """A field of a number that the message has not."""
    number = max(known_fields(schema), default=0) + 1
    return st.one_of(
        NUMBERS.map(lambda value: tag(number, WireType.VARINT) + encode_varint(value)),
        st.binary(max_size=4).map(lambda value: length_delimited(number, value)),
        st.just(tag(number, WireType.FIXED32) + b"abcd"),
        st.just(tag(number, WireType.GROUP_START) + tag(number, WireType.GROUP_END)),
    )


def field_bytes(known: KnownField, depth: int) -> st.SearchStrategy[bytes]:
    number = known.number
    if known.message is not None:
        # Protobuf's implementations do not agree on unknown fields in entries of maps.
        inner = entry(known.message, depth) if known.is_map else encoded(known.message, depth - 1)
        return inner.map(lambda value: length_delimited(number, value))
    if known.wire_type == WireType.LEN:
        is_text = known.type == FieldDescriptor.TYPE_STRING
        values = TEXTS.map(str.encode) if is_text else BYTES
        return values.map(lambda value: length_delimited(number, value))
    one = scalar(known)
    alone = one.map(lambda value: tag(number, WireType(known.wire_type)) + value)
    if not known.is_packable:
        return alone
    many = st.lists(one, max_size=40).map(lambda each: length_delimited(number, b"".join(each)))
    return st.one_of(alone, many)


def entry(schema: Descriptor, depth: int) -> st.SearchStrategy[bytes]:
    key, value = (field_bytes(known_fields(schema)[number], depth) for number in (1, 2))
    return st.tuples(key | st.just(b""), value | st.just(b"")).map(b"".join)


def scalar(known: KnownField) -> st.SearchStrategy[bytes]:
    if known.wire_type == WireType.VARINT:
        return NUMBERS.map(encode_varint)
    code = "<f" if known.wire_type == WireType.FIXED32 else "<d"
    return FLOATS.map(lambda value: struct.pack(code, value))
