"""A picture as a Mermaid flowchart, which Markdown on many sites shows."""

from __future__ import annotations

import re
from collections.abc import Iterator

from sigpb.inspect.graph.picture import COLOURS, SPLICED, Node, Picture, text_lines
from sigpb.inspect.styled_text import Line, line
from sigpb.visible_text import visible

# Everything else, in a quoted label, might mean something to Mermaid, Markdown or HTML.
_SPECIAL = re.compile(r"[^\w ./:,?()\[\]-]", re.ASCII)

_BRACKETS = {
    "input": ("([", "])"),
    "output": ("([", "])"),
    "variable": ("[(", ")]"),
    "port": ("{{", "}}"),
}


def render(picture: Picture) -> Iterator[Line]:
    """Yields the lines."""
    yield line("flowchart TD")
    inside: list[int] = []
    for node in picture.nodes:
        while inside and inside[-1] != node.parent:
            inside.pop()
            yield line("  " * (len(inside) + 1) + "end")
        margin = "  " * (len(inside) + 1)
        label = '"' + "<br>".join(_escaped(text) for text in text_lines(node)) + '"'
        if node.is_open:
            yield line(f"{margin}subgraph n{node.id} [{label}]")
            inside.append(node.id)
        else:
            left, right = _BRACKETS.get(node.kind, ("[", "]"))
            yield line(f"{margin}n{node.id}{left}{label}{right}")
    for number in range(len(inside), 0, -1):
        yield line("  " * number + "end")
    for edge in picture.edges:
        arrow = "-.->" if edge.is_control else "-->"
        label = f'|"{_escaped(edge.label)}"|' if edge.label else ""
        yield line(f"  n{edge.source} {arrow}{label} n{edge.target}")
    yield from _styles(picture.nodes)


def _styles(nodes: tuple[Node, ...]) -> Iterator[Line]:
    for kind, colour in COLOURS.items():
        if names := [f"n{node.id}" for node in nodes if node.kind == kind]:
            yield line(f"  classDef {kind}_ fill:{colour},stroke:#888,color:#000")
            yield line(f"  class {','.join(names)} {kind}_")
    if names := [f"n{node.id}" for node in nodes if node.is_spliced]:
        yield line(f"  classDef spliced_ stroke:{SPLICED},stroke-width:3px")
        yield line(f"  class {','.join(names)} spliced_")


def _escaped(text: str) -> str:
    return _SPECIAL.sub(lambda match: f"#{ord(match[0])};", visible(text))
