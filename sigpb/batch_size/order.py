"""Which nodes are visited, in which order, and which of them have to run."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Collection, Iterable, Iterator, Mapping

from sigpb import protos
from sigpb.batch_size.rules.values import constant
from sigpb.graphs.cone import reached
from sigpb.tf.control_flow import is_back_edge
from sigpb.tf.op_defs import OpDefs
from sigpb.tf.tensor_names import producer

Users = Mapping[str, Collection[str]]


def data_inputs(node: protos.NodeDef) -> list[str]:
    """Returns the tensors that a node takes, without control inputs."""
    return [spelled for spelled in node.input if not spelled.startswith("^")]


def users_of(nodes: Iterable[protos.NodeDef]) -> Users:
    """Returns for each node or argument the nodes that take tensors from it."""
    users: dict[str, list[str]] = defaultdict(list)
    for node in nodes:
        for name in {producer(spelled) for spelled in data_inputs(node)}:
            users[name].append(node.name)
    return users


def in_order(
    nodes: Mapping[str, protos.NodeDef], users: Users, begin: Iterable[str]
) -> Iterator[protos.NodeDef]:
    """Yields all nodes that depend on some, and those themselves, in the order they run in.

    Args:
        nodes: The nodes by name.
        users: What `users_of` returns for them.
        begin: Nodes and arguments to begin with.
    """
    found = reached(begin, lambda name: users.get(name, ()))
    waiting: dict[str, int] = {}
    for name in (name for name in found if name in nodes):
        forward = (each for each in data_inputs(nodes[name]) if not is_back_edge(nodes, each))
        producers = {producer(each) for each in forward}
        waiting[name] = sum(each in found and each in nodes for each in producers)
    ready = deque(sorted(name for name, count in waiting.items() if not count))
    while ready:
        name = ready.popleft()
        yield nodes[name]
        for user in () if is_back_edge(nodes, name) else users.get(name, ()):
            waiting[user] -= 1
            if not waiting[user]:
                ready.append(user)


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

    def taken(name: str) -> list[str]:
        if name not in nodes or clamped(nodes, nodes[name]) is not None:
            return []
        return [producer(each) for each in nodes[name].input]

    definitions = ((node.name, op_defs.get(node.op)) for node in nodes.values())
    with_effects = [name for name, found in definitions if found is None or found.is_stateful]
    return reached([*results, *with_effects], taken).intersection(nodes)


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
