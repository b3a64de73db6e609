"""Takes back the patch that was applied to a model last, in place.

The files come back to the byte from the backup that the patch left in the model. Without a backup
(--nobackup, copies, new versions) the model is patched back, if its record says how. To take back
the patch before, run the command again. A model that something else changed since then is refused.
"""

from __future__ import annotations

from collections.abc import Sequence

from absl import flags

from sigpb.cli import terminal
from sigpb.cli.arguments import define_format, one_model

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

    result = api.undo(one_model(arguments, USAGE), dry_run=values.dry_run)
    if values.format == "json":
        terminal.say_json(result.to_json())
    else:
        terminal.say_document(f"{result}\n")
    return 0
