"""Reads text as numbers."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, ClassVar

from sigpb.steps.dtype_values import numpy_dtype
from sigpb.steps.graph_body import GraphBody, dtype_attr
from sigpb.steps.step import ConversionError, Step, Stored
from sigpb.tf.tensor_types import (
    TensorType,
    dtype_name,
    dtype_of,
    integer_range,
    plain_dtype,
    shape_proto,
)

# tensorflow/core/kernels/string_to_number_op.cc
_READABLE = {"int32", "int64", "uint32", "uint64", "float32", "float64"}
_WHITESPACE = b" \t\n\v\f\r"
_DECIMAL = rb"(\d+\.?\d*|\.\d+)(e[+-]?\d+)?"
_HEXADECIMAL = rb"0x([0-9a-f]+\.?[0-9a-f]*|\.[0-9a-f]+)(p[+-]?\d+)?"
_FLOAT = re.compile(rb"[+-]?(inf|infinity|nan|%b|%b)" % (_DECIMAL, _HEXADECIMAL), re.IGNORECASE)
_SIGNED = re.compile(rb"[+-]?\d+")
_UNSIGNED = re.compile(rb"\+?\d+")


@dataclass(frozen=True)
class StringToNumber(Step):
    """The op ``StringToNumber``, which fails at run time on text that is not a number.

    Attributes:
        to: The name of the dtype wanted: int32, int64, uint32, uint64, float32 or float64.
    """

    example: ClassVar = "string [?] → string_to_number('float32')"

    to: str

    def __post_init__(self) -> None:
        """Gives the dtype the name that it has in Python; raises a ValueError if there is none."""
        object.__setattr__(self, "to", plain_dtype(self.to))

    def result(self, operand: TensorType) -> TensorType:
        """Returns the operand's type with the dtype `to`."""
        if operand.dtype != dtype_of("string") or self.to not in _READABLE:
            raise ConversionError(
                f"TensorFlow cannot read {dtype_name(operand.dtype)} as {self.to}."
            )
        return TensorType(dtype_of(self.to), operand.shape)

    def operand(self, result: TensorType) -> TensorType:
        """Returns strings of the shape of the result."""
        return TensorType(dtype_of("string"), result.shape)

    def build(self, body: GraphBody, tensor: str, operand: TensorType) -> str:
        """Adds the StringToNumber."""
        attributes = {"out_type": dtype_attr(dtype_of(self.to))}
        shape = shape_proto(operand.shape)
        [output] = body.add("StringToNumber", "StringToNumber", [tensor], attributes, shape)
        return output

    def evaluate(self, value: Any) -> Any:
        """Reads an array of ``bytes`` objects.

        Raises:
            ValueError: An element is not such a number; TensorFlow reports an InvalidArgument.
        """
        import numpy as np

        numbers = [self._number(element) for element in value.ravel()]
        with np.errstate(over="ignore"):
            return np.array(numbers, dtype=numpy_dtype(dtype_of(self.to))).reshape(value.shape)

    def _number(self, element: bytes) -> float:
        text = element.strip(_WHITESPACE)
        limits = integer_range(dtype_of(self.to))
        if limits is None:
            if _FLOAT.fullmatch(text):
                if b"x" in text.lower():
                    return float.fromhex(text.decode())
                return float(text)
        elif (_SIGNED if limits[0] else _UNSIGNED).fullmatch(text):
            number = int(text)
            if limits[0] <= number <= limits[1]:
                return number
        raise ValueError(f"{element!r} does not read as {self.to}.")

    def inverse(self, value: Stored, operand: TensorType) -> tuple[Stored, bool]:
        """Writes numbers so that the op reads them."""
        return Stored([repr(element).encode() for element in value.elements], value.sizes), True

    def loss(self, operand: TensorType) -> str | None:
        """Says what happens to other text."""
        return f"text that does not read as {self.to} fails"
