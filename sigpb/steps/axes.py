"""Steps that move, add or remove dimensions, and leave the elements as they are."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Any, ClassVar

from sigpb.steps.graph_body import GraphBody, dtype_attr, integers
from sigpb.steps.step import ConversionError, Step, Stored
from sigpb.tf.tensor_types import TensorType, dtype_of, shape_proto, shape_text

_INT32 = dtype_of("int32")


@dataclass(frozen=True)
class Transpose(Step):
    """The op ``Transpose``.

    Attributes:
        axes: For each dimension of the result, which one of the operand it is: ``0, 3, 1, 2`` makes
            channels-last images channels-first.
    """

    example: ClassVar = "float32 [?,3,224,224] → transpose(0, 2, 3, 1)"

    axes: tuple[int, ...]

    def result(self, operand: TensorType) -> TensorType:
        """Returns the operand's type with its dimensions in another order."""
        rank = _rank(self, operand)
        if sorted(self.axes) != [*range(len(self.axes))]:
            raise ConversionError(f"{[*self.axes]} is no order of dimensions that count from 0")
        if len(self.axes) != rank:
            raise ConversionError(
                f"transpose orders {len(self.axes)} dimensions, but there are {rank}: "
                f"{shape_text(operand.shape)}"
            )
        shape = operand.shape or ()
        return TensorType(operand.dtype, tuple(shape[axis] for axis in self.axes))

    def operand(self, result: TensorType) -> TensorType:
        """Returns the type with the dimensions in the order before."""
        return Transpose(self._back).result(result)

    @property
    def _back(self) -> tuple[int, ...]:
        return tuple(sorted(range(len(self.axes)), key=lambda position: self.axes[position]))

    def build(self, body: GraphBody, tensor: str, operand: TensorType) -> str:
        """Adds the Transpose, and the order."""
        order = integers(body, "Transpose/perm", self.axes, _INT32)
        attributes = {"T": dtype_attr(operand.dtype), "Tperm": dtype_attr(_INT32)}
        shape = shape_proto(self.result(operand).shape)
        [output] = body.add("Transpose", "Transpose", [tensor, order], attributes, shape)
        return output

    def evaluate(self, value: Any) -> Any:
        """Transposes an array."""
        return value.transpose(self.axes)

    def inverse(self, value: Stored, operand: TensorType) -> tuple[Stored, bool]:
        """Puts the elements into the order before."""
        if len(value.sizes) != len(self.axes):
            raise ValueError(f"{shape_text(value.sizes)} has not {len(self.axes)} dimensions")
        sizes = tuple(value.sizes[axis] for axis in self._back)
        if len(value.elements) < 2:  # One stands for all.
            return Stored(value.elements, sizes), True
        elements = value.elements + value.elements[-1:] * (prod(sizes) - len(value.elements))
        strides = [prod(value.sizes[axis + 1 :]) for axis in self._back]
        places = [0]
        for size, stride in zip(sizes, strides, strict=True):
            places = [place + step * stride for place in places for step in range(size)]
        return Stored([elements[place] for place in places], sizes), True


@dataclass(frozen=True)
class ExpandDims(Step):
    """The op ``ExpandDims``: adds a dimension of the size 1.

    Attributes:
        axis: Which dimension of the result it is; negative ones count from the end.
    """

    example: ClassVar = "float32 [?,28,28] → expand_dims(-1)"

    axis: int

    def result(self, operand: TensorType) -> TensorType:
        """Returns the operand's type with one dimension more."""
        rank = _rank(self, operand) + 1
        axis = _axis(self.axis, rank)
        shape = operand.shape or ()
        return TensorType(operand.dtype, (*shape[:axis], 1, *shape[axis:]))

    def operand(self, result: TensorType) -> TensorType:
        """Returns the type without the dimension."""
        return Squeeze(self.axis).result(result)

    def build(self, body: GraphBody, tensor: str, operand: TensorType) -> str:
        """Adds the ExpandDims, and the axis."""
        axis = integers(body, "ExpandDims/dim", self.axis, _INT32)
        attributes = {"T": dtype_attr(operand.dtype), "Tdim": dtype_attr(_INT32)}
        shape = shape_proto(self.result(operand).shape)
        [output] = body.add("ExpandDims", "ExpandDims", [tensor, axis], attributes, shape)
        return output

    def evaluate(self, value: Any) -> Any:
        """Adds the dimension to an array."""
        return value.reshape(_with(value.shape, _axis(self.axis, value.ndim + 1)))

    def inverse(self, value: Stored, operand: TensorType) -> tuple[Stored, bool]:
        """Removes the dimension, of which a value has to have one."""
        axis = _axis(self.axis, len(value.sizes))
        if value.sizes[axis] != 1:
            raise ValueError(f"{shape_text(value.sizes)} has more than one along dimension {axis}")
        return Stored(value.elements, _without(value.sizes, axis)), True


@dataclass(frozen=True)
class Squeeze(Step):
    """The op ``Squeeze``: removes a dimension of the size 1.

    Attributes:
        axis: Which dimension of the operand it is; negative ones count from the end.
    """

    example: ClassVar = "float32 [?,28,28,1] → squeeze(-1)"

    axis: int

    def result(self, operand: TensorType) -> TensorType:
        """Returns the operand's type without the dimension."""
        axis = _axis(self.axis, _rank(self, operand))
        shape = operand.shape or ()
        if shape[axis] != 1:
            raise ConversionError(
                f"squeeze removes a dimension of the size 1, which dimension {axis} of "
                f"{shape_text(shape)} is not known to be"
            )
        return TensorType(operand.dtype, _without(shape, axis))

    def operand(self, result: TensorType) -> TensorType:
        """Returns the type with the dimension."""
        return ExpandDims(self.axis).result(result)

    def build(self, body: GraphBody, tensor: str, operand: TensorType) -> str:
        """Adds the Squeeze."""
        from sigpb import protos

        axis = _axis(self.axis, len(operand.shape or ()))
        removed = protos.AttrValue()
        removed.list.i.append(axis)
        attributes = {"T": dtype_attr(operand.dtype), "squeeze_dims": removed}
        shape = shape_proto(self.result(operand).shape)
        [output] = body.add("Squeeze", "Squeeze", [tensor], attributes, shape)
        return output

    def evaluate(self, value: Any) -> Any:
        """Removes the dimension of an array."""
        return value.reshape(_without(value.shape, _axis(self.axis, value.ndim)))

    def inverse(self, value: Stored, operand: TensorType) -> tuple[Stored, bool]:
        """Adds the dimension."""
        axis = _axis(self.axis, len(value.sizes) + 1)
        return Stored(value.elements, _with(value.sizes, axis)), True


def _rank(step: Step, operand: TensorType) -> int:
    if operand.shape is None:
        raise ConversionError(f"{step.describe()} needs to know how many dimensions there are")
    return len(operand.shape)


def _axis(axis: int, rank: int) -> int:
    """Returns a dimension as a number that counts from 0."""
    if not -rank <= axis < rank:
        raise ConversionError(f"there is no dimension {axis} among {rank}")
    return axis % rank


def _with(sizes: tuple[Any, ...], axis: int) -> tuple[Any, ...]:
    return (*sizes[:axis], 1, *sizes[axis:])


def _without(sizes: tuple[Any, ...], axis: int) -> tuple[Any, ...]:
    return (*sizes[:axis], *sizes[axis + 1 :])
