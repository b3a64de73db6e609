"""Prints the patch that undoes another one, as a text proto.

DIR is the model as it is before that patch. What cannot be undone is refused.
"""

from __future__ import annotations

from collections.abc import Sequence

from absl import flags

from sigpb.cli import patch_flags, terminal
from sigpb.cli.arguments import one_model
from sigpb.patching.patch_file import format_patch

USAGE = "sigpb invert DIR [--patch=FILE] [flags of sigpb patch]…"

TASK = "Write patches"

EXAMPLES: tuple[tuple[str, str], ...] = (
    (
        "sigpb invert proto_fixtures/tf2_linear --patch=patch.txtpb",
        "Print the patch that undoes a patch.",
    ),
    (
        "sigpb invert proto_fixtures/tf2_linear --rename_input=x=image",
        "The same for the flags of a patch.",
    ),
    (
        "sigpb invert proto_fixtures/tf2_linear --patch=patch.txtpb > undo.txtpb",
        "Keep it, before you patch in place.",
    ),
)


def define_flags(values: flags.FlagValues) -> None:
    """Defines the command's flags."""
    patch_flags.define(values)


def run(arguments: Sequence[str], values: flags.FlagValues) -> int:
    """Runs the command.

    Returns:
        The exit code.
    """
    patch = patch_flags.patch_of(values)
    from sigpb import reading

    inverse = reading.invert(one_model(arguments, USAGE), patch)
    terminal.say_document(format_patch(inverse))
    return 0
