"""Models that a killed run may have been at.

How far it came is told by what is on the disk: a copy is there or not, and before files of a model
are exchanged, the old ones are in a backup that is named after the batch.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from sigpb import protos
from sigpb.batch.digests import digest_of_model, result_of
from sigpb.batch.job import Job, Outcome, Task
from sigpb.batch.place import Place, place_of
from sigpb.checkpoint.shards import size_of
from sigpb.errors import EnvironmentFailure
from sigpb.patching.apply import changes_of
from sigpb.patching.compile import plan_patch
from sigpb.publishing.changes import Changes, Role
from sigpb.saved_model import history
from sigpb.saved_model.model import open_model


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
        place_of(task.output).remove_stages(job)
        return None
    left = left_behind(job, task, patch)
    if left is None:
        return None
    if left.is_complete:
        return left.outcome
    place_of(task.model).restore(job, left.outcome)
    return None


def left_behind(job: Job, task: Task, patch: protos.SavedModelPatch) -> LeftBehind | None:
    """Returns what a killed run made of a model that it was to patch in place.

    Returns:
        None if it is as it was before; what the run had begun to write is removed.

    Raises:
        EnvironmentFailure: If somebody else changed it since then.
    """
    model = place_of(task.model)
    if not model.exists() or not model.has_backup(job):
        return None
    with model.as_it_was(job) as view, open_model(view) as old:
        changes, notes = changes_of(
            plan_patch(old, patch),
            old,
            fingerprint=job.fingerprint,
            warmup=job.warmup,
            history=job.history,
        )
        digest, now = digest_of_model(old), model.digest()
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
                f"{model.path} was changed by somebody else after the batch had begun to patch it. "
                f"The files as they were before the batch are in {model.backup(job)}."
            )
        is_new = now == outcome.output_digest
        return LeftBehind(outcome, is_new and _is_described(model, changes, old.file.name, outcome))


def _is_described(model: Place, changes: Changes, main: str, outcome: Outcome) -> bool:
    """Whether the files beside a patched proto are those that belong to it."""
    loaded = {name for name in changes if Role.of(name) is Role.LOADED}
    sizes = model.sizes() if loaded else {}
    for name, content in changes.items():
        if name in loaded:  # The index of the checkpoint has the checksums of what is in shards.
            if sizes.get(name) != (None if content is None else size_of(content)):
                return False
        elif name == history.FILE_NAME:
            record = (history.records_in(model.read(name) or b"") or [{}])[-1]
            # Protos that take long to digest have none in the record.
            if record.get("output_digest") not in (outcome.output_digest, None) or not record:
                return False
        elif name != main and model.read(name) != content:
            return False
    return True
