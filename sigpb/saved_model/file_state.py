"""Telling whether a file is still the one that was read."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path


@dataclasses.dataclass(frozen=True, slots=True)
class FileState:
    """What changes when a file is replaced or written to.

    Attributes:
        inode: Number of the file in its file system.
        size: In bytes.
        mtime_ns: Time of the last modification, in nanoseconds since the epoch.
    """

    inode: int
    size: int
    mtime_ns: int

    @classmethod
    def of(cls, file: Path | int) -> FileState:
        """Returns the state of a file, given by path or as a file descriptor.

        Take it from the descriptor that is read from: a path may name another file by then.

        Raises:
            OSError: If there is no such file.
        """
        status = file.stat() if isinstance(file, Path) else os.fstat(file)
        return cls(status.st_ino, status.st_size, status.st_mtime_ns)
