"""Steps that compute with each element by itself."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from sigpb import protos
from sigpb.steps.dtype_values import nearest
from sigpb.steps.graph_body import GraphBody, dtype_attr, elements
from sigpb.steps.step import ConversionError, Step, step_name
from sigpb.tf.tensor_types import (
    TensorType,
    dtype_name,
    dtype_of,
    integer_range,
    shape_proto,
    shape_text,
)

_FLOATS = ("float32", "float64", "float16", "bfloat16")
# Of integers, those of the attribute T of Minimum (tensorflow/core/ops/math_ops.cc).
_INTEGERS = {f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)}

Numbers = float | tuple[float, ...]
"""One number for all elements, or one for each along the last dimension, such as a channel."""


class SameType:
    """What steps have in common that leave the type as it is."""

    def operand(self, result: TensorType) -> TensorType:
        """Returns the type of the result."""
        return result


@dataclass(frozen=True)
class Scale(SameType, Step):
    """Subtracts a mean and divides by a standard deviation.

    It multiplies by ``1 / std``, rounded to the dtype: TensorFlow's optimizers would make that of a
    division by a constant (tensorflow/core/grappler/optimizers/constant_folding.cc).

    Attributes:
        mean: What is subtracted.
        std: What the difference is divided by.
    """

    example: ClassVar = "float32 [?,224,224,3] → scale([123.7, 116.8, 103.9], 58.4)"

    mean: Numbers
    std: Numbers

    def result(self, operand: TensorType) -> TensorType:
        """Returns the type of the operand, which has to be a float."""
        check_float(self, operand)
        for numbers in (self.mean, self.std):
            _check_numbers(self, numbers, operand)
        for number in _listed(self.std):
            if number == 0 or not _is_held(1 / number, operand.dtype):
                raise ConversionError(
                    f"scale cannot divide by {number} in {dtype_name(operand.dtype)}"
                )
        return operand

    def build(self, body: GraphBody, tensor: str, operand: TensorType) -> str:
        """Adds a Sub and a Mul."""
        tensor = _computed(body, "Sub", "Scale/sub", tensor, self.mean, operand)
        return _computed(body, "Mul", "Scale", tensor, self._reciprocal, operand)

    @property
    def _reciprocal(self) -> Numbers:
        if isinstance(self.std, tuple):
            return tuple(1 / each for each in self.std)
        return 1 / self.std

    def evaluate(self, value: Any) -> Any:
        """Scales an array."""
        return (value - _array(self.mean, value)) * _array(self._reciprocal, value)

    def loss(self, operand: TensorType) -> str | None:
        """Computing with floats rounds."""
        return "rounds"


@dataclass(frozen=True)
class Affine(SameType, Step):
    """Multiplies by a factor and adds an offset.

    Attributes:
        factor: The factor.
        offset: The offset.
    """

    example: ClassVar = "float32 [?,3] → affine(2, -1)"

    factor: Numbers
    offset: Numbers = 0.0

    def result(self, operand: TensorType) -> TensorType:
        """Returns the type of the operand, which has to be a float."""
        check_float(self, operand)
        for numbers in (self.factor, self.offset):
            _check_numbers(self, numbers, operand)
        return operand

    def build(self, body: GraphBody, tensor: str, operand: TensorType) -> str:
        """Adds a Mul and an AddV2."""
        tensor = _computed(body, "Mul", "Affine/mul", tensor, self.factor, operand)
        return _computed(body, "AddV2", "Affine", tensor, self.offset, operand)

    def evaluate(self, value: Any) -> Any:
        """Computes with an array."""
        return value * _array(self.factor, value) + _array(self.offset, value)

    def loss(self, operand: TensorType) -> str | None:
        """Computing with floats rounds."""
        return "rounds"


@dataclass(frozen=True)
class Clip(SameType, Step):
    """Takes the nearest value that lies between two others.

    Attributes:
        low: The least value.
        high: The greatest value.
    """

    example: ClassVar = "float32 [?,3] → clip(0, 1)"

    low: float
    high: float

    def result(self, operand: TensorType) -> TensorType:
        """Returns the type of the operand, which has to have both values."""
        values = integer_range(operand.dtype)
        if dtype_name(operand.dtype) not in _INTEGERS:
            check_float(self, operand, "integers")
        for bound in (self.low, self.high):
            if values:
                is_held = values[0] <= bound <= values[1] and float(bound).is_integer()
            else:
                is_held = _is_held(bound, operand.dtype)
            if not is_held:
                raise ConversionError(f"{dtype_name(operand.dtype)} has no value {bound}")
        if self.low > self.high:
            raise ConversionError(f"clip needs bounds in order, not {self.low} and {self.high}")
        return operand

    def build(self, body: GraphBody, tensor: str, operand: TensorType) -> str:
        """Adds a Minimum and a Maximum."""
        tensor = _computed(body, "Minimum", "Clip/minimum", tensor, self.high, operand)
        return _computed(body, "Maximum", "Clip", tensor, self.low, operand)

    def evaluate(self, value: Any) -> Any:
        """Clips an array."""
        import numpy as np

        return np.maximum(np.minimum(value, _array(self.high, value)), _array(self.low, value))

    def loss(self, operand: TensorType) -> str | None:
        """What lies outside is lost."""
        return f"values outside {self.low}…{self.high} become these"


@dataclass(frozen=True)
class Round(SameType, Step):
    """The op ``Round``: to the nearest whole number, halves to the even one."""

    example: ClassVar = "float32 [?,3] → round()"

    def result(self, operand: TensorType) -> TensorType:
        """Returns the type of the operand, which has to be a float."""
        check_float(self, operand)
        return operand

    def build(self, body: GraphBody, tensor: str, operand: TensorType) -> str:
        """Adds the Round."""
        attributes, shape = {"T": dtype_attr(operand.dtype)}, shape_proto(operand.shape)
        [output] = body.add("Round", "Round", [tensor], attributes, shape)
        return output

    def evaluate(self, value: Any) -> Any:
        """Rounds an array."""
        import numpy as np

        return np.rint(value)

    def loss(self, operand: TensorType) -> str | None:
        """What is behind the point is lost."""
        return "drops fractions"


@dataclass(frozen=True)
class Threshold(Step):
    """The op ``GreaterEqual``: whether each element is at least some value.

    Attributes:
        value: The value, which is rounded to the dtype of the elements.
    """

    example: ClassVar = "float32 [?,3] → threshold(0.5)"

    value: float

    def result(self, operand: TensorType) -> TensorType:
        """Returns bools of the shape of the operand, which has to be a float."""
        check_float(self, operand)
        _check_numbers(self, self.value, operand)
        return TensorType(dtype_of("bool"), operand.shape)

    def build(self, body: GraphBody, tensor: str, operand: TensorType) -> str:
        """Adds the GreaterEqual, and the value."""
        return _computed(body, "GreaterEqual", "Threshold", tensor, self.value, operand)

    def evaluate(self, value: Any) -> Any:
        """Returns an array of bools."""
        return value >= _array(self.value, value)

    def loss(self, operand: TensorType) -> str | None:
        """All else is lost."""
        return f"keeps only whether a value is at least {self.value}"


def check_float(step: Step, operand: TensorType, besides: str = "") -> None:
    """Makes sure that a step gets floats.

    Args:
        step: The step.
        operand: What it gets.
        besides: What else it takes, in words, which has been seen to already.

    Raises:
        ConversionError: It gets something else.
    """
    if dtype_name(operand.dtype) not in _FLOATS:
        takes = "floats" + (besides and f" and {besides}")
        dtype = dtype_name(operand.dtype)
        before = "string_to_number" if dtype == "string" else "cast"
        raise ConversionError(
            f"{step_name(type(step))} takes {takes}, not {dtype}; put {before}('float32') before it"
        )


def _check_numbers(step: Step, numbers: Numbers, operand: TensorType) -> None:
    if not all(_is_held(number, operand.dtype) for number in _listed(numbers)):
        raise ConversionError(
            f"{step_name(type(step))} cannot have the numbers {numbers}, which "
            f"{dtype_name(operand.dtype)} does not hold"
        )
    last = operand.shape[-1] if operand.shape else None
    if isinstance(numbers, tuple) and len(numbers) != last:
        raise ConversionError(
            f"{step_name(type(step))} has {len(numbers)} numbers for the last dimension of "
            f"{shape_text(operand.shape)}"
        )


def _is_held(number: float, dtype: int) -> bool:
    """Whether a float dtype has a value about a number: a finite one, and 0 for 0 only."""
    try:
        rounded: float = nearest(dtype)(float(number))
    except OverflowError:  # An integer that is too large for any float.
        return False
    largest: float = nearest(dtype)(sys.float_info.max)
    return abs(number) <= largest and (rounded == 0) == (number == 0)


def _listed(numbers: Numbers) -> tuple[float, ...]:
    return numbers if isinstance(numbers, tuple) else (numbers,)


def _computed(
    body: GraphBody, op: str, name: str, tensor: str, numbers: Numbers, operand: TensorType
) -> str:
    """Adds an op of two operands, the second of which is constant."""
    shape = (len(numbers),) if isinstance(numbers, tuple) else ()
    kind = float if integer_range(operand.dtype) is None else int
    values = map(kind, _listed(numbers))
    second = elements(body, f"{name}/y", values, operand.dtype, shape)
    attributes: Mapping[str, protos.AttrValue] = {"T": dtype_attr(operand.dtype)}
    [output] = body.add(op, name, [tensor, second], attributes, shape_proto(operand.shape))
    return output


def _array(numbers: Numbers, like: Any) -> Any:
    import numpy as np

    return np.array(numbers, like.dtype)
