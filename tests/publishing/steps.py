"""Procedures that are killed, fail or are interrupted before any single change of the file system.

Each case runs in a forked child, where something happens right before the n-th call that changes
the file system, for every n there is.
"""

from __future__ import annotations

import dataclasses
import errno
import os
import shutil
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

from sigpb.errors import EnvironmentFailure


@dataclasses.dataclass(frozen=True)
class Place:
    """A directory with a model in it, and room for a copy."""

    root: Path

    @property
    def model(self) -> Path:
        return self.root / "in" / "model"

    @property
    def output(self) -> Path:
        return self.root / "out" / "1"

    def create(self) -> None:
        """Makes what there is before."""
        raise NotImplementedError

    def leftovers(self) -> list[str]:
        """What a loader does not see."""
        found = (*self.model.rglob(".sigpb-*"), *self.output.parent.glob(".sigpb-*"))
        return sorted(path.name for path in found)


AnyPlace = TypeVar("AnyPlace", bound=Place)


def files(directory: Path) -> dict[str, bytes]:
    """What a loader sees."""
    return {
        str(path.relative_to(directory)): path.read_bytes()
        for path in directory.rglob("*")
        if path.is_file() and ".sigpb-" not in str(path.relative_to(directory))
    }


Procedure = Callable[[Any], None]

KILLED, DONE, FAILED, INTERRUPTED, BROKEN = "killed", "done", "failed", "interrupted", "broken"
OUTCOMES = {-signal.SIGKILL: KILLED, 0: DONE, 1: FAILED, 2: INTERRUPTED, 3: BROKEN}
EXIT_CODES = {outcome: code for code, outcome in OUTCOMES.items()}

NEVER = sys.maxsize

AUDITED = {
    "fcntl.ioctl",
    "os.chmod",
    "os.chown",
    "os.link",
    "os.mkdir",
    "os.remove",
    "os.rename",
    "os.rmdir",
    "os.symlink",
    "os.utime",
}


def before_each_change(act: Callable[[], None]) -> None:
    """From now on, calls `act` before each call of this process that changes the file system."""

    def audit(event: str, arguments: tuple[Any, ...]) -> None:
        if event in AUDITED or (event == "open" and arguments[2] & (os.O_WRONLY | os.O_RDWR)):
            act()

    def preceded(function: Callable[..., Any]) -> Callable[..., Any]:
        def wrapper(*arguments: Any) -> Any:
            act()
            return function(*arguments)

        return wrapper

    sys.addaudithook(audit)
    # Python does not audit these.
    for name in {"write", "copy_file_range"} & set(dir(os)):
        setattr(os, name, preceded(getattr(os, name)))
    # A kill does not lose what is not synced, and syncing takes most of the time.
    os.fsync = preceded(lambda fd: None)


def run(procedure: Procedure, place: Place, act: Callable[[int], None]) -> tuple[str, str]:
    """Carries out a procedure in a child process, which calls `act(n)` before its n-th change.

    Returns:
        How it ended; the message of a failure, or else the number of changes.
    """
    log = place.root / "log"
    pid = os.fork()
    if pid == 0:
        outcome, message, calls = BROKEN, "", 0

        def count() -> None:
            nonlocal calls
            calls += 1
            act(calls)

        with log.open("w") as file:
            before_each_change(count)
            try:
                procedure(place)
                outcome, message = DONE, str(calls)
            except EnvironmentFailure as error:
                outcome, message = FAILED, str(error)
            except KeyboardInterrupt:
                outcome = INTERRUPTED
            except BaseException as error:
                message = repr(error)
            file.write(message)
        os._exit(EXIT_CODES[outcome])
    _, status = os.waitpid(pid, 0)
    outcome, message = OUTCOMES[os.waitstatus_to_exitcode(status)], log.read_text()
    assert outcome != BROKEN, message
    return outcome, message


def at_each_step(
    procedure: Procedure,
    directory: Path,
    act: Callable[[int, int], None],
    kind: type[AnyPlace],
) -> Iterator[tuple[AnyPlace, str, str]]:
    """Carries out a procedure on fresh models, for n from 1 to the number of its changes.

    Args:
        procedure: What to do.
        directory: Where.
        act: What to do before each change, given its number and n.
        kind: What there is before it.

    Yields:
        The place as it was left, how the procedure ended, and its message.
    """

    def carry_out(n: int) -> tuple[AnyPlace, str, str]:
        place = kind(directory / str(n))
        place.create()
        return place, *run(procedure, place, lambda call: act(call, n))

    _, undisturbed, changes = carry_out(NEVER)
    assert undisturbed == DONE
    for n in range(1, int(changes) + 1):
        place, outcome, message = carry_out(n)
        yield place, outcome, message
        shutil.rmtree(place.root)


def kill(call: int, n: int) -> None:
    if call == n:
        os.kill(os.getpid(), signal.SIGKILL)


def interrupt(call: int, n: int) -> None:
    if call == n:
        raise KeyboardInterrupt


def fail_once(call: int, n: int) -> None:
    if call == n:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def fail_for_good(call: int, n: int) -> None:
    if call >= n:
        raise OSError(errno.EIO, os.strerror(errno.EIO))
