"""Steps between classes, as numbers, and a score for each of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from sigpb.steps.graph_body import GraphBody, dtype_attr, elements, int_attr, integers
from sigpb.steps.step import ConversionError, Step, step_name
from sigpb.tf.tensor_types import TensorType, dtype_name, dtype_of, shape_proto, shape_text

_INT32, _INT64, _FLOAT = map(dtype_of, ("int32", "int64", "float32"))

# The attribute T of ArgMax and TopKV2 that has CPU kernels, and TI of OneHot
# (tensorflow/core/kernels/argmax_op.cc, topk_op.cc, one_hot_op.cc).
SCORES = {f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)}
SCORES |= {"float16", "bfloat16", "float32", "float64"}
_CLASSES = {"uint8", "int8", "int32", "int64"}


@dataclass(frozen=True)
class Argmax(Step):
    """The op ``ArgMax``: where the greatest value is along the last dimension, the first one."""

    example: ClassVar = "float32 [?,1000] → argmax()"

    def result(self, operand: TensorType) -> TensorType:
        """Returns int64, without the last dimension."""
        if dtype_name(operand.dtype) not in SCORES:
            raise ConversionError(f"argmax takes numbers, not {dtype_name(operand.dtype)}")
        check_vectors(self, operand)
        return TensorType(_INT64, (operand.shape or ())[:-1])

    def classes(self, operand: TensorType) -> int | None:
        """They are as many as the last dimension has."""
        return operand.shape[-1] if operand.shape else None

    def build(self, body: GraphBody, tensor: str, operand: TensorType) -> str:
        """Adds the ArgMax, and the dimension."""
        axis = integers(body, "ArgMax/dimension", -1, _INT32)
        attributes = {
            "T": dtype_attr(operand.dtype),
            "Tidx": dtype_attr(_INT32),
            "output_type": dtype_attr(_INT64),
        }
        shape = shape_proto(self.result(operand).shape)
        [output] = body.add("ArgMax", "ArgMax", [tensor, axis], attributes, shape)
        return output

    def evaluate(self, value: Any) -> Any:
        """Finds the greatest values of an array."""
        return value.argmax(-1)

    def loss(self, operand: TensorType) -> str | None:
        """The scores are lost."""
        return "keeps only where the greatest value is"


@dataclass(frozen=True)
class OneHot(Step):
    """The op ``OneHot``: 1.0 for the class, 0.0 for the others, along a new last dimension.

    Attributes:
        depth: How many classes there are. Others are 0.0 throughout.
    """

    example: ClassVar = "int64 [?] → one_hot(10)"

    depth: int

    def result(self, operand: TensorType) -> TensorType:
        """Returns float32, with one dimension more."""
        if dtype_name(operand.dtype) not in _CLASSES:
            raise ConversionError(
                f"one_hot takes {', '.join(sorted(_CLASSES))}, not {dtype_name(operand.dtype)}"
            )
        if operand.shape is None:
            raise ConversionError("one_hot needs to know how many dimensions there are")
        if not 1 <= self.depth < 2**31:
            raise ConversionError(f"one_hot cannot have the depth {self.depth}")
        return TensorType(_FLOAT, (*operand.shape, self.depth))

    def operand(self, result: TensorType) -> TensorType:
        """Returns int64, without the last dimension."""
        if not result.shape:
            raise ConversionError(f"one_hot does not return {shape_text(result.shape)}")
        return TensorType(_INT64, result.shape[:-1])

    def build(self, body: GraphBody, tensor: str, operand: TensorType) -> str:
        """Adds the OneHot, and what it puts where."""
        depth = integers(body, "OneHot/depth", self.depth, _INT32)
        on, off = (
            elements(body, f"OneHot/{name}", [value], _FLOAT)
            for name, value in (("on", 1.0), ("off", 0.0))
        )
        attributes = {
            "T": dtype_attr(_FLOAT),
            "TI": dtype_attr(operand.dtype),
            "axis": int_attr(-1),
        }
        shape = shape_proto(self.result(operand).shape)
        [output] = body.add("OneHot", "OneHot", [tensor, depth, on, off], attributes, shape)
        return output

    def evaluate(self, value: Any) -> Any:
        """Returns an array of float32."""
        import numpy as np

        classes = np.arange(self.depth)
        return (value[..., None].astype(np.int64) == classes).astype(np.float32)


def check_vectors(step: Step, operand: TensorType) -> None:
    """Makes sure that a step which works along the last dimension does not mix examples.

    Raises:
        ConversionError: There is no dimension besides the first one, or whether is not known.
    """
    if operand.shape is None or len(operand.shape) < 2:
        how = "; put a step such as reshape([None, 10]) before it"
        raise ConversionError(
            f"{step_name(type(step))} takes a vector for each example, not "
            f"{shape_text(operand.shape)}{how if operand.shape is None else ''}"
        )
