"""Rolling a batch back: every model becomes what it was before."""

from __future__ import annotations

import fnmatch
from collections.abc import Collection, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from sigpb import protos
from sigpb.batch.digests import listing_digest
from sigpb.batch.interrupted import left_behind
from sigpb.batch.job import Job, Outcome, Task
from sigpb.batch.journal import Journal, Progress, read
from sigpb.batch.patch_model import patch_model, reason_of, verdict_of
from sigpb.batch.place import Place, place_of
from sigpb.batch.selection import lies_in
from sigpb.errors import EnvironmentFailure, PatchError

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
        if tasks:  # From here on the batch cannot go on, whatever becomes of this.
            journal.append("rollback", {})
            journal.sync()
        job, where = self.progress.start.job, self.progress.start.directories
        has_failed = False
        with ThreadPoolExecutor(_THREADS) as pool:
            work = pool.map(
                lambda task: roll_back(job, task, self.patched.get(task.model), where), tasks
            )
            for undone in work:
                values = {"outcome": undone.outcome, "reason": undone.reason}
                journal.append("undo", {"model": undone.model, **values})
                has_failed |= undone.outcome == "failed"
                yield undone
        if not has_failed:
            journal.append("rolled_back", {})
        journal.close()


def roll_back(job: Job, task: Task, done: Outcome | None, directories: Collection[str]) -> Undone:
    """Rolls a model back.

    Args:
        job: What the batch was to do.
        task: The model.
        done: What the batch did to it; None if it may have been killed while it was at it.
        directories: Where the batch worked; nothing that lies elsewhere is touched.
    """
    try:
        changed = task.model if task.output is None else task.output
        if not any(lies_in(changed, directory) for directory in directories):
            raise PatchError(
                f"{changed} is not in a directory that the batch worked in: "
                f"{', '.join(directories)}. The journal is damaged, or somebody changed it."
            )
        if task.output is None:
            return _put_back(job, task, place_of(task.model), done)
        return _withdraw(job, task, place_of(task.output), done)
    except Exception as error:  # One model never stops the others.
        refused = verdict_of(error) == "refused"
        return Undone(task.model, "refused" if refused else "failed", reason_of(error))


def _put_back(job: Job, task: Task, model: Place, done: Outcome | None) -> Undone:
    has_backup = model.has_backup(job)
    if done is None:
        left = left_behind(job, task, protos.SavedModelPatch.FromString(job.patch))
        if left is None:
            return Undone(task.model, "unchanged")
        done = left.outcome
    elif done.outcome == "unchanged":
        return Undone(task.model, "unchanged")
    elif (now := model.digest()) != done.output_digest:
        if now == done.input_digest and not has_backup:
            return Undone(task.model, "unchanged")
        if now != done.input_digest:
            raise PatchError(
                f"{model.path} was changed after the batch. Its files as they were before the "
                f"batch are in {model.backup(job)}."
            )
    model.restore(job, done)
    return Undone(task.model, "rolled_back")


def _withdraw(job: Job, task: Task, output: Place, done: Outcome | None) -> Undone:
    output.remove_stages(job)
    if not output.exists():
        return Undone(task.model, "unchanged")
    if done is None:  # Whether it is what the batch would have made of the model.
        tried = replace(job, dry_run=True, verify=())
        done = patch_model(tried, replace(task, interrupted=True))
        if done.outcome not in ("patched", "unchanged") or done.output is None:
            raise EnvironmentFailure(done.reason)
    tree = listing_digest(output.sizes(), done.files)
    made = done.output_tree or listing_digest(place_of(task.model).sizes(), done.files)
    is_as_made = output.digest() == (done.output_digest or done.input_digest) and tree == made
    if not is_as_made or output.has_backup(job):  # A copy has none: it is one of the models.
        raise PatchError(f"{output.path} was changed after the batch. It stays as it is.")
    output.withdraw(job)
    return Undone(task.model, "rolled_back")
