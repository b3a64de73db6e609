"""A MetaGraph's graph, as far as it is looked at to compare signatures."""

from __future__ import annotations

from collections import defaultdict
from functools import cached_property

from sigpb import protos
from sigpb.graph.tensor_names import producer
from sigpb.rewrite.graph_parts import GraphParts

# Up to this size in bytes, parsing all nodes takes less time than searching for a few of them.
_SMALL = 1 << 18


class GraphView(GraphParts):
    """The graph of a MetaGraph, and which node takes what."""

    def node(self, name: str) -> protos.NodeDef | None:
        """Returns a node of the top level, or None. A large constant may lack its value."""
        if self.message.end - self.message.start <= _SMALL:
            return self.top.nodes.get(name)
        return self.top.node(name)

    def users(self, name: str) -> list[str]:
        """Returns the names of the nodes of the top level that take an output of a node."""
        return self._users.get(name, [])

    @cached_property
    def _users(self) -> dict[str, list[str]]:
        users: dict[str, list[str]] = defaultdict(list)
        for node in self.top.nodes.values():
            for tensor in node.input:
                users[producer(tensor)].append(node.name)
        return users
