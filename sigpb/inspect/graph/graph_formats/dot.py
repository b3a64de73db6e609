"""A picture for Graphviz: ``sigpb graph … --format=dot | dot -Tpng``."""

from __future__ import annotations

from collections.abc import Iterator

from sigpb.inspect.graph.picture import COLOURS, SPLICED, Node, Picture, text_lines
from sigpb.inspect.styled_text import Line, line
from sigpb.visible_text import visible

_SHAPES = {"input": "ellipse", "output": "ellipse", "constant": "note", "variable": "cylinder"}


def render(picture: Picture) -> Iterator[Line]:
    """Yields the lines."""
    yield line("digraph {")
    yield line(f"  label={_quoted(picture.title)}; labelloc=t;")
    yield line('  node [shape=box, style="rounded,filled", fillcolor=white, fontname=sans];')
    yield line("  edge [fontname=sans, fontsize=10];")
    inside: list[int] = []
    for node in picture.nodes:
        while inside and inside[-1] != node.parent:
            inside.pop()
            yield line("  " * (len(inside) + 1) + "}")
        margin = "  " * (len(inside) + 1)
        attributes = f"label={_quoted(*text_lines(node))}, {_look(node)}"
        if node.is_open:
            yield line(f"{margin}subgraph cluster_{node.id} {{")
            yield line(f"{margin}  graph [{attributes}];")
            inside.append(node.id)
        else:
            shape = _SHAPES.get(node.kind)
            yield line(f"{margin}n{node.id} [{attributes}{f', shape={shape}' if shape else ''}];")
    for number in range(len(inside), 0, -1):
        yield line("  " * number + "}")
    for edge in picture.edges:
        look = "style=dashed" if edge.is_control else f"label={_quoted(edge.label)}"
        yield line(f"  n{edge.source} -> n{edge.target} [{look}];")
    yield line("}")


def _look(node: Node) -> str:
    style = "rounded,filled" + (",dashed" if node.hidden else "")
    border = f', color="{SPLICED}", penwidth=2' if node.is_spliced else ""
    return f'style="{style}", fillcolor="{COLOURS[node.kind]}"{border}'


def _quoted(*parts: str) -> str:
    r"""Returns lines as a string of the DOT language.

    Only a quote is special there, but labels know escapes of their own, such as ``\N``, and HTML's,
    such as ``&lt;``.
    """
    escaped = (
        visible(part).replace("&", "&amp;").replace("\\", "\\\\").replace('"', '\\"')
        for part in parts
    )
    return '"' + "\\n".join(escaped) + '"'
