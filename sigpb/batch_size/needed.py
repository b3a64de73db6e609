"""Which nodes of a function have to run for what it returns and does."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping

from sigpb import protos
from sigpb.batch_size.order import data_inputs
from sigpb.batch_size.rules.constants import constant
from sigpb.tf.op_defs import OpDefs
from sigpb.tf.tensor_names import producer

Nodes = Mapping[str, protos.NodeDef]

_LIMITS = {"Maximum": "Minimum", "Minimum": "Maximum"}


def needed_in_function(nodes: Nodes, results: Collection[str], op_defs: OpDefs) -> set[str]:
    """Returns the names of the nodes that have to run.

    The rest is left over from tracing: the body of `tf.vectorized_map`, say, stays beside what it
    was turned into.

    Args:
        nodes: The nodes of the function by name.
        results: The nodes that its results come from. What has effects runs in any case.
        op_defs: The ops of the model.
    """
    found: set[str] = set()
    waiting = [*results, *_with_effects(nodes.values(), op_defs.get)]
    while waiting:
        name = waiting.pop()
        if name in nodes and name not in found:
            found.add(name)
            is_fixed = clamped(nodes, nodes[name]) is not None
            waiting += [producer(each) for each in nodes[name].input if not is_fixed]
    return found


def _with_effects(
    nodes: Iterable[protos.NodeDef], op_def: Callable[[str], protos.OpDef | None]
) -> list[str]:
    definitions = ((node.name, op_def(node.op)) for node in nodes)
    return [name for name, found in definitions if found is None or found.is_stateful]


def clamped(nodes: Nodes, node: protos.NodeDef) -> int | None:
    """Returns the integer that a node returns whatever it takes, or None.

    `tf.math.bincount` computes how many bins it needs and holds that between two limits, which are
    often the same (tensorflow/python/ops/bincount_ops.py).
    """
    for limit, spelled in _limited(nodes, node):
        inner = nodes.get(producer(spelled))
        if inner is None or inner.op != _LIMITS[node.op]:
            continue
        for other, _ in _limited(nodes, inner):
            if other >= limit if node.op == "Minimum" else other <= limit:
                return limit
    return None


def _limited(nodes: Nodes, node: protos.NodeDef) -> list[tuple[int, str]]:
    """Returns constant operands of a minimum or maximum, each with the other operand."""
    if node.op not in _LIMITS:
        return []
    pairs = []
    left, right = data_inputs(node)
    for spelled, other in ((left, right), (right, left)):
        found = nodes.get(producer(spelled))
        value = constant(found) if found is not None and found.op == "Const" else None
        number = value.value[0] if value is not None and value.value else None
        if value is not None and value.shape == () and isinstance(number, int):
            pairs.append((number, other))
    return pairs
