"""Steps that make other scores of scores.

TensorFlow's kernels round otherwise than numpy does. So that `verify` can compare bits all the
same, TensorFlow's own functions say what becomes of a value, apart from any model.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from sigpb import protos
from sigpb.steps.arithmetic import SameType, check_float
from sigpb.steps.classes import check_vectors
from sigpb.steps.graph_body import GraphBody, dtype_attr, elements, integers
from sigpb.steps.step import Step
from sigpb.tf.tensor_types import TensorType, dtype_of, shape_proto

_INT32 = dtype_of("int32")

_LEAST = 1e-12
"""The default of ``epsilon`` in tensorflow/python/ops/nn_impl.py: the least sum of squares."""


@dataclass(frozen=True)
class _FloatOp(SameType, Step):
    """What steps have in common that are an op of their name, which takes floats."""

    def result(self, operand: TensorType) -> TensorType:
        """Returns the type of the operand, which has to be a float."""
        check_float(self, operand)
        return operand

    def build(self, body: GraphBody, tensor: str, operand: TensorType) -> str:
        """Adds the op."""
        return _computed(body, type(self).__name__, type(self).__name__, [tensor], operand)

    def loss(self, operand: TensorType) -> str | None:
        """Computing with floats rounds."""
        return "rounds"


@dataclass(frozen=True)
class Softmax(_FloatOp):
    """The op ``Softmax``: probabilities along the last dimension, which add up to 1."""

    example: ClassVar = "float32 [?,1000] → softmax()"

    def result(self, operand: TensorType) -> TensorType:
        """Returns the type of the operand, which has to be vectors of floats."""
        check_vectors(self, operand)
        return super().result(operand)

    def evaluate(self, value: Any) -> Any:
        """Returns what ``tf.nn.softmax`` does."""
        import tensorflow as tf

        return tf.nn.softmax(value).numpy()


@dataclass(frozen=True)
class Sigmoid(_FloatOp):
    """The op ``Sigmoid``: of each element x, ``1 / (1 + exp(-x))``."""

    example: ClassVar = "float32 [?,3] → sigmoid()"

    def evaluate(self, value: Any) -> Any:
        """Returns what ``tf.math.sigmoid`` does."""
        import tensorflow as tf

        return tf.math.sigmoid(value).numpy()


@dataclass(frozen=True)
class Log(_FloatOp):
    """The op ``Log``: the natural logarithm of each element, which is -inf for 0."""

    example: ClassVar = "float32 [?,3] → log()"

    def evaluate(self, value: Any) -> Any:
        """Returns what ``tf.math.log`` does."""
        import tensorflow as tf

        return tf.math.log(value).numpy()

    def loss(self, operand: TensorType) -> str | None:
        """Not every number has a logarithm."""
        return "rounds; values below 0 become NaN"


@dataclass(frozen=True)
class Exp(_FloatOp):
    """The op ``Exp``: e to the power of each element."""

    example: ClassVar = "float32 [?,3] → exp()"

    def evaluate(self, value: Any) -> Any:
        """Returns what ``tf.math.exp`` does."""
        import tensorflow as tf

        return tf.math.exp(value).numpy()

    def loss(self, operand: TensorType) -> str | None:
        """Not every power is a number of the dtype."""
        return "rounds; large values become inf"


@dataclass(frozen=True)
class L2Normalize(_FloatOp):
    """What ``tf.math.l2_normalize`` does: vectors along the last dimension get the length 1.

    One whose squares add up to less than 1e-12 gets a smaller one; float16, which does not hold
    1e-12, makes NaN of zeros.
    """

    example: ClassVar = "float32 [?,512] → l2_normalize()"

    def result(self, operand: TensorType) -> TensorType:
        """Returns the type of the operand, which has to be vectors of floats."""
        check_vectors(self, operand)
        return super().result(operand)

    def build(self, body: GraphBody, tensor: str, operand: TensorType) -> str:
        """Adds a Square, Sum, Maximum, Rsqrt and Mul."""
        name = type(self).__name__
        one = TensorType(operand.dtype, (*(operand.shape or ())[:-1], 1))
        squares = _computed(body, "Square", f"{name}/Square", [tensor], operand)
        axis = integers(body, f"{name}/axis", -1, _INT32)
        kept = {"Tidx": dtype_attr(_INT32), "keep_dims": protos.AttrValue(b=True)}
        total = _computed(body, "Sum", f"{name}/Sum", [squares, axis], one, kept)
        least = elements(body, f"{name}/epsilon", [_LEAST], operand.dtype)
        total = _computed(body, "Maximum", f"{name}/Maximum", [total, least], one)
        factor = _computed(body, "Rsqrt", f"{name}/Rsqrt", [total], one)
        return _computed(body, "Mul", name, [tensor, factor], operand)

    def evaluate(self, value: Any) -> Any:
        """Returns what ``tf.math.l2_normalize`` does."""
        import tensorflow as tf

        return tf.math.l2_normalize(value, axis=-1).numpy()


def _computed(
    body: GraphBody,
    op: str,
    name: str,
    inputs: list[str],
    result: TensorType,
    attributes: dict[str, protos.AttrValue] | None = None,
) -> str:
    """Adds an op that returns the dtype which it takes."""
    known = {"T": dtype_attr(result.dtype), **(attributes or {})}
    [output] = body.add(op, name, inputs, known, shape_proto(result.shape))
    return output
