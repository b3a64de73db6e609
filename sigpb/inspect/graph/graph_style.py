"""How the nodes of a picture look, in all formats that are drawn."""

from __future__ import annotations

from sigpb.inspect.graph.dataflow.picture import Node, NodeKind

COLOURS: dict[NodeKind, str] = {
    "input": "#cfe8cf",
    "output": "#f6d5b5",
    "op": "#ffffff",
    "constant": "#eeeeee",
    "variable": "#d6dcf5",
    "call": "#f3f0fa",
    "function": "#faf8fd",
    "port": "#fff7d6",
    "scope": "#f4f6f8",
    "run": "#f4f6f8",
}
"""What nodes are filled with."""

SPLICED = "#d02090"
"""The border of what sigpb added."""


def text_lines(node: Node) -> list[str]:
    """Returns what is written into a node: its label, its op, what else there is to say."""
    lines = [node.label]
    if node.kind == "function" and node.name != node.label:
        lines.append(node.name)
    if node.op and node.op != node.label:
        lines.append(node.op)
    if node.detail:
        lines.append(node.detail)
    if node.hidden:
        lines.append(f"{node.hidden:,} node{'s' if node.hidden > 1 else ''}")
    return lines
