"""The flags that say where a patched model goes, and how."""

from __future__ import annotations

from typing import Any

from absl import flags

from sigpb.cli.arguments import SAFETY, WHERE, define_format, define_path, define_verify, group
from sigpb.errors import UsageError

_OPTIONS = (
    *("output_dir", "in_place", "dry_run", "hardlink", "backup"),
    *("fingerprint", "warmup", "verify", "allow_ops"),
)


def define(values: flags.FlagValues) -> None:
    """Defines the flags."""
    with group(WHERE, values):
        _define_where(values)
    with group(SAFETY, values):
        flags.DEFINE_bool(
            "backup",
            True,
            "With --in_place: keep the files as they were in .sigpb-backup-NNNN in the model.",
            flag_values=values,
        )
    define_side_files(values)
    define_verify(values)
    define_format(values, "How to print the plan.")


def _define_where(values: flags.FlagValues) -> None:
    define_path(
        "output_dir",
        "DIR: write the patched model to this directory, which must not exist or be empty.",
        values,
    )
    flags.DEFINE_bool("in_place", False, "Change the model where it is.", flag_values=values)
    flags.DEFINE_bool("dry_run", False, "Print the plan and change nothing.", flag_values=values)
    define_hardlink(values)


def define_hardlink(values: flags.FlagValues) -> None:
    """Defines ``--hardlink``."""
    flags.DEFINE_bool(
        "hardlink",
        False,
        "With --output_dir: make unchanged files hard links to the model's instead of copies.",
        flag_values=values,
    )


def define_side_files(values: flags.FlagValues) -> None:
    """Defines the flags that say what becomes of the files beside a patched proto."""
    with group("Files beside the proto", values):
        _define_side_files(values)


def _define_side_files(values: flags.FlagValues) -> None:
    flags.DEFINE_bool(
        "no_history",
        False,
        "Leave no record of the patch in sigpb.history.jsonl, which tells that it was applied.",
        flag_values=values,
    )
    define_followers(values)


def define_followers(values: flags.FlagValues) -> None:
    """Defines the flags that say what becomes of files that follow what a proto says."""
    flags.DEFINE_enum(
        "fingerprint",
        "recompute",
        ["recompute", "drop", "keep"],
        "What to do with fingerprint.pb; 'keep' leaves one that no longer fits the model.",
        flag_values=values,
    )
    flags.DEFINE_enum(
        "warmup",
        "rewrite",
        ["rewrite", "drop", "keep", "refuse"],
        "What to do with warm-up requests that the patch makes unfit: rewrite them, drop all "
        "requests, keep them as they are, or refuse the patch.",
        flag_values=values,
    )


def is_given(values: flags.FlagValues) -> bool:
    """Whether the flags say where the model goes.

    Raises:
        UsageError: If they say several places.
    """
    modes = [values.output_dir is not None, values.in_place, values.dry_run]
    if sum(modes) > 1:
        raise UsageError("Give one of --output_dir=NEW, --in_place and --dry_run.")
    return any(modes)


def options(values: flags.FlagValues) -> dict[str, Any]:
    """Returns the flags as arguments of `sigpb.patch`.

    Raises:
        UsageError: If they do not say where the model goes.
    """
    if not is_given(values):
        raise UsageError("Give one of --output_dir=NEW, --in_place and --dry_run.")
    chosen = {name: getattr(values, name) for name in _OPTIONS}
    return {**chosen, "history": not values.no_history}
