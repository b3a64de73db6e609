"""Plans of whole batches: what a dry run found out, to be looked at and carried out later.

A plan is a file of JSON, a line for each model that is to be patched, with digests of the files it
was made from. A model whose files have changed since is refused.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Any

from sigpb import __version__
from sigpb.batch.job import Job, Outcome, Task, job_json, parse_job, parse_task, read_as, task_json
from sigpb.errors import EnvironmentFailure, PatchError
from sigpb.parsers import parse_json_value, parse_path
from sigpb.publishing.output_file import OutputFile
from sigpb.regular_files import read_text
from sigpb.visible_text import json_text

_VERSION = 1


@dataclass(frozen=True)
class SavedBatch:
    """A plan as it was saved.

    Attributes:
        job: What is to be done to every model.
        tasks: The models.
        directories: What other batches have to keep off.
    """

    job: Job
    tasks: tuple[Task, ...]
    directories: tuple[str, ...]


class BatchPlanWriter(OutputFile):
    """Writes a plan while a dry run goes on."""

    def __init__(
        self, file: Path, job: Job, tasks: Mapping[str, Task], directories: Iterable[str]
    ) -> None:
        """Begins a plan.

        Args:
            file: The file.
            job: What is done in the dry run.
            tasks: The models, by their directories.
            directories: What other batches have to keep off.

        Raises:
            EnvironmentFailure: If it cannot be written.
        """
        self._tasks = tasks
        self._count = 0
        super().__init__(file, "Nothing was changed.")
        self._add_line(
            {
                "sigpb_batch_plan": _VERSION,
                "sigpb": __version__,
                "job": job_json(replace(job, dry_run=False)),
                "directories": list(directories),
            }
        )

    def add(self, outcome: Outcome) -> None:
        """Adds a model, if it is to be patched."""
        if outcome.planned is not None and outcome.outcome == "patched":
            digests, edits = outcome.planned
            self._add_line(
                task_json(replace(self._tasks[outcome.model], digests=digests, edits=edits))
            )
            self._count += 1

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if kind is None:
            self._add_line({"models": self._count})
        super().__exit__(kind, error, traceback)

    def _add_line(self, values: Mapping[str, Any]) -> None:
        self.write(json_text(values, indent=None) + "\n")


def load(file: Path) -> SavedBatch:
    """Reads a plan.

    Raises:
        PatchError: If the file holds none, or a part of one.
        EnvironmentFailure: If it cannot be read.
    """
    try:
        lines = read_text(file).splitlines()
        first, *models, last = map(parse_json_value, lines)
        if first["sigpb_batch_plan"] != _VERSION or first["sigpb"] != __version__:
            raise PatchError(f"{file}: a plan of another version of sigpb; make a new one.")
        tasks = tuple(map(parse_task, models))
        if last["models"] != len(tasks):
            raise PatchError(f"{file}: a part of the plan is missing; make a new one.")
        saved = {"job": parse_job(first["job"]), "directories": first["directories"]}
        batch = read_as(SavedBatch, {**saved, "tasks": tasks})
        for directory in batch.directories:
            parse_path(directory)
        return batch
    except OSError as error:
        raise EnvironmentFailure(f"{file}: {error.strerror}.") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise PatchError(f"{file}: not a plan that a dry run of a batch wrote.") from error
