"""The unit of work: patching one model of a batch.

It is a function of plain data to plain data, whoever calls it: a thread, a process, a machine.
"""

from __future__ import annotations

import functools
import posixpath
import time
from collections.abc import Hashable
from dataclasses import replace
from pathlib import Path

from sigpb import protos
from sigpb.batch import interrupted
from sigpb.batch.digests import digest_of_model, listing_digest, result_of
from sigpb.batch.equal_models import EqualModels, Planned
from sigpb.batch.job import Job, Outcome, Task, Verdict
from sigpb.batch.place import Place, place_of
from sigpb.batch.selection import reason_to_skip
from sigpb.batch.versions import version_of
from sigpb.errors import EnvironmentFailure, PatchError, SigpbError
from sigpb.patching import saved_plan
from sigpb.patching.apply import changes_of
from sigpb.patching.compile import plan_patch
from sigpb.patching.expand import label_files, plainly_spelled
from sigpb.patching.plan import Plan
from sigpb.publishing.failures import reason_of as operating_system_says
from sigpb.saved_model import history
from sigpb.saved_model.files import sha256_of
from sigpb.saved_model.model import SavedModel

EQUAL_MODELS = EqualModels()
"""What this process found out of models."""


def patch_model(job: Job, task: Task) -> Outcome:
    """Patches a model, and tells what became of it; nothing that is wrong with it is raised."""
    started = time.perf_counter()
    try:
        outcome = _patched(job, task)
    except Exception as error:  # One model never stops the others.
        outcome = Outcome(task.model, verdict_of(error), reason_of(error))
    return replace(outcome, seconds=round(time.perf_counter() - started, 6))


def verdict_of(error: Exception) -> Verdict:
    """Returns what a model is whose patching ended in an error."""
    return "refused" if isinstance(error, PatchError) else "failed"


def reason_of(error: Exception) -> str:
    """Returns what an error says, in a line."""
    if isinstance(error, SigpbError):
        return " ".join(str(error).split())
    if isinstance(error, OSError):
        return f"{operating_system_says(error)}."
    return f"a fault in sigpb itself: {type(error).__name__}: {error}"


def _patched(job: Job, task: Task) -> Outcome:
    patch = _parsed(job.patch)
    if task.interrupted and (done := interrupted.clear_up(job, task, patch)):
        return done
    place = place_of(task.model)
    with place.opened(job) as model:
        if patch.HasField("only") and (reason := reason_to_skip(model, patch.only)):
            return Outcome(task.model, "skipped", reason)
        digest = digest_of_model(model)
        read = Outcome(task.model, "unchanged", input_bytes=model.state.size, input_digest=digest)
        number = _successor(job, task, place, digest, patch)
        if number is not None:
            return replace(read, reason=f"version {number} is this one, patched")
        planned = _planned(job, task, model, patch, digest)
        if planned.plan.is_empty and job.mode != "output_root":
            return read
        return _publish(job, task, place, model, planned, read)


def _successor(
    job: Job, task: Task, place: Place, digest: str, patch: protos.SavedModelPatch
) -> int | None:
    """Returns the version, other than the one to be made, that is a model already, patched."""
    if job.mode != "new_version" or task.output is None or place_of(task.output).exists():
        return None
    return _patched_successor(place, digest, patch)


def _patched_successor(model: Place, digest: str, patch: protos.SavedModelPatch) -> int | None:
    """Returns the number of the version that a patch made of a version; None if there is none.

    Args:
        model: Where the version is.
        digest: The SHA-256 of its proto.
        patch: The patch.
    """
    base, name = posixpath.split(model.path)
    version = version_of(name)
    spellings = patch, plainly_spelled(patch)
    for sibling in place_of(base).names() if version is not None else ():
        number = version_of(sibling)
        if number is None or version is None or number <= version:
            continue
        record = place_of(posixpath.join(base, sibling)).read(history.FILE_NAME)
        last = (history.records_in(record or b"") or [{}])[-1]
        if last.get("input_digest") == digest and history.is_of(last, *spellings):
            return number
    return None


@functools.lru_cache(maxsize=4)
def _parsed(patch: bytes) -> protos.SavedModelPatch:
    return protos.SavedModelPatch.FromString(patch)


def _planned(
    job: Job, task: Task, model: SavedModel, patch: protos.SavedModelPatch, digest: str
) -> Planned:
    def planned() -> Planned:
        plan = _plan(model, patch, task)
        changes, notes = changes_of(
            plan, model, fingerprint=job.fingerprint, warmup=job.warmup, history=job.history
        )
        return Planned(plan, changes, notes, {} if plan.is_empty else result_of(model, changes))

    # Digests are to be compared with those of this model, and labels are those of its own files.
    if task.digests is not None or any(label_files(patch)):
        return planned()
    return EQUAL_MODELS.planned(job, model, digest, planned, _adapters(model, patch))


def _adapters(model: SavedModel, patch: protos.SavedModelPatch) -> Hashable:
    """Returns what tells whether adapters, and assets that theirs may collide with, are equal."""
    grafts = [each for item in patch.signature for each in (*item.before, *item.after)]
    if not grafts:
        return ()
    from sigpb.composing.adapters import adapter_at

    adapters = tuple(adapter_at(Path(each.model)) for each in grafts)
    assets = model.directory / "assets"
    files = sorted(each for each in assets.rglob("*") if each.is_file())
    return adapters, tuple((str(each.relative_to(assets)), sha256_of(each)) for each in files)


def _plan(model: SavedModel, patch: protos.SavedModelPatch, task: Task) -> Plan:
    if task.digests is None:
        return plan_patch(model, patch)
    saved = saved_plan.SavedPlan(model.directory, patch, task.digests, task.edits)
    saved.check(model)
    plan = plan_patch(model, patch)
    saved.check_edits(plan)
    return plan


def _publish(
    job: Job, task: Task, place: Place, model: SavedModel, planned: Planned, read: Outcome
) -> Outcome:
    plan, changes = planned.plan, planned.changes
    outcome = replace(read, output=task.output or task.model, notes=planned.notes)
    if not plan.is_empty:
        outcome = replace(outcome, outcome="patched", **planned.result)
    if task.output is not None:
        outcome = replace(outcome, output_tree=listing_digest(place.sizes(), outcome.files))
    if task.output is not None and (output := place_of(task.output)).exists():
        return _existing(output, outcome, published=task.interrupted)
    if changes and job.verify:
        from sigpb.verifying.verify import Options, verify_changes

        place.complete()
        options = Options(loaders=job.verify, allow_ops=job.allow_ops)
        verify_changes(model, plan, changes, options, Path(outcome.output or ""))
    if job.dry_run:
        digests = saved_plan.digests(model, plan.patch)
        return replace(outcome, planned=(digests, saved_plan.edit_texts(plan)))
    if task.output is None:
        place.publish_in_place(job, model, changes)
    else:
        place.publish_copy(job, model, changes, task.output)
    return outcome


def _existing(output: Place, outcome: Outcome, *, published: bool) -> Outcome:
    """Returns what became of a model at whose place there is something.

    Args:
        output: The place.
        outcome: What would have become of the model otherwise.
        published: Whether an earlier run of the batch may have put it there.
    """
    if output.digest() != (outcome.output_digest or outcome.input_digest):
        raise EnvironmentFailure(f"{output.path} is there already, and it is something else.")
    if published:
        return outcome
    reason = f"{output.path} is it, patched"
    return replace(outcome, outcome="unchanged", output=None, reason=reason)
