"""Keeping batches off what another one is at work on."""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

from sigpb.errors import EnvironmentFailure

# What a killed batch leaves running, its workers, ends within a moment.
_PATIENCE = 5.0


@contextlib.contextmanager
def locked(directories: Iterable[str]) -> Iterator[tuple[int, ...]]:
    """Locks directories, and keeps those above them from being locked as a whole.

    The locks are on open files. Who inherits these holds the locks, too.

    Args:
        directories: The directories.

    Yields:
        The numbers of the files.

    Raises:
        EnvironmentFailure: If another process has locked one of them, one above or one below.
    """
    whole = {Path(os.path.realpath(directory)) for directory in directories}
    whole = {each for each in whole if not any(parent in whole for parent in each.parents)}
    above = {parent for each in whole for parent in each.parents}
    with contextlib.ExitStack() as stack:
        held = [_lock(stack, each, fcntl.LOCK_EX) for each in sorted(whole)]
        held += [_lock(stack, each, fcntl.LOCK_SH) for each in sorted(above)]
        yield tuple(fd for fd in held if fd is not None)


def _lock(stack: contextlib.ExitStack, directory: Path, kind: int) -> int | None:
    try:
        fd = os.open(directory, os.O_RDONLY)
    except OSError:
        return None  # It can be searched, perhaps, but not read.
    stack.callback(os.close, fd)
    deadline = time.monotonic() + _PATIENCE
    while True:
        try:
            fcntl.flock(fd, kind | fcntl.LOCK_NB)
        except BlockingIOError as error:
            if time.monotonic() > deadline:
                raise EnvironmentFailure(
                    f"Another batch is at work in {directory}. Wait for it to end, and try again. "
                    "Nothing was changed."
                ) from error
            time.sleep(0.05)
        except OSError:
            return None  # Some network file systems cannot lock a directory.
        else:
            return fd
