"""What nodes and functions state of the types of tensors, and what nodes are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

from sigpb import protos
from sigpb.inspect.graph.dataflow.bodies import Body, NodeRecord
from sigpb.tensor_types import Shape, TensorType, shape_of, value_dtype

UNKNOWN = TensorType(0, None)
"""The type of a tensor of which nothing is stated."""

_OUTPUT_SHAPES = "_output_shapes"

_PLACEHOLDERS = ("Placeholder", "PlaceholderV2", "PlaceholderWithDefault")

_VARIABLES = ("AutoReloadVariable", "VarHandleOp", "Variable", "VariableV2")
_TABLES = (
    "AnonymousHashTable",
    "HashTable",
    "HashTableV2",
    "MutableDenseHashTable",
    "MutableDenseHashTableV2",
    "MutableHashTable",
    "MutableHashTableV2",
)


_Attributes: TypeAlias = Mapping[str, protos.AttrValue]


def is_placeholder(record: NodeRecord) -> bool:
    """Whether a node stands for a value that is fed."""
    return record.op in _PLACEHOLDERS


def is_variable(record: NodeRecord) -> bool:
    """Whether a node stands for a variable or a table."""
    return record.op in _VARIABLES or record.op in _TABLES


def output_type(body: Body, record: NodeRecord, output: int) -> TensorType:
    """Returns what is stated of an output of a node; dtype 0 and no shape where nothing is."""
    attributes = body.node(record).attr
    dtypes = body.output_dtypes(record)
    dtype = value_dtype(dtypes[output]) if output < len(dtypes) else 0
    return TensorType(dtype, _shape(record, attributes, output))


def _shape(record: NodeRecord, attributes: _Attributes, output: int) -> Shape:
    for name in (_OUTPUT_SHAPES, "output_shapes"):
        shapes = attributes[name].list.shape if name in attributes else []
        if output < len(shapes):
            return shape_of(shapes[output])
    if record.op == "Const" and "value" in attributes:
        return shape_of(attributes["value"].tensor.tensor_shape)
    # Old graphs have the shape [] for an unknown one (tensorflow/core/ops/array_ops.cc).
    if is_placeholder(record) and "shape" in attributes and attributes["shape"].shape.dim:
        return shape_of(attributes["shape"].shape)
    return None


def argument_type(body: Body, number: int) -> TensorType:
    """Returns what a function states of the shape of an argument."""
    if number in body.argument_attrs:
        attributes = body.argument_attrs[number].attr
        if _OUTPUT_SHAPES in attributes and attributes[_OUTPUT_SHAPES].list.shape:
            return TensorType(0, shape_of(attributes[_OUTPUT_SHAPES].list.shape[0]))
    return UNKNOWN


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
