"""Patching the models of a batch in a pipeline of Apache Beam.

Tasks are in a file, in a directory that this process and all workers reach. The elements of the
pipeline are ranges of it, and whoever patches the models of a range writes a file of outcomes.
However many models there are, the pipeline is small, and the runner need not send back what became
of them. It consists of what every runner has, `Create` and `ParDo`: Beam's DaskRunner has no
`ReadFromText`, and loses what a transform passes on at the end of a bundle.
"""

from __future__ import annotations

import contextlib
import functools
import importlib
import io
import itertools
import json
import os
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import apache_beam as beam
from apache_beam.io.filesystems import FileSystems
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.runners.runner import PipelineState

from sigpb.batch.beam import outcomes_of, repeatable, tasks_at_once
from sigpb.batch.job import Job, Outcome, Task, parse_task, task_json
from sigpb.batch.run import Elsewhere
from sigpb.errors import EnvironmentFailure, UsageError

# Runners with workers on this machine; the first is what `DirectRunner` means.
_LOCAL = ("SwitchingDirectRunner", "FnApiRunner", "BundleBasedDirectRunner", "PrismRunner")

# Beam knows this one by its whole name only, and its options when the module is imported.
_DASK = "apache_beam.runners.dask.dask_runner.DaskRunner"

# It would give a worker 128 ranges at a time, of 64 models each.
_DASK_PARTITION = "--dask_partition_size=1"
_DASK_PARTITIONS = ("--dask_npartitions", "--dask_partition_size")

_OUTCOMES = "outcomes-"


@dataclass(frozen=True)
class _Range:
    """Some of the tasks.

    Attributes:
        number: Its number.
        offset: The byte of the file that it begins at.
        size: How many bytes long it is.
        models: How many tasks it holds.
    """

    number: int
    offset: int
    size: int
    models: int


def in_pipeline(runner: str, arguments: Sequence[str]) -> Elsewhere:
    """Returns what patches models in one pipeline.

    Args:
        runner: The name of a runner of Apache Beam.
        arguments: The options of the pipeline, such as ``--region=europe-west1``.

    Raises:
        UsageError: If there is no such runner, or the options are not what it takes.
    """
    said = io.StringIO()
    name = _DASK if runner == _DASK.rpartition(".")[2] else runner
    if name == _DASK and not any(each.startswith(_DASK_PARTITIONS) for each in arguments):
        arguments = [_DASK_PARTITION, *arguments]
    try:
        with contextlib.redirect_stderr(said):
            if name == _DASK:
                importlib.import_module(name.rpartition(".")[0])
            options = PipelineOptions([f"--runner={name}", *arguments])
            directory = options.get_all_options()["temp_location"]
            pipeline = beam.Pipeline(options=options)
    except SystemExit as error:  # What argparse does of an option's value.
        problem = (said.getvalue().splitlines() or ["the options cannot be read"])[-1]
        raise UsageError(f"--runner={runner}: {problem.rpartition('error: ')[2]}.") from error
    except ModuleNotFoundError as error:
        if error.name not in ("dask", "distributed"):
            raise UsageError(f"--runner={runner}: {error}.") from error
        raise UsageError(
            f"--runner={runner} needs Dask: pip install 'apache-beam[dask]'."
        ) from error
    except (ValueError, ImportError, AttributeError) as error:
        raise UsageError(f"--runner={runner}: {' '.join(str(error).split())}") from error
    if directory is None and type(pipeline.runner).__name__ not in _LOCAL:
        raise UsageError(
            f"--runner={runner}: name a directory that this machine and all workers reach, for "
            "tasks and outcomes: … -- --temp_location=DIR."
        )
    return functools.partial(_outcomes, pipeline, runner, directory)


def _outcomes(
    pipeline: Any, runner: str, directory: str | None, job: Job, tasks: Iterable[Task]
) -> Iterator[Outcome]:
    """Yields what became of models, when the pipeline has come to its end.

    Raises:
        EnvironmentFailure: If the pipeline fails.
    """
    with _own_directory(directory or tempfile.gettempdir(), job) as own:
        file = FileSystems.join(own, "tasks.jsonl")
        ranges = list(_written(file, map(repeatable, tasks), tasks_at_once(job)))
        if not ranges:
            return
        _ = (
            pipeline
            | "Ranges" >> beam.Create(ranges)
            | "Spread" >> beam.Reshuffle()
            | "Patch" >> beam.Map(_patch_range, job, file, own)
        )
        try:
            _run(pipeline)
        except Exception as error:  # Each runner has its own.
            raise EnvironmentFailure(
                f"The pipeline failed, and some models may be patched: {_reason(error)} Go on with "
                "--resume."
            ) from error
        left = {each.number: each.models for each in ranges}
        for number, outcomes in _read(own):
            if len(outcomes) == left.get(number):  # Not of a worker that died, or a second time.
                del left[number]
                yield from outcomes
    if count := sum(left.values()):
        raise EnvironmentFailure(
            f"The pipeline of {runner} reported no outcome for {count} models; workers have to "
            "reach --temp_location. Go on with --resume."
        )


def _reason(error: Exception) -> str:
    """Returns what a runner says of a failure, without the traceback of a worker."""
    lines = str(error).strip().splitlines() or [type(error).__name__]
    is_traceback = any(line.startswith("Traceback ") for line in lines)
    return " ".join(" ".join(lines[-1:] if is_traceback else lines).split())


def _run(pipeline: Any) -> None:
    result = pipeline.run()
    try:
        state = result.wait_until_finish()
    except BaseException:
        with contextlib.suppress(Exception):  # What was first is what is told.
            result.cancel()
        raise
    if state != PipelineState.DONE:
        raise RuntimeError(f"it ended as {state}.")


def _written(file: str, tasks: Iterable[Task], at_once: int) -> Iterator[_Range]:
    """Writes tasks to a file, and yields ranges of it."""
    waiting = iter(tasks)
    offset = 0
    with FileSystems.create(file) as opened:
        for number in itertools.count():
            some = list(itertools.islice(waiting, at_once))
            if not some:
                return
            values = [task_json(task) | {"interrupted": task.interrupted} for task in some]
            written = "".join(json.dumps(each) + "\n" for each in values).encode()
            opened.write(written)
            yield _Range(number, offset, len(written), len(some))
            offset += len(written)


def _patch_range(some: _Range, job: Job, file: str, own: str) -> int:
    """Patches the models of a range; returns its number."""
    with FileSystems.open(file) as opened:
        opened.seek(some.offset)
        lines = opened.read(some.size).splitlines()
    done = outcomes_of(job, [parse_task(json.loads(line)) for line in lines])
    # Who does it again writes another file: a file is whole or is not counted.
    name = f"{_OUTCOMES}{some.number}-{os.urandom(4).hex()}.jsonl"
    with FileSystems.create(FileSystems.join(own, name)) as opened:
        opened.write("".join(json.dumps(each.to_json()) + "\n" for each in done).encode())
    return some.number


def _read(own: str) -> Iterator[tuple[int, list[Outcome]]]:
    """Yields the numbers of ranges, and what became of their models as far as it was written."""
    for match in FileSystems.match([FileSystems.join(own, f"{_OUTCOMES}*")]):
        for each in match.metadata_list:
            number = int(each.path.rpartition(_OUTCOMES)[2].partition("-")[0])
            with FileSystems.open(each.path) as opened:
                lines = opened.read().splitlines(keepends=True)
            whole = [json.loads(line) for line in lines if line.endswith(b"\n")]
            yield number, list(map(Outcome.from_json, whole))


@contextlib.contextmanager
def _own_directory(parent: str, job: Job) -> Iterator[str]:
    own = FileSystems.join(parent, f"sigpb-{job.id}-{os.urandom(4).hex()}")
    FileSystems.mkdirs(own)
    try:
        yield own
    finally:
        with contextlib.suppress(Exception):  # It is for temporary files.
            FileSystems.delete([own])
