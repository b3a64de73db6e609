"""The formats that a picture of a graph is written in, by their names."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from sigpb.errors import EnvironmentFailure
from sigpb.html_page import page
from sigpb.inspect.graph.fans import with_fans
from sigpb.inspect.graph.picture import COLOURS, SPLICED, Edge, Node, Picture, node_text
from sigpb.inspect.graph.tree import tree_lines
from sigpb.inspect.styled_text import Line, line, plain
from sigpb.json_values import json_value
from sigpb.tf.tensor_types import dtype_name, shape_text
from sigpb.visible_text import json_text, visible

_PAGE = Path(__file__).parent / "graph_page"

# One script, in this order.
_SCRIPTS = ("shown.js", "layout.js", "drawing.js", "moving.js")

_DOT_SHAPES = {"input": "ellipse", "output": "ellipse", "constant": "note", "variable": "cylinder"}

# Everything else, in a quoted label, might mean something to Mermaid, Markdown or HTML.
_SPECIAL = re.compile(r"[^\w ./:,?()\[\]-]", re.ASCII)

_BRACKETS = {
    "input": ("([", "])"),
    "output": ("([", "])"),
    "variable": ("[(", ")]"),
    "port": ("{{", "}}"),
}


def dot_lines(picture: Picture) -> Iterator[Line]:
    """Yields the lines for Graphviz: ``sigpb graph … --format=dot | dot -Tpng``."""

    def drawn(node: Node) -> Iterator[str]:
        style = "rounded,filled" + (",dashed" if node.hidden else "")
        border = f', color="{SPLICED}", penwidth=2' if node.is_spliced else ""
        look = f'style="{style}", fillcolor="{COLOURS[node.kind]}"{border}'
        attributes = f"label={_dot_quoted(*node_text(node))}, {look}"
        if node.is_open:
            yield f"subgraph cluster_{node.id} {{"
            yield f"  graph [{attributes}];"
        else:
            shape = _DOT_SHAPES.get(node.kind)
            yield f"n{node.id} [{attributes}{f', shape={shape}' if shape else ''}];"

    yield line("digraph {")
    yield line(f"  label={_dot_quoted(picture.title)}; labelloc=t;")
    yield line('  node [shape=box, style="rounded,filled", fillcolor=white, fontname=sans];')
    yield line("  edge [fontname=sans, fontsize=10];")
    yield from _nested(picture, drawn, "}")
    for edge in picture.edges:
        look = "style=dashed" if edge.is_control else f"label={_dot_quoted(edge.label)}"
        yield line(f"  n{edge.source} -> n{edge.target} [{look}];")
    yield line("}")


def _nested(picture: Picture, drawn: Callable[[Node], Iterator[str]], end: str) -> Iterator[Line]:
    """Yields the lines of nodes: of an open one, those of the nodes in it follow, and its end."""
    inside: list[int] = []
    for node in picture.nodes:
        while inside and inside[-1] != node.parent:
            inside.pop()
            yield line("  " * (len(inside) + 1) + end)
        margin = "  " * (len(inside) + 1)
        yield from (line(margin + text) for text in drawn(node))
        if node.is_open:
            inside.append(node.id)
    for number in range(len(inside), 0, -1):
        yield line("  " * number + end)


def _dot_quoted(*parts: str) -> str:
    r"""Returns lines as a string of the DOT language.

    Only a quote is special there, but labels know escapes of their own, such as ``\N``, and HTML's,
    such as ``&lt;``.
    """
    escaped = (
        visible(part).replace("&", "&amp;").replace("\\", "\\\\").replace('"', '\\"')
        for part in parts
    )
    return '"' + "\\n".join(escaped) + '"'


def mermaid_lines(picture: Picture) -> Iterator[Line]:
    """Yields the lines of a Mermaid flowchart, which Markdown on many sites shows."""

    def drawn(node: Node) -> Iterator[str]:
        label = '"' + "<br>".join(_mermaid_escaped(text) for text in node_text(node)) + '"'
        left, right = _BRACKETS.get(node.kind, ("[", "]"))
        is_open = node.is_open
        yield f"subgraph n{node.id} [{label}]" if is_open else f"n{node.id}{left}{label}{right}"

    yield line("flowchart TD")
    yield from _nested(picture, drawn, "end")
    for edge in picture.edges:
        arrow = "-.->" if edge.is_control else "-->"
        label = f'|"{_mermaid_escaped(edge.label)}"|' if edge.label else ""
        yield line(f"  n{edge.source} {arrow}{label} n{edge.target}")
    for kind, colour in COLOURS.items():
        if names := [f"n{node.id}" for node in picture.nodes if node.kind == kind]:
            yield line(f"  classDef {kind}_ fill:{colour},stroke:#888,color:#000")
            yield line(f"  class {','.join(names)} {kind}_")
    if names := [f"n{node.id}" for node in picture.nodes if node.is_spliced]:
        yield line(f"  classDef spliced_ stroke:{SPLICED},stroke-width:3px")
        yield line(f"  class {','.join(names)} spliced_")


def _mermaid_escaped(text: str) -> str:
    return _SPECIAL.sub(lambda match: f"#{ord(match[0])};", visible(text))


def svg_lines(picture: Picture) -> Iterator[Line]:
    """Yields the lines of an SVG file, which browsers and many other programs show.

    Raises:
        EnvironmentFailure: Graphviz, which draws it, is not installed, or fails.
    """
    program = shutil.which("dot")
    if program is None:
        raise EnvironmentFailure(
            "An SVG is drawn by Graphviz, whose program dot is not on the PATH. Install it "
            "(apt-get install graphviz, brew install graphviz), or take --format=html, a page that "
            "needs no other program."
        )
    text = "".join(f"{plain(each)}\n" for each in dot_lines(picture))
    drawn = subprocess.run(
        [program, "-Tsvg"],
        input=text.encode(errors="backslashreplace"),
        capture_output=True,
        check=False,
    )
    if drawn.returncode:
        said = drawn.stderr.decode(errors="replace").strip()
        raise EnvironmentFailure(f"Graphviz could not draw the graph: {said or drawn.returncode}.")
    return (line(part) for part in drawn.stdout.decode().splitlines())


def picture_json(picture: Picture) -> dict[str, Any]:
    """Returns a picture as JSON values; the format is described in docs/json.md."""
    return {
        "title": picture.title,
        "depth": picture.depth,
        "hidden": picture.hidden,
        "nodes": [json_value(node, is_open="open", is_spliced="spliced") for node in picture.nodes],
        "edges": [_edge_json(edge) for edge in picture.edges],
        "outputs": json_value(picture.outputs),
    }


def _edge_json(edge: Edge) -> dict[str, Any]:
    found = json_value(edge, source="from", target="to", is_control="control")
    return {**found, "dtype": dtype_name(edge.dtype) if edge.dtype else None, "label": edge.label}


def json_lines(picture: Picture) -> Iterator[Line]:
    """Yields the lines of a picture as JSON, for programs."""
    return (line(part) for part in json_text(picture_json(picture), indent=1).split("\n"))


def html_lines(picture: Picture) -> Iterator[Line]:
    """Yields the lines of a page in which to look around: one file, which needs no network."""
    text = page(_PAGE, _SCRIPTS, picture.title, _page_data(with_fans(picture)))
    return (line(part) for part in text.split("\n"))


def _page_data(picture: Picture) -> dict[str, Any]:
    """Returns what the script of the page draws, as JSON values."""
    found = picture_json(picture)
    for entry, node in zip(found["nodes"], picture.nodes, strict=True):
        entry["text"] = [visible(text) for text in node_text(replace(node, hidden=0))]
        for key in ("name", "label", "op", "detail"):
            entry[key] = visible(entry[key])
    for entry in found["edges"]:  # There are many, and little room for what is not known.
        entry["label"] = entry["label"].removesuffix(f" {shape_text(None)}")
    return found


class GraphFormat(NamedTuple):
    """A way to write a picture of a graph.

    Attributes:
        render: Yields the lines.
        everything: Whether those who read it can open and close parts of the picture themselves.
        suffixes: The suffixes of files that mean this format.
        depth: How many levels are open where ``--depth`` is not given; None for as many as can be
            seen at a glance.
    """

    render: Callable[[Picture], Iterable[Line]]
    suffixes: tuple[str, ...] = ()
    everything: bool = False
    depth: int | None = None


FORMATS = {
    "tree": GraphFormat(tree_lines),
    "dot": GraphFormat(dot_lines, (".dot", ".gv")),
    "html": GraphFormat(html_lines, (".html", ".htm"), everything=True),
    "json": GraphFormat(json_lines, (".json",), depth=10_000),
    "mermaid": GraphFormat(mermaid_lines, (".mmd", ".mermaid")),
    "svg": GraphFormat(svg_lines, (".svg",)),
}
"""The formats by their names; the first is the one of the command line if none is asked for."""
