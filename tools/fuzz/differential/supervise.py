"""Runs hunts in a process of their own, which may crash or hang, and says what they found."""

from __future__ import annotations

import multiprocessing
import sys
import time
from collections import Counter
from collections.abc import Sequence
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

# A case that takes longer hangs.
_HANGS_AFTER = 240.0

# TensorFlow keeps something of every model it has loaded.
_ROUNDS_PER_PROCESS = 200


def supervise(
    seconds: float,
    seed: int,
    output: Path,
    families: Sequence[str] = (),
    models: int = sys.maxsize,
) -> int:
    """Hunts until the time is over, writes a script for each fault, and returns the exit code.

    Args:
        seconds: For how long.
        seed: What decides about models and patches.
        output: The directory for scripts.
        families: The families of models; none for all.
        models: How many models are built at the most, so that two runs are of the same ones.
    """
    output.mkdir(parents=True, exist_ok=True)
    end = time.monotonic() + seconds
    log = _Log(output)
    number = 0
    while time.monotonic() < end and number < models:
        last = min(number + _ROUNDS_PER_PROCESS, models)
        number = _one_process(number, last, seed, end, families, log)
    print(log.summary(), end="")
    return int(log.scripts > 0)


class _Log:
    """What was reported so far."""

    def __init__(self, output: Path) -> None:
        """Begins with nothing."""
        self._output = output
        self._start = time.monotonic()
        self.counts: Counter[tuple[str, str]] = Counter()
        self.scripts = 0
        self.seconds = 0.0

    def found(self, name: str, title: str, source: str) -> None:
        """Writes a script."""
        self.scripts += 1
        file = self._output / f"{self.scripts:03d}-{name}.py"
        file.write_text(source)
        print(f"{time.strftime('%H:%M:%S')} {file}: {title.splitlines()[0]}", flush=True)

    def summary(self) -> str:
        """Returns what was done and found, which is also written to ``summary.txt``."""
        seconds = time.monotonic() - self._start
        patches = sum(count for (what, _), count in self.counts.items() if what == "patch")
        lines = [
            f"{patches:,} patches in {seconds:.0f} seconds ({patches / seconds:.2f} a second; "
            f"{self.seconds:.0f} seconds without making examples small), {self.scripts} scripts"
        ]
        for what in ("model", "patch", "accepted", "refused", "fault"):
            lines += [
                f"{what:9} {count:6,}  {name}"
                for (kind, name), count in self.counts.most_common()
                if kind == what
            ]
        text = "\n".join(lines) + "\n"
        (self._output / "summary.txt").write_text(text)
        return text


def _one_process(
    number: int, last: int, seed: int, end: float, families: Sequence[str], log: _Log
) -> int:
    """Hunts in one process, and returns the number of the round to begin with in the next."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(
        target=_hunt, args=(theirs, seed, number, last, end, tuple(families)), daemon=True
    )
    process.start()
    theirs.close()
    case = ("start", "")
    while True:
        if not ours.poll(_HANGS_AFTER):
            log.found("hangs", f"{case[0]}: takes longer than {_HANGS_AFTER:.0f} s", case[1])
            process.kill()
            break
        try:
            what, data = ours.recv()
        except EOFError:
            break
        if what == "case":
            case = data
        elif what == "round":
            number = data
            log.summary()
        elif what == "count":
            log.counts[data] += 1
        elif what == "seconds":
            log.seconds += data
        elif what == "found":
            log.found(*data)
    process.join()
    if process.exitcode and process.exitcode != -9:
        log.found("crash", f"{case[0]}: the process ends with {process.exitcode}", case[1])
    return number + 1


def _hunt(
    pipe: Connection, seed: int, first: int, last: int, end: float, families: tuple[str, ...]
) -> None:
    """Hunts, and says so; the code of the process."""
    import tensorflow as tf

    from .hunt import Hunt

    # Models are small: more threads only wait for each other.
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)

    def report(what: str, data: Any) -> None:
        pipe.send((what, data))

    hunt = Hunt(seed, report, families)
    for number in range(first, last):
        if time.monotonic() > end:
            break
        report("round", number)
        hunt.round(number)
