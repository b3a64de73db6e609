"""Draws what is between the inputs and outputs of a signature.

It is followed through the functions that are called, with dtypes and shapes. Scopes and functions
stay closed below a level that --depth names; dashed edges are nodes that only have to run before.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from absl import flags

from sigpb.cli import terminal
from sigpb.cli.arguments import define_path, define_tags, one_directory, tag_set
from sigpb.errors import PatchError, UsageError, did_you_mean
from sigpb.inspect.graph.drawing import draw
from sigpb.inspect.graph.flow import Flow, Graph, between, signature_ends
from sigpb.inspect.graph.formats import FORMATS
from sigpb.inspect.proto_source import GraphPart, ProtoSource, open_source
from sigpb.inspect.styled_text import plain
from sigpb.publishing.output_file import write_text
from sigpb.saved_model.model import INTERNAL_PREFIX, tag_set_text
from sigpb.visible_text import natural

USAGE = """\
sigpb graph PATH [--signature=KEY] [--tags=TAG,…] [--format=tree|dot|mermaid|svg|html|json]
            [--depth=N] [--from=KEY|TENSOR] [--to=KEY|TENSOR] [--output=FILE]"""


def define_flags(values: flags.FlagValues) -> None:
    """Defines the command's flags."""
    define_tags(values)
    flags.DEFINE_string(
        "signature",
        None,
        "The key of the signature; may be left out if there is one. A file without signatures is "
        "shown from its placeholders to what no node takes.",
        flag_values=values,
    )
    flags.DEFINE_enum(
        "format",
        "tree",
        list(FORMATS),
        "How to draw: a tree for the terminal, DOT for Graphviz, a Mermaid flowchart, a picture "
        "(SVG, which Graphviz draws), a page in which to look around (HTML), or JSON (see "
        "docs/json.md).",
        flag_values=values,
    )
    flags.DEFINE_integer(
        "depth",
        None,
        "How many levels of scopes and functions to open; as many as can be seen at a glance, or "
        "in JSON all, if left out.",
        lower_bound=0,
        flag_values=values,
    )
    flags.DEFINE_string(
        "from",
        None,
        "Only what depends on this input, or on this tensor of the top level.",
        flag_values=values,
    )
    flags.DEFINE_string(
        "to",
        None,
        "Only what this output, or this tensor of the top level, is computed from.",
        flag_values=values,
    )
    define_path("output", "Write to this file.", values)


def run(arguments: Sequence[str], values: flags.FlagValues) -> int:
    """Runs the command.

    Returns:
        The exit code: 1 if nothing that --to names depends on what --from names.
    """
    with open_source(one_directory(arguments, USAGE)) as source:
        flow = _flow(source, values)
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


def _flow(source: ProtoSource, values: flags.FlagValues) -> Flow:
    part, key = _chosen(source, tag_set(values), values.signature)
    graph = Graph(part)
    title = f"{source.file.name}, {part.path}" if part.path else source.file.name
    if key is not None and part.meta_graph:
        title = f"{key!r} of {tag_set_text(part.meta_graph.tags)}"
        found = signature_ends(title, part.meta_graph.signatures[key])
    else:
        found = graph.endpoints(title)
    return graph.flow(between(found, values["from"].value, values.to, graph.records))


def _chosen(
    source: ProtoSource, tags: tuple[str, ...] | None, signature: str | None
) -> tuple[GraphPart, str | None]:
    """Returns the graph that is meant, and the key of the signature; None if there is none."""
    parts = [
        part
        for part in source.graphs
        if tags is None or (part.meta_graph and part.meta_graph.tags == tags)
    ]
    if not parts:
        if tags is None:
            raise PatchError(f"{source.file}: there is no graph in it.")
        existing = [tag_set_text(graph.tags) for graph in source.meta_graphs]
        raise PatchError(
            f"No MetaGraph has the tag-set {tag_set_text(tags)}; there are {', '.join(existing)}."
        )
    keys = {key for part in parts for key in _keys(part) if not key.startswith(INTERNAL_PREFIX)}
    if signature is None and len(keys) > 1:
        listed = ", ".join(repr(key) for key in sorted(keys, key=natural))
        raise UsageError(f"Which signature? Name one with --signature: there are {listed}.")
    key = next(iter(keys), None) if signature is None else signature
    if key is not None:
        parts = [part for part in parts if key in _keys(part)]
        if not parts:
            raise PatchError(f"There is no signature {key!r}; {did_you_mean(key, keys)}.")
    if len(parts) > 1:
        listed = ", ".join(tag_set_text(part.meta_graph.tags) for part in parts if part.meta_graph)
        raise UsageError(f"Which MetaGraph? Name one with --tags: there are {listed}.")
    return parts[0], key


def _keys(part: GraphPart) -> Iterable[str]:
    return part.meta_graph.signatures if part.meta_graph else ()
