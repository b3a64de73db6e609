"""Names that patches give to nodes: whether they are free, and what becomes of those of before."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence

from sigpb.graphs.origins import Origins
from sigpb.graphs.top_level import TopLevelGraph
from sigpb.rewrite.interface import Interface
from sigpb.tf.fresh_names import TakenNames, numbered
from sigpb.tf.tensor_names import producer


def taken_names(signature: Interface, graph: TopLevelGraph) -> Iterator[str]:
    """Yields, in sentences, the names for endpoints that nodes of the graph have already."""
    wanted = [end for end in signature.named() if end.node_name]
    taken = TakenNames(graph.nodes) if wanted else TakenNames()
    for end in wanted:
        name = end.node_name or ""
        if name in taken:
            side = "input" if end.source in signature.inputs else "output"
            yield (
                f"{side} {end.source!r} cannot be the node {name!r}: the graph already has a node "
                "of this name (upper and lower case count as the same), which clients may feed "
                f"or fetch; {numbered(name, taken.__contains__)!r} is free."
            )


def lost_names(
    signature: Interface,
    graph: TopLevelGraph,
    computing: Callable[[Sequence[str]], Collection[str]],
) -> Iterator[str]:
    """Yields, in sentences, the endpoints that leave a node which an earlier patch named for them.

    Args:
        signature: What is wanted of the signature.
        graph: The graph.
        computing: Returns the names of the nodes that compute some tensors for the signature.
    """
    origins = Origins(graph)
    converted = [end for end in signature.inputs.values() if end.converted]
    fed = {producer(tensor) for end in converted for tensor in end.tensors}
    for end in (*signature.kept("input"), *signature.kept("output")):
        if end.node_name is not None or origins.named(end.info.name) is None:
            continue
        if end.converted or not fed.isdisjoint(computing([end.info.name])):
            yield (
                f"signature {signature.ref.key!r}: {end.key!r} will not be the node "
                f"{producer(end.info.name)!r} any more, which stays as it is; state another "
                "node_name if clients use the name."
            )


def moved_outputs(
    signature: Interface, computing: Callable[[Sequence[str]], Collection[str]]
) -> Iterator[str]:
    """Yields a sentence on the outputs that other nodes compute from inputs that get a name.

    Args:
        signature: What is wanted of the signature.
        computing: Returns the names of the nodes that compute some tensors for the signature.
    """
    named = [end for end in signature.kept("input") if end.node_name]
    fed = {producer(tensor) for end in named for tensor in end.tensors}
    moved = [
        end.source
        for end in signature.kept("output")
        if end.node_name is None and not fed.isdisjoint(computing(end.tensors))
    ]
    if moved:
        yield (
            f"signature {signature.ref.key!r}: the old nodes of {', '.join(map(repr, moved))} "
            f"are not computed from what is fed at {named[0].node_name!r}; state a node_name for "
            "outputs that clients fetch by the names of nodes."
        )
