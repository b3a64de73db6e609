"""Writing pieces to a file, with the kernel copying what it can."""

from __future__ import annotations

import errno
import os
from collections.abc import Sequence

from sigpb.errors import ModelUnreadable
from sigpb.wire.edits import Piece, SourceRange, size
from sigpb.wire.fields import Buffer

# Smaller pieces are gathered into writes of this size; larger ones are never copied in memory.
_BUFFER_SIZE = 1 << 20

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
        source_fd: The file that `source` maps from its beginning, if it is one: the kernel then
            copies large ranges from file to file where it can.
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
        for piece in pieces:
            if isinstance(piece, SourceRange):
                start = piece.start
                if source_fd is not None and piece.end - start >= _BUFFER_SIZE:
                    target.flush()
                    start = _copy_in_kernel(source_fd, target_fd, start, piece.end)
                target.write(view[start : piece.end])
            else:
                target.write(piece)
    return size(pieces)


def _copy_in_kernel(source_fd: int, target_fd: int, start: int, end: int) -> int:
    """Copies a range to the target's position, and returns the offset up to which it could."""
    if not hasattr(os, "copy_file_range"):
        return start
    while start < end:
        try:
            copied = os.copy_file_range(source_fd, target_fd, end - start, start)
        except OSError as error:
            if error.errno in _CANNOT_COPY:
                return start
            raise
        if not copied:
            raise ModelUnreadable(
                f"the file being copied ends at byte {start}, but it had at least {end} bytes "
                "when it was opened; make sure that nothing else writes to it and try again"
            )
        start += copied
    return start
