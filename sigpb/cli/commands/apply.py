"""Carries out a plan that 'sigpb plan --out' wrote.

A model that has changed since the plan was made is refused.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from absl import flags

from sigpb.cli import patch_report, publish_flags
from sigpb.errors import UsageError
from sigpb.regular_files import is_url, path_or_url
from sigpb.remote.urls import redacted

if TYPE_CHECKING:
    from sigpb.patch_result import PatchResult

USAGE = "sigpb apply PLAN [DIR] (--output_dir=NEW | --in_place | --dry_run) [--verify=v1,v2]"

TASK = "Patch a model"

EXAMPLES: tuple[tuple[str, str], ...] = (
    ("sigpb apply plan.json --output_dir=patched", "Carry out a plan, into a new directory."),
    (
        "sigpb apply plan.json --dry_run",
        "Only see whether the model is still what it was when it was planned.",
    ),
    (
        "sigpb apply plan.json old --in_place",
        "Carry it out on an equal model elsewhere.",
    ),
)


def define_flags(values: flags.FlagValues) -> None:
    """Defines the command's flags."""
    publish_flags.define(values)


def run(arguments: Sequence[str], values: flags.FlagValues) -> int:
    """Runs the command.

    Returns:
        The exit code.
    """
    return patch_report.run(lambda: _apply(arguments, values), as_json=values.format == "json")


def _apply(arguments: Sequence[str], values: flags.FlagValues) -> PatchResult:
    if len(arguments) not in (1, 2):
        raise UsageError("A plan is expected, and perhaps the model elsewhere.", USAGE)
    if is_url(arguments[0]):
        raise UsageError(
            f"{redacted(arguments[0])}: a plan has to be a file of this machine. Only models may "
            "be in a store."
        )
    model = path_or_url(arguments[1]) if len(arguments) == 2 else None
    from sigpb import api

    return api.apply_plan(arguments[0], model, **publish_flags.options(values))
