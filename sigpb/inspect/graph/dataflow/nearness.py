"""Moves variables and constants into the scope or function that takes them.

A TF2 model has its variables at the top level and passes them to where they are read, several
functions further in: there is where a reader looks for them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace

from sigpb.inspect.graph.dataflow.picture import Edge, Node

_MOVED = ("constant", "variable")


def near_users(
    nodes: Sequence[Node], edges: Sequence[Edge]
) -> tuple[list[Node], list[Edge], list[int]]:
    """Moves what takes nothing to the innermost place that contains all that take it.

    Args:
        nodes: What is drawn.
        edges: What is taken from what.

    Returns:
        The nodes, the edges, and for each of the old numbers of nodes the new one. Scopes that
        nothing is left in are gone: their number is -1.
    """
    users: dict[int, list[int]] = defaultdict(list)
    takers = {edge.target for edge in edges}
    for edge in edges:
        users[edge.source].append(edge.target)
    above = [_path(nodes, node.id) for node in nodes] if takers else []
    children: dict[int | None, list[int]] = defaultdict(list)
    moved: dict[int, int | None] = {}
    for node in nodes:
        if node.kind in _MOVED and users[node.id] and node.id not in takers:
            place = _common([above[user] for user in users[node.id]])
            if place is not None and place != node.parent:
                moved[node.id] = place
    for node in nodes:
        children[moved.get(node.id, node.parent)].append(node.id)
    for node in reversed(nodes):
        if node.is_open and not children[node.id]:
            children[node.parent].remove(node.id)
    numbers = [-1] * len(nodes)
    found: list[Node] = []
    waiting = list(reversed(children[None]))
    while waiting:
        node = nodes[waiting.pop()]
        numbers[node.id] = len(found)
        parent = moved.get(node.id, node.parent)
        inside = None if parent is None else numbers[parent]
        label = node.name if node.id in moved and node.kind == "constant" else node.label
        found.append(replace(node, id=len(found), parent=inside, label=label))
        waiting += reversed(children[node.id])
    renumbered = [
        replace(edge, source=numbers[edge.source], target=numbers[edge.target]) for edge in edges
    ]
    return found, renumbered, numbers


def _path(nodes: Sequence[Node], number: int) -> list[int]:
    """Returns what contains a node, the outermost first."""
    path: list[int] = []
    parent = nodes[number].parent
    while parent is not None:
        path.append(parent)
        parent = nodes[parent].parent
    return path[::-1]


def _common(paths: Sequence[Sequence[int]]) -> int | None:
    """Returns the last thing that some paths begin with alike."""
    shared = None
    for parts in zip(*paths, strict=False):
        if len(set(parts)) > 1:
            break
        shared = parts[0]
    return shared
