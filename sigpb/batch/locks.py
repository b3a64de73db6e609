"""Keeping batches off what another one is at work on."""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

from sigpb.errors import EnvironmentFailure
from sigpb.remote.urls import is_url

# What a killed batch leaves running, its workers, ends within a moment.
_PATIENCE = 5.0


@contextlib.contextmanager
def locked(directories: Iterable[str], batch: str = "") -> Iterator[tuple[int, ...]]:
    """Locks directories, and keeps those above them from being locked as a whole.

    The locks are on open files. Who inherits these holds the locks, too. In stores of objects they
    are objects, which a batch that was killed leaves behind, and takes over when it goes on.

    Args:
        directories: The directories.
        batch: The batch, for locks in stores.

    Yields:
        The numbers of the files.

    Raises:
        EnvironmentFailure: If another process has locked one of them, one above or one below.
    """
    directories = set(directories)
    remote = {each for each in directories if is_url(each)}
    whole = {Path(os.path.realpath(each)) for each in directories - remote}
    whole = {each for each in whole if not any(parent in whole for parent in each.parents)}
    above = {parent for each in whole for parent in each.parents}
    with contextlib.ExitStack() as stack:
        held = [_lock(stack, each, fcntl.LOCK_EX) for each in sorted(whole)]
        held += [_lock(stack, each, fcntl.LOCK_SH) for each in sorted(above)]
        if remote:
            from sigpb.remote import lock

            stack.enter_context(lock.locked(remote, batch))
        yield tuple(fd for fd in held if fd is not None)


@contextlib.contextmanager
def journal_locked(journal: Path, directories: Iterable[str]) -> Iterator[tuple[int, ...]]:
    """Keeps a second run of a batch off a journal, where the locks of its models do not.

    Those in stores are the batch's, whichever run of it is there.

    Args:
        journal: The journal.
        directories: What the batch has locked.

    Yields:
        The numbers of files, see `locked`.

    Raises:
        EnvironmentFailure: If another process is at it.
    """
    with contextlib.ExitStack() as stack:
        is_remote = any(map(is_url, directories))
        fd = _lock(stack, journal, fcntl.LOCK_EX) if is_remote else None
        yield () if fd is None else (fd,)


def _lock(stack: contextlib.ExitStack, directory: Path, kind: int) -> int | None:
    try:
        fd = os.open(directory, os.O_RDONLY | os.O_NONBLOCK)
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
