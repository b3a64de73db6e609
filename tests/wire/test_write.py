from __future__ import annotations

import errno
import mmap
import os
import random
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

import pytest

from sigpb.errors import ModelUnreadable
from sigpb.wire import Buffer, Piece, SourceRange, assemble, size, write_pieces

MIB = 1 << 20

SOURCE = random.Random(0).randbytes(5 * MIB)
PIECES: tuple[Piece, ...] = (
    b"head",
    SourceRange(10, 3 * MIB + 7),
    b"x" * (MIB + 1),
    SourceRange(3 * MIB + 7, 3 * MIB + 9),
    *(SourceRange(at, at + 3) if at % 2 else bytes([at % 251]) for at in range(10_000)),
    SourceRange(4 * MIB, 5 * MIB),
    b"tail",
)

# Large ranges that are at the same place in a block of both files, so that these can share them.
ALIGNED: tuple[Piece, ...] = (
    SourceRange(0, 2 * MIB),
    b"new" + bytes(4093),
    SourceRange(2 * MIB + 4096, 5 * MIB),
)


@pytest.fixture
def source(tmp_path: Path) -> Iterator[BinaryIO]:
    path = tmp_path / "source"
    path.write_bytes(SOURCE)
    with path.open("rb") as file:
        yield file


@pytest.fixture
def mapped(source: BinaryIO) -> Iterator[mmap.mmap]:
    with mmap.mmap(source.fileno(), 0, access=mmap.ACCESS_READ) as buffer:
        yield buffer


@pytest.fixture
def target(tmp_path: Path) -> Iterator[BinaryIO]:
    with (tmp_path / "target").open("w+b", buffering=0) as file:
        yield file


def written(file: BinaryIO) -> bytes:
    file.seek(0)
    return file.read()


Copy = Callable[[int, int, int, int], int]


def refuse(number: int) -> Copy:
    def copy(source: int, target: int, count: int, offset: int) -> int:
        raise OSError(number, os.strerror(number))

    return copy


def at_most(limit: int) -> Copy:
    """Copies in memory, so that it needs no kernel that can; and less than it was asked for."""

    def copy(source: int, target: int, count: int, offset: int) -> int:
        return os.write(target, os.pread(source, min(count, limit), offset))

    return copy


def refuse_after_first() -> Copy:
    copies = iter([at_most(700_001)])

    def copy(source: int, target: int, count: int, offset: int) -> int:
        return next(copies, refuse(errno.EXDEV))(source, target, count, offset)

    return copy


def test_writes_what_assemble_assembles(
    mapped: mmap.mmap, source: BinaryIO, target: BinaryIO
) -> None:
    count = write_pieces(PIECES, mapped, source.fileno(), target.fileno())
    assert count == size(PIECES)
    assert written(target) == assemble(PIECES, SOURCE)


@pytest.mark.parametrize(
    "copy",
    [
        pytest.param(at_most(2**31), id="complete copies"),
        pytest.param(at_most(700_001), id="short copies"),
        pytest.param(refuse_after_first(), id="refused in the middle"),
        *(
            pytest.param(refuse(number), id=errno.errorcode[number])
            for number in (errno.EXDEV, errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP, errno.EBADF)
        ),
    ],
)
@pytest.mark.parametrize("pieces", [PIECES, ALIGNED], ids=["shifted", "aligned"])
def test_whatever_the_kernel_copies_the_result_is_the_same(
    pieces: tuple[Piece, ...],
    copy: Copy,
    mapped: mmap.mmap,
    source: BinaryIO,
    target: BinaryIO,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(os, "copy_file_range", copy, raising=False)
    write_pieces(pieces, mapped, source.fileno(), target.fileno())
    assert written(target) == assemble(pieces, SOURCE)


def test_the_kernel_copies_what_files_can_share(
    mapped: mmap.mmap, source: BinaryIO, target: BinaryIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    copied = []

    def copy(source_fd: int, target_fd: int, count: int, offset: int) -> int:
        copied.append((offset, offset + count))
        return at_most(2**31)(source_fd, target_fd, count, offset)

    monkeypatch.setattr(os, "copy_file_range", copy, raising=False)
    write_pieces(ALIGNED, mapped, source.fileno(), target.fileno())
    assert copied == [(0, 2 * MIB), (2 * MIB + 4096, 5 * MIB)]
    assert written(target) == assemble(ALIGNED, SOURCE)


def test_the_kernel_is_asked_for_whole_blocks(
    mapped: mmap.mmap, source: BinaryIO, target: BinaryIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    copied = []

    def copy(source_fd: int, target_fd: int, count: int, offset: int) -> int:
        assert offset == os.lseek(target_fd, 0, os.SEEK_CUR)
        copied.append((offset, offset + count))
        return at_most(2**31)(source_fd, target_fd, count, offset)

    monkeypatch.setattr(os, "copy_file_range", copy, raising=False)
    pieces = (b"edit", SourceRange(4, 3 * MIB + 7), b"another", SourceRange(3 * MIB + 14, 5 * MIB))
    write_pieces(pieces, mapped, source.fileno(), target.fileno())
    assert copied == [(4096, 3 * MIB), (3 * MIB + 4096, 5 * MIB)]
    assert written(target) == assemble(pieces, SOURCE)


def test_a_system_that_cannot_copy(
    mapped: mmap.mmap, source: BinaryIO, target: BinaryIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(os, "copy_file_range", raising=False)
    write_pieces(PIECES, mapped, source.fileno(), target.fileno())
    assert written(target) == assemble(PIECES, SOURCE)


@pytest.mark.parametrize("buffer", [SOURCE, memoryview(SOURCE)], ids=["bytes", "memoryview"])
def test_a_source_that_is_not_a_file(buffer: Buffer, target: BinaryIO) -> None:
    write_pieces(PIECES, buffer, None, target.fileno())
    assert written(target) == assemble(PIECES, SOURCE)


def test_a_file_that_is_appended_to(mapped: mmap.mmap, source: BinaryIO, tmp_path: Path) -> None:
    path = tmp_path / "target"
    path.write_bytes(b"before")
    with path.open("ab") as file:
        write_pieces(PIECES, mapped, source.fileno(), file.fileno())
    assert path.read_bytes() == b"before" + assemble(PIECES, SOURCE)


def test_a_pipe(mapped: mmap.mmap, source: BinaryIO) -> None:
    received = bytearray()
    reading, writing = os.pipe()

    def receive() -> None:
        with os.fdopen(reading, "rb") as pipe:
            received.extend(pipe.read())

    receiver = threading.Thread(target=receive)
    receiver.start()
    try:
        write_pieces(PIECES, mapped, source.fileno(), writing)
    finally:
        os.close(writing)
        receiver.join()
    assert received == assemble(PIECES, SOURCE)


def test_starts_at_the_position_of_the_target_and_ends_after_what_it_wrote(
    mapped: mmap.mmap, source: BinaryIO, target: BinaryIO
) -> None:
    target.write(b"before")
    write_pieces(PIECES, mapped, source.fileno(), target.fileno())
    target.write(b"after")
    assert written(target) == b"before" + assemble(PIECES, SOURCE) + b"after"


def test_no_pieces_are_an_empty_file(target: BinaryIO) -> None:
    assert write_pieces((), b"", None, target.fileno()) == 0
    assert written(target) == b""


@pytest.mark.parametrize("pieces", [PIECES, ALIGNED], ids=["shifted", "aligned"])
def test_a_source_that_became_shorter_is_an_error(
    pieces: tuple[Piece, ...], source: BinaryIO, target: BinaryIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "copy_file_range", at_most(MIB), raising=False)
    os.truncate(source.name, 3 * MIB)
    with pytest.raises(ModelUnreadable, match=f"ends at byte {3 * MIB}"):
        write_pieces(pieces, SOURCE, source.fileno(), target.fileno())


def test_other_failures_to_copy_are_errors(
    mapped: mmap.mmap, source: BinaryIO, target: BinaryIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "copy_file_range", refuse(errno.EIO), raising=False)
    with pytest.raises(OSError, match=os.strerror(errno.EIO)):
        write_pieces(ALIGNED, mapped, source.fileno(), target.fileno())


def test_a_failure_to_write_is_an_error_that_lets_go_of_the_source(
    source: BinaryIO, tmp_path: Path
) -> None:
    (tmp_path / "target").touch()
    with (
        (tmp_path / "target").open("rb") as unwritable,
        pytest.raises(OSError, match="Bad file descriptor"),
        mmap.mmap(source.fileno(), 0, access=mmap.ACCESS_READ) as mapped,
    ):
        write_pieces(PIECES, mapped, None, unwritable.fileno())
