"""Patches the signatures of a model."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from absl import flags

from sigpb import api
from sigpb.cli import patch_flags
from sigpb.cli.arguments import one_directory
from sigpb.errors import PatchError, SigpbError, UsageError

USAGE = """\
sigpb patch DIR (--output_dir=NEW | --in_place | --dry_run) [--patch=FILE] [--tags=TAG,…]
    [--signature=KEY] [--rename_input=OLD=NEW]… [--rename_output=OLD=NEW]… [--drop_output=KEY]…
    [--method_name=NAME] [--rename_signature=OLD=NEW]… [--copy_signature=SOURCE=NEW]…
    [--delete_signature=KEY]… [--set_tags=TAG,…]

Keys name the model as it is now; all changes are made at once."""


def define_flags(values: flags.FlagValues) -> None:
    """Defines the command's flags."""
    patch_flags.define(values)
    flags.DEFINE_string(
        "output_dir",
        None,
        "Write the patched model to this directory, which must not exist or be empty.",
        flag_values=values,
    )
    flags.DEFINE_bool("in_place", False, "Change the model where it is.", flag_values=values)
    flags.DEFINE_bool("dry_run", False, "Print the plan and change nothing.", flag_values=values)
    flags.DEFINE_bool(
        "hardlink",
        False,
        "With --output_dir: make unchanged files hard links to the model's instead of copies.",
        flag_values=values,
    )
    flags.DEFINE_bool(
        "backup",
        True,
        "With --in_place: keep the files as they were in .sigpb-backup-NNNN in the model.",
        flag_values=values,
    )
    flags.DEFINE_enum(
        "fingerprint",
        "recompute",
        ["recompute", "drop", "keep"],
        "What becomes of fingerprint.pb; 'keep' leaves one that no longer fits the model.",
        flag_values=values,
    )
    flags.DEFINE_enum(
        "warmup",
        "refuse",
        ["refuse", "drop", "keep"],
        "What becomes of warm-up requests that name something that changes.",
        flag_values=values,
    )
    flags.DEFINE_bool(
        "emit_patch",
        False,
        "Print the patch that the flags amount to, as a text proto, instead of the plan.",
        flag_values=values,
    )
    flags.DEFINE_enum(
        "format", "text", ["text", "json"], "How to print the plan.", flag_values=values
    )


def run(arguments: Sequence[str], values: flags.FlagValues) -> int:
    """Runs the command.

    Returns:
        The exit code.
    """
    try:
        report = _patch(arguments, values)
    except (SigpbError, OSError) as error:
        if values.format == "json":
            refused = isinstance(error, (PatchError, UsageError))
            problems = error.problems if isinstance(error, PatchError) else (str(error),)
            _print_json({"status": "refused" if refused else "failed", "problems": problems})
        raise
    if values.format == "json" and report is not None:
        _print_json(report)
    return 0


def _patch(arguments: Sequence[str], values: flags.FlagValues) -> dict[str, Any] | None:
    """Does what the flags say; returns the report for JSON, None if the patch was printed."""
    directory = one_directory(arguments, USAGE.partition("\n")[0] + " …")
    modes = [values.output_dir is not None, values.in_place, values.dry_run]
    if sum(modes) > 1 or (not any(modes) and not values.emit_patch):
        raise UsageError("Give one of --output_dir=NEW, --in_place and --dry_run.")
    patch = patch_flags.patch_of(values)
    if values.emit_patch:
        from sigpb.patching.patch_file import format_patch

        print(format_patch(patch), end="")
        if not any(modes):
            return None
    result = api.patch(
        directory,
        patch,
        output_dir=values.output_dir,
        in_place=values.in_place,
        dry_run=values.dry_run,
        hardlink=values.hardlink,
        backup=values.backup,
        fingerprint=values.fingerprint,
        warmup=values.warmup,
    )
    if values.emit_patch:
        return None
    if values.format == "text":
        print(result.plan)
        print(_outcome(result, dry_run=values.dry_run))
    return {
        "status": result.status,
        "dry_run": values.dry_run,
        "output": str(result.output),
        "backup": str(result.backup) if result.backup else None,
        "plan": result.plan.to_json(),
    }


def _outcome(result: api.PatchResult, *, dry_run: bool) -> str:
    if dry_run:
        return f"dry run: would be {result.status}"
    kept = f", the files as they were in {result.backup}" if result.backup else ""
    return f"{result.status}: {result.output}{kept}"


def _print_json(report: dict[str, Any]) -> None:
    print(json.dumps(report, indent=2, ensure_ascii=False))
