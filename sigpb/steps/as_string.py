"""Writes numbers and bools as text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from sigpb.steps.dtype_values import nearest
from sigpb.steps.graph_body import GraphBody, dtype_attr
from sigpb.steps.step import UNKNOWN_DTYPE, ConversionError, Step, Stored
from sigpb.tf.tensor_types import TensorType, dtype_name, dtype_of, shape_proto

# The attribute T in tensorflow/core/ops/string_ops.cc, but for variant, and string itself.
_FRACTIONS = {"float16", "bfloat16", "float32", "float64", "complex64", "complex128"}
_ACCEPTED = _FRACTIONS | {"bool"}
_ACCEPTED |= {f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)}


def takes(dtype: int) -> bool:
    """Tells whether the op ``AsString`` takes a dtype."""
    return dtype_name(dtype) in _ACCEPTED


@dataclass(frozen=True)
class AsString(Step):
    """The op ``AsString`` with its defaults: ``true``, ``-7``, ``0.500000``."""

    example: ClassVar = "float32 [?,3] → as_string()"

    def result(self, operand: TensorType) -> TensorType:
        """Returns the operand's type with the dtype string."""
        if not takes(operand.dtype):
            raise ConversionError(
                f"TensorFlow cannot write {dtype_name(operand.dtype)} as a string."
            )
        return TensorType(dtype_of("string"), operand.shape)

    def operand(self, result: TensorType) -> TensorType:
        """Returns the shape of the result; many dtypes can be written."""
        return TensorType(UNKNOWN_DTYPE, result.shape)

    def build(self, body: GraphBody, tensor: str, operand: TensorType) -> str:
        """Adds the AsString."""
        attributes = {"T": dtype_attr(operand.dtype)}
        shape = shape_proto(operand.shape)
        [output] = body.add("AsString", "AsString", [tensor], attributes, shape)
        return output

    def evaluate(self, value: Any) -> Any:
        """Returns an array of ``bytes`` objects."""
        import numpy as np

        texts = np.empty(value.shape, dtype=object)
        texts.ravel()[:] = [_text(element).encode() for element in value.ravel()]
        return texts

    def inverse(self, value: Stored, operand: TensorType) -> tuple[Stored, bool]:
        """Reads the numbers that the texts are; what is none is read as 0."""
        made = [nearest(operand.dtype)(_read(text)) for text in value.elements]
        is_exact = all(
            _written(new) == text for new, text in zip(made, value.elements, strict=True)
        )
        return Stored(made, value.sizes), is_exact

    def loss(self, operand: TensorType) -> str | None:
        """Says how values can change."""
        if dtype_name(operand.dtype) in _FRACTIONS:
            return "keeps six decimals"
        return None


def _text(element: Any) -> str:
    """What ``%d``, or ``%f`` with its six decimals, makes of a numpy scalar."""
    import numpy as np

    if element.dtype.kind == "b":
        return "true" if element else "false"
    if element.dtype.kind in "iu":
        return str(int(element))
    if element.dtype.kind == "c":
        return f"({_text(element.real)},{_text(element.imag)})"
    number = float(element)
    return "-nan" if np.isnan(number) and np.signbit(number) else f"{number:f}"


def _written(value: Any) -> bytes:
    """What the op makes of a Python number."""
    if isinstance(value, bool):
        return b"true" if value else b"false"
    if isinstance(value, complex):
        return f"({value.real:f},{value.imag:f})".encode()
    return (f"{value:f}" if isinstance(value, float) else f"{value:d}").encode()


def _read(text: bytes) -> Any:
    """Reads what the op wrote; anything else as 0."""
    if text in (b"true", b"false"):
        return text == b"true"
    try:
        if text[:1] == b"(":
            return complex(*map(float, text.strip(b"()").split(b",")))
        return int(text)
    except (ValueError, TypeError):
        pass
    try:
        return float(text)
    except ValueError:
        return 0
