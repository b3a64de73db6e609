"""A picture as JSON, for programs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sigpb.inspect.graph.picture import Edge, Picture
from sigpb.inspect.styled_text import Line, line
from sigpb.json_values import json_value
from sigpb.tf.tensor_types import dtype_name
from sigpb.visible_text import json_text

DEPTH = 10_000


def values(picture: Picture) -> dict[str, Any]:
    """Returns a picture as JSON values; the format is described in docs/json.md."""
    return {
        "title": picture.title,
        "depth": picture.depth,
        "hidden": picture.hidden,
        "nodes": [json_value(node, is_open="open", is_spliced="spliced") for node in picture.nodes],
        "edges": [_edge(edge) for edge in picture.edges],
        "outputs": json_value(picture.outputs),
    }


def render(picture: Picture) -> Iterator[Line]:
    """Yields the lines."""
    text = json_text(values(picture), indent=1)
    return (line(part) for part in text.split("\n"))


def _edge(edge: Edge) -> dict[str, Any]:
    found = json_value(edge, source="from", target="to", is_control="control")
    return {**found, "dtype": dtype_name(edge.dtype) if edge.dtype else None, "label": edge.label}
