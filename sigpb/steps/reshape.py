"""Gives the elements of a tensor another shape."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sigpb import protos
from sigpb.steps.attributes import constant, dtype_attr, int_attr
from sigpb.steps.shape_matching import check_reshape
from sigpb.steps.step import GraphBody, Step
from sigpb.tensor_types import TensorType, dtype_of, shape_proto


@dataclass(frozen=True)
class Reshape(Step):
    """The op ``Reshape``.

    Attributes:
        shape: The shape wanted, None for a size that is known only at run time.
        axes: For each None the axis of the operand that has this size. Without them there is at
            most one None, and it stands for what is left over (``-1``).
    """

    shape: tuple[int | None, ...]
    axes: tuple[int, ...] = ()

    def result(self, operand: TensorType) -> TensorType:
        """Returns the operand's type with the shape wanted."""
        check_reshape(operand.shape, self.shape, insist=True)
        return TensorType(operand.dtype, self.shape)

    def build(self, body: GraphBody, tensor: str, operand: TensorType) -> str:
        """Adds the Reshape, its shape, and what computes it."""
        # Like tf.reshape: Const, Pack and others keep int32, not int64, in a GPU's host memory,
        # where Reshape wants its shape.
        large = any(size is not None and size >= 2**31 for size in self.shape)
        index = dtype_of("int64" if large else "int32")
        if self.axes:
            sizes = _computed_sizes(body, tensor, operand, self, index)
        else:
            wanted = [-1 if size is None else size for size in self.shape]
            sizes = _integers(body, "Reshape/shape", wanted, index)
        return body.add(
            "Reshape",
            "Reshape",
            [tensor, sizes],
            {"T": dtype_attr(operand.dtype), "Tshape": dtype_attr(index)},
            shape_proto(self.shape),
        )

    def evaluate(self, value: Any) -> Any:
        """Reshapes an array."""
        sizes = iter([value.shape[axis] for axis in self.axes] or [-1])
        return value.reshape([next(sizes) if size is None else size for size in self.shape])

    def describe(self) -> str:
        """Returns ``reshape``."""
        return "reshape"


def _computed_sizes(
    body: GraphBody, tensor: str, operand: TensorType, reshape: Reshape, index: int
) -> str:
    """Adds nodes that pick sizes of the operand and pack them with those that are known."""
    rank = None if operand.shape is None else len(operand.shape)
    operand_sizes = body.add(
        "Shape",
        "Reshape/Shape",
        [tensor],
        {"T": dtype_attr(operand.dtype), "out_type": dtype_attr(index)},
        shape_proto((rank,)),
    )
    axes = iter(reshape.axes)
    sizes = [
        _picked(body, operand_sizes, next(axes), index)
        if size is None
        else _integers(body, "Reshape/shape/size", size, index)
        for size in reshape.shape
    ]
    return body.add(
        "Pack",
        "Reshape/shape",
        sizes,
        {"N": int_attr(len(sizes)), "T": dtype_attr(index), "axis": int_attr(0)},
        shape_proto((len(sizes),)),
    )


def _picked(body: GraphBody, vector: str, position: int, index: int) -> str:
    """Adds what ``vector[position]`` is made of."""
    bounds = [
        _integers(body, f"Reshape/strided_slice/{name}", [value], dtype_of("int32"))
        for name, value in (("begin", position), ("end", position + 1), ("strides", 1))
    ]
    masks = ("begin_mask", "end_mask", "ellipsis_mask", "new_axis_mask")
    return body.add(
        "StridedSlice",
        "Reshape/strided_slice",
        [vector, *bounds],
        {
            "T": dtype_attr(index),
            "Index": dtype_attr(dtype_of("int32")),
            **{mask: int_attr(0) for mask in masks},
            "shrink_axis_mask": int_attr(1),
        },
        shape_proto(()),
    )


def _integers(body: GraphBody, name: str, value: int | Sequence[int], dtype: int) -> str:
    """Adds a Const of int32 or int64: a scalar or a vector."""
    shape = shape_proto(() if isinstance(value, int) else (len(value),))
    values = [value] if isinstance(value, int) else value
    tensor = protos.TensorProto(dtype=dtype, tensor_shape=shape)
    (tensor.int_val if dtype == dtype_of("int32") else tensor.int64_val).extend(values)
    return constant(body, name, tensor)
