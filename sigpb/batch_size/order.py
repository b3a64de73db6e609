"""The order in which the nodes that may depend on the batch are visited."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Collection, Iterable, Iterator, Mapping

from sigpb import protos
from sigpb.tf.control_flow import is_back_edge
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
    reached = _reached(users, begin)
    waiting: dict[str, int] = {}
    for name in (name for name in reached if name in nodes):
        forward = (each for each in data_inputs(nodes[name]) if not is_back_edge(nodes, each))
        producers = {producer(each) for each in forward}
        waiting[name] = sum(each in reached and each in nodes for each in producers)
    ready = deque(sorted(name for name, count in waiting.items() if not count))
    while ready:
        name = ready.popleft()
        yield nodes[name]
        for user in () if is_back_edge(nodes, name) else users.get(name, ()):
            waiting[user] -= 1
            if not waiting[user]:
                ready.append(user)


def _reached(users: Users, begin: Iterable[str]) -> set[str]:
    reached = set(begin)
    waiting = list(reached)
    while waiting:
        for user in users.get(waiting.pop(), ()):
            if user not in reached:
                reached.add(user)
                waiting.append(user)
    return reached
