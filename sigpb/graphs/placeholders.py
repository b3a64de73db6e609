"""Placeholders, with a default or without."""

from __future__ import annotations

from sigpb import protos
from sigpb.graphs.top_level import TopLevelGraph
from sigpb.tf.tensor_names import producer


def is_unfed_placeholder(node: protos.NodeDef | None) -> bool:
    """Whether there is a node, and it is a placeholder without a default."""
    return node is not None and node.op == "Placeholder"


def default_placeholder(tensor: str, graph: TopLevelGraph) -> protos.NodeDef | None:
    """Returns the placeholder with a default that a tensor is the output of, or None."""
    node = graph.node(producer(tensor))
    return node if node is not None and node.op == "PlaceholderWithDefault" else None


def constant_default(tensor: str, graph: TopLevelGraph) -> protos.TensorProto | None:
    """Returns what a placeholder has if nothing is fed; None if nothing, or if that is computed."""
    node = default_placeholder(tensor, graph)
    constant = graph.node(producer(node.input[0])) if node is not None else None
    if constant is None or constant.op != "Const":
        return None
    return constant.attr["value"].tensor
