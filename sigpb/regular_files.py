"""Opening regular files, and nothing else, at paths that others chose.

A pipe would make its reader wait for ever, and a device may do anything.
"""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import BinaryIO


def open_regular(path: str | Path) -> BinaryIO:
    """Opens a file for reading.

    Raises:
        OSError: If there is none, if it cannot be read, or if it is a directory, a pipe, a socket
            or a device.
    """
    # Without this flag, opening a pipe waits for somebody to write to it.
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(errno.EINVAL, "this is not a regular file", str(path))
        return os.fdopen(descriptor, "rb")
    except BaseException:
        os.close(descriptor)
        raise


def is_regular(path: str | Path) -> bool:
    """Whether there is a regular file at a path, and not a link to one."""
    try:
        return stat.S_ISREG(os.lstat(path).st_mode)
    except (FileNotFoundError, NotADirectoryError):
        return False


def read_regular(path: str | Path) -> bytes:
    """Returns what a file holds.

    Raises:
        OSError: See `open_regular`.
    """
    with open_regular(path) as opened:
        return opened.read()
