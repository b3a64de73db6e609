"""Tensors computed from others than those that were fed so far, which can still be fed by others.

* The nodes between what was fed and what is fetched are copied.
* In a graph of many nodes, where that would be much, the old placeholder becomes, under its name, a
  PlaceholderWithDefault whose default is what takes its place, and nothing else changes. That
  cannot be where another signature goes on feeding it, since OpenVINO takes the default for what is
  fed; nor where the graph calls functions, since the session inlines these
  (tensorflow/core/grappler/optimizers/function_optimizer.cc) and from then on wants the new
  placeholder to be fed even by those who feed the old one. tf2onnx wants a flag for it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence

from sigpb import protos
from sigpb.errors import PatchError
from sigpb.graphs.added_nodes import copy_scope
from sigpb.graphs.cone import Cone, clone
from sigpb.graphs.placeholders import is_unfed_placeholder
from sigpb.graphs.top_level import Scope, TopLevelGraph
from sigpb.steps.graph_body import shape_attr
from sigpb.tf.called_functions import CALL_OPS
from sigpb.tf.ops import TABLES, VARIABLES
from sigpb.tf.tensor_names import full, producer
from sigpb.tf.tensor_types import shape_proto

_MANY_NODES = 10_000


def redirected(
    graph: TopLevelGraph,
    scope: Scope,
    fed: Mapping[str, str],
    still_fed: Collection[str],
    fetched: Sequence[str],
    changed_nodes: Mapping[str, protos.NodeDef],
    *,
    in_place: bool,
) -> Callable[[str], str]:
    """Has tensors computed from what is fed now.

    Args:
        graph: The graph.
        scope: Receives nodes.
        fed: For each tensor that was fed so far what takes its place.
        still_fed: The tensors that the signature goes on feeding, perhaps between the others and
            what is fetched.
        fetched: The tensors to compute.
        changed_nodes: The nodes that differ for the signature, by name; new ones too.
        in_place: Whether placeholders may take, under their names, what takes their place.

    Returns:
        What is computed in place of a tensor.

    Raises:
        PatchError: If nodes would have to be copied that hold state.
    """
    if not fed and not changed_nodes:
        return lambda tensor: tensor
    producers = [graph.node(producer(tensor)) for tensor in fed]
    placeholders = [node for node in producers if node and is_unfed_placeholder(node)]
    in_place &= len(placeholders) == len(fed) and not changed_nodes
    if in_place and len(graph) > _MANY_NODES and not graph.has_op(*CALL_OPS):
        for node, tensor in zip(placeholders, fed.values(), strict=True):
            graph.replace(_with_default(node, tensor, graph))
        return lambda tensor: tensor
    # What waits for a placeholder that was fed waits for what is fed now.
    fed = {**fed, **{f"^{node.name}": f"^{producer(fed[node.name])}" for node in placeholders}}
    nodes = {**graph.nodes, **changed_nodes} if changed_nodes else graph.nodes
    names = Cone(nodes, fed.keys(), fetched, changed_nodes, still_fed).names
    if stateful := sorted(name for name in names if nodes[name].op in VARIABLES | TABLES):
        raise PatchError(
            f"the nodes {', '.join(map(repr, stateful))} depend on an input that is to change, and "
            "hold state; they cannot be copied for one signature alone."
        )
    taken = {**{tensor: tensor for tensor in still_fed}, **fed}
    copies = graph.fresh_scope(copy_scope(scope.name))
    follow = clone(graph.whole(nodes, names), names, taken, copies)
    return lambda tensor: tensor if (now := follow(tensor)) == tensor else full(now)


def _with_default(node: protos.NodeDef, tensor: str, graph: TopLevelGraph) -> protos.NodeDef:
    """Returns a placeholder that takes a tensor when nothing is fed."""
    after = protos.NodeDef()
    after.CopyFrom(node)
    after.op = "PlaceholderWithDefault"
    after.input.insert(0, tensor)
    type_ = graph.type_of(node.name)
    after.attr["shape"].CopyFrom(shape_attr(shape_proto(type_.shape if type_ else None)))
    return after
