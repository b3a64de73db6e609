"""Writing pieces to a file, with the kernel copying what it can."""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Sequence

from sigpb.errors import ModelUnreadable
from sigpb.wire.edits import Piece, SourceRange, size
from sigpb.wire.fields import Buffer

# Smaller pieces are gathered into writes of this size, and larger ones read in such parts.
_BUFFER_SIZE = 1 << 20

# So much is written before the system is told to begin bringing it to the disk.
_BATCH_SIZE = 1 << 25

# Two files can share whole blocks of this size, where a range is at the same place in a block of
# both; one that the file begins or ends within is copied. Elsewhere the kernel takes half as long
# again for copying as this module.
_BLOCK_SIZE = 1 << 12

# The kernel, or one of the two files, cannot do it: an older kernel, two file systems, a pipe,
# a file opened for appending, a sandbox. Anything else is a failure to write by any means.
_CANNOT_COPY = {
    errno.EBADF,
    errno.EINVAL,
    errno.ENOSYS,
    errno.EOPNOTSUPP,
    errno.EPERM,
    errno.EXDEV,
}


def write_pieces(
    pieces: Sequence[Piece], source: Buffer, source_fd: int | None, target_fd: int
) -> int:
    """Writes what pieces make up to a file, from its current position on.

    Private memory stays at about a megabyte, whatever the size of the pieces.

    Args:
        pieces: What to write.
        source: The buffer that the source ranges refer to.
        source_fd: The file that `source` maps from its beginning, if it is one. Large ranges are
            then copied from file to file, by the kernel where the files can share their data.
        target_fd: A file that blocks on writing. It stays open.

    Returns:
        The number of bytes written.

    Raises:
        ModelUnreadable: The source file has become shorter.
        OSError: Writing failed.
    """
    with (
        memoryview(source) as view,
        open(target_fd, "wb", buffering=_BUFFER_SIZE, closefd=False) as target,
    ):
        written = 0
        for piece in pieces:
            if isinstance(piece, SourceRange):
                start = piece.start
                if source_fd is not None and piece.end - start >= _BUFFER_SIZE:
                    target.flush()
                    if (start - written) % _BLOCK_SIZE == 0:
                        # A request that is not for whole blocks is copied altogether.
                        first, last = (
                            start + -start % _BLOCK_SIZE,
                            piece.end - piece.end % _BLOCK_SIZE,
                        )
                        start = _copy(source_fd, target_fd, start, first)
                        start = _copy_in_kernel(source_fd, target_fd, start, last)
                    start = _copy(source_fd, target_fd, start, piece.end)
                target.write(view[start : piece.end])
            else:
                target.write(piece)
            written += size([piece])
    return written


def _copy_in_kernel(source_fd: int, target_fd: int, start: int, end: int) -> int:
    """Copies a range to the target's position, and returns the offset up to which it could."""
    if not hasattr(os, "copy_file_range"):
        return start
    while start < end:
        try:
            copied = os.copy_file_range(source_fd, target_fd, min(end - start, _BATCH_SIZE), start)
        except OSError as error:
            if error.errno in _CANNOT_COPY:
                return start
            raise
        if not copied:
            raise _shorter(start, end)
        start += copied
        _begin_writeback(target_fd, copied)
    return start


def _copy(source_fd: int, target_fd: int, start: int, end: int) -> int:
    """Copies a range to the target's position, and returns its end.

    A map of the source would cost a page fault for every few pages. The disk works along with the
    copying: what waits for it at the end would otherwise take as long again.
    """
    if not hasattr(os, "preadv"):
        return start
    buffer = memoryview(bytearray(_BUFFER_SIZE))
    batch = 0
    while start < end:
        count = os.preadv(source_fd, [buffer[: end - start]], start)
        if not count:
            raise _shorter(start, end)
        start += count
        rest = buffer[:count]
        while rest:
            rest = rest[os.write(target_fd, rest) :]
        batch += count
        if batch >= _BATCH_SIZE:
            _begin_writeback(target_fd, batch)
            batch = 0
    return start


def _begin_writeback(fd: int, length: int) -> None:
    """Has the system begin to bring the last bytes of a file to the disk, without waiting.

    Linux does that, for pages that are not on the disk yet, when told that they are not needed.
    """
    with contextlib.suppress(OSError, AttributeError):
        position = os.lseek(fd, 0, os.SEEK_CUR)
        os.posix_fadvise(fd, position - length, length, os.POSIX_FADV_DONTNEED)


def _shorter(position: int, end: int) -> ModelUnreadable:
    return ModelUnreadable(
        f"the file being copied ends at byte {position}, but it had at least {end} bytes "
        "when it was opened; make sure that nothing else writes to it and try again"
    )
