"""What becomes of an input, inside of functions too."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection

from sigpb import protos
from sigpb.graph.function_outputs import CALL_OPS
from sigpb.graph.tensor_names import canonical
from sigpb.lint.linted_model import LintedGraph

# Nodes that only hand on what they take.
_PASSING = {"Identity", "PlaceholderWithDefault", "StopGradient", "Snapshot"}


def consumers(
    graph: LintedGraph, tensor: str, *, among: Collection[str] | None = None
) -> list[protos.NodeDef]:
    """Returns the nodes that do something with a tensor of the top level.

    Nodes that hand it on, to other nodes or to functions, are looked through.

    Args:
        graph: The MetaGraph.
        tensor: The tensor, as nodes spell it: ``x`` for ``x:0``.
        among: The names of the nodes of the top level to look at; by default all.
    """
    return _Search(graph, among).run(tensor)


class _Search:
    """The work of one call of `consumers`."""

    def __init__(self, graph: LintedGraph, among: Collection[str] | None) -> None:
        self.graph = graph
        self.among = among
        self.found: list[protos.NodeDef] = []
        self.visited: set[tuple[str | None, str]] = set()
        self.users: dict[str | None, dict[str, list[tuple[protos.NodeDef, int]]]] = {}

    def run(self, tensor: str) -> list[protos.NodeDef]:
        waiting: list[tuple[str | None, str]] = [(None, tensor)]
        while waiting:
            place = waiting.pop()
            if place in self.visited:
                continue
            self.visited.add(place)
            function, name = place
            for node, position in self._users(function).get(name, ()):
                if node.op in _PASSING:
                    spelled = f"{node.name}:output" if function else node.name
                    waiting += [(function, spelled), (function, node.name)]
                elif node.op in CALL_OPS:
                    called = node.attr["f"].func.name
                    outline = self.graph.functions.outline(called)
                    if outline and position < len(outline.signature.input_arg):
                        waiting.append((called, outline.signature.input_arg[position].name))
                else:
                    self.found.append(node)
        return self.found

    def _users(self, function: str | None) -> dict[str, list[tuple[protos.NodeDef, int]]]:
        """The nodes of the graph or a function by the tensors they take, with their positions."""
        if function not in self.users:
            users = self.users[function] = defaultdict(list)
            if function is None:
                nodes = [
                    node
                    for name, node in self.graph.top_level.nodes.items()
                    if self.among is None or name in self.among
                ]
            else:
                found = self.graph.functions.get(function)
                nodes = list(found.node_def) if found else []
            for node in nodes:
                for position, name in enumerate(node.input):
                    users[canonical(name)].append((node, position))
        return self.users[function]
