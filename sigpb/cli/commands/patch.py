"""Patches the signatures of a model."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from absl import flags

from sigpb import api
from sigpb.cli import patch_flags, patch_report, publish_flags, terminal
from sigpb.cli.arguments import one_directory
from sigpb.patch_result import PatchResult

USAGE = """\
sigpb patch DIR|GRAPH (--output_dir=NEW | --in_place | --dry_run) [--patch=FILE] [--tags=TAG,…]
    [--signature=KEY] [--rename_input=OLD=NEW]… [--rename_output=OLD=NEW]… [--drop_output=KEY]…
    [--input_dtype=KEY=DTYPE]… [--output_dtype=KEY=DTYPE]… [--input_shape=KEY=SHAPE]…
    [--output_shape=KEY=SHAPE]… [--batch_size=?|N] [--bind_input=KEY=VALUE]…
    [--default_input=KEY=VALUE]… [--add_output=KEY=TENSOR]… [--method_name=NAME]
    [--rename_signature=OLD=NEW]… [--copy_signature=SOURCE=NEW]… [--delete_signature=KEY]…
    [--create_signature=KEY --input_from=KEY=TENSOR… --add_output=KEY=TENSOR…]
    [--input_node_name=KEY=NAME]… [--output_node_name=KEY=NAME]…
    [--set_tags=TAG,…] [--drop_meta_graph] [--clear_devices | --set_device=DEVICE]
    [--strip_default_attrs] [--prune] [--verify=v1,v2 [--allow_ops=OP,…]]

Keys name the model as it is now; all changes are made at once."""


def define_flags(values: flags.FlagValues) -> None:
    """Defines the command's flags."""
    patch_flags.define(values)
    publish_flags.define(values)
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
    directory: Path = one_directory(arguments, USAGE.partition("\n")[0] + " …")
    only_emit = values.emit_patch and not publish_flags.is_given(values)
    options = {} if only_emit else publish_flags.options(values)
    patch = patch_flags.patch_of(values)
    if values.emit_patch:
        from sigpb.patching.patch_file import format_patch

        terminal.say_document(format_patch(patch))
    if only_emit:
        return None
    result = api.patch(directory, patch, **options)
    return None if values.emit_patch else result
