"""Patching models in pipelines of Apache Beam.

What is done to a model is what `sigpb batch` does to it: `patch_model`. Needs the extra ``beam``;
`pipeline` imports this module, and no other one does, so that Beam is loaded where it is used.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import apache_beam as beam
from apache_beam.metrics import Metrics

from sigpb import protos
from sigpb.batch.job import Job, Mode, Outcome, Task
from sigpb.batch.patch_model import patch_model, reason_of, verdict_of
from sigpb.batch.place import place_of
from sigpb.batch.prepare import checked, prepare
from sigpb.batch.run import threads_for
from sigpb.batch.selection import Root
from sigpb.batch.session import new_id
from sigpb.errors import ModelUnreadable, UsageError
from sigpb.patching.side_files import FingerprintMode, WarmupMode
from sigpb.remote.urls import absolute, is_url, parent_of, redacted
from sigpb.saved_model.files import BINARY_NAME, TEXT_NAME, locate

# So many models for each thread come at a time, so that few threads wait for the last one.
_ROUNDS = 8


def tasks_at_once(job: Job) -> int:
    """Returns how many models come at a time."""
    return threads_for(job) * _ROUNDS


def outcomes_of(job: Job, batch: Sequence[Task | Outcome]) -> list[Outcome]:
    """Returns what becomes of models that come at a time, or became of them already.

    A small model is mostly waited for, so that a worker is at several at a time.
    """
    # All are waited for, so that none is at work still if the batch is done again.
    with ThreadPoolExecutor(threads_for(job)) as threads:
        done = list(threads.map(functools.partial(_outcome, job), batch))
    for outcome in done:
        Metrics.counter("sigpb", outcome.outcome).inc()
    return done


def _outcome(job: Job, work: Task | Outcome) -> Outcome:
    return work if isinstance(work, Outcome) else patch_model(job, work)


class PatchSavedModels(beam.PTransform):  # type: ignore[misc]
    """Patches models, and says what became of each.

    Comes after directories of models, or, with `roots`, at the beginning of a pipeline:

        models | PatchSavedModels(patch, "new_version")
        pipeline | PatchSavedModels(patch, "in_place", roots=["/models"])

    The input is a PCollection of str. With the mode ``new_version`` all of it is read before the
    first model is patched, so that no two versions of a model get the same number; it has to be
    bounded, or in windows.

    The output is a PCollection of dict, one for each model: ``model`` (its directory), ``outcome``
    (``patched``, ``unchanged``, ``skipped``, ``refused`` or ``failed``), ``reason``, ``output``
    (the directory of the patched model; None if none was written), ``seconds``, ``input_bytes``,
    ``output_bytes``, ``input_digest``, ``output_digest`` (of its proto; None if it was not read, or
    not changed), ``files`` (what changed in it) and ``notes``. What is wrong with a model fails no
    pipeline. How many models had which outcome is counted in the metrics of the namespace
    ``sigpb``.

    A runner may patch a model again, after a worker died. It finds then what it did: nothing is
    published twice, and the outcome is that of the first time.

    Nothing keeps others off the models as a whole, and there is no journal: `sigpb batch --runner`
    has both.
    """

    def __init__(
        self,
        patch: protos.SavedModelPatch,
        mode: Mode,
        *,
        roots: Sequence[str | Root] | None = None,
        output_root: str | None = None,
        history: bool = True,
        fingerprint: FingerprintMode = "recompute",
        warmup: WarmupMode = "rewrite",
        hardlink: bool = False,
        verify: Sequence[str] = (),
        allow_ops: Sequence[str] = (),
        batch_id: str | None = None,
    ) -> None:
        """Makes the transform.

        Args:
            patch: The patch. Its conditions on paths mean paths below `roots`, or those of the
                input as they are, and those on versions only what is found below `roots`.
            mode: Where patched models go.
            roots: Directories of models, or what `sigpb.batch.selection` reads from a list or a
                configuration; None if models come in. All workers have to reach them.
            output_root: With the mode ``output_root``, which goes with `roots`, the root of the
                tree that patched models go to.
            history: Whether the patch is recorded in the models.
            fingerprint: What becomes of a ``fingerprint.pb``.
            warmup: What becomes of warm-up requests for what changes.
            hardlink: Whether unchanged files of copies are hard links.
            verify: The loaders of TensorFlow to verify with.
            allow_ops: The ops that models may have to be run, though they reach outside of them.
            batch_id: Names the backups of the mode ``in_place``, ``.sigpb-backup-ID``. A pipeline
                that failed, and is run again with the same, finds what it did; None for a new one.

        Raises:
            PatchError: If the patch is wrong whatever the model.
            UsageError: If the options contradict each other.
        """
        super().__init__()
        patch = checked(patch)
        if (mode == "output_root") != (output_root is not None):
            raise UsageError("The mode output_root and the directory output_root go together.")
        if output_root is not None and roots is None:
            raise UsageError("With an output_root, name the roots that its tree is to be like.")
        self._roots = None if roots is None else [_as_root(root) for root in roots]
        self._output_root = output_root
        self._job = Job(
            id=batch_id or new_id(),
            patch=patch.SerializeToString(deterministic=True),
            mode=mode,
            history=history,
            fingerprint=fingerprint,
            warmup=warmup,
            hardlink=hardlink,
            verify=tuple(verify),
            allow_ops=tuple(allow_ops),
        )

    def expand(self, models: Any) -> Any:
        """See `apache_beam.PTransform`."""
        is_beginning = isinstance(models, beam.pvalue.PBegin)
        if is_beginning != (self._roots is not None):
            raise UsageError("PatchSavedModels takes either models or roots.")
        if type(models.pipeline.runner).__name__ == "DaskRunner":
            raise UsageError(
                "Beam's DaskRunner loses what a transform passes on at the end of a bundle, so "
                "that models would be left out. Use 'sigpb batch --runner=DaskRunner', or another "
                "runner."
            )
        if is_beginning:
            work = (
                models
                | "Start" >> beam.Create([self._roots])
                | "Find" >> beam.FlatMap(_found, self._job, self._output_root)
            )
        else:
            work = (
                models
                | "Key" >> beam.WithKeys(_base)
                | "Group" >> beam.GroupByKey()
                | "Prepare" >> beam.FlatMap(_named, self._job)
            )
        size = tasks_at_once(self._job)
        return (
            work
            | "Settle" >> beam.Reshuffle()  # Where it goes is settled before a model is patched.
            | "Batch" >> beam.BatchElements(min_batch_size=size, max_batch_size=size)
            | "Patch" >> beam.FlatMap(_records, self._job)
        )


def _records(batch: Sequence[Task | Outcome], job: Job) -> Iterator[dict[str, Any]]:
    for outcome in outcomes_of(job, batch):
        lists = {"files": list(outcome.files), "notes": list(outcome.notes)}
        yield outcome.to_json() | lists


def repeatable(task: Task) -> Task:
    """Returns a task that may be done several times, and then finds what it did.

    What is at the place of a copy before the first time is somebody else's work.
    """
    is_free = task.output is None or not place_of(task.output).exists()
    return replace(task, interrupted=task.interrupted or is_free)


def _as_root(root: str | Root) -> Root:
    return root if isinstance(root, Root) else Root(root)


def _base(model: str) -> str:
    try:
        return parent_of(absolute(model))
    except UsageError:  # What is wrong with it is told when it is looked at.
        return model


def _found(roots: Sequence[Root], job: Job, output_root: str | None) -> Iterator[Task | Outcome]:
    """Yields what is to be done with the models below roots, or became of them already."""
    only = protos.SavedModelPatch.FromString(job.patch).only
    prepared = prepare(roots, only, job.mode, output_root=output_root)
    yield from prepared.passed_over
    yield from map(repeatable, prepared.tasks)


def _named(group: tuple[str, Iterable[str]], job: Job) -> Iterator[Task | Outcome]:
    """Yields the same for models that are named, all that are in a directory."""
    models = []
    for model in sorted(set(group[1])):
        try:
            _require_model(model)
        except Exception as error:  # One model never stops the others.
            yield Outcome(model, verdict_of(error), reason_of(error))
        else:
            models.append(Root(model))
    if models:
        yield from _found(models, job, None)


def _require_model(path: str) -> None:
    """Makes sure that there is a model at a path itself, not only below it.

    Raises:
        SigpbError: If there is none.
    """
    if not is_url(path):
        locate(Path(path))
    elif not {BINARY_NAME, TEXT_NAME} & set(place_of(absolute(path)).names()):
        raise ModelUnreadable(f"{redacted(path)}: holds no {BINARY_NAME}.")
