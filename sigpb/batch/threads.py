"""Giving out tasks to threads of this process, for stores that no other process can see."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from types import TracebackType

from sigpb.batch.job import Outcome, Task


class Threads:
    """Threads that do one kind of work, as `Pool`'s processes do.

    Args:
        work: What to do; raises nothing.
        count: How many tasks to work on at a time.
    """

    def __init__(self, work: Callable[[Task], Outcome], count: int) -> None:
        self._work = work
        self._count = count
        self._executor = ThreadPoolExecutor(count)

    def __enter__(self) -> Threads:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._executor.shutdown()

    def run(self, tasks: Iterable[Task]) -> Iterator[Outcome]:
        """Yields what becomes of tasks, in the order in which they are done."""
        waiting = iter(tasks)
        busy: set[Future[Outcome]] = set()
        while True:
            while len(busy) < self._count and (task := next(waiting, None)):
                busy.add(self._executor.submit(self._work, task))
            if not busy:
                return
            done, busy = wait(busy, return_when=FIRST_COMPLETED)
            for each in done:
                yield each.result()
