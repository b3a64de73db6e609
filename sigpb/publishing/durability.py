"""Bringing what is written to the disk: each file by itself, or those of many models together.

`syncfs(2)` brings a whole file system to the disk. For one model that would be to wait for what
others write there; for many models, written at a time by threads, one wait does for all of them.
"""

from __future__ import annotations

import contextlib
import functools
import logging
import os
import re
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

from sigpb.phases import phase

# File systems of which it is known that syncfs brings all of a file to a disk of this machine.
_LOCAL = frozenset({"btrfs", "ext2", "ext3", "ext4", "f2fs", "xfs"})

# Since this version of Linux, syncfs says if something could not be written.
_LINUX = (5, 8)

# Seconds for which threads that compute are waited for at the most, so that one wait does for more.
_GATHERING = 0.1


class Turn:
    """Lets one thread of this process compute at a time, while others wait for the disk.

    If several computed, they would take the interpreter from each other at every system call, which
    takes longer than what they do. Who does not take turns is not kept from anything.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._holder: int | None = None
        self._count = threading.Condition()
        self._busy = 0

    def __enter__(self) -> None:
        with self._count:
            self._busy += 1
        self._lock.acquire()
        self._holder = threading.get_ident()

    def __exit__(self, *_: object) -> None:
        self._holder = None
        self._lock.release()
        with self._count:
            self._busy -= 1
            if not self._busy:
                self._count.notify_all()

    @contextlib.contextmanager
    def left(self) -> Iterator[None]:
        """Lets others compute while this thread waits, if it is its turn."""
        if self._holder != threading.get_ident():
            yield
            return
        self.__exit__()
        try:
            yield
        finally:
            self.__enter__()

    def wait_until_idle(self, seconds: float) -> None:
        """Waits until no thread computes or wants to, for so many seconds at the most."""
        with self._count:
            self._count.wait_for(lambda: not self._busy, seconds)


TURN = Turn()
"""The turn of this process."""


@phase("fsync", logging.DEBUG)
def _fsync(fd: int) -> None:
    os.fsync(fd)


class EachFile:
    """Brings each file and directory to the disk once it is written."""

    def wrote(self, fd: int) -> None:
        """Is called after something was written to a file, or something in a directory."""
        with TURN.left():
            _fsync(fd)

    def settle(self) -> None:
        """Returns when all that this thread wrote before is on the disk."""


EACH_FILE = EachFile()


class Together(EachFile):
    """Brings all to the disk that threads of this process write to one file system.

    Args:
        sync: Brings all there is to the disk.
    """

    def __init__(self, sync: Callable[[], None]) -> None:
        self._sync = sync
        self._news = threading.Condition()
        self._begun = self._ended = 0  # How many times it was brought there.
        self._is_busy = False
        self._failed: OSError | None = None

    def wrote(self, fd: int) -> None:
        """See `EachFile`."""

    def settle(self) -> None:
        """See `EachFile`.

        Raises:
            OSError: If something could not be written, by whatever thread.
        """
        with TURN.left():
            self._wait()

    def _wait(self) -> None:
        with self._news:
            wanted = self._begun + 1  # What is under way may have begun before this thread wrote.
            while self._ended < wanted and self._failed is None:
                if self._is_busy:
                    self._news.wait()
                else:
                    self._bring()
            if self._failed is not None:
                raise OSError(self._failed.errno, self._failed.strerror) from self._failed

    def _bring(self) -> None:
        """Brings all to the disk; is called, and returns, with the lock held."""
        self._is_busy = True
        self._news.release()
        TURN.wait_until_idle(_GATHERING)
        with self._news:
            self._begun += 1
            ended = self._ended
        try:
            self._sync()
            ended = self._begun
        except OSError as error:
            # Nobody is told a second time, so that nobody can be sure any more.
            self._failed = error
        finally:
            self._news.acquire()
            self._is_busy = False
            self._ended = ended
            self._news.notify_all()


_groups: dict[int, EachFile] = {}
_lock = threading.Lock()


def together(directory: Path) -> EachFile:
    """Returns how to bring to the disk what threads of this process write below a directory.

    Ask before anything is written: only of failures from then on syncfs tells.
    """
    device = directory.stat().st_dev
    with _lock:
        if device not in _groups:
            _groups[device] = _group(directory)
        return _groups[device]


def _group(directory: Path) -> EachFile:
    release = re.match(r"(\d+)\.(\d+)", os.uname().release)
    if os.uname().sysname != "Linux" or not release or (int(release[1]), int(release[2])) < _LINUX:
        return EACH_FILE
    if _kind(directory) not in _LOCAL:
        return EACH_FILE
    import ctypes

    library = ctypes.CDLL(None, use_errno=True)
    if not hasattr(library, "syncfs"):
        return EACH_FILE
    fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)  # stays open

    def sync() -> None:
        if library.syncfs(fd):
            code = ctypes.get_errno()
            raise OSError(code, os.strerror(code))

    return Together(sync)


def _kind(directory: Path) -> str | None:
    """Returns the type of the file system that a directory is in; None if that is not known."""
    path = os.path.realpath(directory)
    best: tuple[int, str] | None = None
    for mount_point, kind in _mounts():
        if os.path.commonpath((mount_point, path)) == mount_point:
            best = max(best or (0, ""), (len(mount_point), kind))
    return best[1] if best else None


@functools.cache
def _mounts() -> tuple[tuple[str, str], ...]:
    """Returns the mount points of this process, and the types of what is mounted there."""
    try:
        lines = Path("/proc/self/mountinfo").read_text(errors="surrogateescape").splitlines()
    except OSError:
        return ()
    found = []
    for line in lines:
        fields = line.split(" ")
        mount_point = re.sub(r"\\([0-7]{3})", lambda octal: chr(int(octal[1], 8)), fields[4])
        found.append((mount_point, fields[fields.index("-") + 1]))
    return tuple(found)
