"""Undoes what a batch did, model by model.

A model that was changed after the batch is refused, and stays as it is. DIR is a repository: its
latest batch is undone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

from absl import flags

from sigpb.batch.journal import journals
from sigpb.batch.locks import journal_locked, locked
from sigpb.batch.rollback import Rollback, Undone
from sigpb.cli import terminal
from sigpb.cli.arguments import define_format
from sigpb.cli.batch_progress import shown
from sigpb.errors import UsageError
from sigpb.remote.urls import is_url, redacted

USAGE = "sigpb rollback JOURNAL|DIR [--dry_run] [--only=NAME] [--format=text|json]"

TASK = "Patch a repository of models"

EXAMPLES: tuple[tuple[str, str], ...] = (
    ("sigpb rollback models/sigpb.batch.0001.jsonl --dry_run", "Print what would be undone."),
    ("sigpb rollback models/sigpb.batch.0001.jsonl", "Undo all that a batch did."),
    ("sigpb rollback models/sigpb.batch.0001.jsonl --only=mnist", "Undo it for one model."),
)


def define_flags(values: flags.FlagValues) -> None:
    """Defines the command's flags."""
    flags.DEFINE_string(
        "only",
        None,
        "NAME: only models of this name (mnist), or whose path matches a glob (images/*).",
        flag_values=values,
    )
    flags.DEFINE_bool(
        "dry_run", False, "Print what would be undone and change nothing.", flag_values=values
    )
    define_format(values, "How to print what was done.")


def run(arguments: Sequence[str], values: flags.FlagValues) -> int:
    """Runs the command.

    Returns:
        The exit code.
    """
    if len(arguments) != 1:
        raise UsageError("The journal of a batch is expected.", USAGE)
    if is_url(arguments[0]):
        raise UsageError(f"{redacted(arguments[0])}: a journal is a file of this machine.")
    file = _journal(Path(arguments[0]))
    rollback = Rollback.of(file)
    start = rollback.progress.start
    only: str | None = values.only
    if only is not None and "/" in only and Path(only).is_dir():
        only = str(Path(only).absolute())  # A path as it is printed.
    if values.dry_run:
        return _told(rollback.forecast(rollback.tasks(only)), values)
    with journal_locked(file, start.directories), locked(start.directories, start.job.id):
        rollback = Rollback.of(file)
        return _told(rollback.run(rollback.tasks(only)), values)


def _journal(path: Path) -> Path:
    """Returns the journal that a path names: of a directory the latest one in it.

    Raises:
        UsageError: If a directory has none.
    """
    if not path.is_dir():
        return path
    if not (found := journals(path)):
        raise UsageError(f"There is no journal of a batch in {path}.", USAGE)
    return found[-1]


def _told(outcomes: Iterable[Undone], values: flags.FlagValues) -> int:
    """Prints what becomes of models, in their order; returns the exit code."""
    words = {"rolled_back": "would be rolled back" if values.dry_run else "rolled back"}
    width = max(map(len, ("unchanged", *words.values())))
    counts: Counter[str] = Counter()
    models = []
    for undone in outcomes:
        said = words.get(undone.outcome, undone.outcome)
        counts[said] += 1
        if values.format == "json":
            models.append(vars(undone))
        else:
            removed = f"{shown(undone.removed)} is removed" if undone.removed else ""
            reason = f": {undone.reason or removed}" if undone.reason or removed else ""
            terminal.say(f"{said:<{width}}  {shown(undone.model)}{reason}")
    if values.format == "json":
        terminal.say_json({"dry_run": values.dry_run, "models": models})
    else:
        counted = ", ".join(f"{count} {said}" for said, count in counts.items())
        terminal.say(counted or "there is nothing to undo")
    return int(bool(counts["refused"] or counts["failed"]))
