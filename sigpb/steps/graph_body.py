"""A graph that nodes are added to: the top level of a GraphDef, or the body of a function.

Above `GraphBody` nobody knows which of the two it is. Beside it are the attributes of nodes, and
the nodes that steps and bound values need: constants, shapes made of sizes, and repeated rows.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sigpb import protos
from sigpb.tf.op_defs import OpDefs
from sigpb.tf.stated_shapes import OUTPUT_SHAPES
from sigpb.tf.tensor_elements import set_elements
from sigpb.tf.tensor_types import TensorType, dtype_of, shape_of, shape_proto


class GraphBody(ABC):
    """A graph that nodes are added to, under names that differ in more than their case."""

    def __init__(self, op_defs: OpDefs) -> None:
        self.op_defs = op_defs

    def add(
        self,
        op: str,
        name: str,
        inputs: Sequence[str],
        attributes: Mapping[str, protos.AttrValue],
        *shapes: protos.TensorShapeProto,
    ) -> tuple[str, ...]:
        """Adds a node.

        Args:
            op: Its op.
            name: What it is called, unless something else has that name.
            inputs: The tensors it takes, as this body spells them.
            attributes: Its attributes by name, at least those that have no default.
            shapes: What is known of the shapes of its outputs; for ``_output_shapes``.

        Returns:
            All its outputs, as this body spells them; the first one if the op is not known.
        """
        node = protos.NodeDef(name=self.fresh_name(name), op=op, input=inputs, attr=attributes)
        self.op_defs.strip_defaults(node)
        if shapes:
            node.attr[OUTPUT_SHAPES].list.shape.extend(shapes)
        self.append(node)
        count = len(self.op_defs.output_dtypes(node) or (0,))
        return tuple(self.spelled(node, number) for number in range(count))

    @abstractmethod
    def fresh_name(self, wanted: str) -> str:
        """Returns a name that nothing in this body has: the one wanted, perhaps with a number."""

    @abstractmethod
    def append(self, node: protos.NodeDef) -> None:
        """Adds a node as it is, whose name is fresh."""

    @abstractmethod
    def remove(self, names: Iterable[str]) -> None:
        """Removes nodes, which nothing is to take anything from."""

    @abstractmethod
    def spelled(self, node: protos.NodeDef, output: int) -> str:
        """Returns an output of a node as the nodes of this body spell it."""

    @abstractmethod
    def add_function(self, function: protos.FunctionDef) -> str:
        """Adds a function that nodes may call, and returns the name that it gets.

        That is a fresh one which resembles its own, or that of an equal function that was added.
        """


def dtype_attr(dtype: int) -> protos.AttrValue:
    """Returns an attribute that holds a dtype."""
    return protos.AttrValue(type=dtype)


def int_attr(value: int) -> protos.AttrValue:
    """Returns an attribute that holds an integer."""
    return protos.AttrValue(i=value)


def constant(body: GraphBody, name: str, value: protos.TensorProto) -> str:
    """Adds a Const, and returns its output."""
    attributes = {"dtype": dtype_attr(value.dtype), "value": protos.AttrValue(tensor=value)}
    [output] = body.add("Const", name, [], attributes, value.tensor_shape)
    return output


def elements(
    body: GraphBody, name: str, values: Iterable[Any], dtype: int, shape: Sequence[int] = ()
) -> str:
    """Adds a Const of texts, or of numbers, each the nearest of its dtype; returns its output."""
    value = protos.TensorProto(dtype=dtype, tensor_shape=shape_proto(tuple(shape)))
    set_elements(value, [*values])
    return constant(body, name, value)


def identity(body: GraphBody, name: str, tensor: str, type_: TensorType) -> str:
    """Adds an Identity of a tensor of a type, and returns its output."""
    attributes, shape = {"T": dtype_attr(type_.dtype)}, shape_proto(type_.shape)
    [output] = body.add("Identity", name, [tensor], attributes, shape)
    return output


def shape_attr(value: protos.TensorShapeProto) -> protos.AttrValue:
    """Returns an attribute that holds a shape."""
    return protos.AttrValue(shape=value)


def computed_shape(
    body: GraphBody,
    name: str,
    shape: Sequence[int | None],
    axes: Iterable[int],
    source: str,
    operand: TensorType,
    index: int,
) -> str:
    """Adds nodes that pick sizes of a tensor and pack them with those that are known.

    Args:
        body: Where to add them.
        name: What their names begin with.
        shape: The shape wanted, None for a size of the tensor.
        axes: For each None the axis of the tensor that has this size.
        source: The tensor, as the body spells it.
        operand: Its type.
        index: The dtype of the result: int32 or int64.

    Returns:
        The shape, a vector, as the body spells it.
    """
    rank = None if operand.shape is None else len(operand.shape)
    attributes = {"T": dtype_attr(operand.dtype), "out_type": dtype_attr(index)}
    [sizes] = body.add("Shape", f"{name}/Shape", [source], attributes, shape_proto((rank,)))
    picked = iter(axes)
    packed = [
        _picked(body, name, sizes, next(picked), index)
        if size is None
        else integers(body, f"{name}/shape/size", size, index)
        for size in shape
    ]
    [output] = body.add(
        "Pack",
        f"{name}/shape",
        packed,
        {"N": int_attr(len(packed)), "T": dtype_attr(index)},
        shape_proto((len(packed),)),
    )
    return output


def _picked(body: GraphBody, name: str, vector: str, position: int, index: int) -> str:
    """Adds what ``vector[position]`` is made of."""
    bounds = [
        integers(body, f"{name}/strided_slice/{bound}", [value], dtype_of("int32"))
        for bound, value in (("begin", position), ("end", position + 1), ("strides", 1))
    ]
    [output] = body.add(
        "StridedSlice",
        f"{name}/strided_slice",
        [vector, *bounds],
        {
            "T": dtype_attr(index),
            "Index": dtype_attr(dtype_of("int32")),
            "shrink_axis_mask": int_attr(1),
        },
        shape_proto(()),
    )
    return output


def integers(body: GraphBody, name: str, value: int | Sequence[int], dtype: int) -> str:
    """Adds a Const of int32 or int64, a scalar or a vector, and returns its output."""
    shape = shape_proto(() if isinstance(value, int) else (len(value),))
    values = [value] if isinstance(value, int) else value
    tensor = protos.TensorProto(dtype=dtype, tensor_shape=shape)
    (tensor.int_val if dtype == dtype_of("int32") else tensor.int64_val).extend(values)
    return constant(body, name, tensor)


def repeated_row(
    body: GraphBody, name: str, row: protos.TensorProto, batch: str, operand: TensorType
) -> str:
    """Adds a constant with one row, repeated as often as a tensor has rows.

    Args:
        body: Where to add the nodes.
        name: The name of the constant; the names of other nodes begin with it.
        row: The constant, whose first dimension has the size 1.
        batch: The tensor whose rows are counted, as the body spells it.
        operand: The type of that tensor.

    Returns:
        The repeated constant, as the body spells it.
    """
    value = constant(body, name, row)
    type_ = TensorType(row.dtype, shape_of(row.tensor_shape))
    return repeated(body, f"{name}/BroadcastTo", value, type_, batch, operand)


def repeated(
    body: GraphBody, name: str, row: str, type_: TensorType, batch: str, operand: TensorType
) -> str:
    """Adds nodes that repeat a tensor of one row as often as another one has rows.

    Args:
        body: Where to add the nodes.
        name: The name of the last node; the names of other nodes begin with it.
        row: The tensor, as the body spells it.
        type_: Its type, of which all sizes but the first are known.
        batch: The tensor whose rows are counted, as the body spells it.
        operand: The type of that tensor.

    Returns:
        The repeated tensor, as the body spells it.
    """
    shape = (None, *(type_.shape or ())[1:])
    index = dtype_of("int32")
    sizes = computed_shape(body, name, shape, [0], batch, operand, index)
    attributes = {"T": dtype_attr(type_.dtype), "Tidx": dtype_attr(index)}
    [output] = body.add("BroadcastTo", name, [row, sizes], attributes, shape_proto(shape))
    return output
