"""Edits of a message in place: what a patched buffer is made of, without building it."""

from __future__ import annotations

import dataclasses
import hashlib
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate
from typing import TypeAlias

from sigpb.wire.encode import encode_varint, tag
from sigpb.wire.fields import Buffer, Field, Message, WireType


@dataclasses.dataclass(frozen=True, slots=True)
class SourceRange:
    """A part of the source buffer that is kept as it is: from `start` up to, not with, `end`."""

    start: int
    end: int


Piece: TypeAlias = SourceRange | bytes


def size(pieces: Iterable[Piece]) -> int:
    """Returns the number of bytes that the pieces make up."""
    return sum(map(_length, pieces))


def _length(piece: Piece) -> int:
    return len(piece) if isinstance(piece, bytes) else piece.end - piece.start


def assemble(pieces: Iterable[Piece], buffer: Buffer) -> bytes:
    """Returns the bytes that the pieces make up, in memory; `write_pieces` is for large files."""
    with memoryview(buffer) as view:
        return b"".join(
            view[piece.start : piece.end] if isinstance(piece, SourceRange) else piece
            for piece in pieces
        )


def sha256(pieces: Iterable[Piece], buffer: Buffer) -> str:
    """Returns the SHA-256, in hexadecimal, of the bytes that the pieces make up, without a copy."""
    digest = hashlib.sha256()
    with memoryview(buffer) as view:
        for piece in pieces:
            digest.update(
                view[piece.start : piece.end] if isinstance(piece, SourceRange) else piece
            )
    return digest.hexdigest()


def composed(outer: Iterable[Piece], inner: Sequence[Piece]) -> tuple[Piece, ...]:
    """Returns what an edited buffer is made of that was edited once more.

    Args:
        outer: Its pieces, of which the ranges are those of the buffer that `inner` makes up.
        inner: What that buffer is made of.
    """
    ends = list(accumulate(map(_length, inner)))
    found: list[Piece] = []
    for piece in outer:
        if isinstance(piece, bytes):
            found.append(piece)
            continue
        position = piece.start
        number = bisect_right(ends, position)
        while position < piece.end:
            source, end = inner[number], min(ends[number], piece.end)
            start = ends[number] - _length(source)
            first, last = position - start, end - start
            if isinstance(source, SourceRange):
                found.append(SourceRange(source.start + first, source.start + last))
            else:
                found.append(source[first:last])
            position, number = end, number + 1
    return tuple(found)


@dataclasses.dataclass(frozen=True, slots=True)
class _Splice:
    """New bytes in place of a range of the buffer, which is empty for an insertion."""

    start: int
    end: int
    encoded: bytes
    enclosing: tuple[Field, ...]

    @property
    def growth(self) -> int:
        return len(self.encoded) - (self.end - self.start)

    @property
    def position(self) -> tuple[int, int, int]:
        """Sorts splices into the order of their bytes in the new buffer.

        Insertions at one offset come before what is replaced there. Among them those of inner
        messages come first: an offset shared by several levels is the end of the inner ones.
        """
        return self.start, self.end, -len(self.enclosing)


class Edits:
    """Edits of the messages in one buffer, collected first and carried out together.

    All offsets refer to the buffer as it is, however many edits there are.
    """

    def __init__(self, buffer: Buffer) -> None:
        self._buffer = buffer
        self._splices: list[_Splice] = []
        self._removed: set[int] = set()  # starts of replaced and deleted fields

    def __bool__(self) -> bool:
        return bool(self._splices)

    @property
    def growth(self) -> int:
        """By how many bytes the buffer grows, but for the lengths of enclosing fields."""
        return sum(splice.growth for splice in self._splices)

    def replace(self, message: Message, field: Field, encoded: bytes) -> None:
        """Puts other fields in the place of one.

        Args:
            message: The message that the field belongs to.
            field: The field to replace.
            encoded: Complete encoded fields, tags included.

        Raises:
            ValueError: The field is not in the message, or is replaced or deleted already.
        """
        if field.start in self._removed:
            raise ValueError(f"the field at byte {field.start} is edited twice")
        self._add(message, field.start, field.end, encoded)
        self._removed.add(field.start)

    def delete(self, message: Message, field: Field) -> None:
        """Removes a field; arguments and errors are those of `replace`."""
        self.replace(message, field, b"")

    def insert(self, message: Message, at: int, encoded: bytes) -> None:
        """Adds fields. Several insertions at one place keep the order in which they were made.

        Args:
            message: The message to add to.
            at: A boundary between its fields: the start of one, the end of one, or the start or
                end of the message.
            encoded: Complete encoded fields, tags included.

        Raises:
            ValueError: The offset is not in the message.
        """
        if encoded:
            self._add(message, at, at, encoded)

    def _add(self, message: Message, start: int, end: int, encoded: bytes) -> None:
        if message.buffer is not self._buffer:
            raise ValueError("the message is in another buffer")
        if not message.start <= start <= end <= message.end:
            raise ValueError(f"bytes {start} to {end} are not in {message}")
        self._splices.append(_Splice(start, end, encoded, message.enclosing))

    def pieces(self) -> tuple[Piece, ...]:
        """Returns what the edited buffer is made of, in order.

        The lengths of all fields that enclose an edit are right again; the encoding of a length
        that stays the same is kept, and so is everything outside the edits.

        Raises:
            ValueError: An edit lies inside a field that another one replaces or deletes, or an
                insertion was not at a boundary.
        """
        for splice in self._splices:
            for field in splice.enclosing:
                if field.start in self._removed:
                    raise ValueError(
                        f"the edit at byte {splice.start} is inside the field at byte "
                        f"{field.start}, which is replaced or deleted"
                    )
        splices = [*self._splices, *_new_headers(self._splices)]
        splices.sort(key=lambda splice: splice.position)
        return tuple(_interleave(splices, len(self._buffer)))


def _new_headers(splices: Iterable[_Splice]) -> Iterator[_Splice]:
    """Yields new tags and lengths for the enclosing fields whose length changes."""
    growth: Counter[Field] = Counter()
    enclosing: dict[Field, tuple[Field, ...]] = {}
    for splice in splices:
        for depth, field in enumerate(splice.enclosing):
            growth[field] += splice.growth
            enclosing[field] = splice.enclosing[:depth]
    # Inner fields, which start later, before outer ones: a longer length adds to those in turn.
    for field in sorted(enclosing, key=lambda field: field.start, reverse=True):
        if growth[field]:
            length = field.value_end - field.value_start + growth[field]
            encoded = tag(field.number, WireType.LEN) + encode_varint(length)
            header = _Splice(field.start, field.value_start, encoded, enclosing[field])
            for outer in header.enclosing:
                growth[outer] += header.growth
            yield header


def _interleave(splices: Iterable[_Splice], end: int) -> Iterator[Piece]:
    """Yields the bytes of the splices, in order, and the source ranges between them."""
    position = 0
    for splice in splices:
        if splice.start < position:
            raise ValueError(f"edits overlap at byte {splice.start}")
        if position < splice.start:
            yield SourceRange(position, splice.start)
        if splice.encoded:
            yield splice.encoded
        position = splice.end
    if position < end:
        yield SourceRange(position, end)
