"""The values of fields on the wire: as their schema has them, or as they may well be meant.

Whether protobuf parses a field is found out where the field is: it need not be copied for that.
"""

from __future__ import annotations

import codecs
import math
import re
import struct
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import NamedTuple, TypeAlias

from google.protobuf import message as protobuf_message
from google.protobuf.descriptor import FieldDescriptor

from sigpb import protos
from sigpb.inspect.proto_scalars import FIXED_CODES, meant
from sigpb.inspect.schema import KnownField, message_shape
from sigpb.wire import Buffer, Field, Message, WireError, WireType, length_delimited
from sigpb.wire.lenient import looks_like_message, looks_like_text

Scalar: TypeAlias = str | int | float | bool

# So much of a long value is shown.
SHOWN_TEXT = 80
SHOWN_BYTES = 24
SHOWN_ELEMENTS = 8

_CHUNK = 1 << 16

# protobuf reads no longer message, and no tag or length of more bytes.
MAX_LENGTH = 2**31 - 1
_HEADER_VARINT = 5

# Larger fields are not copied to be parsed, but looked through where they are.
_PARSED_SIZE = 1 << 20

_LONG_VARINT = re.compile(rb"[\x80-\xff]{10}")


class Value(NamedTuple):
    """The value of a field that holds no message.

    Attributes:
        type: The name of its type, such as ``string``, ``int64`` or ``DataType``.
        value: The value, or its beginning; bytes in hexadecimal.
        is_cut: Whether that is not all.
        others: If the type is a guess, the value read as other types, by their names.
        problem: Why it is no valid value of its type; empty if it is.
    """

    type: str
    value: Scalar | tuple[Scalar, ...]
    is_cut: bool = False
    others: Mapping[str, Scalar] = {}
    problem: str = ""


def known_value(buffer: Buffer, field: Field, known: KnownField) -> Value:
    """Reads a field that is no message and whose schema is known."""
    start, end = field.value_start, field.value_end
    if known.type == FieldDescriptor.TYPE_STRING:
        return _string(buffer, start, end)
    if known.type == FieldDescriptor.TYPE_BYTES:
        return _bytes(buffer, start, end)
    if field.wire_type != WireType.LEN:
        return Value(known.type_name, _scalar(buffer, field, known))
    elements = tuple(islice(_packed(buffer, field, known), SHOWN_ELEMENTS + 1))
    problem = _packed_problem(buffer, field, known)
    is_cut = len(elements) > SHOWN_ELEMENTS
    return Value(f"packed {known.type_name}", elements[:SHOWN_ELEMENTS], is_cut, problem=problem)


def guessed_value(buffer: Buffer, field: Field) -> Value | None:
    """Reads a field of which nothing is known.

    Returns:
        The most likely value; None if it looks like a message, or is a group.
    """
    start, end = field.value_start, field.value_end
    if field.wire_type == WireType.VARINT:
        return _guessed_varint(_varint(buffer, field))
    if field.wire_type in (WireType.FIXED32, WireType.FIXED64):
        bits = 8 * (end - start)
        (number,) = struct.unpack("<I" if bits == 32 else "<Q", buffer[start:end])
        (real,) = struct.unpack("<f" if bits == 32 else "<d", buffer[start:end])
        others = {"float" if bits == 32 else "double": _json_number(real)}
        if number >> bits - 1:
            others[f"sfixed{bits}"] = number - (1 << bits)
        return Value(f"fixed{bits}", number, others=others)
    if field.wire_type == WireType.GROUP_START or looks_like_message(buffer, start, end):
        return None
    if looks_like_text(buffer, start, end):
        text = _string(buffer, start, end)
        if not text.problem:
            return text
    return _bytes(buffer, start, end)


def not_utf8(buffer: Buffer, start: int, end: int) -> int | None:
    """Returns the offset of the first byte that is not UTF-8 in a range, or None."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    for chunk in range(start, end, _CHUNK):
        last = min(end, chunk + _CHUNK)
        pending = len(decoder.getstate()[0])
        try:
            decoder.decode(bytes(buffer[chunk:last]), final=last == end)
        except UnicodeDecodeError as error:
            return chunk - pending + error.start
    return None


def _string(buffer: Buffer, start: int, end: int) -> Value:
    bad = not_utf8(buffer, start, end)
    # A character takes four bytes at most; half of one that is cut off is left out.
    beginning = bytes(buffer[start : min(end, start + 4 * SHOWN_TEXT)])
    text = beginning.decode(errors="backslashreplace" if bad is not None else "ignore")
    is_cut = len(text) > SHOWN_TEXT or end - start > len(beginning)
    problem = f"text that is not UTF-8 at byte {bad}" if bad is not None else ""
    return Value("string", text[:SHOWN_TEXT], is_cut, problem=problem)


def _bytes(buffer: Buffer, start: int, end: int) -> Value:
    beginning = bytes(buffer[start : min(end, start + SHOWN_BYTES)])
    return Value("bytes", beginning.hex(), end - start > SHOWN_BYTES)


def _varint(buffer: Buffer, field: Field) -> int:
    return Message(buffer, field.start, field.end).varint(field)


def _guessed_varint(number: int) -> Value:
    others: dict[str, Scalar] = {}
    if number >> 63:
        others["int64"] = number - (1 << 64)
    if number > 1:  # which is more often a flag or a count than -1
        others["sint64"] = meant(FieldDescriptor.TYPE_SINT64, number)
    return Value("uint64", number, others=others)


def _scalar(buffer: Buffer, field: Field, known: KnownField) -> Scalar:
    if field.wire_type == WireType.VARINT:
        return _of_varint(_varint(buffer, field), known)
    (number,) = struct.unpack(FIXED_CODES[known.type], buffer[field.value_start : field.value_end])
    return _json_number(number)


def _of_varint(number: int, known: KnownField) -> Scalar:
    value = meant(known.type, number)
    return value if known.enum is None else known.enum.get(value, value)


def _json_number(number: float) -> Scalar:
    """Returns a number as protobuf's JSON has it, which writes NaN and infinities as text."""
    if isinstance(number, float) and not math.isfinite(number):
        return "NaN" if math.isnan(number) else "Infinity" if number > 0 else "-Infinity"
    return number


def _packed(buffer: Buffer, field: Field, known: KnownField) -> Iterator[Scalar]:
    if known.type in FIXED_CODES:
        layout = struct.Struct(FIXED_CODES[known.type])
        for position in range(field.value_start, field.value_end - layout.size + 1, layout.size):
            yield _json_number(layout.unpack(buffer[position : position + layout.size])[0])
        return
    number = shift = 0
    for position in range(field.value_start, field.value_end):
        byte = buffer[position]
        number |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            yield _of_varint(number & 0xFFFFFFFFFFFFFFFF, known)
            number = shift = 0
        elif shift > 70:
            return


def _packed_problem(buffer: Buffer, field: Field, known: KnownField) -> str:
    start, end = field.value_start, field.value_end
    if known.type in FIXED_CODES:
        size = struct.calcsize(FIXED_CODES[known.type])
        extra = (end - start) % size
        return f"{extra} bytes behind the last of the packed numbers" if extra else ""
    if long := _LONG_VARINT.search(buffer, start, end):
        return f"varint of more than 64 bits at byte {long.start()}"
    return f"truncated varint before byte {end}" if end > start and buffer[end - 1] > 0x7F else ""


class Parser:
    """What protobuf's parser says of the fields of a file."""

    def __init__(self, buffer: Buffer, schema: str) -> None:
        """Takes the file, and the name of the message that it holds."""
        self._buffer = buffer
        self._root = getattr(protos, schema)

    def accepts(self, field: Field, known: KnownField | None, numbers: tuple[int, ...]) -> bool:
        """Whether protobuf parses a field of the message that some field numbers lead to."""
        length = field.value_end - field.value_start
        if field.end - field.start <= _PARSED_SIZE or field.wire_type != WireType.LEN:
            return self._parses(field, numbers)
        if not self.accepts_header(field) or length > MAX_LENGTH:
            return False
        if known is None or known.type == FieldDescriptor.TYPE_BYTES:
            return True
        if known.type == FieldDescriptor.TYPE_STRING:
            return not_utf8(self._buffer, field.value_start, field.value_end) is None
        if known.message is None:
            return not known_value(self._buffer, field, known).problem
        inner = Message(self._buffer, field.value_start, field.value_end)
        shape = message_shape(known.message)
        path = (*numbers, field.number)
        try:
            return all(self.accepts(each, shape.known(each), path) for each in inner.fields())
        except WireError:
            return False

    def _parses(self, field: Field, numbers: tuple[int, ...]) -> bool:
        # Where it will be, in the end: only so many messages may lie in each other.
        encoded = bytes(self._buffer[field.start : field.end])
        for number in reversed(numbers):
            encoded = length_delimited(number, encoded)
        try:
            self._root.FromString(encoded)
        except (protobuf_message.DecodeError, UnicodeDecodeError, RecursionError):
            return False
        return True

    def accepts_header(self, field: Field) -> bool:
        """Whether the tag and the length of a field take no more bytes than protobuf reads."""
        header = bytes(self._buffer[field.start : field.value_start])
        tag_size = next(index for index, byte in enumerate(header, 1) if byte < 0x80)
        return tag_size <= _HEADER_VARINT and len(header) - tag_size <= _HEADER_VARINT
