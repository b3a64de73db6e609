"""What becomes of an input, inside of functions too."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection

from sigpb import protos
from sigpb.lint.linted_model import LintedGraph
from sigpb.tf.called_functions import CALL_OPS
from sigpb.tf.tensor_names import canonical

# Nodes that only hand on what they take.
_PASSING = {"Identity", "PlaceholderWithDefault", "StopGradient", "Snapshot"}


class Consumers:
    """Finds the nodes that do something with a tensor of the top level.

    Nodes that hand it on, to other nodes or to functions, are looked through.
    """

    def __init__(self, graph: LintedGraph, *, among: Collection[str] | None = None) -> None:
        """Nothing is read before it is asked for.

        Args:
            graph: The MetaGraph.
            among: The names of the nodes of the top level to look at; by default all.
        """
        self._graph = graph
        self._among = among
        self._known_users: dict[str | None, dict[str, list[tuple[protos.NodeDef, int]]]] = {}
        self._known_arguments: dict[str, list[str]] = {}

    def of(self, tensor: str) -> list[protos.NodeDef]:
        """Returns the nodes that take a tensor, spelled as nodes do: ``x`` for ``x:0``."""
        found: list[protos.NodeDef] = []
        visited: set[tuple[str | None, str]] = set()
        waiting: list[tuple[str | None, str]] = [(None, tensor)]
        while waiting:
            place = waiting.pop()
            if place in visited:
                continue
            visited.add(place)
            function, name = place
            for node, position in self._users(function).get(name, ()):
                if node.op in _PASSING:
                    spelled = f"{node.name}:output" if function else node.name
                    waiting += [(function, spelled), (function, node.name)]
                elif node.op in CALL_OPS:
                    called = node.attr["f"].func.name
                    arguments = self._arguments(called)
                    if position < len(arguments):
                        waiting.append((called, arguments[position]))
                else:
                    found.append(node)
        return found

    def _arguments(self, function: str) -> list[str]:
        """The names of a function's arguments; none if there is no such function."""
        if function not in self._known_arguments:
            outline = self._graph.functions.outline(function)
            arguments = outline.signature.input_arg if outline else ()
            self._known_arguments[function] = [argument.name for argument in arguments]
        return self._known_arguments[function]

    def _users(self, function: str | None) -> dict[str, list[tuple[protos.NodeDef, int]]]:
        """The nodes of the graph or a function by the tensors they take, with their positions."""
        if function not in self._known_users:
            users = self._known_users[function] = defaultdict(list)
            if function is None:
                nodes = [
                    node
                    for name, node in self._graph.top_level.nodes.items()
                    if self._among is None or name in self._among
                ]
            else:
                found = self._graph.functions.get(function)
                nodes = list(found.node_def) if found else []
            for node in nodes:
                for position, name in enumerate(node.input):
                    users[canonical(name)].append((node, position))
        return self._known_users[function]
