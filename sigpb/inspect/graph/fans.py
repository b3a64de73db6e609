"""Wide fans of constants and variables, put together for a page in which they can be opened."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from typing import NamedTuple

from sigpb.inspect.graph.picture import Node, NodeKind, Output, Picture

# More constants, or variables, than this of one box are put together.
_WIDE = 8

_PUT_TOGETHER = ("constant", "variable")

# What does no more than read a variable.
_READS = ("Identity", "ReadVariableOp")


class _Fan(NamedTuple):
    """What has its constants or variables in common.

    Attributes:
        parent: The number of what they are drawn in; None at the top.
        kind: What they are.
        user: The number of the one node that takes them.
    """

    parent: int | None
    kind: NodeKind
    user: int


def with_fans(picture: Picture) -> Picture:
    """Puts constants that only one box takes into a node of their own, if there are many.

    Variables likewise, together with the nodes that read them.

    Args:
        picture: What is drawn.
    """
    fans = {fan: found for fan, found in _fans(picture).items() if len(found) > _WIDE}
    if not fans:
        return picture
    nodes = list(picture.nodes)
    parents = [node.parent for node in nodes]
    places = [*range(len(nodes))]
    for fan, found in fans.items():
        label = f"{len(found):,} {fan.kind}s"
        parents.append(fan.parent)
        places.append(found[0][0])
        nodes.append(Node(len(nodes), fan.parent, "fan", "", label, is_open=True))
        for each in found:
            for member in each:
                parents[member] = len(nodes) - 1
    order = sorted(range(len(nodes)), key=lambda number: places[number])
    return _arranged(picture, nodes, parents, order)


def _fans(picture: Picture) -> dict[_Fan, list[list[int]]]:
    """Returns the constants and variables of each box, each with the node that reads it."""
    users: dict[int, set[int]] = defaultdict(set)
    sources: dict[int, set[int]] = defaultdict(set)
    for edge in picture.edges:
        users[edge.source].add(edge.target)
        sources[edge.target].add(edge.source)
    found: dict[_Fan, list[list[int]]] = defaultdict(list)
    for node in picture.nodes:
        if node.kind not in _PUT_TOGETHER or sources[node.id]:
            continue
        members, takers = [node.id], users[node.id]
        if len(takers) == 1:
            (reader,) = (picture.nodes[taker] for taker in takers)
            is_beside = reader.parent == node.parent and reader.op in _READS
            if is_beside and sources[reader.id] == {node.id}:
                members.append(reader.id)
                takers = users[reader.id]
        if len(takers) == 1:
            (user,) = takers
            found[_Fan(node.parent, node.kind, user)].append(members)
    return found


def _arranged(
    picture: Picture, nodes: list[Node], parents: list[int | None], order: list[int]
) -> Picture:
    """Returns a picture with other nodes, each in what contains it, in some order."""
    children: dict[int | None, list[int]] = defaultdict(list)
    for number in order:
        children[parents[number]].append(number)
    numbers = [-1] * len(nodes)
    found: list[Node] = []
    waiting = list(reversed(children[None]))
    while waiting:
        number = waiting.pop()
        numbers[number] = len(found)
        parent = parents[number]
        inside = None if parent is None else numbers[parent]
        found.append(replace(nodes[number], id=len(found), parent=inside))
        waiting += reversed(children[number])
    edges = tuple(
        replace(edge, source=numbers[edge.source], target=numbers[edge.target])
        for edge in picture.edges
    )
    outputs = tuple(
        Output(numbers[output.node], tuple(sorted(numbers[each] for each in output.inputs)))
        for output in picture.outputs
    )
    return replace(picture, nodes=tuple(found), edges=edges, outputs=outputs)
