"""Rolling a batch back: every model becomes what it was before."""

from __future__ import annotations

import fnmatch
import os
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from sigpb import protos
from sigpb.batch.digests import digest_of_proto
from sigpb.batch.interrupted import left_behind
from sigpb.batch.job import Job, Outcome, Task
from sigpb.batch.journal import Journal, Progress, read
from sigpb.batch.patch_model import patch_model, reason_of, verdict_of
from sigpb.errors import EnvironmentFailure, PatchError
from sigpb.publishing.restore import backup_path, remove_leftovers, remove_stages, restore, withdraw

_THREADS = 8


@dataclass(frozen=True)
class Undone:
    """What became of a model that was to be rolled back.

    Attributes:
        model: Its directory.
        outcome: ``unchanged`` if it is as before the batch anyway.
        reason: Why, unless it was rolled back.
    """

    model: str
    outcome: Literal["rolled_back", "unchanged", "refused", "failed"]
    reason: str = ""


@dataclass(frozen=True)
class Rollback:
    """A batch that is to be rolled back.

    Attributes:
        file: Its journal.
        progress: What the journal says.
        patched: What became of the models that the batch changed, or copied.
    """

    file: Path
    progress: Progress
    patched: Mapping[str, Outcome]

    @classmethod
    def of(cls, file: Path) -> Rollback:
        """Reads a journal.

        Raises:
            UsageError: If it is none.
            EnvironmentFailure: If it cannot be read.
        """
        patched: dict[str, Outcome] = {}

        def keep(outcome: Outcome) -> None:
            if outcome.output is not None and outcome.outcome in ("patched", "unchanged"):
                patched[outcome.model] = outcome

        return cls(file, read(file, keep), patched)

    def tasks(self, only: str | None = None) -> list[Task]:
        """Returns the models to roll back.

        Args:
            only: A glob that their paths match, in the repository or as a whole; None for all.
        """
        settled = ("unchanged", "skipped", "refused")
        return [
            task
            for task in self.progress.tasks
            if task.model not in self.progress.undone
            and (task.model in self.patched or self.progress.ended.get(task.model) not in settled)
            and (only is None or any(fnmatch.fnmatchcase(p, only) for p in (task.name, task.model)))
        ]

    def run(self, tasks: list[Task]) -> Iterator[Undone]:
        """Rolls models back, and yields what became of each as soon as it is written down.

        Raises:
            EnvironmentFailure: If the journal cannot be written.
        """
        journal = Journal.resume(self.file)
        job = self.progress.start.job
        with ThreadPoolExecutor(_THREADS) as pool:
            work = pool.map(lambda task: roll_back(job, task, self.patched.get(task.model)), tasks)
            for undone in work:
                values = {"outcome": undone.outcome, "reason": undone.reason}
                journal.append("undo", {"model": undone.model, **values})
                yield undone
        journal.append("rolled_back", {})
        journal.close()


def roll_back(job: Job, task: Task, done: Outcome | None) -> Undone:
    """Rolls a model back.

    Args:
        job: What the batch was to do.
        task: The model.
        done: What the batch did to it; None if it may have been killed while it was at it.
    """
    try:
        if task.output is None:
            return _put_back(job, task, done)
        return _withdraw(job, task, Path(task.output), done)
    except Exception as error:  # One model never stops the others.
        refused = verdict_of(error) == "refused"
        return Undone(task.model, "refused" if refused else "failed", reason_of(error))


def _put_back(job: Job, task: Task, done: Outcome | None) -> Undone:
    model = Path(task.model)
    remove_leftovers(model)  # Of a rollback that was killed.
    if done is None:
        left = left_behind(job, task, protos.SavedModelPatch.FromString(job.patch))
        if left is None:
            return Undone(task.model, "unchanged")
        done = left.outcome
    elif done.outcome == "unchanged":
        return Undone(task.model, "unchanged")
    elif (now := digest_of_proto(model)) != done.output_digest:
        kept = backup_path(model, job.id)
        if now == done.input_digest and not kept.exists():
            return Undone(task.model, "unchanged")
        if now != done.input_digest:
            raise PatchError(
                f"{model} was changed after the batch. Its files as they were before the batch are "
                f"in {kept}."
            )
    restore(model, job.id, done.files)
    return Undone(task.model, "rolled_back")


def _withdraw(job: Job, task: Task, output: Path, done: Outcome | None) -> Undone:
    remove_stages(output)
    if not os.path.lexists(output):
        return Undone(task.model, "unchanged")
    if done is None:  # Whether it is what the batch would have made of the model.
        tried = replace(job, dry_run=True, verify=())
        done = patch_model(tried, replace(task, interrupted=True))
        if done.outcome not in ("patched", "unchanged") or done.output is None:
            raise EnvironmentFailure(done.reason)
    if digest_of_proto(output) != (done.output_digest or done.input_digest):
        raise PatchError(f"{output} was changed after the batch. It stays as it is.")
    withdraw(output)
    return Undone(task.model, "rolled_back")
