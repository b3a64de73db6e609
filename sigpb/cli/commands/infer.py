"""Prints the patch that gives one model the signatures of another."""

from __future__ import annotations

from collections.abc import Sequence

from absl import flags

from sigpb import reading
from sigpb.cli import terminal
from sigpb.cli.arguments import define_tags, tag_set, two_models
from sigpb.patching.patch_file import format_patch

USAGE = "sigpb infer A B [--tags=TAG,…]"

TASK = "Write patches"

EXAMPLES: tuple[tuple[str, str], ...] = (
    (
        "sigpb infer proto_fixtures/tf2_linear new",
        "Print the patch that turns the first model into the second.",
    ),
    ("sigpb infer old new > patch.txtpb", "Keep it, for 'sigpb patch --patch=patch.txtpb'."),
    ("sigpb infer old new --tags=serve", "Look at one MetaGraph only."),
)


READS = slice(2)
"""The arguments that may be URLs of models."""


def define_flags(values: flags.FlagValues) -> None:
    """Defines the command's flags."""
    define_tags(values)


def run(arguments: Sequence[str], values: flags.FlagValues) -> int:
    """Runs the command.

    Returns:
        The exit code.
    """
    first, second = two_models(arguments, USAGE)
    terminal.say_document(format_patch(reading.infer(first, second, tags=tag_set(values))))
    return 0
