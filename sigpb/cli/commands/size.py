"""Shows what takes the bytes of a model's proto, which may have 2 GiB at most.

PATH is a model, or a file with a GraphDef or a MetaGraphDef. The numbers add up to the size of the
file; of a text proto, to that of the binary proto it amounts to. Functions' nodes count as well.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from absl import flags

from sigpb.cli import terminal
from sigpb.cli.arguments import (
    OUTPUT,
    define_file,
    define_format,
    format_to_write,
    group,
    one_directory,
)
from sigpb.inspect.proto_source import ProtoSource, open_source
from sigpb.inspect.size import GROUPINGS, headline, measure, size_json, size_lines
from sigpb.inspect.styled_text import plain
from sigpb.publishing.output_file import write_text
from sigpb.visible_text import json_text

USAGE = """\
sigpb size PATH [--by=section|op|function|scope|node] [--depth=N] [--limit=N]
    [--format=table|json|html] [--output=FILE]"""

TASK = "Look at a model"

EXAMPLES: tuple[tuple[str, str], ...] = (
    ("sigpb size proto_fixtures/tf2_linear", "Show which parts of the proto take how many bytes."),
    (
        "sigpb size proto_fixtures/tf2_linear --by=scope --depth=2 --limit=10",
        "Show the largest name scopes.",
    ),
    (
        "sigpb size proto_fixtures/tf2_linear --output=size.html",
        "Write a treemap as a page.",
    ),
)


READS = slice(1)
"""The argument that may be the URL of what is read."""

_SUFFIXES = {".html": "html", ".htm": "html", ".json": "json"}


def define_flags(values: flags.FlagValues) -> None:
    """Defines the command's flags."""
    flags.DEFINE_enum(
        "by",
        "section",
        GROUPINGS,
        "What to sum up: fields of the MetaGraphs, ops, functions, name scopes, or nodes.",
        flag_values=values,
    )
    flags.DEFINE_integer(
        "depth",
        1,
        "With --by=scope: how many levels of name scopes.",
        lower_bound=1,
        flag_values=values,
    )
    flags.DEFINE_integer(
        "limit",
        30,
        "How many to list, the largest first; 0 for all.",
        lower_bound=0,
        flag_values=values,
    )
    define_format(
        values,
        "How to print: a table, JSON (see docs/json.md), or a treemap as a page of HTML.",
        ("table", "json", "html"),
    )
    with group(OUTPUT, values):
        define_file(
            "output", "FILE: write to it; the suffix .html or .json means that format.", values
        )


def run(arguments: Sequence[str], values: flags.FlagValues) -> int:
    """Runs the command.

    Returns:
        The exit code.
    """
    form = format_to_write(values, _SUFFIXES)
    with open_source(one_directory(arguments, USAGE)) as source:
        if values.output is not None:
            write_text(Path(values.output), _text(source, values, form), source=source.file)
        elif form == "table":
            sizes = measure(source, values.by, limit=values.limit, depth=values.depth)
            terminal.write(size_lines(source, sizes, values.by))
        else:
            for piece in _text(source, values, form):
                terminal.say_document(piece)
    return 0


def _text(source: ProtoSource, values: flags.FlagValues, form: str) -> Iterable[str]:
    if form == "html":
        from sigpb.inspect.treemap import tree, treemap

        found = tree(source, values.by)
        return (treemap(found, headline(source, found.size)),)
    sizes = measure(source, values.by, limit=values.limit, depth=values.depth)
    if form == "json":
        value = size_json(source, sizes, values.by)
        return (json_text(value), "\n")
    return (f"{plain(told)}\n" for told in size_lines(source, sizes, values.by))
