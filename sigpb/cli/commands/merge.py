"""Makes one model of several, with the signatures of all.

Each signature computes what it did, with the variables, tables and assets that it had. MetaGraphs
of the same tag-set are merged. The first model keeps its names, and its MetaGraphs that the others
do not have; whatever the others name gets names of its own. No two signatures may have the same
key: --prefix tells them apart. A model of TensorFlow 1 comes before one of TensorFlow 2.
"""

from __future__ import annotations

from collections.abc import Sequence

from absl import flags

from sigpb.cli import patch_report
from sigpb.cli.arguments import WHERE, define_format, define_path, group
from sigpb.cli.publish_flags import define_followers, define_hardlink
from sigpb.composition import MergeResult, merge
from sigpb.errors import UsageError

USAGE = "sigpb merge DIR DIR… (--output_dir=NEW | --dry_run) [--prefix=a_,b_]"

TASK = "Compose models"

EXAMPLES: tuple[tuple[str, str], ...] = (
    (
        "sigpb merge proto_fixtures/detector proto_fixtures/flowers --prefix=detect_,flowers_ "
        "--dry_run",
        "See which signatures the model of two would have.",
    ),
    (
        "sigpb merge proto_fixtures/detector proto_fixtures/flowers --prefix=,flowers_ "
        "--output_dir=merged",
        "Make one model of two; the keys of the first one stay.",
    ),
    (
        "sigpb merge proto_fixtures/census proto_fixtures/flowers --output_dir=mixed --format=json",
        "Put a model of TensorFlow 2 into one of TensorFlow 1.",
    ),
)


def define_flags(values: flags.FlagValues) -> None:
    """Defines the command's flags."""
    flags.DEFINE_list(
        "prefix",
        [],
        "What the keys of the signatures of each model are to begin with, in the order of the "
        "models. One may be empty: --prefix=,b_",
        flag_values=values,
    )
    with group(WHERE, values):
        define_path(
            "output_dir",
            "DIR: write the merged model to this directory, which must not exist or be empty.",
            values,
        )
        flags.DEFINE_bool("dry_run", False, "Say what would be merged.", flag_values=values)
        define_hardlink(values)
    with group("Files beside the proto", values):
        define_followers(values)
    define_format(values, "How to print what was merged.")


def run(arguments: Sequence[str], values: flags.FlagValues) -> int:
    """Runs the command.

    Returns:
        The exit code.
    """
    return patch_report.run(lambda: _merged(arguments, values), as_json=values.format == "json")


def _merged(arguments: Sequence[str], values: flags.FlagValues) -> MergeResult:
    if len(arguments) < 2:
        raise UsageError("Two models or more are expected.", USAGE)
    if (values.output_dir is None) != values.dry_run:
        raise UsageError("Give one of --output_dir=NEW and --dry_run.", USAGE)
    return merge(
        *arguments,
        output_dir=values.output_dir,
        dry_run=values.dry_run,
        prefixes=values.prefix,
        hardlink=values.hardlink,
        fingerprint=values.fingerprint,
        warmup=values.warmup,
    )
