"""Undoes what a batch did, model by model.

A model that was changed after the batch is refused, and stays as it is.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from absl import flags

from sigpb.batch.locks import journal_locked, locked
from sigpb.batch.rollback import Rollback
from sigpb.cli import terminal
from sigpb.cli.arguments import define_format
from sigpb.cli.batch_progress import shown
from sigpb.errors import UsageError
from sigpb.remote.urls import is_url, redacted

USAGE = "sigpb rollback JOURNAL [--only=GLOB] [--format=text|json]"

TASK = "Patch a repository of models"

EXAMPLES: tuple[tuple[str, str], ...] = (
    ("sigpb rollback journal.jsonl", "Undo all that a batch did."),
    ("sigpb rollback journal.jsonl --only='*mnist*'", "Undo it for some models."),
    (
        "sigpb rollback journal.jsonl --format=json",
        "Say what became of each model for a program.",
    ),
)


def define_flags(values: flags.FlagValues) -> None:
    """Defines the command's flags."""
    flags.DEFINE_string(
        "only", None, "GLOB: only models whose path matches it.", flag_values=values
    )
    define_format(values, "How to print what was done.")


def run(arguments: Sequence[str], values: flags.FlagValues) -> int:
    """Runs the command.

    Returns:
        The exit code.
    """
    if len(arguments) != 1:
        raise UsageError("The journal of a batch is expected.", USAGE)
    counts: Counter[str] = Counter()
    models = []
    if is_url(arguments[0]):
        raise UsageError(f"{redacted(arguments[0])}: a journal is a file of this machine.")
    file = Path(arguments[0])
    start = Rollback.of(file).progress.start
    with journal_locked(file, start.directories), locked(start.directories, start.job.id):
        rollback = Rollback.of(file)
        for undone in rollback.run(rollback.tasks(values.only)):
            counts[undone.outcome] += 1
            if values.format == "json":
                models.append(vars(undone))
            else:
                reason = f": {undone.reason}" if undone.reason else ""
                terminal.say(f"{undone.outcome:<11}  {shown(undone.model)}{reason}")
    if values.format == "json":
        terminal.say_json({"models": models})
    else:
        said = [f"{count} {outcome}" for outcome, count in counts.items()]
        terminal.say(", ".join(said) or "there is nothing to undo")
    return int(bool(counts["refused"] or counts["failed"]))
