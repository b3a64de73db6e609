"""Gives the elements of a tensor another shape."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sigpb.steps.attributes import dtype_attr
from sigpb.steps.shape_matching import check_reshape
from sigpb.steps.sizes import computed_shape, integers
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
            sizes = computed_shape(body, "Reshape", self.shape, self.axes, tensor, operand, index)
        else:
            wanted = [-1 if size is None else size for size in self.shape]
            sizes = integers(body, "Reshape/shape", wanted, index)
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
