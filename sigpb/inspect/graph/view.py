"""What is looked at of a file's graphs, and how it is shown to those who call from Python."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

from sigpb import html_text
from sigpb.errors import PatchError, UsageError, did_you_mean
from sigpb.inspect.graph.drawing import draw
from sigpb.inspect.graph.flow import Flow, Graph, between, signature_ends
from sigpb.inspect.graph.formats import FORMATS, html_lines, picture_json
from sigpb.inspect.graph.picture import Picture
from sigpb.inspect.proto_source import GraphPart, ProtoSource
from sigpb.inspect.styled_text import plain
from sigpb.saved_model.model import INTERNAL_PREFIX, tag_set_text
from sigpb.tf.serving import DEFAULT_SIGNATURE
from sigpb.visible_text import natural, visible

# How high the frame in a notebook is.
_PIXELS = 420

# A notebook keeps what it shows: of more nodes than this, those that can be seen at a glance, and
# of a text, so many characters.
_MOST_NODES = 2_000
_MOST_CHARACTERS = 50_000


@dataclass(frozen=True, repr=False)
class GraphView:
    """What is between the inputs and outputs of a graph; printing it shows the tree.

    Attributes:
        picture: What is drawn: as much as was asked for, or as can be seen at a glance.
        whole: The same with all that is closed in `picture`.
    """

    picture: Picture
    whole: Picture

    def render(self, form: Literal["dot", "html", "json", "mermaid", "svg", "tree"]) -> str:
        """Returns it as text in one of the formats of ``sigpb graph --format``.

        Raises:
            EnvironmentFailure: If an SVG is asked for, and Graphviz is not there to draw it.
        """
        chosen = FORMATS[form]
        picture = self.whole if chosen.everything else self.picture
        return "".join(f"{plain(styled)}\n" for styled in chosen.render(picture))

    def to_json(self) -> dict[str, Any]:
        """Returns what is drawn as JSON values: see docs/json.md."""
        return picture_json(self.picture)

    def __str__(self) -> str:
        return self.render("tree").removesuffix("\n")

    def __repr__(self) -> str:
        nodes, edges = len(self.whole.nodes), len(self.whole.edges)
        return f"<GraphView of {visible(self.picture.title)}: {nodes} nodes, {edges} edges>"

    def _repr_html_(self) -> str:
        whole, picture = self.whole, self.picture
        shown = whole if len(whole.nodes) <= _MOST_NODES else picture
        page = "".join(f"{plain(styled)}\n" for styled in html_lines(shown))
        parts = [html_text.frame(picture.title, page, _PIXELS)]
        if shown is not whole:
            parts.append(html_text.lines(f"There are {picture.hidden:,} more nodes: see render()."))
        tree = str(self)
        if len(tree) <= _MOST_CHARACTERS:  # What shows no frames, such as GitHub, shows this.
            text = html_text.fixed_width(html_text.escaped_lines(tree))
            parts.append(html_text.folded("as text", text))
        return html_text.document(*parts)


def view(flow: Flow, depth: int | None = None) -> GraphView:
    """Draws a graph to show it.

    Args:
        flow: What is between its inputs and outputs.
        depth: How many levels of scopes and functions to open; None for as many as can be seen at
            a glance.
    """
    picture = draw(flow, depth)
    return GraphView(picture, draw(flow, depth, everything=True) if picture.hidden else picture)


def chosen_flow(
    source: ProtoSource,
    *,
    signature: str | None = None,
    tags: tuple[str, ...] | None = None,
    start: str | None = None,
    end: str | None = None,
) -> Flow:
    """Finds what is between the inputs and outputs of a signature, or of a graph without one.

    Args:
        source: The file.
        signature: The key of the signature; None for ``serving_default``, or the only one.
        tags: The tag-set of its MetaGraph, sorted; may be left out if one has the signature.
        start: The key of an input, or a tensor, that alone is followed; None for all inputs.
        end: The key of an output, or a tensor, that alone is followed; None for all outputs.

    Raises:
        PatchError: If there is no such signature or MetaGraph.
        UsageError: If there are several, or no such `start` or `end`.
        ModelUnreadable: If the file is damaged.
    """
    part, key = _chosen(source, tags, signature)
    graph = Graph(part)
    title = f"{source.file.name}, {part.path}" if part.path else source.file.name
    if key is not None and part.meta_graph:
        title = f"{key!r} of {tag_set_text(part.meta_graph.tags)}"
        found = signature_ends(title, part.meta_graph.signatures[key])
    else:
        found = graph.endpoints(title)
    return graph.flow(between(found, start, end, graph.records))


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
    if signature is None and DEFAULT_SIGNATURE in keys:
        signature = DEFAULT_SIGNATURE
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
