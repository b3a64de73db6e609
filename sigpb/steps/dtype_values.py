"""The values of dtypes: the nearest one to a number, and what numpy calls them."""

from __future__ import annotations

import importlib
import math
import struct
from collections.abc import Callable
from typing import Any

from sigpb.tf.tensor_elements import bfloat16_bits, float_of_bits
from sigpb.tf.tensor_types import dtype_name, integer_range

_CODES = {"float16": "<e", "float32": "<f", "float64": "<d"}
_LARGEST = {
    "float16": 65504.0,
    "bfloat16": float.fromhex("0x1.fep127"),
    "float32": float.fromhex("0x1.fffffep127"),
}
_COMPLEX = {"complex64": "float32", "complex128": "float64"}


def nearest(dtype: int) -> Callable[[Any], Any]:
    """Returns what makes of a bool, int, float or complex number the nearest one of a dtype.

    The function raises a ValueError if values of the dtype are not known here.
    """
    return _nearest(dtype_name(dtype), integer_range(dtype))


def is_same(first: complex, second: complex) -> bool:
    """Whether two numbers are the same; a NaN is the same as another."""
    parts = ((first.real, second.real), (first.imag, second.imag))
    return all(one == other or (one != one and other != other) for one, other in parts)


def _nearest(name: str, limits: tuple[int, int] | None) -> Callable[[Any], Any]:
    """Returns what makes of a number the nearest one of a dtype."""
    if limits:
        lowest, highest = limits
        return lambda value: min(max(_integer(value.real, lowest, highest), lowest), highest)
    if name == "bool":
        return lambda value: bool(value.real >= 0.5)
    if name in _COMPLEX:
        part = _nearest(_COMPLEX[name], None)
        return lambda value: complex(part(value.real), part(value.imag))
    if name == "bfloat16":
        return lambda value: _limited(_nearest_bfloat16, float(value.real), _LARGEST[name])
    if name not in _CODES:
        raise ValueError(f"values of dtype {name} cannot be read or written")
    if name == "float64":
        return lambda value: float(value.real)
    packing = struct.Struct(_CODES[name])

    def rounded(number: float) -> float:
        result: float
        (result,) = packing.unpack(packing.pack(number))
        return result

    return lambda value: _limited(rounded, float(value.real), _LARGEST[name])


def _integer(value: float, lowest: int, highest: int) -> int:
    if math.isfinite(value):
        return round(value)
    return 0 if math.isnan(value) else highest if value > 0 else lowest


def _nearest_bfloat16(number: float) -> float:
    return float_of_bits(bfloat16_bits(number), "bfloat16")


def _limited(rounded: Callable[[float], float], number: float, largest: float) -> float:
    try:
        return rounded(number)
    except OverflowError:
        return math.copysign(largest, number)


def numpy_dtype(dtype: int) -> Any:
    """Returns the numpy dtype of a numeric or bool dtype.

    Those that numpy lacks (bfloat16, float8, int4) are from ml_dtypes, which TensorFlow brings.
    """
    import numpy as np

    name = dtype_name(dtype)
    try:
        return np.dtype(name)
    except TypeError:
        return np.dtype(getattr(importlib.import_module("ml_dtypes"), name))
