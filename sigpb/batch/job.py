"""What is to be done to the models of a batch, and what became of them: plain data.

It crosses borders of processes and machines, and is kept in files.
"""

from __future__ import annotations

import dataclasses
import functools
import json
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeVar, cast, get_type_hints

from sigpb import protos
from sigpb.field_types import fits
from sigpb.parsers import parse_path
from sigpb.patching.patch_file import parse_json, patch_json
from sigpb.patching.side_files import FingerprintMode, WarmupMode

Mode = Literal["in_place", "new_version", "output_root"]
Verdict = Literal["patched", "unchanged", "skipped", "refused", "failed"]
VERDICTS: tuple[Verdict, ...] = ("patched", "unchanged", "skipped", "refused", "failed")


@dataclass(frozen=True)
class Job:
    """What is done to every model.

    Attributes:
        id: Names the batch, and the backups that it makes.
        patch: The SavedModelPatch, serialised.
        mode: Where patched models go.
        history: Whether the patch is recorded in the models.
        fingerprint: What becomes of a ``fingerprint.pb``.
        warmup: What becomes of warm-up requests for what changes.
        hardlink: Whether unchanged files of copies are hard links.
        verify: The loaders of TensorFlow to verify with.
        allow_ops: The ops that models may have to be run, though they reach outside of them.
        dry_run: Whether nothing is written.
    """

    id: str
    patch: bytes
    mode: Mode
    history: bool = True
    fingerprint: FingerprintMode = "recompute"
    warmup: WarmupMode = "rewrite"
    hardlink: bool = False
    verify: tuple[str, ...] = ()
    dry_run: bool = False
    allow_ops: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Task:
    """A model that is to be patched.

    Attributes:
        model: Its directory.
        name: Its path in its repository.
        output: Where the patched model goes; None for where it is.
        interrupted: Whether an earlier run may have been killed while it was at it.
        digests: If it has been planned, the digests of the files that the plan was made from.
        edits: If it has been planned, the text of the edits.
    """

    model: str
    name: str
    output: str | None = None
    interrupted: bool = False
    digests: Mapping[str, str] | None = None
    edits: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a model.

    Attributes:
        model: Its directory.
        outcome: One of the five.
        reason: Why, unless it was patched without more ado.
        output: The directory of the patched model.
        seconds: How long it took.
        input_bytes: The size of its proto before; None if it was not read.
        output_bytes: The same after; None unless it was patched.
        input_digest: The SHA-256 of its proto before.
        output_digest: The same after.
        output_tree: Of a copy, the digest of what else it holds: see `listing_digest`.
        files: The files that were changed, relative to the model.
        notes: What was done to its warm-up requests.
        planned: In a dry run: the digests of its files, and the text of the edits.
    """

    model: str
    outcome: Verdict
    reason: str = ""
    output: str | None = None
    seconds: float = 0.0
    input_bytes: int | None = None
    output_bytes: int | None = None
    input_digest: str | None = None
    output_digest: str | None = None
    output_tree: str | None = None
    files: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    planned: tuple[Mapping[str, str], tuple[str, ...]] | None = None

    def to_json(self) -> dict[str, Any]:
        """Returns the outcome as JSON values, without what was planned."""
        values = dataclasses.asdict(self)
        del values["planned"]
        return values

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Outcome:
        """Reads what `to_json` returned; fields that are not known are left out.

        Raises:
            TypeError: If it is something else.
        """
        names = {field.name for field in dataclasses.fields(cls)}
        return read_as(cls, {name: value for name, value in values.items() if name in names})


_Kind = TypeVar("_Kind")


def read_as(kind: type[_Kind], values: Mapping[str, Any]) -> _Kind:
    """Returns a dataclass that has these values; lists become tuples.

    Raises:
        TypeError: If a value is missing, not known, or of another type than the field.
    """
    hints = _hints(cast(Hashable, kind))
    read = {}
    for name, value in values.items():
        if name not in hints or not fits(value, hints[name]):
            raise TypeError(f"{name!r} is not what a {kind.__name__} has")
        read[name] = tuple(value) if isinstance(value, list) else value
    return kind(**read)


@functools.cache
def _hints(kind: Hashable) -> dict[str, Any]:
    return get_type_hints(kind)


def job_json(job: Job) -> dict[str, Any]:
    """Returns a job as JSON values."""
    patch = patch_json(protos.SavedModelPatch.FromString(job.patch))
    return dataclasses.asdict(job) | {"patch": patch}


def parse_job(values: Mapping[str, Any]) -> Job:
    """Reads what `job_json` returned.

    Raises:
        KeyError, TypeError, ValueError, PatchError: If it is something else.
    """
    patch = parse_json(json.dumps(values["patch"])).SerializeToString(deterministic=True)
    job = read_as(Job, {**values, "patch": patch})
    if "/" in parse_path(job.id):  # It becomes a part of names of directories.
        raise ValueError(f"{job.id!r} names no batch")
    return job


def task_json(task: Task) -> dict[str, Any]:
    """Returns a task as JSON values, without whether a run was interrupted."""
    planned = {"digests": task.digests, "edits": task.edits} if task.digests is not None else {}
    return {"model": task.model, "name": task.name, "output": task.output, **planned}


def parse_task(values: Mapping[str, Any]) -> Task:
    """Reads what `task_json` returned.

    Raises:
        TypeError, ValueError: If it is something else.
    """
    task = read_as(Task, values)
    for path in (task.model, task.name, task.output or ""):
        parse_path(path)
    return task
