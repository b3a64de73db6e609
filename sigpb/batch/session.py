"""Beginning a batch, or going on with one: locks, the journal, and what is left to do."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from sigpb.batch import journal as journals
from sigpb.batch.job import Job, Outcome
from sigpb.batch.journal import Journal, Start
from sigpb.batch.locks import journal_locked, locked
from sigpb.batch.prepare import Prepared
from sigpb.batch.run import Limits, Run
from sigpb.errors import UsageError
from sigpb.publishing.failures import explained
from sigpb.remote.urls import is_url


@dataclass(frozen=True)
class Session:
    """A batch that can be run.

    Attributes:
        run: What is left to do.
        known: What became of models already.
        journal: The journal; None in a dry run.
        directories: What other batches have to keep off.
        warnings: What TensorFlow Serving does not do with the new versions.
    """

    run: Run
    known: Iterable[Outcome]
    journal: Path | None = None
    directories: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


def new_id() -> str:
    """Returns a name for a batch that no other one has."""
    return f"{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}-{os.urandom(3).hex()}"


def rehearse(prepare: Callable[[], Prepared], job: Job, limits: Limits) -> Session:
    """Returns a batch that changes nothing.

    Raises:
        EnvironmentFailure: If models are to be run, and there is no TensorFlow.
    """
    _require_tensorflow(job, limits)
    prepared = prepare()
    run = Run(replace(job, dry_run=True), prepared.tasks, limits)
    return Session(
        run,
        prepared.passed_over,
        directories=prepared.directories,
        warnings=prepared.warnings,
    )


@contextmanager
def begin(
    prepare: Callable[[], Prepared], job: Job, limits: Limits, home: Path, journal: Path | None
) -> Iterator[Session]:
    """Begins a batch.

    Args:
        prepare: Finds the models.
        job: What is done to every model.
        limits: How it is run.
        home: The directory for the journal, if that has no name.
        journal: The file for the journal.

    Raises:
        UsageError: If the journal is there already, or that of a batch which was not finished.
        EnvironmentFailure: If another batch is at work there, the journal cannot be written, or
            models are to be run and there is no TensorFlow.
    """
    _require_tensorflow(job, limits)
    prepared = prepare()
    for directory in prepared.directories if job.mode == "output_root" else ():
        with explained(f"write to {directory}", "Nothing was done."):
            if not is_url(directory):
                Path(directory).mkdir(parents=True, exist_ok=True)
    with locked(prepared.directories, job.id) as inherited:
        if journal is None:
            journal = _own_journal(home)
        start = Start(job, prepared.directories, limits.canary)
        written = Journal.create(journal, start, prepared.tasks, prepared.passed_over)
        with closing(written), journal_locked(journal, prepared.directories) as also:
            run = Run(job, prepared.tasks, limits, written, (*inherited, *also))
            yield Session(run, prepared.passed_over, journal, warnings=prepared.warnings)


@contextmanager
def resume(
    journal: Path, limits: Limits, root: str | None = None, patch: bytes = b""
) -> Iterator[Session]:
    """Goes on with a batch. Models that failed are tried again.

    Args:
        journal: Its journal, or the directory of that.
        limits: How it is run. Models are tried first if they were to be, and have not come out
            well.
        root: If this is a URL, what the batch is to be on: its journal is not in the repository.
        patch: The patch that is stated again, serialised; empty if it is not.

    Raises:
        UsageError: If there is no journal, the batch has another patch, or it was rolled back, even
            in part.
        EnvironmentFailure: If it cannot be read or written, another process is at it, or models are
            to be run and there is no TensorFlow.
    """
    if journal.is_dir():
        found = [each for each in journals.journals(journal) if _is_on(each, root)]
        if not found:
            of = f" of a batch on {root}" if root is not None and is_url(root) else ""
            raise UsageError(f"There is no journal{of} in {journal}; name it with --journal=FILE.")
        journal = found[-1]
    start = journals.read_start(journal)
    if patch and patch != start.job.patch:
        raise UsageError(
            f"{journal}: the batch has another patch, or selects other models, than the flags say. "
            "To go on with it, leave out the flags for these. To begin another batch, leave out "
            "--resume."
        )
    with (
        journal_locked(journal, start.directories) as also,
        locked(start.directories, start.job.id) as inherited,
    ):
        progress = journals.read(journal)
        if progress.rollback_begun:
            raise UsageError(
                f"{journal}: the batch was rolled back, at least in part, so that it cannot go on. "
                "'sigpb rollback' takes back what is left of it."
            )
        if progress.start.canary and not progress.canary_passed:
            limits = replace(limits, canary=limits.canary or progress.start.canary)
        _require_tensorflow(start.job, limits)
        tasks = tuple(
            replace(task, interrupted=True)
            for task in progress.tasks
            if progress.ended.get(task.model, "failed") == "failed"
        )
        redone = {task.model for task in tasks}
        known = (
            outcome
            for outcome in journals.outcomes(journal)
            if outcome.model not in redone and progress.ended[outcome.model] == outcome.outcome
        )
        with closing(Journal.resume(journal)) as written:
            run = Run(progress.start.job, tasks, limits, written, (*inherited, *also))
            yield Session(run, list(known), journal)


def _require_tensorflow(job: Job, limits: Limits) -> None:
    """Makes sure that there is TensorFlow if this machine is to run models.

    Raises:
        EnvironmentFailure: If it is missing.
    """
    if limits.canary or (job.verify and limits.elsewhere is None):
        from sigpb.verifying.process import require_tensorflow

        require_tensorflow()


def _is_on(journal: Path, root: str | None) -> bool:
    """Whether a journal is that of a batch on a root; where it lies says so if that is local."""
    if root is None or not is_url(root):
        return True
    try:
        directories = journals.read_start(journal).directories
    except UsageError:
        return False
    return any(f"{root}/".startswith(f"{directory}/") for directory in directories)


def _own_journal(home: Path) -> Path:
    """Returns the path of a new journal."""
    others = journals.journals(home)
    if others and journals.is_unfinished(others[-1]):
        raise UsageError(
            f"The batch of {others[-1]} was not finished. Go on with it (--resume), undo what it "
            "did ('sigpb rollback'), or have another one written to --journal=FILE."
        )
    return journals.next_journal(home)
