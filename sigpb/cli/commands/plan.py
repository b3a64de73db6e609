"""Plans a patch of a model, to look at and to carry out later.

The plan is a file of JSON with digests of the model's files: 'sigpb apply' refuses a model that has
changed since.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from absl import flags

from sigpb.cli import patch_flags, terminal
from sigpb.cli.arguments import OUTPUT, define_file, define_format, group, one_model

USAGE = (
    "sigpb plan DIR|GRAPH [--out=PLAN] [--patch=FILE] [--format=text|json] [flags of sigpb patch]…"
)

TASK = "Patch a model"

EXAMPLES: tuple[tuple[str, str], ...] = (
    (
        "sigpb plan proto_fixtures/tf2_linear --patch=patch.txtpb --out=plan.json",
        "Keep a plan, to look at and to carry out later.",
    ),
    (
        "sigpb plan proto_fixtures/tf2_fixed_batch --batch_size=?",
        "See what a change of the batch size would do.",
    ),
    (
        "sigpb plan proto_fixtures/tf2_linear --rename_input=x=image --format=json",
        "Print a plan for a program.",
    ),
)


def define_flags(values: flags.FlagValues) -> None:
    """Defines the command's flags."""
    patch_flags.define(values)
    with group(OUTPUT, values):
        define_file("out", "FILE: write the plan to it.", values)
    define_format(values, "How to print the plan.")


def run(arguments: Sequence[str], values: flags.FlagValues) -> int:
    """Runs the command.

    Returns:
        The exit code.
    """
    out = None if values.out is None else Path(values.out)
    from sigpb import api

    plan = api.plan(one_model(arguments, USAGE), patch_flags.patch_of(values), out=out)
    if values.format == "json":
        terminal.say_json(plan.to_json())
    else:
        terminal.say_document(f"{plan}\n")
    return 0
