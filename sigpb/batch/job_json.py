"""Jobs and tasks as JSON values, for journals and plans."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from typing import Any

from sigpb import protos
from sigpb.batch.job import Job, Task
from sigpb.batch.typed_json import read_as
from sigpb.parsers import parse_path
from sigpb.patching.patch_file import parse_json, patch_json


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
