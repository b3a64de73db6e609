"""Patches all models of a repository.

Every model ends as patched, unchanged, skipped, refused or failed, and none stops another. A batch
that was stopped (Ctrl-C) or killed goes on with --resume; 'sigpb rollback' undoes one.

ROOT may be in a store: gs://bucket/models, s3://bucket/models. That takes fsspec, and what it
needs for the store: gcsfs, s3fs. Only protos travel; variables are copied by the store. The
journal of such a batch is written to the current directory.
"""

from __future__ import annotations

import contextlib
import shlex
import signal
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from absl import flags

from sigpb import protos
from sigpb.batch import saved_batch
from sigpb.batch import session as sessions
from sigpb.batch.job import Job, Outcome
from sigpb.batch.order import in_order
from sigpb.batch.pool import GRACE
from sigpb.batch.prepare import Prepared, checked, prepare
from sigpb.batch.report import ReportWriter
from sigpb.batch.run import Limits, Run
from sigpb.batch.saved_batch import BatchPlanWriter
from sigpb.batch.session import Session
from sigpb.cli import batch_flags, batch_progress, terminal
from sigpb.cli.arguments import STANDARD_INPUT
from sigpb.errors import UsageError
from sigpb.patching.compile import with_adapters
from sigpb.remote.urls import absolute, is_url

USAGE = """\
sigpb batch ROOT… (--patch=FILE | --FLAG_THAT_CHANGES=…)
    (--in_place | --new_version | --output_root=DIR) [--FLAG_THAT_CHOOSES_MODELS=…]…
    [--verify [--canary=K]] [--report=FILE]
sigpb batch … --dry_run [--plan=FILE]
sigpb batch --apply_plan=FILE [--journal=FILE]
sigpb batch (ROOT | --journal=FILE) --resume
sigpb batch … --runner=NAME [-- --OPTION=VALUE…]

Exit codes: 0 no model was refused or failed, 1 some were, or models are left, 2 refused, 4 the
environment."""

# What the summary in JSON says of each model.
_SHOWN = ("model", "outcome", "reason", "output")

_INTERRUPTED = "it was interrupted"

TASK = "Patch a repository of models"

EXAMPLES: tuple[tuple[str, str], ...] = (
    (
        "sigpb batch models --rename_input=x=image --in_place --dry_run",
        "See what would happen to each model.",
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
    started = time.monotonic()
    as_json = values.format == "json"
    summary = batch_progress.Summary(values.dry_run)
    models: list[dict[str, Any]] = []
    with contextlib.ExitStack() as stack:
        report = stack.enter_context(ReportWriter(Path(values.report))) if values.report else None
        session = stack.enter_context(_session(arguments, values))
        if not as_json:
            terminal.warn(*session.warnings)
        plan = _plan_writer(session, values, stack)
        run = session.run
        progress = batch_progress.progress(len(run.tasks), dry_run=values.dry_run, quiet=as_json)
        stack.callback(progress.end)
        stack.enter_context(_stopping(run))
        done = stack.enter_context(contextlib.closing(run.outcomes()))
        paths = [task.model for task in run.tasks]
        try:
            for outcome in in_order(map(progress.count, done), session.known, paths):
                progress.tell(outcome)
                summary.add(outcome)
                for writer in (report, plan):
                    if writer is not None:
                        writer.add(outcome)
                if as_json:
                    models.append(_shown(outcome))
        except KeyboardInterrupt:  # Models are patched elsewhere: see `_stopping`.
            run.stop(_INTERRUPTED)
    left = run.left
    details: dict[str, Any] = {
        "stopped": run.stopped,
        "resume": _how_to_resume(session, values, arguments) if left else None,
        "journal": session.journal and batch_progress.shown(str(session.journal)),
        "report": values.report,
        "plan": values.plan,
        "seconds": round(time.monotonic() - started, 3),
    }
    if as_json:
        details["warnings"] = list(session.warnings)
        terminal.say_json(summary.json(left, details, models))
    else:
        summary.print(left, details)
    return int(bool(summary.counts["refused"] or summary.counts["failed"] or left))


def _shown(outcome: Outcome) -> dict[str, Any]:
    _, edits = outcome.planned or ({}, ())
    return {name: getattr(outcome, name) for name in _SHOWN} | {"edits": list(edits)}


def _how_to_resume(
    session: Session, values: flags.FlagValues, arguments: Sequence[str]
) -> str | None:
    if session.journal is None:
        return None
    journal = batch_progress.shown(str(session.journal))
    command = ["sigpb", "batch", f"--journal={journal}", "--resume"]
    if values.runner is not None:
        _, options = batch_flags.without_pipeline_options(arguments, values)
        command += [f"--runner={values.runner}", *(["--", *options] if options else [])]
    return shlex.join(command)


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
    if values.canary and not values.yes and values.patch == STANDARD_INPUT:
        raise UsageError(
            "--patch=- reads the patch from standard input, where --canary asks whether to go on. "
            "Add --yes, or name a file."
        )
    patch = batch_flags.patch(values)
    serialised = patch.SerializeToString(deterministic=True)
    if values.resume:
        serialised = with_adapters(patch).SerializeToString(deterministic=True)
        root = absolute(values.output_root or next(iter(arguments), "."))
        home = journal or batch_flags.home(arguments, values)
        return sessions.resume(home, limits, root, serialised)
    if values.apply_plan is not None:
        if serialised:
            raise UsageError(
                "--apply_plan carries out what the plan says. Leave out --patch and the flags that "
                "state edits or select models. To change these, make another plan (--dry_run)."
            )
        saved = saved_batch.load(Path(values.apply_plan))
        prepared = Prepared(saved.tasks, (), saved.directories)
        home = batch_flags.home_of(saved.directories)
        return sessions.begin(lambda: prepared, saved.job, limits, home, journal)
    if values.patch is None and not _has_edits(patch):
        raise UsageError(
            "State what to do: --patch=FILE, or flags of 'sigpb patch' such as "
            "--rename_input=OLD=NEW."
        )
    if (values.dry_run, bool(values.canary)) == (True, True) or (
        values.plan and not values.dry_run
    ):
        raise UsageError("--plan goes with --dry_run, and --canary does not.")
    job = Job(
        id=sessions.new_id(),
        patch=checked(patch).SerializeToString(deterministic=True),
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
        return contextlib.nullcontext(sessions.rehearse(found, job, limits))
    return sessions.begin(found, job, limits, batch_flags.home(arguments, values), journal)


def _has_edits(patch: protos.SavedModelPatch) -> bool:
    return any(field.name not in ("only", "tags") for field, _ in patch.ListFields())


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
    """Has an interrupt stop the batch soon, and a second one at once."""

    def interrupt(number: int, frame: object) -> None:
        run.stop(_INTERRUPTED, GRACE if run.stopped is None else 0.0)

    is_main = threading.current_thread() is threading.main_thread()
    if not is_main or run.limits.elsewhere is not None:  # Where nothing can be held back.
        yield
        return
    previous = {each: signal.signal(each, interrupt) for each in batch_progress.STOP_SIGNALS}
    try:
        yield
    finally:
        for each, handler in previous.items():
            signal.signal(each, handler)
