"""The nodes that compute a shape from the sizes of a tensor."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sigpb import protos
from sigpb.steps.attributes import constant, dtype_attr, int_attr
from sigpb.steps.graph_body import GraphBody
from sigpb.tf.tensor_types import TensorType, dtype_of, shape_proto


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
        {"N": int_attr(len(packed)), "T": dtype_attr(index), "axis": int_attr(0)},
        shape_proto((len(packed),)),
    )
    return output


def _picked(body: GraphBody, name: str, vector: str, position: int, index: int) -> str:
    """Adds what ``vector[position]`` is made of."""
    bounds = [
        integers(body, f"{name}/strided_slice/{bound}", [value], dtype_of("int32"))
        for bound, value in (("begin", position), ("end", position + 1), ("strides", 1))
    ]
    masks = ("begin_mask", "end_mask", "ellipsis_mask", "new_axis_mask")
    [output] = body.add(
        "StridedSlice",
        f"{name}/strided_slice",
        [vector, *bounds],
        {
            "T": dtype_attr(index),
            "Index": dtype_attr(dtype_of("int32")),
            **{mask: int_attr(0) for mask in masks},
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
