"""Patching the models of a batch in a pipeline of Apache Beam.

The pipeline reads tasks from a file and writes outcomes to files, in a directory that this process
and all workers reach: however many models there are, the pipeline is small, and what became of them
need not be sent back by the runner.
"""

from __future__ import annotations

import contextlib
import functools
import io
import json
import os
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import apache_beam as beam
from apache_beam.io import ReadFromText, WriteToText
from apache_beam.io.filesystems import FileSystems
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.runners.runner import PipelineState

from sigpb.batch.beam import CarryOut, repeatable
from sigpb.batch.job import Job, Outcome, Task, parse_task, task_json
from sigpb.batch.run import Elsewhere
from sigpb.errors import EnvironmentFailure, UsageError

# Runners with workers on this machine; the first is what `DirectRunner` means.
_LOCAL = ("SwitchingDirectRunner", "FnApiRunner", "BundleBasedDirectRunner", "PrismRunner")


def in_pipeline(runner: str, arguments: Sequence[str]) -> Elsewhere:
    """Returns what patches models in one pipeline.

    Args:
        runner: The name of a runner of Apache Beam.
        arguments: The options of the pipeline, such as ``--region=europe-west1``.

    Raises:
        UsageError: If there is no such runner, or the options are not what it takes.
    """
    said = io.StringIO()
    try:
        with contextlib.redirect_stderr(said):
            options = PipelineOptions([f"--runner={runner}", *arguments])
            directory = options.get_all_options()["temp_location"]
            pipeline = beam.Pipeline(options=options)
    except SystemExit as error:  # What argparse does of an option's value.
        problem = (said.getvalue().splitlines() or ["the options cannot be read"])[-1]
        raise UsageError(f"--runner={runner}: {problem.rpartition('error: ')[2]}.") from error
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
    count = 0
    with _own_directory(directory or tempfile.gettempdir(), job) as own:
        file = FileSystems.join(own, "tasks.jsonl")
        with FileSystems.create(file) as opened:
            for count, task in enumerate(map(repeatable, tasks), 1):  # noqa: B007
                values = task_json(task) | {"interrupted": task.interrupted}
                opened.write(json.dumps(values).encode() + b"\n")
        if not count:
            return
        prefix = FileSystems.join(own, "outcomes")
        _ = (
            pipeline
            | "Tasks" >> ReadFromText(file)
            | "Parse" >> beam.Map(_task)
            | "Settle" >> beam.Reshuffle()
            | CarryOut(job)
            | "Format" >> beam.Map(json.dumps)
            | "Outcomes" >> WriteToText(prefix, file_name_suffix=".jsonl")
        )
        try:
            _run(pipeline)
        except Exception as error:  # Each runner has its own.
            said = (str(error).strip().splitlines() or [type(error).__name__])[-1]
            raise EnvironmentFailure(
                f"The pipeline failed, and some models may be patched: {said} Go on with --resume."
            ) from error
        for match in FileSystems.match([f"{prefix}*"]):
            for each in match.metadata_list:
                with FileSystems.open(each.path) as opened:
                    for line in opened:
                        count -= 1
                        yield Outcome.from_json(json.loads(line))
    if count:
        raise EnvironmentFailure(
            f"The pipeline of {runner} did not say of {count} models what became of them; workers "
            "have to reach --temp_location. Go on with --resume."
        )


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


def _task(line: str) -> Task:
    return parse_task(json.loads(line))


@contextlib.contextmanager
def _own_directory(parent: str, job: Job) -> Iterator[str]:
    own = FileSystems.join(parent, f"sigpb-{job.id}-{os.urandom(4).hex()}")
    FileSystems.mkdirs(own)
    try:
        yield own
    finally:
        with contextlib.suppress(Exception):  # It is for temporary files.
            FileSystems.delete([own])
