"""Files of values that are on disk or to be written, and parts of them."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

from sigpb.errors import ModelUnreadable
from sigpb.publishing.changes import Content, SplicedFile
from sigpb.regular_files import open_regular
from sigpb.saved_model.files import unreadable
from sigpb.wire import Piece, SourceRange, assemble, composed, size


def size_of(content: Content) -> int:
    """Returns the number of bytes that a file has.

    Raises:
        ModelUnreadable: If it is to be a copy of one that is not there, or is no regular file.
        EnvironmentFailure: If that one cannot be read for another reason.
    """
    if isinstance(content, bytes):
        return len(content)
    if isinstance(content, SplicedFile):
        return size(content.pieces)
    with _opened(content.source) as opened:
        return opened.seek(0, 2)


def part_of(content: Content, ranges: Iterable[SourceRange]) -> Content:
    """Returns a file of which only some ranges are left, one after another."""
    if isinstance(content, bytes):
        return assemble(ranges, content)
    inner: tuple[Piece, ...] = tuple(ranges)
    if isinstance(content, SplicedFile):
        inner = composed(inner, content.pieces)
    return SplicedFile(inner, content.source)


def read_range(content: Content, start: int, length: int) -> bytes:
    """Returns bytes of a file; fewer if it ends before.

    Raises:
        ModelUnreadable: If it is to be made of one that is not there, or is no regular file.
        EnvironmentFailure: If that one cannot be read for another reason.
    """
    pieces: tuple[Piece, ...] = (SourceRange(start, start + length),)
    if isinstance(content, bytes):
        return assemble(pieces, content)
    if isinstance(content, SplicedFile):
        pieces = composed(pieces, content.pieces)
    with _opened(content.source) as opened:
        return b"".join(_read(opened, piece) for piece in pieces)


@contextlib.contextmanager
def _opened(file: Path) -> Iterator[BinaryIO]:
    try:
        with open_regular(file) as opened:
            yield opened
    except FileNotFoundError as error:
        raise ModelUnreadable(
            f"{file}: there is no such file, and the index of the checkpoint names it."
        ) from error
    except OSError as error:
        raise unreadable(file, error) from error


def _read(opened: BinaryIO, piece: Piece) -> bytes:
    if isinstance(piece, bytes):
        return piece
    opened.seek(piece.start)
    return opened.read(piece.end - piece.start)
