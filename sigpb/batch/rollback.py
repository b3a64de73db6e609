"""Rolling a batch back: every model becomes what it was before."""

from __future__ import annotations

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
from sigpb.batch.selection import is_named, lies_in
from sigpb.errors import EnvironmentFailure, PatchError, UsageError, listed

_THREADS = 8


@dataclass(frozen=True)
class Undone:
    """What became of a model that was to be rolled back.

    Attributes:
        model: Its directory.
        outcome: ``unchanged`` if it is as before the batch anyway.
        reason: Why, unless it was rolled back.
        removed: The copy that was removed to roll it back; None if it was put back itself.
    """

    model: str
    outcome: Literal["rolled_back", "unchanged", "refused", "failed"]
    reason: str = ""
    removed: str | None = None


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
            only: A glob that names them: see `is_named`; None for all.

        Raises:
            UsageError: If it names no model of the batch.
        """
        tasks = [
            task
            for task in self.progress.tasks
            if only is None or is_named(task.model, task.name, [only])
        ]
        if only is not None and not tasks:
            names = [task.name for task in self.progress.tasks]
            raise UsageError(f"No model of the batch is {only!r}; there are {listed(names)}.")
        settled = ("unchanged", "skipped", "refused")
        return [
            task
            for task in tasks
            if task.model not in self.progress.undone
            and (task.model in self.patched or self.progress.ended.get(task.model) not in settled)
        ]

    def forecast(self, tasks: list[Task]) -> Iterator[Undone]:
        """Yields what would become of models, in their order; changes nothing."""
        return self._each(replace(self.progress.start.job, dry_run=True), tasks)

    def run(self, tasks: list[Task]) -> Iterator[Undone]:
        """Rolls models back, and yields what became of each, in their order, once it is on record.

        Raises:
            EnvironmentFailure: If the journal cannot be written.
        """
        journal = Journal.resume(self.file)
        if tasks:  # From here on the batch cannot go on, whatever becomes of this.
            journal.append("rollback", {})
            journal.sync()
        has_failed = False
        for undone in self._each(self.progress.start.job, tasks):
            values = {"outcome": undone.outcome, "reason": undone.reason}
            journal.append("undo", {"model": undone.model, **values})
            has_failed |= undone.outcome == "failed"
            yield undone
        if not has_failed:
            journal.append("rolled_back", {})
        journal.close()

    def _each(self, job: Job, tasks: list[Task]) -> Iterator[Undone]:
        where = self.progress.start.directories
        with ThreadPoolExecutor(_THREADS) as pool:
            yield from pool.map(
                lambda task: roll_back(job, task, self.patched.get(task.model), where), tasks
            )


def roll_back(job: Job, task: Task, done: Outcome | None, directories: Collection[str]) -> Undone:
    """Rolls a model back.

    Args:
        job: What the batch was to do. In a dry run nothing is changed: neither what would be rolled
            back nor what a killed run left.
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
        place = place_of(changed)
        if job.dry_run and done is None:
            return _left_behind(job, task, place)
        if task.output is None:
            return _put_back(job, task, place, done)
        return _withdraw(job, task, place, done)
    except Exception as error:  # One model never stops the others.
        refused = verdict_of(error) == "refused"
        return Undone(task.model, "refused" if refused else "failed", reason_of(error))


def _left_behind(job: Job, task: Task, place: Place) -> Undone:
    """Returns what would become of a model that a killed run may have been at."""
    if not (place.keeps_backup(job) if task.output is None else place.exists()):
        return Undone(task.model, "unchanged")
    return Undone(task.model, "rolled_back", "if what is there is what a killed run left")


def _put_back(job: Job, task: Task, model: Place, done: Outcome | None) -> Undone:
    has_backup = model.keeps_backup(job) if job.dry_run else model.has_backup(job)
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
    if not job.dry_run:
        model.restore(job, done)
    elif not has_backup:
        raise EnvironmentFailure(f"{model.backup(job)}: there is no such backup.")
    return Undone(task.model, "rolled_back")


def _withdraw(job: Job, task: Task, output: Place, done: Outcome | None) -> Undone:
    if not job.dry_run:
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
    if not is_as_made or output.keeps_backup(job):  # A copy has none: it is one of the models.
        raise PatchError(f"{output.path} was changed after the batch. It stays as it is.")
    if not job.dry_run:
        output.withdraw(job)
    return Undone(task.model, "rolled_back", removed=output.path)
