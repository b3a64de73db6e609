"""The step that makes the rows of a batch of one value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from sigpb.steps.graph_body import GraphBody, dtype_attr, integers
from sigpb.steps.step import ConversionError, Step
from sigpb.tf.tensor_types import TensorType, dtype_of, shape_proto, shape_text

_INT32 = dtype_of("int32")


@dataclass(frozen=True)
class Broadcast(Step):
    """The op ``BroadcastTo``: one row for the whole batch becomes as many as the batch has.

    What goes in has no dimension for the batch. The rows are counted of the first input, by its
    key, that has any number of them and passes no such step. They are repeated behind all steps,
    so that these compute one row.
    """

    example: ClassVar = "float32 [3] → broadcast()"

    def result(self, operand: TensorType) -> TensorType:
        """Returns the type of any number of rows."""
        if operand.shape is None or None in operand.shape:
            raise ConversionError(
                f"broadcast takes one row, of which all sizes are known, not "
                f"{shape_text(operand.shape)}"
            )
        return TensorType(operand.dtype, (None, *operand.shape))

    def operand(self, result: TensorType) -> TensorType:
        """Returns the type of one row."""
        if not result.shape:
            raise ConversionError(f"broadcast does not return {shape_text(result.shape)}")
        return TensorType(result.dtype, result.shape[1:])

    def build(self, body: GraphBody, tensor: str, operand: TensorType) -> str:
        """Adds an ExpandDims, which makes one row of the value."""
        axis = integers(body, "Broadcast/dim", 0, _INT32)
        attributes = {"T": dtype_attr(operand.dtype), "Tdim": dtype_attr(_INT32)}
        shape = shape_proto((1, *(operand.shape or ())))
        [output] = body.add("ExpandDims", "Broadcast/row", [tensor, axis], attributes, shape)
        return output

    def evaluate(self, value: Any) -> Any:
        """Makes one row of an array."""
        return value[None]
