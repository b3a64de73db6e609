"""Takes back the patch that was applied to a model last, in place.

The files come back to the byte from the backup that the patch left in the model. Without a backup
(--nobackup, copies, new versions) the model is patched back, if its record says how. To take back
the patch before, run the command again. A model that something else changed since then is refused.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from absl import flags

from sigpb.cli import terminal
from sigpb.cli.arguments import define_format, one_directory

if TYPE_CHECKING:
    from sigpb import api

USAGE = "sigpb undo DIR [--dry_run] [--format=text|json]"

TASK = "Patch a model"

EXAMPLES: tuple[tuple[str, str], ...] = (
    ("sigpb undo model --dry_run", "Print what would be taken back, and from where."),
    ("sigpb undo model", "Take the last patch back."),
    ("sigpb undo model && sigpb undo model", "Take the last two patches back."),
)


def define_flags(values: flags.FlagValues) -> None:
    """Defines the command's flags."""
    flags.DEFINE_bool(
        "dry_run", False, "Print what would be taken back and change nothing.", flag_values=values
    )
    define_format(values, "How to print what is taken back.")


def run(arguments: Sequence[str], values: flags.FlagValues) -> int:
    """Runs the command.

    Returns:
        The exit code.
    """
    from sigpb import api

    result = api.undo(one_directory(arguments, USAGE), dry_run=values.dry_run)
    if values.format == "json":
        terminal.say_json(_json(result, dry_run=values.dry_run))
        return 0
    if result.status == "unchanged":
        terminal.say(f"unchanged: no patch is recorded in {result.model}")
        return 0
    if result.plan is not None:
        terminal.say_document(f"{result.plan}\n")
    else:
        terminal.say(str(result.model), *(f"  {line}" for line in result.lines))
    terminal.say(*(f"  {note}" for note in result.notes))
    way = f", from {result.backup.name}" if result.backup else ""
    said = "dry run: would be undone" if values.dry_run else f"undone: {result.model}"
    terminal.say(f"{said}{way}{_named(result)}")
    return 0


def _named(result: api.UndoResult) -> str:
    """Returns the id and the reason of the patch that is taken back, if it has any."""
    words = [str(result.record.get(name) or "") for name in ("patch_id", "reason")]
    said = ": ".join(word for word in words if word)
    return f" ({said})" if said else ""


def _json(result: api.UndoResult, *, dry_run: bool) -> dict[str, Any]:
    return {
        "status": result.status,
        "dry_run": dry_run,
        "model": str(result.model),
        "backup": result.backup and str(result.backup),
        "files": result.files,
        "plan": result.plan and result.plan.to_json(),
        "lines": result.lines,
        "notes": result.notes,
        "record": result.record,
    }
