"""Where to draw the nodes of a picture: in layers, each below what it takes something from.

Boxes are laid out from the inside out: what a scope or a function contains becomes one box for what
is around it. Every step takes a time that grows a little faster than the number of nodes and edges.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from sigpb.inspect.graph.dataflow.picture import Picture

GAP = 24
"""The least distance between boxes side by side, in pixels."""

ROW_GAP = 44
"""The distance between layers, in pixels."""

PADDING = 14
"""The distance between a box and what it contains, in pixels."""

_SWEEPS = 4


@dataclass(frozen=True)
class Size:
    """Width and height in pixels."""

    width: float
    height: float


@dataclass(frozen=True)
class Box:
    """Where something is drawn: the upper left corner, width and height, in pixels."""

    x: float
    y: float
    width: float
    height: float


def lay_out(picture: Picture, sizes: Sequence[Size]) -> tuple[list[Box], Size]:
    """Decides where the nodes of a picture are drawn.

    Args:
        picture: The picture.
        sizes: For each node the size of its text; what is open gets larger than that.

    Returns:
        The box of each node, and the size of the whole.
    """
    children: dict[int | None, list[int]] = defaultdict(list)
    for node in picture.nodes:
        children[node.parent].append(node.id)
    arrows = _between_siblings(picture)
    whole = list(sizes)
    places: list[tuple[float, float]] = [(0, 0)] * len(sizes)
    # What contains something comes before it, so the other way round the inside comes first.
    for number in [*reversed([node.id for node in picture.nodes if node.is_open]), None]:
        inner, extent = _rows(children[number], arrows[number], whole)
        header = 0 if number is None else sizes[number].height
        for child, (x, y) in inner.items():
            places[child] = (x + PADDING, y + PADDING + header)
        width, height = extent.width + 2 * PADDING, extent.height + 2 * PADDING + header
        if number is None:
            total = Size(width, height)
        else:
            whole[number] = Size(max(width, sizes[number].width), height)
    boxes: list[Box] = []
    for node in picture.nodes:
        x, y = places[node.id]
        if node.parent is not None:
            x, y = x + boxes[node.parent].x, y + boxes[node.parent].y
        boxes.append(Box(x, y, whole[node.id].width, whole[node.id].height))
    return boxes, total


def _between_siblings(picture: Picture) -> dict[int | None, set[tuple[int, int]]]:
    """Returns for each box the pairs of things in it of which one takes from inside of another."""
    depths: list[int] = []
    for node in picture.nodes:
        depths.append(0 if node.parent is None else depths[node.parent] + 1)
    found: dict[int | None, set[tuple[int, int]]] = defaultdict(set)
    for edge in picture.edges:
        source, target = edge.source, edge.target
        while (above := picture.nodes[source].parent) != picture.nodes[target].parent:
            if depths[source] >= depths[target]:
                assert above is not None, "what is deeper is inside of something"
                source = above
            if depths[target] > depths[source] or (
                depths[target] == depths[source]
                and picture.nodes[source].parent != picture.nodes[target].parent
            ):
                target = picture.nodes[target].parent or 0
        if source != target:
            found[above].add((source, target))
    return found


def _rows(
    members: Sequence[int], arrows: Iterable[tuple[int, int]], sizes: Sequence[Size]
) -> tuple[Mapping[int, tuple[float, float]], Size]:
    """Places things in layers; returns their upper left corners, and what they take together."""
    after: dict[int, list[int]] = {member: [] for member in members}
    before: dict[int, list[int]] = {member: [] for member in members}
    for source, target in sorted(arrows):
        after[source].append(target)
        before[target].append(source)
    rows = _ordered(_layers(members, after, before), after, before)
    width = max((sum(sizes[each].width + GAP for each in row) - GAP for row in rows), default=0)
    middles: dict[int, float] = {}
    places: dict[int, tuple[float, float]] = {}
    top = 0.0
    for row in rows:
        for member, x in zip(row, _columns(row, before, middles, sizes, width), strict=True):
            places[member] = (x, top)
            middles[member] = x + sizes[member].width / 2
        top += max(sizes[each].height for each in row) + ROW_GAP
    return places, Size(width, max(0.0, top - ROW_GAP))


def _columns(
    row: Sequence[int],
    before: Mapping[int, Sequence[int]],
    middles: Mapping[int, float],
    sizes: Sequence[Size],
    width: float,
) -> list[float]:
    """Returns the left edges of a row: near what they take from, without overlap."""
    found: list[float] = []
    right = 0.0
    for member in row:
        above = [middles[each] for each in before[member] if each in middles]
        middle = sum(above) / len(above) if above else width / 2
        left = max(right, middle - sizes[member].width / 2)
        found.append(left)
        right = left + sizes[member].width + GAP
    limit = width
    for at in range(len(row) - 1, -1, -1):  # What was pushed out on the right comes back.
        found[at] = min(found[at], limit - sizes[row[at]].width)
        limit = found[at] - GAP
    return found


def _layers(
    members: Sequence[int],
    after: Mapping[int, Sequence[int]],
    before: Mapping[int, Sequence[int]],
) -> list[list[int]]:
    """Returns the members by layers: the longest way from what takes nothing, cycles cut open."""
    layer: dict[int, int] = {}
    order = _order(members, after)
    rank = {member: number for number, member in enumerate(order)}
    for member in order:
        above = (layer[each] for each in before[member] if rank[each] < rank[member])
        layer[member] = max(above, default=-1) + 1
    for member in reversed(order):
        below = [layer[each] for each in after[member] if rank[each] > rank[member]]
        if below and not before[member]:  # A constant is drawn near what takes it.
            layer[member] = min(below) - 1
    rows: dict[int, list[int]] = defaultdict(list)
    for member in members:
        rows[layer[member]].append(member)
    return [rows[number] for number in sorted(rows)]


def _order(members: Sequence[int], after: Mapping[int, Sequence[int]]) -> list[int]:
    """Returns the members so that what is taken comes first, but for what closes a cycle."""
    finished: list[int] = []
    seen: set[int] = set()
    for first in members:
        path = [(first, iter(after[first]))] if first not in seen else []
        seen.add(first)
        while path:
            member, following = path[-1]
            for each in following:
                if each not in seen:
                    seen.add(each)
                    path.append((each, iter(after[each])))
                    break
            else:
                path.pop()
                finished.append(member)
    return finished[::-1]


def _ordered(
    rows: list[list[int]],
    after: Mapping[int, Sequence[int]],
    before: Mapping[int, Sequence[int]],
) -> list[list[int]]:
    """Orders each row by where the neighbours are in the rows around it."""
    at = {member: place / len(row) for row in rows for place, member in enumerate(row)}
    for sweep in range(_SWEEPS):
        neighbours, run = (before, rows) if sweep % 2 == 0 else (after, rows[::-1])
        for row in run:
            wanted = {
                member: sum(at[each] for each in near) / len(near) if near else at[member]
                for member in row
                for near in [neighbours[member]]
            }
            row.sort(key=lambda member: wanted[member])
            at.update((member, place / len(row)) for place, member in enumerate(row))
    return rows
