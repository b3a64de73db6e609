"""Nodes of a graph or of a function, read in place: names, ops and inputs, no values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property
from sys import intern
from typing import NamedTuple

from sigpb import protos
from sigpb.graph.node_index import LARGE_NODE, outline
from sigpb.graph.stated_shapes import as_meant, producer_of
from sigpb.graph.tensor_names import canonical, output_number, producer
from sigpb.op_defs import OpDefs
from sigpb.saved_model.model import parse
from sigpb.wire import Message

_GRAPH_NODE = protos.GraphDef.NODE_FIELD_NUMBER
_LIBRARY = protos.GraphDef.LIBRARY_FIELD_NUMBER
_FUNCTION = protos.FunctionDefLibrary.FUNCTION_FIELD_NUMBER
_SIGNATURE = protos.FunctionDef.SIGNATURE_FIELD_NUMBER
_FUNCTION_NODE = protos.FunctionDef.NODE_DEF_FIELD_NUMBER
_OP_NAME = protos.OpDef.NAME_FIELD_NUMBER
_NAME = protos.NodeDef.NAME_FIELD_NUMBER
_OP = protos.NodeDef.OP_FIELD_NUMBER
_INPUT = protos.NodeDef.INPUT_FIELD_NUMBER


class NodeRecord(NamedTuple):
    """A node, as far as it takes no parsing.

    Attributes:
        name: Its name.
        op: Its op.
        inputs: The tensors that it takes, and the nodes it waits for, as the file spells them.
        start: Offset of its first byte.
        end: One past its last byte.
    """

    name: str
    op: str
    inputs: tuple[str, ...]
    start: int
    end: int

    @property
    def tensors(self) -> list[str]:
        """The tensors that it takes, without the nodes it only waits for."""
        return [spelled for spelled in self.inputs if not is_control(spelled)]

    @property
    def waits_for(self) -> list[str]:
        """The nodes that have to run before it, as ``^name``."""
        return [spelled for spelled in self.inputs if is_control(spelled)]


def is_control(spelled: str) -> bool:
    """Whether an input of a node is no tensor but a node that has to run before."""
    return spelled.startswith("^")


class Body:
    """The nodes of a GraphDef or a FunctionDef, what they begin with, and what is asked of them.

    Attributes:
        name: Name of the function; empty for the top level.
        records: The nodes by name.
        arguments: The tensors that come from outside, as nodes spell them, and their numbers.
        results: The tensors that are returned, as nodes spell them.
        controls: The nodes that run whatever result is asked for, as ``^name``.
        argument_attrs: What a function says of its arguments, by their numbers.
    """

    def __init__(
        self,
        message: Message,
        op_defs: OpDefs,
        records: Mapping[str, NodeRecord],
        arguments: Mapping[str, int],
        results: tuple[str, ...],
        *,
        function: protos.FunctionDef | None = None,
        version: int | None = None,
    ) -> None:
        """Takes the parts of a body; `version` is that of the graph, None for a function."""
        self.records = records
        self.arguments = arguments
        self.results = results
        self.name = function.signature.name if function else ""
        always_run = function.control_ret.values() if function else ()
        self.controls = tuple(f"^{name}" for name in always_run)
        self.argument_attrs = dict(function.arg_attr) if function else {}
        self._message = message
        self._op_defs = op_defs
        self._is_function = function is not None
        self._version = version
        self._nodes: dict[str, protos.NodeDef] = {}

    def argument(self, spelled: str) -> int | None:
        """Returns the number of the argument that a tensor is; None if a node computes it."""
        if self._is_function:
            return self.arguments.get(producer(spelled)) if not is_control(spelled) else None
        return self.arguments.get(canonical(spelled))

    def record(self, spelled: str) -> NodeRecord | None:
        """Returns the node that a tensor comes from, or that is waited for, or None."""
        return self.records.get(producer(spelled))

    def node(self, record: NodeRecord) -> protos.NodeDef:
        """Parses a node, without the values of a large constant."""
        if record.name not in self._nodes:
            message = Message(self._message.buffer, record.start, record.end)
            self._nodes[record.name] = as_meant(outline(message), self._version)
        return self._nodes[record.name]

    def whole(self, record: NodeRecord) -> protos.NodeDef:
        """Parses a node, with the values of a constant."""
        message = Message(self._message.buffer, record.start, record.end)
        return as_meant(parse(protos.NodeDef, message), self._version)

    def output(self, record: NodeRecord, spelled: str) -> int:
        """Returns which output of a node a tensor is."""
        if not self._is_function:
            return output_number(spelled)
        found = self._op_defs.output_index(self.node(record), spelled)
        return output_number(spelled) if found is None else found

    def output_dtypes(self, record: NodeRecord) -> list[int]:
        """Returns the dtypes of a node's outputs; none if they are not known."""
        return self._op_defs.output_dtypes(self.node(record)) or []


class Library:
    """The functions of a GraphDef, read when they are asked for."""

    def __init__(self, graph: Message, op_defs: OpDefs) -> None:
        self._graph = graph
        self._op_defs = op_defs
        self._bodies: dict[str, Body] = {}

    @cached_property
    def _messages(self) -> dict[str, Message]:
        _, rest = self._graph.leading(_GRAPH_NODE)
        library = rest.find(_LIBRARY)
        if library is None:
            return {}
        found = (library.message(field) for field in library.fields(_FUNCTION))
        return {_function_name(function): function for function in found}

    def __contains__(self, name: str) -> bool:
        return name in self._messages

    def get(self, name: str) -> Body | None:
        """Returns the function of a name, or None."""
        if name not in self._bodies and name in self._messages:
            self._bodies[name] = _function_body(self._messages[name], self._op_defs)
        return self._bodies.get(name)

    def signatures(self) -> Iterator[protos.OpDef]:
        """Yields what the functions take and return."""
        for function in self._messages.values():
            if signature := function.find(_SIGNATURE):
                yield parse(protos.OpDef, signature)


def graph_version(graph: Message) -> int:
    """Returns the version of a GraphDef."""
    return producer_of(graph.leading(_GRAPH_NODE)[1])


def graph_records(graph: Message) -> dict[str, NodeRecord]:
    """Returns the nodes of the top level of a GraphDef by name."""
    return _records(graph, _GRAPH_NODE)


def node_names(message: Message, number: int) -> Iterator[str]:
    """Yields the names of the nodes in a field of a GraphDef or a FunctionDef, equal ones too."""
    for field in message.fields(number):
        yield _head(Message(message.buffer, field.value_start, field.value_end))[0]


def _function_body(message: Message, op_defs: OpDefs) -> Body:
    rest = (field for field in message.fields() if field.number != _FUNCTION_NODE)
    head = b"".join(bytes(message.buffer[field.start : field.end]) for field in rest)
    function = parse(protos.FunctionDef, Message.root(head))
    arguments = {arg.name: number for number, arg in enumerate(function.signature.input_arg)}
    returned = dict(function.ret)
    results = tuple(returned.get(result.name, "") for result in function.signature.output_arg)
    records = _records(message, _FUNCTION_NODE)
    return Body(message, op_defs, records, arguments, results, function=function)


def _function_name(function: Message) -> str:
    signature = function.find(_SIGNATURE)
    name = signature.last(_OP_NAME) if signature else None
    return signature.text(name) if signature and name else ""


def _records(message: Message, number: int) -> dict[str, NodeRecord]:
    found = {}
    for field in message.fields(number):
        name, op, inputs = _head(Message(message.buffer, field.value_start, field.value_end))
        found[name] = NodeRecord(name, op, inputs, field.value_start, field.value_end)
    return found


def _head(node: Message) -> tuple[str, str, tuple[str, ...]]:
    """Returns the name, the op and the inputs of a node."""
    if node.end - node.start <= LARGE_NODE:  # Protobuf reads it in a third of the time.
        parsed = parse(protos.NodeDef, node)
        # Most names come again as inputs of other nodes, and most ops again in them.
        return intern(parsed.name), intern(parsed.op), tuple(map(intern, parsed.input))
    name = op = ""
    inputs = []
    for part in node.fields():
        if part.number == _INPUT:
            inputs.append(node.text(part))
        elif part.number == _NAME:
            name = node.text(part)
        elif part.number == _OP:
            op = node.text(part)
    return name, op, tuple(inputs)
