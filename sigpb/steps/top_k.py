"""The step that finds the best classes, and their scores."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from sigpb.steps.classes import SCORES, check_vectors
from sigpb.steps.graph_body import GraphBody, dtype_attr, integers
from sigpb.steps.step import ConversionError, Step
from sigpb.tf.tensor_types import TensorType, dtype_name, dtype_of, shape_proto, shape_text

_INT32 = dtype_of("int32")


@dataclass(frozen=True)
class TopK(Step):
    """The op ``TopKV2``: the greatest values along the last dimension, or where they are.

    They are sorted, the greatest first, and of equal ones that of the lower position. One step has
    one result. To get both, give the positions an output of their own:
    ``top_k(5, values_to='top_scores', indices_to='top_classes')`` as the last step of an output
    renames it to ``top_scores`` and adds the output ``top_classes``, which passes the same steps.

    Attributes:
        k: How many there are.
        part: ``values``, or ``indices`` for the positions, which are int32.
        values_to: The key that the output with the values gets.
        indices_to: The key of an output for the positions, which is added.
    """

    example: ClassVar = "float32 [?,1000] → top_k(5, 'indices')"

    k: int
    part: Literal["values", "indices"] = "values"
    values_to: str | None = None
    indices_to: str | None = None

    @property
    def names_outputs(self) -> bool:
        """Whether it stands for two outputs, so that a patch has to be written out first."""
        return self.values_to is not None or self.indices_to is not None

    def result(self, operand: TensorType) -> TensorType:
        """Returns the operand's type, or int32, with the last dimension of another size."""
        if dtype_name(operand.dtype) not in SCORES:
            raise ConversionError(f"top_k takes numbers, not {dtype_name(operand.dtype)}")
        check_vectors(self, operand)
        shape = operand.shape or ()
        if not 1 <= self.k < 2**31 or (shape[-1] is not None and self.k > shape[-1]):
            raise ConversionError(f"top_k cannot take {self.k} of {shape_text(shape)}")
        dtype = operand.dtype if self.part == "values" else _INT32
        return TensorType(dtype, (*shape[:-1], self.k))

    def classes(self, operand: TensorType) -> int | None:
        """The positions are smaller than the last dimension."""
        return operand.shape[-1] if operand.shape and self.part == "indices" else None

    def build(self, body: GraphBody, tensor: str, operand: TensorType) -> str:
        """Adds the TopKV2, and how many there are."""
        count = integers(body, "TopKV2/k", self.k, _INT32)
        shape = shape_proto(self.result(operand).shape)
        attributes = {"T": dtype_attr(operand.dtype)}
        values, indices = body.add("TopKV2", "TopKV2", [tensor, count], attributes, shape, shape)
        return values if self.part == "values" else indices

    def evaluate(self, value: Any) -> Any:
        """Returns what ``tf.math.top_k`` does."""
        import tensorflow as tf

        values, indices = tf.math.top_k(value, self.k)
        return values.numpy() if self.part == "values" else indices.numpy()

    def loss(self, operand: TensorType) -> str | None:
        """All others are lost."""
        which = "values" if self.part == "values" else "positions"
        return f"keeps only the {which} of the {self.k} greatest"
