"""Models that a killed run may have been at.

How far it came is told by what is on the disk: a copy is there or not, and before files of a model
are exchanged, the old ones are in a backup that is named after the batch.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from sigpb import protos
from sigpb.batch.digests import digest_of_model, digest_of_proto, result_of
from sigpb.batch.job import Job, Outcome, Task
from sigpb.errors import EnvironmentFailure
from sigpb.patching.apply import changes_of
from sigpb.patching.planning import plan_patch
from sigpb.publishing.changes import Changes
from sigpb.publishing.restore import backup_path, remove_leftovers, remove_stages, restore
from sigpb.saved_model import fingerprint, history, warmup
from sigpb.saved_model.locate import BINARY_NAME, TEXT_NAME
from sigpb.saved_model.model import open_model

_PATCHED = (BINARY_NAME, TEXT_NAME, fingerprint.FILE_NAME, history.FILE_NAME, warmup.PATH)


@dataclass(frozen=True)
class LeftBehind:
    """What a killed run made of a model.

    Attributes:
        outcome: What it was about to make of it.
        is_complete: Whether it came to that.
    """

    outcome: Outcome
    is_complete: bool


def clear_up(job: Job, task: Task, patch: protos.SavedModelPatch) -> Outcome | None:
    """Brings a model back to where a run can begin with it, or finds that it is done.

    Returns:
        What became of it if it is wholly patched; None if it is now as it was before.

    Raises:
        EnvironmentFailure: If somebody else changed it since then.
    """
    if task.output is not None:
        remove_stages(Path(task.output))
        return None
    left = left_behind(job, task, patch)
    if left is None:
        return None
    if left.is_complete:
        return left.outcome
    restore(Path(task.model), job.id, left.outcome.files)
    return None


def left_behind(job: Job, task: Task, patch: protos.SavedModelPatch) -> LeftBehind | None:
    """Returns what a killed run made of a model that it was to patch in place.

    Returns:
        None if it is as it was before; what the run had begun to write is removed.

    Raises:
        EnvironmentFailure: If somebody else changed it since then.
    """
    model, backup = Path(task.model), backup_path(Path(task.model), job.id)
    if not model.is_dir():
        return None
    remove_leftovers(model)
    if not backup.is_dir():
        return None
    with _as_it_was(model, backup, job) as view, open_model(view) as old:
        changes, notes = changes_of(
            plan_patch(old, patch),
            old,
            fingerprint=job.fingerprint,
            warmup=job.warmup,
            history=job.history,
        )
        digest, now = digest_of_model(old), digest_of_proto(model)
        outcome = Outcome(
            task.model,
            "patched",
            output=task.model,
            input_bytes=old.state.size,
            input_digest=digest,
            notes=notes,
        )
        outcome = replace(outcome, **result_of(old, changes))
        if now not in (digest, outcome.output_digest):
            raise EnvironmentFailure(
                f"{model} was changed by somebody else after the batch had begun to patch it. The "
                f"files as they were before the batch are in {backup}."
            )
        is_new = now == outcome.output_digest
        return LeftBehind(outcome, is_new and _is_described(model, changes, old.file.name, outcome))


@contextmanager
def _as_it_was(model: Path, backup: Path, job: Job) -> Iterator[Path]:
    """Yields a directory with the files that a patch reads, as they were before the patch."""
    with tempfile.TemporaryDirectory(prefix="sigpb-") as directory:
        view = Path(directory)
        for name in _PATCHED:
            file = Path(os.path.realpath(model / name))
            kept = backup / file.relative_to(backup.parent)
            if not kept.exists() and (name != history.FILE_NAME or not job.history):
                kept = file
            if kept.exists():
                (view / name).parent.mkdir(exist_ok=True)
                (view / name).symlink_to(kept)
        (view / "variables").symlink_to(Path(os.path.realpath(model), "variables"))
        yield view


def _is_described(model: Path, changes: Changes, main: str, outcome: Outcome) -> bool:
    """Whether the files beside a patched proto are those that belong to it."""
    for name, content in changes.items():
        file = model / name
        if name == history.FILE_NAME:
            record = (history.records(model) or [{}])[-1]
            # Protos that take long to digest have none in the record.
            if record.get("output_digest") not in (outcome.output_digest, None) or not record:
                return False
        elif name != main and (file.read_bytes() if file.exists() else None) != content:
            return False
    return True
