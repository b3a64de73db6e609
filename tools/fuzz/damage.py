"""Damages the models of the repository and of the corpus, and gives them to the targets."""

from __future__ import annotations

import contextlib
import gc
import os
import random
import signal
import sys
import tempfile
import time
import traceback
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from .command_line import EXECUTIONS, Failure
from .models import models
from .mutations import mutate
from .targets import BYTE_TARGETS, COMMAND_TARGETS, FILE_TARGETS, Target

# A target that takes longer, or more memory, for a file of less than half a megabyte fails.
_MAX_SECONDS = 20
_MAX_MEMORY = 250 << 20

# Nothing is written to a disk where there is a file system in memory.
_MEMORY = Path("/dev/shm")
_SCRATCH = str(_MEMORY) if os.access(_MEMORY, os.W_OK) else None

# Most files are well-formed, and say nothing new to the targets that look at bytes.
_BYTES_TOO = 0.2


class _TooLong(BaseException):
    """A target takes too long; nothing that catches errors catches this."""


def reproduce(file: Path) -> int:
    """Gives a file that failed to all targets again, and returns the exit code."""
    data = file.read_bytes()
    targets = (*BYTE_TARGETS, *COMMAND_TARGETS, *FILE_TARGETS)
    said = [fault for target in targets if (fault := fault_of(target, data))]
    print("\n".join(said), file=sys.stderr)
    return int(bool(said))


def damage(seconds: float, seed: int, output: Path) -> int:
    """Damages files until the time is over, and returns the exit code.

    Args:
        seconds: How long it may take.
        seed: What the files follow from.
        output: Where files that fail are put, with what is said of them beside.
    """
    gc.set_threshold(100_000)  # As the command has it.
    small = models()
    print(f"seed {seed}, {len(small)} models", flush=True)
    end = time.monotonic() + seconds
    found = _Found(output)
    number = 0
    while time.monotonic() < end:
        number += 1
        # One generator for each file: the seed and the number are enough to make it again.
        chance = random.Random(f"{seed}/{number}")
        # The smaller of two: it takes less time, and says as much.
        data, how = mutate(chance, min(chance.sample(small, 2), key=len), chance.choice(small))
        bytes_too = chance.random() < _BYTES_TOO
        for target in (*(BYTE_TARGETS if bytes_too else ()), *COMMAND_TARGETS, *FILE_TARGETS):
            before = time.process_time()
            fault = fault_of(target, data)
            found.calls[target.__name__] += 1
            found.seconds[target.__name__] += time.process_time() - before
            if fault:
                found.keep(f"{seed}-{number}", target.__name__, data, f"{', '.join(how)}\n{fault}")
    print(f"{number:,} damaged files")
    print(*found.lines(), sep="\n")
    return int(bool(found.faults))


@dataclass
class _Found:
    """What was found out.

    Attributes:
        output: Where what fails is put.
        calls: How often each target was run.
        seconds: How long each took.
        faults: How often each kind of fault was found.
    """

    output: Path
    calls: Counter[str] = field(default_factory=Counter)
    seconds: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))
    faults: Counter[str] = field(default_factory=Counter)

    def keep(self, number: str, target: str, data: bytes, fault: str) -> None:
        """Writes a file that fails, if it is the first that fails like that."""
        kind = f"{target}: {_place(fault)}"
        self.faults[kind] += 1
        if self.faults[kind] > 1:
            return
        self.output.mkdir(parents=True, exist_ok=True)
        file = self.output / f"{number}-{target}"
        file.write_bytes(data)
        file.with_suffix(".txt").write_text(fault)
        print(f"{target} fails on {file}: {fault.strip().splitlines()[-1]}", flush=True)

    def lines(self) -> Iterator[str]:
        """Yields what is to be said at the end."""
        for name, count in self.calls.items():
            yield f"  {name}: {count:,} files in {self.seconds[name]:.0f} seconds"
        commands = ", ".join(f"{name} {count:,}" for name, count in sorted(EXECUTIONS.items()))
        yield f"  commands: {commands}; {EXECUTIONS.total():,} in all"
        for kind, count in self.faults.most_common():
            yield f"  {count:,} of {kind}"


def fault_of(target: Target, data: bytes) -> str:
    """Returns what a target finds wrong on a file; nothing if all is well."""
    memory = _memory()
    try:
        with (
            tempfile.TemporaryDirectory(prefix="sigpb-fuzz-", dir=_SCRATCH) as scratch,
            _limited(),
        ):
            target(data, Path(scratch))
            if (more := _memory() - memory) > _MAX_MEMORY:
                raise Failure(f"it took {more >> 20} MiB for {len(data):,} bytes")
    except (Exception, _TooLong):
        return traceback.format_exc()
    return ""


@contextlib.contextmanager
def _limited() -> Iterator[None]:
    """Ends what takes too long."""

    def end(number: int, frame: object) -> None:
        raise _TooLong(f"it takes longer than {_MAX_SECONDS} seconds")

    previous = signal.signal(signal.SIGPROF, end)
    signal.setitimer(signal.ITIMER_PROF, _MAX_SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, previous)


def _memory() -> int:
    """Returns how many bytes this process has used at the most.

    What `resource` says of that includes what the process that started this one had used.
    """
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.partition("VmHWM:")[2].split(maxsplit=1)[0]) * 1024


def _place(fault: str) -> str:
    """Returns where the first error of a traceback was raised, by which equal faults are known."""
    first = fault.partition("\nThe above exception was")[0].strip().splitlines()
    places = [line.strip() for line in first if line.startswith("  File ")]
    return f"{places[-1].rpartition('/')[2]}, {first[-1][:40]}" if places else first[-1][:80]
