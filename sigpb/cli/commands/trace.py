"""Shows where a tensor, node or endpoint comes from, and what refers to it.

NAME is a tensor (dense/MatMul:0), a node, an argument of a function, a function, or the key of an
endpoint, which stands for a tensor of the graph and for an argument or result of a function. If a
name is several of these, all are shown.
"""

from __future__ import annotations

from collections.abc import Sequence

from absl import flags

from sigpb import reading
from sigpb.cli import terminal
from sigpb.cli.arguments import define_format, define_signature
from sigpb.errors import UsageError
from sigpb.inspect.names.trace import trace_lines

USAGE = """\
sigpb trace PATH NAME [--signature=KEY] [--format=text|json]"""

TASK = "Look at a model"

EXAMPLES: tuple[tuple[str, str], ...] = (
    ("sigpb trace proto_fixtures/tf2_linear serving_default_x:0", "Show what takes a tensor."),
    (
        "sigpb trace proto_fixtures/tf2_linear p --signature=serving_default",
        "Show where an output comes from.",
    ),
    ("sigpb trace proto_fixtures/tf2_linear x --format=json", "Print it for a program."),
)


READS = slice(1)
"""The argument that may be the URL of what is read."""


def define_flags(values: flags.FlagValues) -> None:
    """Defines the command's flags."""
    define_signature(values, "Take NAME for the key of an endpoint of the signature of this key.")
    define_format(values, "How to print: lines, or JSON (see docs/json.md).")


def run(arguments: Sequence[str], values: flags.FlagValues) -> int:
    """Runs the command.

    Returns:
        The exit code.
    """
    if len(arguments) != 2:
        raise UsageError("A model and a name are expected.", USAGE)
    report = reading.trace(*arguments, signature=values.signature)
    if values.format == "json":
        terminal.say_json(report.to_json())
    else:
        terminal.write(trace_lines(report.traces))
    return 0
