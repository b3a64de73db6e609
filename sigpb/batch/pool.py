"""Giving out tasks to processes, or to threads, and taking in outcomes.

A process that dies takes nothing with it: what it was at is tried again, each model alone, and only
the model that makes a process die again has failed. A process at which a model takes too long is
killed; that model has failed, and the others are tried again.

Processes have groups of their own, so that Ctrl-C in a terminal reaches the process that gives out
tasks and no other. Once that one is told to stop, tasks that are not begun are dropped, and what
takes longer than a while is killed, with the processes that it started.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor
from concurrent.futures import wait as wait_for
from dataclasses import dataclass, field, replace
from multiprocessing.connection import Connection, Pipe, wait
from types import TracebackType
from typing import cast

from sigpb.batch.job import Outcome, Task

# The modules are looked for where this process finds them, and not in the current directory.
_CODE = """\
import json, sys
sys.path[:] = json.loads(sys.argv[1])
from sigpb.batch.worker import main
main(*map(int, sys.argv[2:]))
"""

# So many tasks for each thread are on their way, so that none has to wait for one.
_AHEAD = 3

# Seconds between two times that it is looked whether to stop.
_TICK = 0.1

GRACE = 1.0
"""Seconds that tasks have to come to their end when they are stopped."""


@dataclass
class _Process:
    process: subprocess.Popen[bytes]
    connection: Connection
    pending: dict[str, Task] = field(default_factory=dict)
    started: dict[str, float] = field(default_factory=dict)
    overdue: set[str] = field(default_factory=set)


class Pool:
    """Processes that do one kind of work.

    Args:
        work: What to do; can be pickled.
        jobs: How many processes there may be; they are started when they are needed.
        threads: How many tasks each of them works on at a time.
        inherited: Open files that the processes hold on to.
        timeout: How many seconds a task may take; None for any number.
    """

    def __init__(
        self,
        work: Callable[[Task], Outcome],
        *,
        jobs: int,
        threads: int,
        inherited: Sequence[int] = (),
        timeout: float | None = None,
    ) -> None:
        self._work = work
        self._jobs = jobs
        self._threads = threads
        self._inherited = inherited
        self._timeout = timeout
        self._processes: list[_Process] = []
        self._stopped = False
        self._deadline = math.inf

    def stop(self, grace: float = math.inf) -> None:
        """Has tasks dropped that are not begun; may be called by a handler of a signal.

        Args:
            grace: After so many seconds those that are begun and not done are dropped as well.
        """
        self._stopped = True
        self._deadline = min(self._deadline, time.monotonic() + grace)

    def __enter__(self) -> Pool:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for each in self._processes:
            each.connection.close()
        deadline = min(self._deadline, time.monotonic() + GRACE)
        for wait_until in (deadline, deadline + GRACE / 2):
            for each in self._processes:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    each.process.wait(max(0.0, wait_until - time.monotonic()))
            for each in self._processes:
                _kill(each)
        self._processes = []

    def run(self, tasks: Iterable[Task]) -> Iterator[Outcome]:
        """Yields what becomes of tasks, in the order in which they are done.

        After `stop` it is not told what becomes of tasks that are dropped.
        """
        waiting = iter(tasks)
        suspects: list[Task] = []
        while self._give_out(waiting) and not self._stopped:
            for process in self._ready(self._processes):
                yield from self._take_in(process, suspects)
        for task in suspects:
            if not self._stopped:
                yield from self._alone(task)
        if self._stopped:
            yield from self._last()

    def _last(self) -> Iterator[Outcome]:
        """Has nothing more begun, and yields what becomes of tasks that are done in time."""
        for process in self._processes:
            with contextlib.suppress(OSError):
                process.connection.send(None)
        while self._processes and time.monotonic() < self._deadline:
            for process in self._ready(self._processes):
                yield from self._take_in(process, [])

    def _give_out(self, tasks: Iterator[Task]) -> bool:
        """Gives out tasks as long as processes take them; says whether there are any left."""
        while process := self._least_busy():
            task = next(tasks, None)
            if task is None:
                break
            _give(process, task)
        return any(each.pending for each in self._processes)

    def _least_busy(self) -> _Process | None:
        """Returns the process to give the next task to; None if all have enough to do."""
        process = min(self._processes, key=lambda each: len(each.pending), default=None)
        most = self._threads if len(self._processes) < self._jobs else self._threads * _AHEAD
        if process is not None and len(process.pending) < most:
            return process
        return self._start() if len(self._processes) < self._jobs else None

    def _ready(self, processes: Iterable[_Process]) -> list[_Process]:
        """Waits until processes have something to say, or one is to be killed, and kills it."""
        busy = {each.connection: each for each in processes if each.pending or self._stopped}
        left = _TICK
        if self._timeout is not None:
            begun = [time for each in busy.values() for time in each.started.values()]
            due = min(begun, default=time.monotonic()) + self._timeout - time.monotonic()
            left = max(0.0, min(left, due))
        ready = [busy[cast(Connection, each)] for each in wait(list(busy), left)]
        if self._timeout is not None:
            latest = time.monotonic() - self._timeout
            for process in busy.values():
                overdue = {model for model, begun in process.started.items() if begun <= latest}
                if overdue and process not in ready:
                    process.overdue |= overdue
                    _kill(process)
        return ready

    def _take_in(self, process: _Process, suspects: list[Task]) -> Iterator[Outcome]:
        try:
            while process.connection.poll():
                said: str | Outcome = process.connection.recv()
                if isinstance(said, str):
                    process.started[said] = time.monotonic()
                    continue
                del process.pending[said.model], process.started[said.model]
                yield said
        except (EOFError, OSError):
            _kill(process)  # What it started may have outlived it.
            self._end(process)
            for model, task in process.pending.items():
                if model in process.overdue:
                    reason = f"it took longer than {self._timeout:g} seconds (--model_timeout)."
                    yield Outcome(model, "failed", reason, seconds=self._timeout or 0.0)
                else:
                    suspects.append(replace(task, interrupted=True))

    def _alone(self, task: Task) -> Iterator[Outcome]:
        process = self._start()
        _give(process, task)
        done: list[Outcome] = []
        lost: list[Task] = []
        while not done and not lost:
            if self._stopped:
                return
            for ready in self._ready([process]):
                done += self._take_in(ready, lost)
        if process in self._processes:
            self._end(process)
        yield from done
        if not done:
            code = process.process.returncode
            how = f"signal {-code}" if code < 0 else f"exit code {code}"
            yield Outcome(task.model, "failed", f"the process that patched it ended with {how}.")

    def _start(self) -> _Process:
        ours, theirs = Pipe()
        fd = theirs.fileno()
        numbers = map(str, (fd, self._threads, os.getpid()))
        process = subprocess.Popen(
            [sys.executable, "-c", _CODE, json.dumps(sys.path), *numbers],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            pass_fds=(fd, *self._inherited),
            start_new_session=True,
        )
        theirs.close()
        started = _Process(process, ours)
        self._processes.append(started)
        with contextlib.suppress(OSError):
            ours.send(self._work)
        return started

    def _end(self, process: _Process) -> None:
        self._processes.remove(process)
        process.connection.close()
        process.process.wait()


def _kill(process: _Process) -> None:
    """Kills a process with all that it started, such as one with TensorFlow."""
    if process.process.returncode is None:  # Its number is nobody else's as long as that is so.
        with contextlib.suppress(OSError):
            os.killpg(process.process.pid, signal.SIGKILL)


def _give(process: _Process, task: Task) -> None:
    process.pending[task.model] = task
    with contextlib.suppress(OSError):  # It died, which will be noticed.
        process.connection.send(task)


class Threads:
    """Threads of this process that do one kind of work, for stores that no other process can see.

    Args:
        work: What to do; raises nothing.
        count: How many tasks to work on at a time.
    """

    def __init__(self, work: Callable[[Task], Outcome], count: int) -> None:
        self._work = work
        self._count = count
        self._executor = ThreadPoolExecutor(count)
        self._stopped = False
        self._deadline = math.inf

    def stop(self, grace: float = math.inf) -> None:
        """See `Pool`; threads that are not done in time go on as long as this process does."""
        self._stopped = True
        self._deadline = min(self._deadline, time.monotonic() + grace)

    def __enter__(self) -> Threads:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._executor.shutdown(wait=not self._stopped, cancel_futures=True)

    def run(self, tasks: Iterable[Task]) -> Iterator[Outcome]:
        """Yields what becomes of tasks, in the order in which they are done."""
        waiting = iter(tasks)
        busy: set[Future[Outcome]] = set()
        while time.monotonic() < self._deadline:
            while len(busy) < self._count and (task := next(waiting, None)):
                busy.add(self._executor.submit(self._work, task))
            if not busy:
                return
            done, busy = wait_for(busy, _TICK, return_when=FIRST_COMPLETED)
            for each in done:
                yield each.result()
