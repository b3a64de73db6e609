"""Patches the signatures of a model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from absl import flags

from sigpb.cli import patch_flags, patch_report, publish_flags, terminal
from sigpb.cli.arguments import OUTPUT, group, one_model

if TYPE_CHECKING:
    from sigpb.patch_result import PatchResult

USAGE = """\
sigpb patch DIR|GRAPH (--output_dir=NEW | --in_place | --dry_run) [--patch=FILE]
    [--signature=KEY] [--FLAG_THAT_CHANGES=…]… [--verify]

Keys name the model as it is now; all changes are made at once. GRAPH is the file of a graph, of
which a SavedModel is made."""

TASK = "Patch a model"

EXAMPLES: tuple[tuple[str, str], ...] = (
    (
        "sigpb patch proto_fixtures/tf2_linear --rename_input=x=image --dry_run",
        "See what renaming an input would do.",
    ),
    (
        "sigpb patch proto_fixtures/tf2_image --input_dtype=x=uint8 --output_dir=patched",
        "Have an input take uint8, in a new directory.",
    ),
    (
        "sigpb patch proto_fixtures/tf2_linear --patch=patch.txtpb --in_place --verify",
        "Apply a patch file in place, if the model still computes the same.",
    ),
)


def define_flags(values: flags.FlagValues) -> None:
    """Defines the command's flags."""
    patch_flags.define(values)
    publish_flags.define(values)
    with group(OUTPUT, values):
        flags.DEFINE_bool(
            "emit_patch",
            False,
            "Print the patch that the flags amount to, as a text proto, instead of the plan.",
            flag_values=values,
        )


def run(arguments: Sequence[str], values: flags.FlagValues) -> int:
    """Runs the command.

    Returns:
        The exit code.
    """
    return patch_report.run(
        lambda: _patch(arguments, values),
        as_json=values.format == "json",
    )


def _patch(arguments: Sequence[str], values: flags.FlagValues) -> PatchResult | None:
    model = one_model(arguments, USAGE.partition("\n")[0] + " …")
    only_emit = values.emit_patch and not publish_flags.is_given(values)
    options = {} if only_emit else publish_flags.options(values)
    patch = patch_flags.patch_of(values)
    if values.emit_patch:
        from sigpb.patching.patch_file import format_patch

        terminal.say_document(format_patch(patch))
    if only_emit:
        return None
    from sigpb import api

    result = api.patch(model, patch, **options)
    return None if values.emit_patch else result
