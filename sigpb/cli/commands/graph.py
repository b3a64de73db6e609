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
    format_to_write,
    group,
    one_directory,
    tag_set,
)
from sigpb.errors import UsageError
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
        "sigpb graph proto_fixtures/tf2_linear",
        "Draw serving_default as a tree in the terminal.",
    ),
    (
        "sigpb graph proto_fixtures/tf2_image --to=label --depth=2",
        "Draw only what an output is computed from.",
    ),
    (
        "sigpb graph proto_fixtures/tf2_image --signature=echo --output=echo.html",
        "Write a page to look around in.",
    ),
)


READS = slice(1)
"""The argument that may be the URL of what is read."""

# Pictures that somebody may expect, but that sigpb does not draw.
_NOT_WRITTEN = (".jpeg", ".jpg", ".pdf", ".png")


def define_flags(values: flags.FlagValues) -> None:
    """Defines the command's flags."""
    define_tags(values)
    define_signature(
        values,
        "The key of the signature; if left out, serving_default, or the only one. A file without "
        "signatures is shown from its placeholders to the tensors that no node takes.",
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
        define_file(
            "output",
            "FILE: write to it. The suffix .dot, .mmd, .svg, .html or .json means that format.",
            values,
        )


def run(arguments: Sequence[str], values: flags.FlagValues) -> int:
    """Runs the command.

    Returns:
        The exit code: 1 if nothing that --to names depends on what --from names.
    """
    form = _format(values)
    with open_source(one_directory(arguments, USAGE)) as source:
        flow = chosen_flow(
            source,
            signature=values.signature,
            tags=tag_set(values),
            start=values["from"].value,
            end=values.to,
        )
        is_there = values["from"].value is None or any(flow.depends_on)
        if not is_there and form == "tree":
            terminal.say(f"{flow.endpoints.title}: nothing there depends on it.")
            return 1
        chosen = FORMATS[form]
        depth = chosen.depth if values.depth is None else values.depth
        lines = chosen.render(draw(flow, depth, everything=chosen.everything))
        if values.output is None:
            terminal.write(lines)
        else:
            text = (f"{plain(styled)}\n" for styled in lines)
            write_text(Path(values.output), text, source=source.file)
    return 0 if is_there else 1


def _format(values: flags.FlagValues) -> str:
    if Path(values.output or "").suffix.lower() in _NOT_WRITTEN:
        raise UsageError(
            f"--output={values.output}: this is no format of sigpb graph. Write an .svg or .html "
            "file, or a .dot file, of which Graphviz makes others (dot -Tpng)."
        )
    suffixes = {suffix: name for name, each in FORMATS.items() for suffix in each.suffixes}
    return format_to_write(values, suffixes)
