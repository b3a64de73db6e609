"""The nodes of a graph or a function, read in place: their inputs, their types, what they call."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from sys import intern
from typing import NamedTuple

from sigpb import protos
from sigpb.graphs.node_index import LARGE_NODE, outline
from sigpb.saved_model.model import parse
from sigpb.tf.called_functions import FUNCTION_OPS, FunctionOpKind
from sigpb.tf.op_defs import OpDefs
from sigpb.tf.ops import TABLES, VARIABLES
from sigpb.tf.stated_shapes import argument_shape, as_meant, producer_of, stated_shape
from sigpb.tf.tensor_names import canonical, output_number, producer
from sigpb.tf.tensor_types import TensorType, shape_of, value_dtype
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
    """The fields of a node that are read without parsing its attributes.

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
    """Whether an input of a node is a control input: a node that has to run before."""
    return spelled.startswith("^")


class FlowBody:
    """The nodes of a GraphDef or a FunctionDef, its arguments, and the results asked of it.

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
        # The C++ implementation of protobuf yields the entries of a map in a random order.
        always_run = sorted(function.control_ret.values()) if function else ()
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


class FlowLibrary:
    """The functions of a GraphDef, read when they are asked for."""

    def __init__(self, graph: Message, op_defs: OpDefs) -> None:
        self._graph = graph
        self._op_defs = op_defs
        self._bodies: dict[str, FlowBody] = {}

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

    def get(self, name: str) -> FlowBody | None:
        """Returns the function of a name, or None."""
        if name not in self._bodies and name in self._messages:
            self._bodies[name] = _function_body(self._messages[name], self._op_defs)
        return self._bodies.get(name)

    def signatures(self) -> Iterator[protos.OpDef]:
        """Yields the signatures of the functions."""
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
    """Yields the names of the nodes in a field of a GraphDef or FunctionDef, repeated ones too."""
    for field in message.fields(number):
        yield _head(Message(message.buffer, field.value_start, field.value_end))[0]


def _function_body(message: Message, op_defs: OpDefs) -> FlowBody:
    rest = (field for field in message.fields() if field.number != _FUNCTION_NODE)
    head = b"".join(bytes(message.buffer[field.start : field.end]) for field in rest)
    function = parse(protos.FunctionDef, Message.root(head))
    arguments = {arg.name: number for number, arg in enumerate(function.signature.input_arg)}
    returned = dict(function.ret)
    results = tuple(returned.get(result.name, "") for result in function.signature.output_arg)
    records = _records(message, _FUNCTION_NODE)
    return FlowBody(message, op_defs, records, arguments, results, function=function)


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


UNKNOWN = TensorType(0, None)
"""The type of a tensor of which nothing is stated."""


def is_resource(record: NodeRecord) -> bool:
    """Whether a node stands for a variable or a table."""
    return record.op in VARIABLES or record.op in TABLES


def output_type(body: FlowBody, record: NodeRecord, output: int) -> TensorType:
    """Returns the type that is stated for an output of a node; dtype 0 and no shape if none is."""
    dtypes = body.output_dtypes(record)
    dtype = value_dtype(dtypes[output]) if output < len(dtypes) else 0
    return TensorType(dtype, stated_shape(body.node(record), output))


def argument_type(body: FlowBody, number: int) -> TensorType:
    """Returns the type of an argument, of which a function states the shape only."""
    return TensorType(0, argument_shape(body.argument_attrs, number))


def resource_name(body: FlowBody, record: NodeRecord) -> str:
    """Returns the name of the variable or table that a node stands for."""
    attributes = body.node(record).attr
    stated = attributes["shared_name"].s if "shared_name" in attributes else b""
    return stated.decode(errors="replace") or record.name


def resource_type(body: FlowBody, record: NodeRecord) -> TensorType:
    """Returns the type of the value of a variable; dtype 0 for a table."""
    attributes = body.node(record).attr
    dtype = attributes["dtype"].type if "dtype" in attributes else 0
    shape = shape_of(attributes["shape"].shape) if "shape" in attributes else None
    return TensorType(dtype, shape)


def better(first: TensorType, second: TensorType) -> TensorType:
    """Returns the first of two types, completed by the second where the first is not known."""
    shape = first.shape if first.shape is not None else second.shape
    return TensorType(first.dtype or second.dtype, shape)


class Callee(NamedTuple):
    """A function that a node calls.

    Attributes:
        role: The attribute that names it; numbered if there are several; empty if it is the op.
        body: The function.
    """

    role: str
    body: FlowBody


@dataclass(frozen=True)
class Call:
    """What a node calls.

    Attributes:
        kind: ``call`` for one function, ``choice`` for one of several, ``loop`` for a condition and
            a body that are called again and again.
        callees: The functions; of a loop first the condition.
        first: The number of the input that is the first argument of the functions.
        tensors: The inputs of the node, as they are spelled.
    """

    kind: FunctionOpKind
    callees: tuple[Callee, ...]
    first: int
    tensors: tuple[str, ...]

    def callee(self, role: str) -> FlowBody:
        """Returns the function of a role."""
        return next(callee.body for callee in self.callees if callee.role == role)


def may_call(record: NodeRecord, library: FlowLibrary) -> bool:
    """Whether a node calls functions, going by its op."""
    return record.op in FUNCTION_OPS or record.op in library


def call_of(body: FlowBody, record: NodeRecord, library: FlowLibrary) -> Call | None:
    """Returns what a node calls; None if nothing, or a function that is not there."""
    op = FUNCTION_OPS.get(record.op)
    if op is None:
        function = library.get(record.op)
        callee = (Callee("", function),) if function else ()
        return Call("call", callee, 0, tuple(record.tensors)) if callee else None
    callees = []
    for role, name in _named(body, record, op.roles):
        function = library.get(name)
        if function is None:
            return None
        callees.append(Callee(role, function))
    return Call(op.kind, tuple(callees), op.first, tuple(record.tensors)) if callees else None


def missing_functions(body: FlowBody, library: FlowLibrary) -> dict[str, str]:
    """Returns the functions that nodes call and that are not there, each with one such node."""
    return {
        name: record.name
        for record in body.records.values()
        if record.op in FUNCTION_OPS
        for _, name in _named(body, record, FUNCTION_OPS[record.op].roles)
        if name and name not in library
    }


def _named(body: FlowBody, record: NodeRecord, roles: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    """Yields the names of the functions in some attributes, each with its role."""
    attributes = body.node(record).attr
    for role in roles:
        if role not in attributes:
            yield role, ""
        elif attributes[role].HasField("list"):
            for number, function in enumerate(attributes[role].list.func):
                yield f"{role}[{number}]", function.name
        else:
            yield role, attributes[role].func.name
