"""The journal of a batch: a file of JSON, a line for each step, that is only ever appended to.

It begins with what is to be done, to which models; then comes what became of each. A line that was
cut off, and lines that a failure of power took away, are made up for by what is on the disk: see
`interrupted`.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sigpb import __version__
from sigpb.batch.job import (
    Job,
    Outcome,
    Task,
    Verdict,
    job_json,
    parse_job,
    parse_task,
    read_as,
    task_json,
)
from sigpb.errors import EnvironmentFailure, PatchError, UsageError
from sigpb.parsers import parse_json_value, parse_path
from sigpb.publishing.failures import explained
from sigpb.publishing.new_output import publish_file
from sigpb.regular_files import is_there, open_regular

_VERSION = 1
_PREFIX, _SUFFIX = "sigpb.batch.", ".jsonl"

# Seconds between two times that lines are brought to the disk.
_SYNC_INTERVAL = 0.1

_FINISHED = ("finish", "rolled_back")


@dataclass(frozen=True)
class Start:
    """How a journal begins.

    Attributes:
        job: What is done to every model.
        directories: What other batches keep off.
        canary: How many models were to be tried first.
        models: How many models there are; not asked for when it is written.
    """

    job: Job
    directories: tuple[str, ...]
    canary: int = 0
    models: int = 0


@dataclass
class Progress:
    """What a journal says.

    Attributes:
        start: How it begins.
        tasks: The models.
        ended: What became of models, the last time.
        undone: The models that were put back to what they were.
        canary_passed: Whether models were tried first, and came out well.
        rollback_begun: Whether models were put back, or one may have been in part.
    """

    start: Start
    tasks: list[Task] = field(default_factory=list)
    ended: dict[str, Verdict] = field(default_factory=dict)
    undone: set[str] = field(default_factory=set)
    canary_passed: bool = False
    rollback_begun: bool = False


class Journal:
    """A journal that is being written."""

    def __init__(self, file: Path, fd: int) -> None:
        """Goes on with a file that is open; use `create` or `resume`."""
        self.file = file
        self._fd = fd
        self._synced = time.monotonic()

    @classmethod
    def create(
        cls, file: Path, start: Start, tasks: Iterable[Task], skipped: Iterable[Outcome]
    ) -> Journal:
        """Begins a journal.

        Raises:
            UsageError: If the file is there already.
            EnvironmentFailure: If it cannot be written.
        """
        models = [("model", task_json(task)) for task in tasks]
        ends = [("end", outcome.to_json()) for outcome in skipped]
        first = {
            "journal": _VERSION,
            "sigpb": __version__,
            "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            "job": job_json(start.job),
            "directories": start.directories,
            "canary": start.canary,
            "models": len(models),
            "file": str(file.resolve()),
        }
        if is_there(file):
            raise UsageError(
                f"The journal {file} is there already. Go on with it (--resume), or name another "
                "one (--journal=FILE)."
            )
        publish_file(file, _lines([("start", first), *models, *ends]))
        return cls.resume(file)

    @classmethod
    def resume(cls, file: Path) -> Journal:
        """Opens a journal to append to it.

        Raises:
            EnvironmentFailure: If it cannot be written.
        """
        with explained(f"write the journal {file}", "Nothing was done."):
            fd = os.open(file, os.O_RDWR | os.O_APPEND)
            size = os.fstat(fd).st_size
            if size and os.pread(fd, 1, size - 1) != b"\n":
                os.write(fd, b"\n")  # The line before was cut off.
        return cls(file, fd)

    def append(self, step: str, values: Mapping[str, Any]) -> None:
        """Adds a step.

        Raises:
            EnvironmentFailure: If it cannot be written.
        """
        self._write([(step, values)])
        if time.monotonic() - self._synced > _SYNC_INTERVAL:
            self.sync()

    def sync(self) -> None:
        """Brings what was written to the disk."""
        os.fsync(self._fd)
        self._synced = time.monotonic()

    def close(self) -> None:
        """Closes the file."""
        self.sync()
        os.close(self._fd)

    def _write(self, steps: Iterable[tuple[str, Mapping[str, Any]]]) -> None:
        rest = memoryview(_lines(steps))
        with explained(f"write the journal {self.file}", "Go on with --resume."):
            while rest:
                rest = rest[os.write(self._fd, rest) :]


def _lines(steps: Iterable[tuple[str, Mapping[str, Any]]]) -> bytes:
    return "".join(json.dumps({"step": step, **values}) + "\n" for step, values in steps).encode()


def read(file: Path, seen: Callable[[Outcome], object] = lambda outcome: None) -> Progress:
    """Reads a journal.

    Args:
        file: The file.
        seen: Called with each outcome, in the order of the file.

    Raises:
        UsageError: If it is no journal, or a copy of one, or its beginning is incomplete.
        EnvironmentFailure: If it cannot be read.
    """
    steps = _steps(file)
    try:
        first = next(steps, {})
        progress = Progress(_start(first))
        _refuse_copy(file, str(first.get("file", "")))
        for values in steps:
            _take(values, progress, seen)
        _check_outputs(progress)
    except (KeyError, TypeError, ValueError, PatchError) as error:
        raise UsageError(f"{file}: not the journal of a batch.") from error
    if len(progress.tasks) != progress.start.models:
        raise UsageError(
            f"{file}: the journal of a batch that was killed before it changed anything. Remove "
            "the file, and start anew."
        )
    return progress


def _refuse_copy(file: Path, original: str) -> None:
    """Refuses a copy of a journal, as of a repository that was copied: it names other models.

    Raises:
        UsageError: If the original is still there.
    """
    if original and is_there(original) and not file.samefile(original):
        raise UsageError(
            f"{file} is a copy of {original}, and names the models there. To go on with that "
            "batch, or to roll it back, name the original. There is no journal of copied models."
        )


def _check_outputs(progress: Progress) -> None:
    """Makes sure that there are copies if the batch makes some, and each in a place of its own.

    Raises:
        ValueError: Somebody changed the journal.
    """
    models = {task.model for task in progress.tasks}
    outputs = [task.output for task in progress.tasks if task.output is not None]
    expected = 0 if progress.start.job.mode == "in_place" else len(progress.tasks)
    if len(outputs) != expected or len({*models, *outputs}) != len(models) + expected:
        raise ValueError("models go to where they cannot")


def read_start(file: Path) -> Start:
    """Reads the first line of a journal.

    Raises:
        UsageError: If it is no journal.
        EnvironmentFailure: If it cannot be read.
    """
    try:
        return _start(next(_steps(file), {}))
    except (KeyError, TypeError, ValueError, PatchError) as error:
        raise UsageError(f"{file}: not the journal of a batch.") from error


def outcomes(file: Path) -> Iterator[Outcome]:
    """Yields what became of models, in the order of a journal; of some of them several times."""
    for values in _steps(file):
        if values.get("step") == "end":
            yield Outcome.from_json(values)


def _start(values: dict[str, Any]) -> Start:
    if values["journal"] != _VERSION:
        raise ValueError("a journal of another version of sigpb")
    names = ("directories", "canary", "models")
    start = read_as(Start, {"job": parse_job(values["job"]), **{n: values[n] for n in names}})
    for directory in start.directories:
        parse_path(directory)
    return start


def _take(values: dict[str, Any], progress: Progress, seen: Callable[[Outcome], object]) -> None:
    step = values.pop("step", None)
    if step == "model":
        progress.tasks.append(parse_task(values))
    elif step == "end":
        outcome = Outcome.from_json(values)
        progress.ended[outcome.model] = outcome.outcome
        seen(outcome)
    elif step == "undo" and values["outcome"] == "rolled_back":
        progress.undone.add(parse_path(values["model"]))
        progress.rollback_begun = True
    elif step == "rollback":
        progress.rollback_begun = True
    elif step == "canary":
        progress.canary_passed = bool(values["passed"])


def is_unfinished(file: Path) -> bool:
    """Whether a batch was begun, and neither went to its end nor was rolled back."""
    last = None
    count = 0
    try:
        for last in _steps(file):
            count += last["step"] == "model"
            count -= last.get("models", 0)
    except (UsageError, KeyError, TypeError):
        return False
    return last is not None and count == 0 and last["step"] not in _FINISHED


def journals(directory: Path) -> list[Path]:
    """Returns the journals of a directory that have names of their own, the latest last."""
    numbered = [(_number(path), path) for path in directory.glob(f"{_PREFIX}*{_SUFFIX}")]
    return [path for number, path in sorted(numbered) if number]


def next_journal(directory: Path) -> Path:
    """Returns the path of the next journal of a directory."""
    number = max(map(_number, journals(directory)), default=0) + 1
    return directory / f"{_PREFIX}{number:04}{_SUFFIX}"


def _number(path: Path) -> int:
    text = path.name.removeprefix(_PREFIX).removesuffix(_SUFFIX)
    return int(text) if text.isdecimal() else 0


def _steps(file: Path) -> Iterator[dict[str, Any]]:
    try:
        with open_regular(file) as opened:
            for line in opened:
                try:
                    values = parse_json_value(line)
                except ValueError:
                    continue  # It was cut off.
                if isinstance(values, dict):
                    yield values
    except OSError as error:
        raise EnvironmentFailure(f"{file}: {error.strerror}.") from error
