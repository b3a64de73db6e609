"""Makes a model with only some of the signatures of another one, and what these need.

Each signature computes what it did. What they do not need is left out: nodes, functions and
objects; variables, of which the others are not copied; tables and assets; warm-up requests and all
else that stands beside the model.
"""

from __future__ import annotations

from collections.abc import Sequence

from absl import flags

from sigpb.cli import patch_report
from sigpb.cli.arguments import (
    WHERE,
    WHICH_PART,
    define_format,
    define_path,
    define_tags,
    group,
    one_model,
    tag_set,
)
from sigpb.errors import UsageError

USAGE = "sigpb split DIR --signature=KEY… (--output_dir=NEW | --dry_run) [--tags=TAG,…]"

TASK = "Compose models"

EXAMPLES: tuple[tuple[str, str], ...] = (
    (
        "sigpb split proto_fixtures/ranking --signature=embed --output_dir=embed",
        "Make a model of one signature.",
    ),
    (
        "sigpb split proto_fixtures/tf2_linear --signature=single --signature=other --dry_run",
        "See what a model of two signatures would leave out.",
    ),
    (
        "sigpb split proto_fixtures/tf1_two_graphs --tags=serve,gpu --signature=gpu_only "
        "--output_dir=gpu_only --format=json",
        "Take a signature of one of several MetaGraphs, and report to a program.",
    ),
)


def define_flags(values: flags.FlagValues) -> None:
    """Defines the command's flags."""
    with group(WHICH_PART, values):
        flags.DEFINE_multi_string(
            "signature",
            [],
            "KEY: a signature that the new model is to have; repeat the flag for several.",
            flag_values=values,
        )
    define_tags(values)
    with group(WHERE, values):
        define_path(
            "output_dir",
            "DIR: write the new model to this directory, which must not exist or be empty.",
            values,
        )
        flags.DEFINE_bool(
            "dry_run", False, "Print what is left out, and write nothing.", flag_values=values
        )
    define_format(values, "How to print what is left out.")


def run(arguments: Sequence[str], values: flags.FlagValues) -> int:
    """Runs the command.

    Returns:
        The exit code.
    """
    model = one_model(arguments, USAGE)
    if (values.output_dir is None) != values.dry_run:
        raise UsageError("Give one of --output_dir=NEW and --dry_run.", USAGE)
    if not values.signature:
        raise UsageError("Name the signatures: --signature=KEY, repeated for several.", USAGE)
    from sigpb.division import split

    return patch_report.run(
        lambda: split(
            model,
            values.signature,
            tags=tag_set(values),
            output_dir=values.output_dir,
            dry_run=values.dry_run,
        ),
        as_json=values.format == "json",
    )
