"""What nodes and functions state of the types of tensors, and what nodes are."""

from __future__ import annotations

from sigpb.graph.stated_shapes import argument_shape, stated_shape
from sigpb.inspect.graph.dataflow.bodies import Body, NodeRecord
from sigpb.tensor_types import TensorType, shape_of, value_dtype

UNKNOWN = TensorType(0, None)
"""The type of a tensor of which nothing is stated."""

_PLACEHOLDERS = ("Placeholder", "PlaceholderV2", "PlaceholderWithDefault")

VARIABLES = frozenset({"AutoReloadVariable", "VarHandleOp", "Variable", "VariableV2"})
"""The ops of nodes that are variables, or handles of such."""

_TABLES = (
    "AnonymousHashTable",
    "HashTable",
    "HashTableV2",
    "MutableDenseHashTable",
    "MutableDenseHashTableV2",
    "MutableHashTable",
    "MutableHashTableV2",
)


def is_placeholder(record: NodeRecord) -> bool:
    """Whether a node stands for a value that is fed."""
    return record.op in _PLACEHOLDERS


def is_variable(record: NodeRecord) -> bool:
    """Whether a node stands for a variable or a table."""
    return record.op in VARIABLES or record.op in _TABLES


def output_type(body: Body, record: NodeRecord, output: int) -> TensorType:
    """Returns what is stated of an output of a node; dtype 0 and no shape where nothing is."""
    dtypes = body.output_dtypes(record)
    dtype = value_dtype(dtypes[output]) if output < len(dtypes) else 0
    return TensorType(dtype, stated_shape(body.node(record), output))


def argument_type(body: Body, number: int) -> TensorType:
    """Returns what a function states of the shape of an argument."""
    return TensorType(0, argument_shape(body.argument_attrs, number))


def resource_name(body: Body, record: NodeRecord) -> str:
    """Returns the name of the variable or table that a node stands for."""
    attributes = body.node(record).attr
    stated = attributes["shared_name"].s if "shared_name" in attributes else b""
    return stated.decode(errors="replace") or record.name


def resource_type(body: Body, record: NodeRecord) -> TensorType:
    """Returns the type of the value of a variable; dtype 0 for a table."""
    attributes = body.node(record).attr
    dtype = attributes["dtype"].type if "dtype" in attributes else 0
    shape = shape_of(attributes["shape"].shape) if "shape" in attributes else None
    return TensorType(dtype, shape)


def better(first: TensorType, second: TensorType) -> TensorType:
    """Returns the first of two statements of a type, with what only the second one says."""
    shape = first.shape if first.shape is not None else second.shape
    return TensorType(first.dtype or second.dtype, shape)
