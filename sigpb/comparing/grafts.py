"""Adapters that only one of two models has, and what of the graph's difference is theirs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from sigpb.comparing.difference import GraftChange, GraphDifference, NameChanges
from sigpb.graphs.added_nodes import CHAINED
from sigpb.saved_model.grafts import Graft, grafts
from sigpb.saved_model.model import MetaGraph


def graft_changes(
    before: MetaGraph, after: MetaGraph, graph: GraphDifference
) -> tuple[GraftChange, ...]:
    """Returns the adapters that only one of two MetaGraphs has, those that are gone first."""
    old, new = grafts(before), grafts(after)
    gone = _changes((each for each in old if each not in new), graph.nodes.removed, is_added=False)
    came = _changes((each for each in new if each not in old), graph.nodes.added, is_added=True)
    return (*gone, *came)


def _changes(
    found: Iterable[Graft], names: Iterable[str], *, is_added: bool
) -> Iterator[GraftChange]:
    nodes = [*names]
    for graft in found:
        count = sum(name.startswith(f"{graft.scope}/") for name in nodes)
        yield GraftChange(graft, is_added, count)


def without_grafts(
    graph: GraphDifference, changes: tuple[GraftChange, ...]
) -> tuple[GraphDifference, int]:
    """Takes what came and went with adapters out of the difference of two graphs.

    Returns:
        What is left, and the number of functions that are not in it any more.
    """
    scopes = tuple(f"{scope}/" for scope in (CHAINED, *(each.graft.scope for each in changes)))
    added = any(each.is_added for each in changes)
    removed = any(not each.is_added for each in changes)

    def others(names: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(name for name in names if not name.startswith(scopes))

    nodes, functions = graph.nodes, graph.functions
    kept = NameChanges(
        () if added else functions.added, () if removed else functions.removed, functions.changed
    )
    count = len(functions.added) + len(functions.removed) - len(kept.added) - len(kept.removed)
    if not changes:
        return graph, 0
    left = NameChanges(others(nodes.added), others(nodes.removed), nodes.changed)
    return replace(graph, nodes=left, functions=kept), count
