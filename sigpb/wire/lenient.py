"""Reading damaged wire format: what can be read of a message, and where it cannot be.

Together the parts that `scan` yields cover the message without gap or overlap. On valid bytes they
are the fields that `Message.fields` yields. The work is linear in the size of the message.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from itertools import islice
from typing import NamedTuple, Protocol

from sigpb.wire.fields import (
    MAX_FIELD_NUMBER,
    Buffer,
    Field,
    Message,
    WireError,
    WireType,
    read_varint,
)

# So far behind damage the next field is looked for.
_SEARCH_SIZE = 1 << 22

# So many fields in a row have to fit before reading goes on with them, unless the message ends.
_CONFIRMING_FIELDS = 2

# A message with more damage than that, or that would have to be read more often, is left alone.
_MAX_DAMAGE = 1000
_MAX_PASSES = 16

# So much of a value is looked at to guess what it is.
_GUESSED_FIELDS = 10_000
_GUESSED_TEXT = 4096

_CONTROL = re.compile(rb"[\x00-\x1f\x7f]")
_CONTROL_OTHER_THAN_SPACE = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


class Damage(NamedTuple):
    """A part of a message that is not a whole field.

    Attributes:
        start: Offset of its first byte.
        end: One past its last byte: there is the next field, or nothing more to be read.
        problem: What is wrong, and at which byte.
        field: What a length-delimited field that claims too much leaves, which ends where the
            damage ends; None if it begins with anything else.
        is_message: Whether `field` holds a message, whose own fields can be read.
    """

    start: int
    end: int
    problem: str
    field: Field | None = None
    is_message: bool = False


class Shape(Protocol):
    """What is known of a message type: enough to find its fields among other bytes."""

    @property
    def first_bytes(self) -> bytes:
        """The bytes with which the tags of its fields begin."""

    def fits(self, buffer: Buffer, field: Field) -> bool:
        """Whether a field that was read may well be one of this message."""

    def is_single(self, number: int) -> bool:
        """Whether a field appears once at most."""

    def inner(self, buffer: Buffer, field: Field) -> Shape | None:
        """Returns the shape of the message that a field holds, which may be cut; else None."""


class _Anything:
    """The shape of a message of which nothing is known."""

    first_bytes = b""

    def fits(self, buffer: Buffer, field: Field) -> bool:
        return True

    def is_single(self, number: int) -> bool:
        return False

    def inner(self, buffer: Buffer, field: Field) -> Shape | None:
        is_message = looks_like_message(buffer, field.value_start, field.value_end, cut=True)
        return _Anything() if is_message else None


class _LikeBefore(_Anything):
    """The shape of a message of which only the fields before its damage are known."""

    def __init__(self, fields: Iterator[Field]) -> None:
        self._tags = {(field.number, field.wire_type) for field in fields}
        self.first_bytes = bytes(
            {(tag & 0x7F | 0x80 if tag > 0x7F else tag) for tag in map(_tag, self._tags)}
        )

    def fits(self, buffer: Buffer, field: Field) -> bool:
        return (field.number, field.wire_type) in self._tags


def _tag(number_and_type: tuple[int, int]) -> int:
    number, wire_type = number_and_type
    return number << 3 | wire_type


def scan(
    buffer: Buffer, start: int, end: int, shape: Shape | None = None
) -> Iterator[Field | Damage]:
    """Yields what a message consists of, whatever its bytes are.

    After damage it goes on with the next bytes that may well be fields of the message. A field that
    claims more bytes than there are is taken to be cut off, or, where a field of the message around
    it follows that is none of its own, to have a wrong length.

    Args:
        buffer: The bytes that the offsets refer to.
        start: Offset of the message.
        end: One past its last byte.
        shape: What is known of its type; without it, fields are those that appeared before.
    """
    position = start
    known = shape
    work = _MAX_PASSES * (end - start)
    for _ in range(_MAX_DAMAGE):
        try:
            for field in Message(buffer, position, end).fields():
                yield field
                position = field.end
        except WireError as error:
            problem = str(error)
        else:
            return
        if known is None:
            before = Message(buffer, start, position)
            known = _LikeBefore(islice(before.fields(), _GUESSED_FIELDS))
        if buffer[position] & 7 == WireType.GROUP_START:  # which was read in search of its end
            work -= end - position
            if work < 0:
                break
        damage = _assess(buffer, position, end, known, problem)
        yield damage
        position = damage.end
        if position == end:
            return
    yield Damage(position, end, f"too much is damaged before byte {position} to look further")


def read_field(buffer: Buffer, position: int, end: int) -> Field | None:
    """Reads one field.

    Returns:
        The field; it ends behind `end` if it claims too much. None if there is no field, or a
        group, whose end would have to be looked for.
    """
    try:
        tag, value_start = read_varint(buffer, position, end)
        number, wire_type = tag >> 3, tag & 7
        if not 0 < number <= MAX_FIELD_NUMBER:
            return None
        if wire_type == WireType.LEN:
            length, value_start = read_varint(buffer, value_start, end)
            value_end = value_start + length
        elif wire_type == WireType.VARINT:
            _, value_end = read_varint(buffer, value_start, end)
        elif wire_type in (WireType.FIXED32, WireType.FIXED64):
            value_end = value_start + (4 if wire_type == WireType.FIXED32 else 8)
        else:
            return None
    except WireError:
        return None
    return Field(number, wire_type, position, value_start, value_end, value_end)


def looks_like_message(buffer: Buffer, start: int, end: int, *, cut: bool = False) -> bool:
    """Guesses whether a value of an unknown type is a message, rather than text or other bytes.

    Args:
        buffer: The bytes that the offsets refer to.
        start: Offset of the value.
        end: One past its last byte.
        cut: Whether more bytes belong to it than there are.
    """
    if start == end or looks_like_text(buffer, start, end, of_one_line=True):
        return False
    count = 0
    try:
        for _ in islice(Message(buffer, start, end).fields(), _GUESSED_FIELDS):
            count += 1
    except WireError:
        return cut and count >= _CONFIRMING_FIELDS
    return True


def looks_like_text(buffer: Buffer, start: int, end: int, *, of_one_line: bool = False) -> bool:
    """Guesses whether a value is text: UTF-8 without control characters, as far as is looked."""
    beginning = bytes(buffer[start : min(end, start + _GUESSED_TEXT)])
    if (_CONTROL if of_one_line else _CONTROL_OTHER_THAN_SPACE).search(beginning):
        return False
    try:
        beginning.decode()
    except UnicodeDecodeError as error:
        return error.reason == "unexpected end of data" and len(beginning) == _GUESSED_TEXT
    return True


def _assess(buffer: Buffer, position: int, end: int, shape: Shape, problem: str) -> Damage:
    """Finds out how far the damage reaches that begins at a position."""
    claimed = read_field(buffer, position, end)
    if claimed is None or claimed.wire_type != WireType.LEN or claimed.end <= end:
        return Damage(position, _resume(buffer, position + 1, end, shape), problem)
    inner = shape.inner(buffer, claimed._replace(value_end=end, end=end))
    if inner is None:
        extent = _resume(buffer, claimed.value_start, end, shape)
    else:
        extent = _extent(buffer, claimed.value_start, end, inner, shape)
    field = claimed._replace(value_end=extent, end=extent)
    return Damage(position, extent, problem, field, inner is not None)


def _extent(buffer: Buffer, start: int, end: int, inner: Shape, outer: Shape) -> int:
    """Returns where a message ends whose length is wrong: where its parent goes on, or at `end`."""
    seen: set[int] = set()
    position = start
    try:
        for field in Message(buffer, start, end).fields():
            repeats = field.number in seen and inner.is_single(field.number)
            if (repeats or not inner.fits(buffer, field)) and outer.fits(buffer, field):
                return field.start
            seen.add(field.number)
            position = field.end
    except WireError:
        last = read_field(buffer, position, end)
        if last is None or last.end <= end:
            return _resume(buffer, position + 1, end, outer)
    return end  # A field at the end that claims too much as well: all of it is cut off there.


def _resume(buffer: Buffer, start: int, end: int, shape: Shape) -> int:
    """Returns the first offset from `start` on at which fields of a message are, or its end."""
    if shape.first_bytes:
        candidates = _any_of(shape.first_bytes)
        for match in candidates.finditer(buffer, start, min(end, start + _SEARCH_SIZE)):
            if _goes_on(buffer, match.start(), end, shape):
                return match.start()
    return end


def _goes_on(buffer: Buffer, position: int, end: int, shape: Shape) -> bool:
    for _ in range(_CONFIRMING_FIELDS):
        field = read_field(buffer, position, end)
        if field is None or field.end > end or not shape.fits(buffer, field):
            return False
        position = field.end
        if position == end:
            break
    return True


@functools.lru_cache(maxsize=256)
def _any_of(first_bytes: bytes) -> re.Pattern[bytes]:
    return re.compile(b"[" + b"".join(b"\\x%02x" % byte for byte in first_bytes) + b"]")
