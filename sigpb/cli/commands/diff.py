"""Shows what is different between two models.

The exit code is 0 if they are the same and 1 if not; with --compat it is 1 if anything breaks the
existing clients of A when B is served in its place. Of models in a store only protos are fetched:
where other files may differ, such as variables of the same size, that is said, and the code is 4
unless something else differs.
"""

from __future__ import annotations

from collections.abc import Sequence

from absl import flags

from sigpb import reading
from sigpb.cli import terminal
from sigpb.cli.arguments import define_format, define_tags, tag_set, two_models
from sigpb.comparing.report import verdict_text, verdicts_json
from sigpb.errors import EnvironmentFailure

USAGE = "sigpb diff A B [--compat] [--format=text|json] [--tags=TAG,…]"

TASK = "Check models"

EXAMPLES: tuple[tuple[str, str], ...] = (
    (
        "sigpb diff proto_fixtures/tf2_linear proto_fixtures/tf2_wrapped",
        "See what is different between two models.",
    ),
    ("sigpb diff old new --compat", "See whether clients of the old model can use the new one."),
    ("sigpb diff old new --tags=serve --format=json", "Compare one MetaGraph, for a program."),
)


def define_flags(values: flags.FlagValues) -> None:
    """Defines the command's flags."""
    define_format(values, "How to print: text, or JSON (see docs/json.md).")
    flags.DEFINE_bool(
        "compat",
        False,
        "Tell what existing clients of A notice when B is served, signature by signature.",
        flag_values=values,
    )
    define_tags(values)


def run(arguments: Sequence[str], values: flags.FlagValues) -> int:
    """Runs the command.

    Returns:
        The exit code.
    """
    first, second = two_models(arguments, USAGE)
    difference = reading.diff(first, second, tags=tag_set(values))
    found = difference.verdicts if values.compat else ()
    if values.format == "json":
        report = difference.to_json()
        if values.compat:
            report["compat"] = verdicts_json(found)
        terminal.say_json(report)
    else:
        terminal.say_document(verdict_text(found) if values.compat else f"{difference}\n")
    if values.compat:
        return int(difference.is_breaking)
    if difference.is_same and difference.files.not_compared:
        return EnvironmentFailure.exit_code
    return int(not difference.is_same)
