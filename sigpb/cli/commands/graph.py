"""Draws what is between the inputs and outputs of a signature.

It is followed through the functions that are called, with dtypes and shapes. Scopes and functions
stay closed below a level that --depth names; dashed edges are nodes that only have to run before.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from absl import flags

from sigpb.cli import terminal
from sigpb.cli.arguments import (
    OUTPUT,
    define_file,
    define_format,
    define_signature,
    define_tags,
    group,
    one_directory,
    tag_set,
)
from sigpb.inspect.graph.drawing import draw
from sigpb.inspect.graph.formats import FORMATS
from sigpb.inspect.graph.view import chosen_flow
from sigpb.inspect.proto_source import open_source
from sigpb.inspect.styled_text import plain
from sigpb.publishing.output_file import write_text

USAGE = """\
sigpb graph PATH [--signature=KEY] [--tags=TAG,…] [--format=tree|dot|mermaid|svg|html|json]
            [--depth=N] [--from=KEY|TENSOR] [--to=KEY|TENSOR] [--output=FILE]"""

TASK = "Look at a model"

EXAMPLES: tuple[tuple[str, str], ...] = (
    (
        "sigpb graph proto_fixtures/tf2_linear --signature=serving_default",
        "Draw a signature as a tree in the terminal.",
    ),
    (
        "sigpb graph proto_fixtures/tf2_image --signature=serving_default --to=label --depth=2",
        "Draw only what an output is computed from.",
    ),
    (
        "sigpb graph proto_fixtures/tf2_image --signature=echo --format=html --output=echo.html",
        "Write a page to look around in.",
    ),
)


READS = slice(1)
"""The argument that may be the URL of what is read."""


def define_flags(values: flags.FlagValues) -> None:
    """Defines the command's flags."""
    define_tags(values)
    define_signature(
        values,
        "The key of the signature; may be left out if there is one. A file without signatures is "
        "shown from its placeholders to the tensors that no node takes.",
    )
    define_format(
        values,
        "How to draw: a tree for the terminal, DOT for Graphviz, a Mermaid flowchart, a picture "
        "(SVG, which Graphviz draws), a page in which to look around (HTML), or JSON (see "
        "docs/json.md).",
        ("tree", *(name for name in FORMATS if name != "tree")),
    )
    flags.DEFINE_integer(
        "depth",
        None,
        "How many levels of scopes and functions to open; by default as many as can be seen at a "
        "glance, in JSON all.",
        lower_bound=0,
        flag_values=values,
    )
    flags.DEFINE_string(
        "from",
        None,
        "KEY|TENSOR: only what depends on this input, or on this tensor of the top level.",
        flag_values=values,
    )
    flags.DEFINE_string(
        "to",
        None,
        "KEY|TENSOR: only what this output, or this tensor of the top level, is computed from.",
        flag_values=values,
    )
    with group(OUTPUT, values):
        define_file("output", "FILE: write to it.", values)


def run(arguments: Sequence[str], values: flags.FlagValues) -> int:
    """Runs the command.

    Returns:
        The exit code: 1 if nothing that --to names depends on what --from names.
    """
    with open_source(one_directory(arguments, USAGE)) as source:
        flow = chosen_flow(
            source,
            signature=values.signature,
            tags=tag_set(values),
            start=values["from"].value,
            end=values.to,
        )
        is_there = values["from"].value is None or any(flow.depends_on)
        if not is_there and values.format == "tree":
            terminal.say(f"{flow.endpoints.title}: nothing there depends on it.")
            return 1
        chosen = FORMATS[values.format]
        depth = chosen.depth if values.depth is None else values.depth
        lines = chosen.render(draw(flow, depth, everything=chosen.everything))
        if values.output is None:
            terminal.write(lines)
        else:
            text = (f"{plain(styled)}\n" for styled in lines)
            write_text(Path(values.output), text, source=source.file)
    return 0 if is_there else 1
