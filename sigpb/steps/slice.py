"""A step that takes a part of what there is along the last dimension."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from sigpb.steps.graph_body import GraphBody, dtype_attr, integers
from sigpb.steps.step import ConversionError, Step
from sigpb.tf.tensor_types import TensorType, dtype_of, shape_proto, shape_text

_INT32 = dtype_of("int32")


@dataclass(frozen=True)
class Slice(Step):
    """The op ``Slice``, along the last dimension.

    Attributes:
        begin: The first position that is taken, from 0.
        size: How many are taken.
    """

    example: ClassVar = "float32 [?,1001] → slice(1, 1000)"

    begin: int
    size: int

    def result(self, operand: TensorType) -> TensorType:
        """Returns the operand's type with the last dimension of the size `size`."""
        last = operand.shape[-1] if operand.shape else None
        if last is None:
            raise ConversionError(
                "slice needs to know the size of the last dimension, which "
                f"{shape_text(operand.shape)} does not tell; state the shape that clients see"
            )
        end = self.begin + self.size
        if self.begin < 0 or self.size < 1 or end > last:
            raise ConversionError(
                f"slice takes {self.size} from {self.begin} on, but the last dimension of "
                f"{shape_text(operand.shape)} has {last}: 0 to {last - 1}"
            )
        return TensorType(operand.dtype, (*(operand.shape or ())[:-1], self.size))

    def operand(self, result: TensorType) -> TensorType:
        """Returns the type of the result with a last dimension of any size."""
        if result.shape == ():
            return super().operand(result)
        shape = None if result.shape is None else (*result.shape[:-1], None)
        return TensorType(result.dtype, shape)

    def build(self, body: GraphBody, tensor: str, operand: TensorType) -> str:
        """Adds the Slice, and where it begins and how large it is."""
        others = len(operand.shape or ()) - 1
        begin = integers(body, "Slice/begin", [0] * others + [self.begin], _INT32)
        size = integers(body, "Slice/size", [-1] * others + [self.size], _INT32)
        attributes = {"T": dtype_attr(operand.dtype), "Index": dtype_attr(_INT32)}
        shape = shape_proto(self.result(operand).shape)
        [output] = body.add("Slice", "Slice", [tensor, begin, size], attributes, shape)
        return output

    def evaluate(self, value: Any) -> Any:
        """Takes the part of an array."""
        return value[..., self.begin : self.begin + self.size]

    def loss(self, operand: TensorType) -> str | None:
        """What lies outside is lost."""
        return f"drops all but {self.begin}…{self.begin + self.size - 1}"
