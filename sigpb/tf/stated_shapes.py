"""What a graph states of the shapes of its tensors: the one place that reads it.

A node can state the shape of an output twice, in an attribute of its own and in `_output_shapes`.
TensorFlow's importer takes both and refuses a contradiction
(tensorflow/core/common_runtime/graph_constructor.cc), so that what is known is what either says.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from sigpb import protos
from sigpb.tf.tensor_types import Shape, shape_of
from sigpb.wire import Message

Size = TypeVar("Size")

OUTPUT_SHAPES = "_output_shapes"
"""The attribute in which nodes and arguments of functions state shapes."""

INPUT_SHAPES = "_input_shapes"
"""The attribute in which a function states the shapes of its arguments."""

_VERSIONS = protos.GraphDef.VERSIONS_FIELD_NUMBER
_PRODUCER = protos.VersionDef.PRODUCER_FIELD_NUMBER

SCALAR_PLACEHOLDERS = 22
"""From this version of graphs on, the shape [] of a Placeholder is that of a scalar.

Before, it may be any (tensorflow/core/public/version.h, tensorflow/core/ops/array_ops.cc).
"""

# Ops whose attribute `shape` is that of their output.
_SHAPED = {
    "EnsureShape",
    "ImmutableConst",
    "Placeholder",
    "PlaceholderV2",
    "PlaceholderWithDefault",
    "TemporaryVariable",
    "Variable",
    "VariableV2",
}

# Ops whose attribute `output_shapes` has the shapes of their outputs. That of others, such as
# datasets, is of what comes out of the value that they return.
_SHAPED_EACH = {
    "Case",
    "If",
    "IteratorGetNext",
    "IteratorGetNextSync",
    "OptionalGetValue",
    "StatelessCase",
    "StatelessIf",
    "StatelessWhile",
    "While",
}


def producer_of(graph: Message) -> int:
    """Returns the version of graphs that a GraphDef was written in; 0 if it does not say."""
    versions = graph.find(_VERSIONS)
    field = versions.last(_PRODUCER) if versions else None
    return versions.varint(field) if versions and field else 0


def as_meant(node: protos.NodeDef, producer: int | None) -> protos.NodeDef:
    """Returns a node that says the same in a graph of any version.

    Args:
        node: A node of a graph. Not changed.
        producer: The version of the graph, see `producer_of`; None for any that is not old.
    """
    if (
        node.op != "Placeholder"
        or producer is None
        or producer >= SCALAR_PLACEHOLDERS
        or "shape" not in node.attr
        or shape_of(node.attr["shape"].shape) != ()
    ):
        return node
    after = protos.NodeDef()
    after.CopyFrom(node)
    after.attr["shape"].shape.unknown_rank = True
    return after


def stated_shapes(node: protos.NodeDef, outputs: int = 0) -> list[Shape]:
    """Returns the shapes of its outputs that a node states.

    Args:
        node: The node; see `as_meant`.
        outputs: How many shapes are wanted at least; None stands for those that it does not state.
    """
    own, inferred = _own_shapes(node), _shapes(node.attr, OUTPUT_SHAPES)
    none = [None] * max(outputs, len(own), len(inferred))
    pairs = zip([*inferred, *none], [*own, *none], strict=False)
    return [merged(*pair) for pair, _ in zip(pairs, none, strict=False)]


def stated_shape(node: protos.NodeDef, output: int = 0) -> Shape:
    """Returns the shape of one output that a node states; None if it does not."""
    shapes = stated_shapes(node)
    return shapes[output] if output < len(shapes) else None


def argument_shape(arguments: Mapping[int, protos.FunctionDef.ArgAttrs], position: int) -> Shape:
    """Returns the shape that a function states of an argument; None if it does not.

    Args:
        arguments: The function's `arg_attr`.
        position: The position of the argument.
    """
    shapes = _shapes(arguments[position].attr, OUTPUT_SHAPES) if position in arguments else []
    return shapes[0] if shapes else None


def merged(
    shape: tuple[Size, ...] | None, stated: tuple[Size, ...] | None
) -> tuple[Size, ...] | None:
    """Returns a shape with its unknown sizes as stated."""
    if shape is None or stated is None or len(shape) != len(stated):
        return stated if shape is None else shape
    return tuple(b if a is None else a for a, b in zip(shape, stated, strict=True))


def _own_shapes(node: protos.NodeDef) -> list[Shape]:
    if node.op == "Const" and "value" in node.attr:
        return [shape_of(node.attr["value"].tensor.tensor_shape)]
    if node.op in _SHAPED_EACH:
        return _shapes(node.attr, "output_shapes")
    if node.op not in _SHAPED or "shape" not in node.attr:
        return []
    shape = shape_of(node.attr["shape"].shape)
    # In a graph of any version (tensorflow/core/ops/state_ops.cc).
    return [None if node.op == "Variable" and shape == () else shape]


def _shapes(attributes: Mapping[str, protos.AttrValue], name: str) -> list[Shape]:
    return [shape_of(proto) for proto in attributes[name].list.shape] if name in attributes else []
