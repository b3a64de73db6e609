"""Telling whether a file is still the one that was read, or holds what it held."""

from __future__ import annotations

import dataclasses
import hashlib
import os
from pathlib import Path

from sigpb.regular_files import open_regular

_PART = 1 << 20


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


def sha256_of(file: Path) -> str:
    """Returns the SHA-256 of a file's content, in hexadecimal; it is read in parts.

    Raises:
        OSError: If it cannot be read.
    """
    digest = hashlib.sha256()
    with open_regular(file) as opened:
        while part := opened.read(_PART):
            digest.update(part)
    return digest.hexdigest()
