"""Whether a checkpoint holds what a graph restores, and a graph restores what it reads."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from sigpb.checkpoint.index import CheckpointIndex
from sigpb.errors import listed
from sigpb.graphs.cone import needed
from sigpb.graphs.top_level import TopLevelGraph
from sigpb.inspect.graph.flow import Graph
from sigpb.inspect.loading import Loading
from sigpb.tf.load_ops import ASSIGNING, variable_of
from sigpb.tf.ops import VARIABLES
from sigpb.tf.tensor_names import producer
from sigpb.tf.tensor_types import dtype_name, is_compatible, shape_of, shape_text


def unrestored(
    graph: TopLevelGraph, loading: Loading, fetched: Sequence[str], fed: Collection[str]
) -> list[str]:
    """Returns the variables that tensors are computed from, and that nothing gives a value.

    Args:
        graph: The graph.
        loading: What its restore op and its init op assign.
        fetched: The tensors.
        fed: The tensors that need not be computed, as `canonical` spells them.

    Returns:
        The names of their nodes, sorted.
    """
    nodes = {name: graph.nodes[name] for name in needed(graph.nodes, fetched, fed)}
    set_by_run = {producer(node.input[0]) for node in nodes.values() if node.op in ASSIGNING}
    return sorted(
        name
        for name, node in nodes.items()
        if node.op in VARIABLES
        and name not in set_by_run
        and variable_of(node) not in loading.assigned
    )


def contradictions(graph: Graph, loading: Loading, index: CheckpointIndex) -> Iterator[str]:
    """Yields values that the graph restores and the checkpoint lacks, or has in another type.

    Args:
        graph: The graph.
        loading: What its restore op reads.
        index: The index of the checkpoint.
    """
    missing = []
    for value in loading.values:
        stored = index.tensors.get(value.key)
        if stored is None:
            missing.append(value.key)
            continue
        if stored.dtype != value.dtype:
            yield (
                f"The graph restores {value.key!r} as {dtype_name(value.dtype)}, but the "
                f"checkpoint holds {dtype_name(stored.dtype)}."
            )
        node = graph.node(value.variable) if value.variable else None
        if node is not None and "shape" in node.attr and not value.is_slice:
            shape = shape_of(node.attr["shape"].shape)
            if not is_compatible(shape, stored.shape):
                yield (
                    f"The variable {node.name!r} is {shape_text(shape)}, but the checkpoint holds "
                    f"{shape_text(stored.shape)} under {value.key!r}."
                )
    if missing:
        names = listed(list(dict.fromkeys(missing)))
        yield f"The graph restores {names}, which the checkpoint does not have."
