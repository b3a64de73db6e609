"""Prints a model, or any part of it, as text proto or JSON.

PATH chooses the part: names of fields, joined by dots, with elements in brackets, such as
'signature_def["serving_default"].inputs["x"]', 'meta_graphs[serve].graph_def.node["dense/MatMul"]',
'library.function["__inference_f_15"].node_def[3]' or 'object_graph_def.nodes[4]'. Elements go by
position, by key or name, and MetaGraphs by tags; quotes can be left out around names that are no
numbers. First parts that are clear can be left out.

Long values are shortened, with their size and SHA-256 in a comment; what is printed can be parsed
all the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from absl import flags

from sigpb.cli import terminal
from sigpb.cli.arguments import define_format
from sigpb.errors import ModelUnreadable, UsageError
from sigpb.inspect.dump.proto_json import json_of
from sigpb.inspect.dump.proto_place import ProtoPlace, find_place, require_intact
from sigpb.inspect.dump.proto_text import text_lines
from sigpb.inspect.proto_path import path_at, path_text
from sigpb.inspect.proto_source import ProtoSource, open_source
from sigpb.inspect.schema import descriptor
from sigpb.inspect.styled_text import Line, Span, line
from sigpb.wire import WireError

USAGE = "sigpb dump DIR|FILE [PATH] [--full] [--format=textproto|json]"

TASK = "Look into files, and save damaged ones"

EXAMPLES: tuple[tuple[str, str], ...] = (
    (
        'sigpb dump proto_fixtures/tf2_linear \'signature_def["serving_default"].inputs["x"]\'',
        "Print one input of a signature.",
    ),
    (
        "sigpb dump proto_fixtures/tf2_linear meta_info_def --format=json",
        "Print what wrote the model, as JSON.",
    ),
    (
        "sigpb dump proto_fixtures/tf2_linear 'node[\"serving_default_x\"]' --full",
        "Print a node of the graph, with all of its bytes.",
    ),
)


READS = slice(1)
"""The argument that may be the URL of what is read."""


def define_flags(values: flags.FlagValues) -> None:
    """Defines the command's flags."""
    define_format(
        values,
        "How to print: a text proto, or JSON (see docs/json.md), which is never shortened.",
        ("textproto", "json"),
    )
    flags.DEFINE_bool(
        "full",
        False,
        "Shorten nothing: the text parses to an equal message. JSON may then be of any size.",
        flag_values=values,
    )


def run(arguments: Sequence[str], values: flags.FlagValues) -> int:
    """Runs the command.

    Returns:
        The exit code.
    """
    if len(arguments) not in (1, 2):
        raise UsageError("One model or file is expected, and perhaps a path.", USAGE)
    path = arguments[1] if len(arguments) == 2 else ""
    with open_source(arguments[0]) as source:
        try:
            place = find_place(source.root, descriptor(source.schema), path)
            require_intact(place.message, place.schema, place.field)
            if values.format == "json":
                terminal.say_json(json_of(place, full=values.full))
            else:
                terminal.write(_lines(source, place, full=values.full))
        except ModelUnreadable as error:
            raise ModelUnreadable(_damage(source, error)) from error
    return 0


def _lines(source: ProtoSource, place: ProtoPlace, *, full: bool) -> Iterator[Line]:
    yield _comment(f"proto-message: {place.schema.full_name}")
    size = "" if source.is_text else f"{place.size:,} bytes of "
    where = path_text(place.path) or "all"
    yield _comment(f"{where}: {size}{source.file.name!r}")
    yield from text_lines(place.message, place.schema, place.field, place.key, full=full)


def _comment(text: str) -> Line:
    return line(Span(f"# {text}", "dim"))


def _damage(source: ProtoSource, error: ModelUnreadable) -> str:
    """Says where a file is damaged, and what can be done about it."""
    where = ""
    if isinstance(error, WireError):
        path = path_text(path_at(source.root, descriptor(source.schema), error.offset))
        where = f" (in {path})" if path else ""
    return (
        f"it is damaged: {str(error).rstrip('.')}{where}. What is intact can be printed by its "
        "path."
    )
