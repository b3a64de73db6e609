"""Patches all models of a repository.

Every model ends as patched, unchanged, skipped, refused or failed, and none stops another. A batch
that was killed goes on with --resume; 'sigpb rollback' undoes one.

ROOT may be in a store: gs://bucket/models, s3://bucket/models. That takes sigpb[remote], and what
fsspec needs for the store: gcsfs, s3fs. Only protos travel; variables are copied by the store. The
journal of such a batch is written to the current directory.
"""

from __future__ import annotations

import contextlib
import itertools
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from absl import flags

from sigpb.batch import saved_batch
from sigpb.batch import session as sessions
from sigpb.batch.job import Job, Outcome
from sigpb.batch.prepare import Prepared, check_patch, prepare
from sigpb.batch.report import ReportWriter
from sigpb.batch.run import Limits, Run
from sigpb.batch.saved_batch import BatchPlanWriter
from sigpb.batch.session import Session
from sigpb.cli import batch_flags, batch_progress
from sigpb.cli.arguments import STANDARD_INPUT
from sigpb.cli.patch_input import read_patch
from sigpb.errors import UsageError
from sigpb.remote.urls import absolute, is_url

USAGE = """\
sigpb batch ROOT… --patch=FILE (--in_place | --new_version | --output_root=DIR)
    [--models_list=FILE] [--models_config=FILE] [--versions=latest|all|N]
    [--include=GLOB]… [--exclude=GLOB]… [--has_signature=KEY]… [--has_input=KEY[:DTYPE[:SHAPE]]]…
    [--method=NAME]… [--tags=TAG,…] [--tensorflow_version=BOUNDS]
    [--verify] [--allow_ops=OP,…] [--canary=K [--yes]] [--max_failures=N]
    [--model_timeout=SECONDS] [--jobs=N]
    [--journal=FILE] [--report=FILE.jsonl|.csv] [--format=text|json]
sigpb batch … --dry_run [--plan=FILE]
sigpb batch --apply_plan=FILE [--journal=FILE]
sigpb batch (ROOT | --journal=FILE) --resume
sigpb batch … --runner=NAME [-- --OPTION=VALUE…]

Exit codes: 0 no model was refused or failed, 1 some were, or models are left, 2 refused, 4 the
environment."""

# What the summary in JSON says of each model.
_SHOWN = ("model", "outcome", "reason", "output")

TASK = "Patch a repository of models"

EXAMPLES: tuple[tuple[str, str], ...] = (
    (
        "sigpb batch models --patch=patch.txtpb --in_place --dry_run",
        "See what would become of each model.",
    ),
    (
        "sigpb batch models --patch=patch.txtpb --new_version --include='ranking/*'",
        "Publish the latest version of some models as new versions.",
    ),
    ("sigpb batch models --resume", "Go on with a batch that was stopped or killed."),
)


def define_flags(values: flags.FlagValues) -> None:
    """Defines the command's flags."""
    batch_flags.define(values)


def run(arguments: Sequence[str], values: flags.FlagValues) -> int:
    """Runs the command.

    Returns:
        The exit code.
    """
    batch_flags.check_files(values)
    started = time.monotonic()
    as_json = values.format == "json"
    counts: Counter[str] = Counter()
    models: list[dict[str, Any]] = []
    with contextlib.ExitStack() as stack:
        report = stack.enter_context(ReportWriter(Path(values.report))) if values.report else None
        session = stack.enter_context(_session(arguments, values))
        plan = _plan_writer(session, values, stack)
        stack.enter_context(_stopping(session.run))
        known = batch_progress.told(session.known, quiet=as_json)
        total = len(session.run.tasks)
        done = batch_progress.followed(session.run.outcomes(), total, quiet=as_json)
        for outcome in itertools.chain(known, done):
            _note(outcome, counts, report, plan)
            if as_json:
                models.append({name: getattr(outcome, name) for name in _SHOWN})
    left = session.run.left
    details: dict[str, Any] = {
        "stopped": session.run.stopped,
        "journal": session.journal and batch_progress.shown(str(session.journal)),
        "report": values.report,
        "plan": values.plan,
        "seconds": round(time.monotonic() - started, 3),
    }
    batch_progress.print_summary(
        counts, left, details, models=models if as_json else None, dry_run=values.dry_run
    )
    return int(bool(counts["refused"] or counts["failed"] or left))


def _note(
    outcome: Outcome,
    counts: Counter[str],
    report: ReportWriter | None,
    plan: BatchPlanWriter | None,
) -> None:
    counts[outcome.outcome] += 1
    for writer in (report, plan):
        if writer is not None:
            writer.add(outcome)


def _session(
    arguments: Sequence[str], values: flags.FlagValues
) -> contextlib.AbstractContextManager[Session]:
    """Returns the batch that the flags mean."""
    asked = (lambda left: True) if values.yes else batch_progress.confirm
    arguments, options = batch_flags.without_pipeline_options(arguments, values)
    elsewhere = batch_flags.elsewhere(options, values)
    limits = Limits(
        jobs=values.jobs,
        max_failures=values.max_failures,
        canary=values.canary,
        model_timeout=values.model_timeout,
        confirm=asked,
        elsewhere=elsewhere,
    )
    journal = Path(values.journal) if values.journal else None
    if values.resume:
        root = absolute(values.output_root or next(iter(arguments), "."))
        home = journal or batch_flags.home(arguments, values)
        return sessions.resume(home, limits, root)
    if values.apply_plan is not None:
        saved = saved_batch.load(Path(values.apply_plan))
        prepared = Prepared(saved.tasks, (), saved.directories)
        home = batch_flags.home_of(saved.directories)
        return sessions.begin(lambda: prepared, saved.job, limits, home, journal)
    if values.patch is None:
        raise UsageError("State what to do: --patch=FILE.")
    if (values.dry_run, bool(values.canary)) == (True, True) or (
        values.plan and not values.dry_run
    ):
        raise UsageError("--plan goes with --dry_run, and --canary does not.")
    if values.canary and not values.yes and values.patch == STANDARD_INPUT:
        raise UsageError(
            "--patch=- reads the patch from standard input, where --canary asks whether to go on. "
            "Add --yes, or name a file."
        )
    patch = read_patch(values.patch)
    batch_flags.select(patch.only, values)
    check_patch(patch)
    job = Job(
        id=sessions.new_id(),
        patch=patch.SerializeToString(deterministic=True),
        mode=batch_flags.mode(values),
        history=not values.no_history,
        fingerprint=values.fingerprint,
        warmup=values.warmup,
        hardlink=values.hardlink,
        verify=tuple(values.verify),
        allow_ops=tuple(values.allow_ops),
    )
    roots = batch_flags.roots(arguments, values)
    if job.hardlink and any(is_url(root.path) for root in roots):
        raise UsageError("--hardlink: there are no links in stores of objects.")

    def found() -> Prepared:
        return prepare(roots, patch.only, job.mode, output_root=values.output_root)

    if values.dry_run:
        return contextlib.nullcontext(sessions.rehearse(found(), job, limits))
    return sessions.begin(found, job, limits, batch_flags.home(arguments, values), journal)


def _plan_writer(
    session: Session, values: flags.FlagValues, stack: contextlib.ExitStack
) -> BatchPlanWriter | None:
    if values.plan is None:
        return None
    run = session.run
    tasks = {task.model: task for task in run.tasks}
    directories = session.directories
    return stack.enter_context(BatchPlanWriter(Path(values.plan), run.job, tasks, directories))


@contextlib.contextmanager
def _stopping(run: Run) -> Iterator[None]:
    """Has an interrupt stop the batch after the models that it is at; a second one ends it."""

    def interrupt(number: int, frame: object) -> None:
        if run.stopped is not None:
            raise KeyboardInterrupt
        run.stop("it was interrupted")

    is_main = threading.current_thread() is threading.main_thread()
    if not is_main or run.limits.elsewhere is not None:  # Where nothing can be held back.
        yield
        return
    signals = (signal.SIGINT, signal.SIGTERM)
    previous = [signal.signal(each, interrupt) for each in signals]
    try:
        yield
    finally:
        for each, handler in zip(signals, previous, strict=True):
            signal.signal(each, handler)
