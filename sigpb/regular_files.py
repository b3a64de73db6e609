"""What paths name: URLs, or files of this machine, of which only regular ones are read.

A pipe would make its reader wait for ever, and a device may do anything. Whoever names a file, in a
model, in a directory or on the command line, need not know what is there.
"""

from __future__ import annotations

import errno
import io
import os
import stat
from pathlib import Path
from typing import BinaryIO, TextIO

from sigpb import phases

URL_SEPARATOR = "://"
"""What is between the scheme of a URL and the rest."""


def is_url(path: str) -> bool:
    """Whether a path is a URL, such as ``s3://bucket/models``, and no path of this machine."""
    return URL_SEPARATOR in path


def path_or_url(text: str) -> Path | str:
    """Returns a path as `Path`, which would take a slash away from a URL."""
    return text if is_url(text) else Path(text)


def open_regular(path: str | Path) -> BinaryIO:
    """Opens a file for reading.

    Raises:
        OSError: If there is none, if it cannot be read, or if it is a directory, a pipe, a socket
            or a device.
    """
    descriptor = open_descriptor(path)
    try:
        return os.fdopen(descriptor, "rb")
    except BaseException:
        os.close(descriptor)
        raise


def open_descriptor(path: str | Path) -> int:
    """Opens a file for reading; whoever asks closes the descriptor.

    Raises:
        OSError: See `open_regular`.
    """
    # A device may do something as soon as it is opened.
    _check(path, os.stat(path))
    # Without this flag, opening a pipe, which may have been put there since, waits for a writer.
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        status = os.fstat(descriptor)
        _check(path, status)
    except BaseException:
        os.close(descriptor)
        raise
    if phases.is_detailed():
        phases.detail(f"open {path}: {status.st_size:,} bytes")
    return descriptor


def open_text(path: str | Path) -> TextIO:
    """Opens a file of UTF-8 text for reading.

    Raises:
        OSError: See `open_regular`.
    """
    return io.TextIOWrapper(open_regular(path), encoding="utf-8")


def is_there(path: str | Path) -> bool:
    """Whether there is anything at a path, be it a link that leads nowhere.

    Raises:
        OSError: If that cannot be found out. `os.path.lexists` says then that there is nothing.
    """
    return _status(path) is not None


def is_regular(path: str | Path) -> bool:
    """Whether there is a regular file at a path, and not a link to one.

    Raises:
        OSError: See `is_there`.
    """
    status = _status(path)
    return status is not None and stat.S_ISREG(status.st_mode)


def read_regular(path: str | Path) -> bytes:
    """Returns what a file holds.

    Raises:
        OSError: See `open_regular`.
    """
    with open_regular(path) as opened:
        return opened.read()


def read_text(path: str | Path) -> str:
    """Returns what a file of UTF-8 text holds.

    Raises:
        OSError: See `open_regular`.
        UnicodeDecodeError: If it is not UTF-8.
    """
    with open_text(path) as opened:
        return opened.read()


def _status(path: str | Path) -> os.stat_result | None:
    """Looks at what is at a path, without following a link; None if there is nothing."""
    try:
        return os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return None


def _check(path: str | Path, status: os.stat_result) -> None:
    if stat.S_ISDIR(status.st_mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    if not stat.S_ISREG(status.st_mode):
        raise OSError(errno.EINVAL, "this is not a regular file", str(path))
