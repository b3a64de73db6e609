"""Turns numbers and bools of one dtype into another."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from sigpb.steps.dtype_values import is_same, nearest, numpy_dtype
from sigpb.steps.graph_body import GraphBody, dtype_attr
from sigpb.steps.step import UNKNOWN_DTYPE, ConversionError, Step, Stored
from sigpb.tf.tensor_types import (
    TensorType,
    dtype_name,
    dtype_of,
    integer_range,
    plain_dtype,
    shape_proto,
)

# What the Cast kernels of TensorFlow 2.21 take and give on a CPU, as measured.
_INTEGERS = {f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)}
_SMALL_INTEGERS = {"int4", "uint4"}
_FLOATS = {"float16", "bfloat16", "float32", "float64"}
_SMALL_FLOATS = {"float8_e5m2", "float8_e4m3fn"}
_COMPLEX = {"complex64": "float32", "complex128": "float64"}
_COMMON = {"bool", *_INTEGERS, *_FLOATS, *_COMPLEX}
CASTABLE = frozenset(_COMMON | _SMALL_INTEGERS | _SMALL_FLOATS)
"""The names of the dtypes that have Cast kernels for more than themselves."""

# Of each float dtype: the bits of its significand, and about what its largest finite value is.
_SIGNIFICANDS = {
    "float8_e4m3fn": (4, 448.0),
    "float8_e5m2": (3, 57344.0),
    "float16": (11, 65504.0),
    "bfloat16": (8, 3.4e38),
    "float32": (24, 3.4e38),
    "float64": (53, 1.8e308),
}


def has_kernel(source: int, target: int) -> bool:
    """Tells whether TensorFlow can cast one dtype to another in a single step."""
    names = {dtype_name(source), dtype_name(target)}
    if names & _SMALL_INTEGERS:
        return names <= _SMALL_INTEGERS | _INTEGERS
    if dtype_name(target) in _SMALL_FLOATS:
        return names <= _SMALL_FLOATS | _FLOATS
    return names <= _COMMON | _SMALL_FLOATS


@dataclass(frozen=True)
class Cast(Step):
    """The op ``Cast``.

    Attributes:
        to: The name of the dtype wanted.
    """

    example: ClassVar = "uint8 [?,224,224,3] → cast('float32')"

    to: str

    def __post_init__(self) -> None:
        """Gives the dtype the name that it has in Python; raises a ValueError if there is none."""
        object.__setattr__(self, "to", plain_dtype(self.to))

    def result(self, operand: TensorType) -> TensorType:
        """Returns the operand's type with the dtype `to`."""
        if not has_kernel(operand.dtype, dtype_of(self.to)):
            raise ConversionError(
                f"TensorFlow cannot cast {dtype_name(operand.dtype)} to {self.to}."
            )
        return TensorType(dtype_of(self.to), operand.shape)

    def operand(self, result: TensorType) -> TensorType:
        """Returns the shape of the result; any dtype can be cast."""
        return TensorType(UNKNOWN_DTYPE, result.shape)

    def build(self, body: GraphBody, tensor: str, operand: TensorType) -> str:
        """Adds the Cast."""
        attributes = {"SrcT": dtype_attr(operand.dtype), "DstT": dtype_attr(dtype_of(self.to))}
        [output] = body.add("Cast", "Cast", [tensor], attributes, shape_proto(operand.shape))
        return output

    def evaluate(self, value: Any) -> Any:
        """Casts an array.

        TensorFlow gives the same bits, but for those that depend on its kernel and machine: floats
        that the integer dtype does not hold, subnormal numbers, the payload of a NaN.
        """
        import numpy as np

        target = numpy_dtype(dtype_of(self.to))
        if value.dtype.kind == "c" and target.kind != "c":
            value = value.real
        if value.dtype == np.float64 and target == np.float16:
            value = value.astype(np.float32)  # Eigen rounds twice, too.
        elif value.dtype.name in _SMALL_INTEGERS and target.name in _SMALL_INTEGERS:
            value = value.astype(np.int8)
        with np.errstate(all="ignore"):
            return value.astype(target)

    def inverse(self, value: Stored, operand: TensorType) -> tuple[Stored, bool]:
        """Returns the nearest values of the operand's dtype."""
        made = [*map(nearest(operand.dtype), value.elements)]
        is_exact = self.to == "bool" or all(map(is_same, made, value.elements))
        return Stored(made, value.sizes), is_exact

    def loss(self, operand: TensorType) -> str | None:
        """Says how values can change."""
        name, to = dtype_name(operand.dtype), dtype_of(self.to)
        if name not in _COMPLEX:
            return _loss(operand.dtype, to)
        real = _loss(dtype_of(_COMPLEX[name]), to)
        if self.to in _COMPLEX:
            return real
        return f"drops the imaginary part; {real}" if real else "drops the imaginary part"


def _loss(source: int, target: int) -> str | None:
    """The same, from a dtype that is not complex."""
    name, target_name = dtype_name(source), dtype_name(target)
    if name == target_name or name == "bool":
        return None
    if target_name == "bool":
        return "keeps only whether a value is 0"
    values, kept = integer_range(source), integer_range(target)
    if kept:
        if values is None:
            return "truncates toward zero; values out of range are undefined"
        if kept[0] <= values[0] and values[1] <= kept[1]:
            return None
        return f"values outside {kept[0]}…{kept[1]} do not fit"
    bits, largest = _SIGNIFICANDS[_COMPLEX.get(target_name, target_name)]
    said = []
    if values is None:
        source_bits, source_largest = _SIGNIFICANDS[name]
        if source_bits > bits or source_largest > largest:
            said.append("rounds")
    else:
        source_largest = max(-values[0], values[1])
        if source_largest > 2**bits:
            said.append(f"rounds beyond 2^{bits}")
    if source_largest > largest:
        said.append(f"values beyond ±{largest:.5g} do not fit")
    return "; ".join(said) or None
