"""The top level of a GraphDef: nodes looked up, added, and replaced under their names."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from itertools import chain

from sigpb import protos
from sigpb.graphs.added_nodes import ADDED_ARGUMENT
from sigpb.graphs.node_index import NodeIndex, is_outlined, outline
from sigpb.saved_model.deterministic_bytes import deterministic_bytes
from sigpb.steps.graph_body import GraphBody
from sigpb.tf.called_functions import Functions, called_by
from sigpb.tf.fresh_names import TakenNames, numbered
from sigpb.tf.op_defs import OpDefs
from sigpb.tf.stated_shapes import as_meant, producer_of, stated_shape
from sigpb.tf.tensor_names import canonical, is_tensor, node_name, output_number, producer
from sigpb.tf.tensor_types import TensorType
from sigpb.wire import Edits, Message, length_delimited

_NODE = protos.GraphDef.NODE_FIELD_NUMBER


class Scope(GraphBody):
    """The top level of a graph, where added nodes have names with a common beginning.

    Attributes:
        graph: The graph.
        name: What names begin with, up to a slash.
    """

    def __init__(self, graph: TopLevelGraph, name: str) -> None:
        super().__init__(graph.op_defs)
        self.graph, self.name = graph, name

    def inner(self, name: str) -> Scope:
        """Returns a scope in this one."""
        return Scope(self.graph, f"{self.name}/{node_name(name)}")

    def fresh_name(self, wanted: str) -> str:
        """Returns a name in this scope."""
        return self.graph.fresh_name(f"{self.name}/{wanted}")

    def append(self, node: protos.NodeDef) -> None:
        """Adds a node to the graph."""
        self.graph.append(node)

    def remove(self, names: Iterable[str]) -> None:
        """Removes nodes of the graph."""
        self.graph.remove(names)

    def spelled(self, node: protos.NodeDef, output: int) -> str:
        """Returns an output of a node as the graph spells it."""
        return self.graph.spelled(node, output)

    def add_function(self, function: protos.FunctionDef) -> str:
        """Adds a function to the graph's library."""
        return self.graph.add_function(function)


class TopLevelGraph(GraphBody):
    """The nodes of a MetaGraph's GraphDef, and what is to become of them."""

    def __init__(self, graph: Message, functions: Functions, op_defs: OpDefs) -> None:
        super().__init__(op_defs)
        self._graph = graph
        self._functions = functions
        self._replaced: dict[str, protos.NodeDef] = {}
        self._added: dict[str, protos.NodeDef] = {}
        self._added_names = TakenNames()
        self._removed: list[str] = []
        self._has_op: dict[str, bool] = {}

    def fork(self, functions: Functions) -> TopLevelGraph:
        """Returns a graph with the same changes, of which more do not concern this one.

        Args:
            functions: The functions that it has.
        """
        other = copy.copy(self)
        other._functions = functions
        other._replaced, other._added = {**self._replaced}, {**self._added}
        other._added_names, other._removed = copy.deepcopy(self._added_names), [*self._removed]
        return other

    @cached_property
    def _index(self) -> NodeIndex:
        return NodeIndex(self._graph)

    @cached_property
    def nodes(self) -> Mapping[str, protos.NodeDef]:
        """All nodes of the file by name, large constants without their values.

        Not to be changed.
        """
        return {node.name: as_meant(node, self._producer) for node in self._index.outlines()}

    def whole(
        self, nodes: Mapping[str, protos.NodeDef], names: Iterable[str]
    ) -> dict[str, protos.NodeDef]:
        """Returns some of `nodes`, constants with their values."""
        found = {name: nodes[name] for name in names}
        for name, node in found.items():
            if "value" in node.attr and is_outlined(node.attr["value"].tensor):
                found[name] = self.node(name) or node
        return found

    def __len__(self) -> int:
        """The number of nodes in the file."""
        return len(self._index)

    @property
    def size(self) -> int:
        """The bytes that the nodes of the file take."""
        return self._index.end - self._graph.start

    def graph_def(self) -> protos.GraphDef:
        """Returns a GraphDef with the nodes as they are to be, and nothing else."""
        removed = set(self._removed)
        nodes = (
            self._replaced.get(node.name, node)
            for node in self._index.nodes()
            if node.name not in removed
        )
        return protos.GraphDef(node=(*nodes, *self._added.values()))

    @property
    def changed_nodes(self) -> list[protos.NodeDef]:
        """The nodes that are added or replaced."""
        return [*self._replaced.values(), *self._added.values()]

    @property
    def removed_nodes(self) -> list[protos.NodeDef]:
        """The nodes that are removed."""
        return [self.nodes[name] for name in self._removed]

    @property
    def removed_spans(self) -> list[tuple[int, int]]:
        """Where the nodes that are removed lie in the file."""
        fields = map(self._index.find, self._removed)
        return [(field.start, field.end) for field in fields if field]

    @property
    def is_changed(self) -> bool:
        """Whether a node is added, replaced or removed."""
        return bool(self._added or self._replaced or self._removed)

    def kept_nodes(self) -> Iterator[protos.NodeDef]:
        """Yields the nodes of the file that are not removed."""
        removed = set(self._removed)
        return (node for name, node in self.nodes.items() if name not in removed)

    def node(self, name: str) -> protos.NodeDef | None:
        """Returns a node as it is to be, or None. Not to be changed."""
        if node := self._added.get(name) or self._replaced.get(name):
            return node
        field = self._index.find(name)
        return as_meant(self._index.node(field), self._producer) if field else None

    def taking(self, tensor: str) -> list[protos.NodeDef]:
        """Returns the nodes, as they are to be, that take a tensor.

        Args:
            tensor: The tensor, as `canonical` spells it.
        """
        found = {}
        for field in chain.from_iterable(map(self._index.naming, (tensor, f"{tensor}:0"))):
            node = outline(self._graph.message(field))
            if tensor in map(canonical, node.input):
                found[node.name] = as_meant(self._index.node(field), self._producer)
        for name in (*self._replaced, *self._removed):
            found.pop(name, None)
        changed = (node for node in self.changed_nodes if tensor in map(canonical, node.input))
        return [*found.values(), *changed]

    def has_op(self, *ops: str) -> bool:
        """Whether a node of the file has one of some ops."""
        for op in ops:
            if op not in self._has_op:
                self._has_op[op] = self._index.has_op(op)
        return any(self._has_op[op] for op in ops)

    def fresh_name(self, wanted: str) -> str:
        """Returns a name that no node has: the wanted one, perhaps with a number.

        It does not differ only in case from another in its scope, if that is a fresh one.
        """
        return numbered(
            wanted, lambda name: name in self._added_names or self.node(name) is not None
        )

    def fresh_scope(self, wanted: str) -> Scope:
        """Returns a scope without nodes, of the name wanted, perhaps with a number."""
        return Scope(self, numbered(wanted, self.has_scope))

    def has_scope(self, scope: str) -> bool:
        """Whether the name of a node begins with a scope and a slash, whatever the case."""
        return self._added_names.has_scope(scope) or self._index.has_scope(scope)

    def append(self, node: protos.NodeDef) -> None:
        """Adds a node, whose name is fresh."""
        self._added[node.name] = node
        self._added_names.add(node.name)

    def replace(self, node: protos.NodeDef) -> None:
        """Puts a node in the place of the one of that name."""
        (self._added if node.name in self._added else self._replaced)[node.name] = node

    def remove(self, names: Iterable[str]) -> None:
        """Removes nodes, which nothing is to take anything from."""
        gone = sorted(names)
        self._removed += [name for name in gone if name not in self._added]
        for name in gone:
            self._added.pop(name, None)

    def spelled(self, node: protos.NodeDef, output: int) -> str:
        """Returns an output of a node as ``node``, or ``node:1``."""
        return canonical(f"{node.name}:{output}")

    def add_function(self, function: protos.FunctionDef) -> str:
        """Adds a function to the library, and returns its name there."""
        return self._functions.add_variant(function)

    def type_of(self, tensor: str) -> TensorType | None:
        """Returns what the graph says of a tensor's type; None if there is no such tensor.

        The dtype is 0 if the op is unknown; the shape is unknown unless the node states it.
        """
        node = self.node(producer(tensor))
        if node is None or not is_tensor(tensor):
            return None
        output = output_number(tensor)
        dtypes = self.op_defs.output_dtypes(node)
        if dtypes is not None and output >= len(dtypes):
            return None
        return TensorType(dtypes[output] if dtypes else 0, stated_shape(node, output))

    def fed_inside(self, call: protos.NodeDef) -> list[str]:
        """Returns what a call passes for tensors inside of a function that sigpb made arguments."""
        name = called_by(call)
        function = self._functions.get(name) if name else None
        arguments = function.signature.input_arg if function else ()
        pairs = zip(arguments, call.input, strict=False)
        return [tensor for argument, tensor in pairs if argument.name.startswith(ADDED_ARGUMENT)]

    @cached_property
    def _producer(self) -> int:
        return producer_of(self._index.rest)

    def rewrite(self, edits: Edits) -> None:
        """Writes the nodes that are added or replaced, and leaves out those that are removed."""
        for name in self._removed:
            if field := self._index.find(name):
                edits.delete(self._graph, field)
        for name, node in self._replaced.items():
            if field := self._index.find(name):
                edits.replace(self._graph, field, _encoded(node))
        added = b"".join(_encoded(node) for node in self._added.values())
        edits.insert(self._graph, self._index.end, added)


def _encoded(node: protos.NodeDef) -> bytes:
    return length_delimited(_NODE, deterministic_bytes(node))
