"""A picture as JSON, for programs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sigpb.inspect.graph.picture import Edge, Node, Picture
from sigpb.inspect.styled_text import Line, line
from sigpb.tensor_types import dtype_name
from sigpb.visible_text import json_text

DEPTH = 10_000


def values(picture: Picture) -> dict[str, Any]:
    """Returns a picture as JSON values; the format is described in docs/json.md."""
    return {
        "title": picture.title,
        "depth": picture.depth,
        "hidden": picture.hidden,
        "nodes": [_node(node) for node in picture.nodes],
        "edges": [_edge(edge) for edge in picture.edges],
        "outputs": [
            {"node": output.node, "inputs": list(output.inputs)} for output in picture.outputs
        ],
    }


def render(picture: Picture) -> Iterator[Line]:
    """Yields the lines."""
    text = json_text(values(picture), indent=1)
    return (line(part) for part in text.split("\n"))


def _node(node: Node) -> dict[str, Any]:
    return {
        "id": node.id,
        "parent": node.parent,
        "kind": node.kind,
        "name": node.name,
        "label": node.label,
        "op": node.op,
        "detail": node.detail,
        "open": node.is_open,
        "hidden": node.hidden,
        "spliced": node.is_spliced,
    }


def _edge(edge: Edge) -> dict[str, Any]:
    return {
        "from": edge.source,
        "to": edge.target,
        "control": edge.is_control,
        "count": edge.count,
        "dtype": dtype_name(edge.dtype) if edge.dtype else None,
        "shape": None if edge.shape is None else list(edge.shape),
        "label": edge.label,
    }
