"""Giving out tasks to processes, and taking in outcomes.

A process that dies takes nothing with it: what it was at is tried again, each model alone, and only
the model that makes a process die again has failed.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
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
main(int(sys.argv[2]), int(sys.argv[3]))
"""

# So many tasks for each thread are on their way, so that none has to wait for one.
_AHEAD = 3


@dataclass
class _Process:
    process: subprocess.Popen[bytes]
    connection: Connection
    pending: dict[str, Task] = field(default_factory=dict)


class Pool:
    """Processes that do one kind of work.

    Args:
        work: What to do; can be pickled.
        jobs: How many processes there may be; they are started when they are needed.
        threads: How many tasks each of them works on at a time.
        inherited: Open files that the processes hold on to.
    """

    def __init__(
        self,
        work: Callable[[Task], Outcome],
        *,
        jobs: int,
        threads: int,
        inherited: Sequence[int] = (),
    ) -> None:
        self._work = work
        self._jobs = jobs
        self._threads = threads
        self._inherited = inherited
        self._processes: list[_Process] = []

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
        for each in self._processes:
            each.process.wait()
        self._processes = []

    def run(self, tasks: Iterable[Task]) -> Iterator[Outcome]:
        """Yields what becomes of tasks, in the order in which they are done."""
        waiting = iter(tasks)
        suspects: list[Task] = []
        while self._give_out(waiting):
            busy = {each.connection: each for each in self._processes if each.pending}
            for ready in wait(list(busy)):
                yield from self._take_in(busy[cast(Connection, ready)], suspects)
        for task in suspects:
            yield self._alone(task)

    def _give_out(self, tasks: Iterator[Task]) -> bool:
        """Gives out tasks as long as processes take them; says whether there are any left."""
        while process := self._least_busy():
            task = next(tasks, None)
            if task is None:
                break
            process.pending[task.model] = task
            with contextlib.suppress(OSError):  # It died, which will be noticed.
                process.connection.send(task)
        return any(each.pending for each in self._processes)

    def _least_busy(self) -> _Process | None:
        """Returns the process to give the next task to; None if all have enough to do."""
        process = min(self._processes, key=lambda each: len(each.pending), default=None)
        most = self._threads if len(self._processes) < self._jobs else self._threads * _AHEAD
        if process is not None and len(process.pending) < most:
            return process
        return self._start() if len(self._processes) < self._jobs else None

    def _take_in(self, process: _Process, suspects: list[Task]) -> Iterator[Outcome]:
        try:
            while process.connection.poll():
                outcome: Outcome = process.connection.recv()
                del process.pending[outcome.model]
                yield outcome
        except (EOFError, OSError):
            self._end(process)
            suspects += [replace(task, interrupted=True) for task in process.pending.values()]

    def _alone(self, task: Task) -> Outcome:
        process = self._start()
        try:
            process.connection.send(task)
            outcome: Outcome = process.connection.recv()
        except (EOFError, OSError):
            code = self._end(process)
            how = f"signal {-code}" if code < 0 else f"exit code {code}"
            return Outcome(task.model, "failed", f"the process that patched it ended with {how}.")
        self._end(process)
        return outcome

    def _start(self) -> _Process:
        ours, theirs = Pipe()
        fd = theirs.fileno()
        code = [sys.executable, "-c", _CODE, json.dumps(sys.path), str(fd), str(self._threads)]
        process = subprocess.Popen(
            code,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            pass_fds=(fd, *self._inherited),
        )
        theirs.close()
        started = _Process(process, ours)
        self._processes.append(started)
        with contextlib.suppress(OSError):
            ours.send(self._work)
        return started

    def _end(self, process: _Process) -> int:
        self._processes.remove(process)
        process.connection.close()
        return process.process.wait()
