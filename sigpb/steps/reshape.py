"""Gives the elements of a tensor another shape."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Any, ClassVar

from sigpb.steps.graph_body import GraphBody, computed_shape, dtype_attr, integers
from sigpb.steps.shape_matching import check_reshape, shape_change, sources_of_unknown_sizes
from sigpb.steps.step import ConversionError, Step, Stored
from sigpb.tf.tensor_types import (
    Shape,
    TensorType,
    dtype_of,
    is_compatible,
    shape_proto,
    shape_text,
)


@dataclass(frozen=True)
class Reshape(Step):
    """The op ``Reshape``.

    Attributes:
        shape: The shape wanted, None for a size that is known only at run time.
        axes: For each None the axis of the operand that has this size. Without them there is at
            most one None, and it stands for what is left over (``-1``).
    """

    example: ClassVar = "float32 [?,784] → reshape([None, 28, 28, 1])"

    shape: tuple[int | None, ...]
    axes: tuple[int, ...] = ()

    def result(self, operand: TensorType) -> TensorType:
        """Returns the operand's type with the shape wanted."""
        if any(size is not None and not 0 <= size < 2**63 for size in self.shape):
            raise ConversionError(f"there is no shape {shape_text(self.shape)}")
        check_reshape(operand.shape, self.shape, insist=True)
        self._check_axes(operand.shape)
        return TensorType(operand.dtype, self.shape)

    def _check_axes(self, shape: Shape) -> None:
        """Makes sure that the sizes that are not known are those of the axes."""
        if self.axes and self.axes != (found := sources_of_unknown_sizes(shape, self.shape)):
            raise ConversionError(
                f"the axes {[*self.axes]} do not have the sizes that {shape_text(self.shape)} "
                f"leaves open, but {[*found]} have"
            )
        if not self.axes and self.shape.count(None) > 1:
            found = sources_of_unknown_sizes(shape, self.shape)
            raise ConversionError(
                f"{shape_text(self.shape)} leaves several sizes open; add the axes that have "
                f"them: axes={[*found]}"
            )

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
        [output] = body.add(
            "Reshape",
            "Reshape",
            [tensor, sizes],
            {"T": dtype_attr(operand.dtype), "Tshape": dtype_attr(index)},
            shape_proto(self.shape),
        )
        return output

    def evaluate(self, value: Any) -> Any:
        """Reshapes an array."""
        sizes = iter([value.shape[axis] for axis in self.axes] or [-1])
        return value.reshape([next(sizes) if size is None else size for size in self.shape])

    def inverse(self, value: Stored, operand: TensorType) -> tuple[Stored, bool]:
        """Gives the elements the shape of the operand, as far as they fill it."""
        sizes = arranged(value.sizes, self.shape, operand.shape)
        return Stored(value.elements, sizes), is_compatible(sizes, operand.shape)


def arranged(now: tuple[int, ...], before: Shape, after: Shape) -> tuple[int, ...]:
    """Returns the sizes that the elements have after a reshape, of the rank of the new shape.

    If they cannot fill it, or a part of it, they are in one row.
    """
    if after is None or (len(now) == len(after) and shape_change(before, after) != "reshape"):
        return now
    if after.count(None) > 1 and before is not None and len(now) == len(before):
        try:
            found = iter(sources_of_unknown_sizes(before, after))
            return tuple(now[next(found)] if size is None else size for size in after)
        except ConversionError:
            pass  # What is left over goes into the first one.
    if not after:
        return now if prod(now) != 1 else ()
    open_axis = after.index(None) if None in after else 0
    others = [1 if size is None else size for size in after]
    others[open_axis] = 1
    left, over = divmod(prod(now), prod(others) or 1)
    if over or 0 in others:
        return (1,) * (len(after) - 1) + (prod(now),)
    others[open_axis] = left
    return tuple(others)
