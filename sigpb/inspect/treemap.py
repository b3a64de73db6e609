"""A page of HTML with a treemap of a file: what takes the bytes, level by level."""

from __future__ import annotations

import html
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from sigpb.inspect.proto_source import ProtoSource
from sigpb.inspect.size import FRAMING, Section, function_nodes, functions, nodes, sections
from sigpb.visible_text import visible

# Deeper scopes are too small to see.
_MAX_SCOPES = 8

# Of the children of a part, those that are smaller than this fraction of the file become one.
_SMALLEST = 1 / 4000


@dataclass
class TreePart:
    """A part of a file.

    Attributes:
        name: Its name in the part that it belongs to.
        size: The bytes it takes.
        parts: Its parts by name; the bytes of `size` that are in none of them are its own.
    """

    name: str
    size: int = 0
    parts: dict[str, TreePart] = field(default_factory=dict)

    def add(self, path: tuple[str, ...], size: int) -> None:
        """Adds bytes to this part and to each part on a path inside of it."""
        self.size += size
        part = self
        for name in path:
            part = part.parts.setdefault(name, TreePart(name))
            part.size += size

    def largest(self, total: int) -> list[TreePart]:
        """Returns the parts inside of it, the largest first; all small ones are joined into one."""
        found = sorted(self.parts.values(), key=lambda part: (-part.size, part.name))
        shown = [part for part in found if part.size >= total * _SMALLEST]
        if hidden := found[len(shown) :]:
            shown.append(TreePart(f"{len(hidden):,} smaller", sum(part.size for part in hidden)))
        return shown


def tree(source: ProtoSource, by: str) -> TreePart:
    """Returns the tree of a file.

    Args:
        source: The file.
        by: How nodes are arranged: in ``op``, under their ops; in ``node``, side by side;
            otherwise in their name scopes.

    Raises:
        ModelUnreadable: If the file is damaged.
    """
    root = TreePart(source.file.name)
    for section in sections(source):
        if section.place is None:
            root.add((FRAMING,), section.size)
            continue
        rest = section.size
        for path, size in _members(section, by):
            root.add((str(section.place), *path), size)
            rest -= size
        if rest:
            root.add((str(section.place),), rest)
    return root


def _members(section: Section, by: str) -> Iterator[tuple[tuple[str, ...], int]]:
    for function in functions(section):
        rest = function.size
        for extent in function_nodes(function):
            node = extent.node()
            yield (function.name, *_path(node.name, node.op, by)), extent.size
            rest -= extent.size
        yield (function.name, "signature and attributes"), rest
    if section.kind == "GraphDef.node":
        for extent in nodes(section):
            node = extent.node()
            yield _path(node.name, node.op, by), extent.size


def _path(name: str, op: str, by: str) -> tuple[str, ...]:
    if by == "op":
        return op, name
    if by == "node":
        return (name,)
    *scopes, last = name.split("/", _MAX_SCOPES)
    return (*(f"{scope}/" for scope in scopes), f"{last} ({op})")


_WIDTH, _HEIGHT = 1600.0, 900.0
_FONT_SIZE = 12.0
_LETTER = 6.6  # the width of one, about
_TITLE = 16.0  # the height of the strip with a part's name
_GAP = 1.5
_SMALLEST_SIDE = 3.0

_STYLE = """
body { margin: 1rem; font: 14px system-ui, sans-serif; background: #fff; color: #222; }
svg { width: 100%; aspect-ratio: 16 / 9; border: 1px solid #888; }
rect { stroke: #fff; stroke-width: 0.5; vector-effect: non-scaling-stroke; cursor: pointer; }
rect:hover { stroke: #000; stroke-width: 2; }
text { pointer-events: none; font-family: system-ui, sans-serif; }
"""

# A click makes a part fill the picture; a click on the part that does shows the one around it.
_SCRIPT = """
const svg = document.querySelector("svg"), whole = svg.querySelector("rect");
let shown = whole;
function show(rect) {
  shown = rect;
  const [x, y, width, height] = ["x", "y", "width", "height"].map(k => +rect.getAttribute(k));
  svg.setAttribute("viewBox", [x, y, width, height].join(" "));
  const scale = Math.max(width / WIDTH, height / HEIGHT);
  for (const text of svg.querySelectorAll("text")) {
    const box = text.previousElementSibling, size = FONT_SIZE * scale;
    const room = box.getAttribute("width") / (LETTER * scale) - 1;
    const name = text.dataset.name;
    text.setAttribute("font-size", size);
    text.setAttribute("x", +box.getAttribute("x") + 3 * scale);
    text.setAttribute("y", +box.getAttribute("y") + size);
    text.textContent = box.getAttribute("height") < 1.2 * size || room < 4 ? ""
      : name.length <= room ? name : name.slice(0, room - 1) + "\\u2026";
  }
}
svg.addEventListener("click", event => {
  const rect = event.target.closest("rect");
  if (!rect) return;
  const around = rect.closest("g").parentElement.closest("g");
  show(rect !== shown ? rect : around ? around.querySelector("rect") : whole);
});
show(whole);
"""


class Rectangle(NamedTuple):
    """A rectangle, in the units of the picture."""

    x: float
    y: float
    width: float
    height: float


def treemap(part: TreePart, headline: str) -> Iterator[str]:
    """Yields the pieces of an HTML file that shows a part of a file and what it consists of.

    Args:
        part: The whole file.
        headline: What to say above the picture.
    """
    script = _SCRIPT
    constants = {"WIDTH": _WIDTH, "HEIGHT": _HEIGHT, "FONT_SIZE": _FONT_SIZE, "LETTER": _LETTER}
    for name, value in constants.items():
        script = script.replace(name, str(value))
    title = html.escape(visible(headline))
    yield f'<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<title>{title}'
    yield f"</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n<p>{title}</p>\n"
    yield "<p>Click a part to enlarge it, and once more to go back.</p>\n"
    yield f'<svg viewBox="0 0 {_WIDTH:g} {_HEIGHT:g}">\n'
    yield from _drawn(part, Rectangle(0, 0, _WIDTH, _HEIGHT), part.size, (), 0)
    yield f"</svg>\n<script>{script}</script>\n</body>\n</html>\n"


def squarified(sizes: Sequence[float], area: Rectangle) -> list[Rectangle]:
    """Divides a rectangle into rectangles that are as square as can be.

    Args:
        sizes: The sizes that the areas are proportional to: positive, in descending order.
        area: The rectangle.
    """
    total, placed = sum(sizes), []
    if not total:
        return []
    scale = area.width * area.height / total
    left = [size * scale for size in sizes]
    while left:
        side = min(area.width, area.height)
        count, row = 1, left[0]
        worst = _worst(left[0], left[0], row, side)
        while count < len(left):
            longer = _worst(left[0], left[count], row + left[count], side)
            if longer > worst:
                break
            worst, row, count = longer, row + left[count], count + 1
        thickness = row / side if side else 0.0
        offset = 0.0
        for size in left[:count]:
            length = size / thickness if thickness else 0.0
            if area.width >= area.height:
                placed.append(Rectangle(area.x, area.y + offset, thickness, length))
            else:
                placed.append(Rectangle(area.x + offset, area.y, length, thickness))
            offset += length
        if area.width >= area.height:
            area = Rectangle(area.x + thickness, area.y, area.width - thickness, area.height)
        else:
            area = Rectangle(area.x, area.y + thickness, area.width, area.height - thickness)
        area = area._replace(width=max(area.width, 0.0), height=max(area.height, 0.0))
        left = left[count:]
    return placed


def _worst(largest: float, smallest: float, row: float, side: float) -> float:
    """Returns the worst ratio of the sides of rectangles in a row along a side."""
    if not row or not smallest:
        return float("inf")
    return max(side**2 * largest / row**2, row**2 / (side**2 * smallest or 1e-9))


def _drawn(
    part: TreePart, area: Rectangle, total: int, path: tuple[str, ...], depth: int
) -> Iterator[str]:
    """Yields the SVG of a part; ``path`` names it in the tooltip."""
    if min(area.width, area.height) < _SMALLEST_SIDE / 10:
        return
    shown = visible(part.name)
    name = html.escape(f"{shown}: {part.size:,}")
    told = html.escape("\n".join([*path, shown, f"{part.size:,} bytes, {part.size / total:.2%}"]))
    x, y, width, height = (f"{number:.2f}" for number in area)
    hue, light = (40 * depth + 205) % 360, max(60, 92 - 6 * depth)
    yield f'<g><rect x="{x}" y="{y}" width="{width}" height="{height}" '
    yield f'fill="hsl({hue} 45% {light}%)"><title>{told}</title></rect>'
    yield f'<text data-name="{name}"></text>'
    inner = Rectangle(
        area.x + _GAP, area.y + _TITLE, area.width - 2 * _GAP, area.height - _TITLE - _GAP
    )
    if part.parts and min(inner.width, inner.height) > _SMALLEST_SIDE:
        children = part.largest(total)
        own = part.size - sum(child.size for child in children)
        sizes = [float(child.size) for child in children]
        # What is its own stays free, at the end.
        rectangles = squarified([*sizes, float(own)] if own else sizes, inner)
        for child, rectangle in zip(children, rectangles, strict=False):
            yield from _drawn(child, rectangle, total, (*path, shown), depth + 1)
    yield "</g>\n"
