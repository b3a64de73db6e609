"""A picture as an SVG file, which browsers and many other programs show."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from xml.sax.saxutils import escape, quoteattr

from sigpb.inspect.graph.dataflow.picture import Edge, Node, Picture
from sigpb.inspect.graph.graph_style import COLOURS, SPLICED, text_lines
from sigpb.inspect.graph.layered_layout import Box, Size, lay_out
from sigpb.inspect.styled_text import Line, line
from sigpb.visible_text import visible

_FONT = 12
_LINE = 16
_LABEL = 11
_CHARACTER = 7.3  # of a font that is as wide for every character
_LONGEST = 48
_TITLE = 32
_MARGIN = 80  # for the labels of arrows

_STYLE = f"""\
text {{ font: {_FONT}px ui-monospace, monospace; }}
.edge {{ fill: none; stroke: #7a8594; }}
.control {{ stroke-dasharray: 4 3; stroke: #b0b7c0; }}
.label {{ font-size: 10px; fill: #56606b; paint-order: stroke; stroke: white; stroke-width: 2px; }}
rect {{ stroke: #8a949e; }}
.spliced {{ stroke: {SPLICED}; stroke-width: 3; }}
.folded {{ stroke-dasharray: 6 3; }}"""


def render(picture: Picture) -> Iterator[Line]:
    """Yields the lines."""
    texts = [[_short(visible(text)) for text in text_lines(node)] for node in picture.nodes]
    boxes, size = lay_out(picture, [_size(text) for text in texts])
    width = max(size.width + _MARGIN, len(picture.title) * _CHARACTER + 40)
    height = size.height + _TITLE
    yield line(
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height:.0f}" '
        f'viewBox="0 0 {width:.0f} {height:.0f}">'
    )
    yield from (line(part) for part in f"<style>\n{_STYLE}\n</style>".splitlines())
    yield line('<defs><marker id="arrow" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="7"')
    yield line('markerHeight="7" orient="auto"><path d="M0,0L8,4L0,8z" fill="#7a8594"/></marker>')
    yield line('</defs><rect width="100%" height="100%" fill="white" stroke="none"/>')
    yield line(f'<text x="14" y="22">{escape(visible(picture.title))}</text>')
    yield line(f'<g transform="translate(0 {_TITLE})">')
    for node, box, text in zip(picture.nodes, boxes, texts, strict=True):
        yield from _box(node, box, text)
    taken: Counter[int] = Counter(edge.target for edge in picture.edges)
    drawn: Counter[int] = Counter()
    for edge in picture.edges:
        drawn[edge.target] += 1
        yield from _arrow(edge, boxes, drawn[edge.target], taken[edge.target])
    yield line("</g>")
    yield line("</svg>")


def _short(text: str) -> str:
    """Leaves out the middle of what is too long to be drawn; a tooltip has all of it."""
    half = _LONGEST // 2 - 1
    return text if len(text) <= _LONGEST else f"{text[:half]}…{text[-half:]}"


def _size(text: list[str]) -> Size:
    longest = max(len(part) for part in text)
    return Size(longest * _CHARACTER + 16, len(text) * _LINE + 10)


def _box(node: Node, box: Box, text: list[str]) -> Iterator[Line]:
    classes: list[str] = [node.kind]
    classes += ["spliced"] if node.is_spliced else []
    classes += ["folded"] if node.hidden else []
    round_ = box.height / 2 if node.kind in ("input", "output") else 4
    yield line(f'<g id="n{node.id}"><title>{escape(visible(node.name))}</title>')
    yield line(
        f'<rect class={quoteattr(" ".join(classes))} x="{box.x:.1f}" y="{box.y:.1f}" '
        f'width="{box.width:.1f}" height="{box.height:.1f}" rx="{round_:.1f}" '
        f'fill="{COLOURS[node.kind]}"/>'
    )
    for number, part in enumerate(text):
        y = box.y + 5 + _LINE * number + _FONT
        yield line(f'<text x="{box.x + 8:.1f}" y="{y:.1f}">{escape(part)}</text>')
    yield line("</g>")


def _arrow(edge: Edge, boxes: list[Box], number: int, count: int) -> Iterator[Line]:
    """Yields the lines for an edge, which is one of several into its target."""
    source, target = boxes[edge.source], boxes[edge.target]
    x, y = source.x + source.width / 2, source.y + source.height
    to_x, to_y = target.x + target.width * number / (count + 1), target.y
    bend = max(20.0, abs(to_y - y) / 2)
    classes = "edge control" if edge.is_control else "edge"
    yield line(
        f'<path class="{classes}" marker-end="url(#arrow)" id="e{edge.source}-{edge.target}" '
        f'd="M{x:.1f},{y:.1f}C{x:.1f},{y + bend:.1f} {to_x:.1f},{to_y - bend:.1f} '
        f'{to_x:.1f},{to_y:.1f}"/>'
    )
    if edge.label:
        label_y = to_y - 6 - _LABEL * ((count - number) % 3)  # One above the other.
        yield line(
            f'<text class="label" x="{to_x + 3:.1f}" y="{label_y:.1f}">{escape(edge.label)}</text>'
        )
