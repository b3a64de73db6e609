"""Running a batch: everything is given out, taken in and written down here."""

from __future__ import annotations

import functools
import itertools
import math
import os
from collections import Counter
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from sigpb.batch.job import Job, Outcome, Task
from sigpb.batch.journal import Journal
from sigpb.batch.patch_model import patch_model
from sigpb.batch.pool import Pool, Threads
from sigpb.remote.urls import is_in_process, is_url

# While some wait for a store, others compute; more than these would only wait for each other.
_THREADS = 8

# Of those that take turns one computes while the others wait for the disk, all of them at a time.
_BY_TURNS = 32

_LOADERS = ("v1", "v2")

# Patches models by other means than processes of this machine.
Elsewhere = Callable[[Job, Iterable[Task]], Iterator[Outcome]]


def threads_for(job: Job, *, by_turns: bool = False) -> int:
    """Returns how many models a process works on at a time; see `sigpb.publishing.durability`."""
    if job.verify:
        return 1
    return _BY_TURNS if by_turns else _THREADS


@dataclass(frozen=True)
class Limits:
    """How a batch runs.

    Attributes:
        jobs: How many processes work on it; None for one for each processor.
        max_failures: How many models may fail before it stops; None for any number.
        canary: How many models are patched and verified before the others; 0 for none.
        model_timeout: How many seconds a model may take; None for any number.
        confirm: Asked, after these came out well, whether to go on with as many as are left.
        elsewhere: Patches the others; None for processes of this machine.
    """

    jobs: int | None = None
    max_failures: int | None = None
    canary: int = 0
    model_timeout: float | None = None
    confirm: Callable[[int], bool] = lambda left: True
    elsewhere: Elsewhere | None = None


@dataclass
class Run:
    """A batch that is run once.

    Attributes:
        job: What is done to every model.
        tasks: The models.
        limits: How it is run.
        journal: Where it is written down; None for nowhere.
        inherited: Open files that the processes hold on to, which locks are on.
        counts: How many models had which outcome.
        stopped: Why it ended before its end; None if it did not.
    """

    job: Job
    tasks: Sequence[Task]
    limits: Limits = Limits()
    journal: Journal | None = None
    inherited: Sequence[int] = ()
    counts: Counter[str] = field(default_factory=Counter)
    stopped: str | None = None
    _at_work: Pool | Threads | None = None

    def outcomes(self) -> Generator[Outcome]:
        """Patches the models, and yields what became of each as soon as it is written down.

        Raises:
            EnvironmentFailure: If the journal cannot be written.
        """
        tasks = self._unless_stopped()
        if self.limits.canary:
            yield from self._canary(tasks)
        if self.stopped is None and self.limits.elsewhere is not None:
            yield from self._noted(self.limits.elsewhere(self.job, tasks))
        elif self.stopped is None:
            yield from self._patched(self.job, tasks)
        if self.journal is None:
            return
        if self.stopped is None:
            self.journal.append("finish", {"counts": dict(self.counts)})
        else:
            self.journal.append("stop", {"reason": self.stopped})

    @property
    def left(self) -> int:
        """How many models nothing was done to."""
        return len(self.tasks) - self.counts.total()

    def stop(self, reason: str, grace: float = math.inf) -> None:
        """Has no more models begun; may be called by a handler of a signal.

        Args:
            reason: Why.
            grace: After so many seconds models that are begun and not done are given up, too.
        """
        self.stopped = self.stopped or reason
        if self._at_work is not None:
            self._at_work.stop(grace)

    def _unless_stopped(self) -> Iterator[Task]:
        return itertools.takewhile(lambda _: self.stopped is None, self.tasks)

    def _canary(self, tasks: Iterator[Task]) -> Iterator[Outcome]:
        """Patches the first models and verifies them."""
        failed = 0
        job = replace(self.job, verify=self.job.verify or _LOADERS)
        while (missing := self.limits.canary - self.counts["patched"]) > 0 and not failed:
            first = list(itertools.islice(tasks, missing))
            if not first:
                break
            for outcome in self._patched(job, first):
                failed += outcome.outcome == "failed"
                yield outcome
        if failed:
            self.stop("one of the first models failed")
            return
        if self.stopped is not None:
            return
        if self.journal is not None:
            self.journal.append("canary", {"passed": True})
        if self.left and not self.limits.confirm(self.left):
            self.stop("only the first models were wanted")

    def _patched(self, job: Job, tasks: Iterable[Task]) -> Iterator[Outcome]:
        with self._pool(job) as pool:
            self._at_work = pool
            try:
                yield from self._noted(pool.run(tasks))
            finally:
                self._at_work = None

    def _pool(self, job: Job) -> Pool | Threads:
        work = functools.partial(patch_model, job)
        is_local = not any(is_url(task.model) for task in self.tasks)
        jobs, threads = self.limits.jobs or os.cpu_count() or 1, threads_for(job, by_turns=is_local)
        if any(is_in_process(task.model) for task in self.tasks):
            return Threads(work, jobs * threads)
        return Pool(
            work,
            jobs=jobs,
            threads=threads,
            inherited=self.inherited,
            timeout=self.limits.model_timeout,
        )

    def _noted(self, outcomes: Iterable[Outcome]) -> Iterator[Outcome]:
        for outcome in outcomes:
            self.counts[outcome.outcome] += 1
            if self.journal is not None:
                self.journal.append("end", outcome.to_json())
            yield outcome
            limit = self.limits.max_failures
            if limit is not None and self.counts["failed"] > limit:
                self.stop(f"{self.counts['failed']} models failed")
