"""The nodes of the top level of a graph and of its functions, and which of them lead to others."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from sigpb import protos
from sigpb.tf.called_functions import called_by, nodes_by_name
from sigpb.tf.fresh_names import numbered
from sigpb.tf.tensor_names import producer


@dataclass(frozen=True)
class Call:
    """A node that calls a function.

    Attributes:
        body: What the node is in.
        node: The node.
        passed: The tensors that it passes, by the names of the function's arguments.
    """

    body: Body
    node: protos.NodeDef
    passed: Mapping[str, str]


@dataclass(frozen=True)
class Body:
    """The nodes of the top level of a graph, or of a function.

    Attributes:
        owner: The graph or the function, which has the nodes; None for a top level that nodes are
            not added to.
        nodes: The nodes by their names.
        call: What calls the function; None if that is not known.
    """

    owner: protos.GraphDef | protos.FunctionDef | None
    nodes: dict[str, protos.NodeDef]
    call: Call | None = None

    @classmethod
    def of(cls, graph: protos.GraphDef) -> Body:
        """Returns the top level of a graph."""
        return cls(graph, nodes_by_name(graph.node))

    @property
    def function(self) -> protos.FunctionDef | None:
        """The function; None for the top level."""
        return self.owner if isinstance(self.owner, protos.FunctionDef) else None

    def called(self, node: protos.NodeDef, function: protos.FunctionDef) -> Body:
        """Returns the body of a function that one of the nodes names."""
        nodes = nodes_by_name(function.node_def)
        if called_by(node) != function.signature.name:
            return Body(function, nodes)
        arguments = (argument.name for argument in function.signature.input_arg)
        return Body(
            function, nodes, Call(self, node, dict(zip(arguments, node.input, strict=False)))
        )

    def add(self, node: protos.NodeDef) -> protos.NodeDef:
        """Adds a copy of a node, under a fresh name, and returns it."""
        owner = self.owner
        assert owner is not None
        nodes = owner.node if isinstance(owner, protos.GraphDef) else owner.node_def
        added = nodes.add()
        added.CopyFrom(node)
        added.name = numbered(node.name, self.nodes.__contains__)
        self.nodes[added.name] = added
        return added

    def origin(self, tensor: str) -> tuple[Body, str] | None:
        """Returns where a tensor comes from that is an argument of the function."""
        name = producer(tensor)
        if name in self.nodes or self.call is None or name not in self.call.passed:
            return None
        return self.call.body, self.call.passed[name]

    def upstream(self, names: Iterable[str]) -> Iterator[protos.NodeDef]:
        """Yields some nodes, and all that run before them."""
        waiting, seen = list(names), set()
        while waiting:
            name = waiting.pop()
            if name in self.nodes and name not in seen:
                seen.add(name)
                waiting += map(producer, self.nodes[name].input)
                yield self.nodes[name]

    def constant(self, tensor: str) -> protos.NodeDef | None:
        """Returns the constant that a tensor is, perhaps handed on; None if it is none."""
        body, name, seen = self, producer(tensor), set[tuple[int, str]]()
        while (id(body), name) not in seen:
            seen.add((id(body), name))
            node = body.nodes.get(name)
            if origin := body.origin(name):
                body, name = origin[0], producer(origin[1])
            elif node is not None and node.op == "Identity" and node.input:
                name = producer(node.input[0])
        return node if node is not None and node.op == "Const" else None
