"""Values of tensors as the JSON that patches state them in: what `tensor_values` reads."""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Sequence
from typing import Any

from sigpb import protos
from sigpb.tf.tensor_elements import elements, sizes
from sigpb.tf.tensor_types import dtype_name

_LARGEST = 1 << 16


def value_text(tensor: protos.TensorProto) -> str | None:
    """Writes a value in JSON; None if it is too large, or of a dtype that JSON has no values for.

    `sigpb.tf.tensor_values.tensor_proto` reads it back, given the dtype and the shape.
    """
    try:
        shape = sizes(tensor)
        if math.prod(shape) > _LARGEST:
            return None
        stored = elements(tensor)
        missing = math.prod(shape) - len(stored)
        values = [_json_value(value, dtype_name(tensor.dtype)) for value in stored]
        return json.dumps(_nested([*values, *values[-1:] * missing], shape), ensure_ascii=False)
    except (TypeError, ValueError):  # Such as complex numbers, and bytes that are not text.
        return None


def _json_value(value: Any, name: str) -> Any:
    if isinstance(value, bytes):
        return value.decode()
    return _shortest(value) if name == "float32" and math.isfinite(value) else value


def _shortest(value: float) -> float:
    """Returns the number of the fewest digits that is the same float32."""
    shorter = (float(f"{value:.{digits}g}") for digits in range(1, 9))
    return next((number for number in shorter if _is_float32(number, value)), value)


def _is_float32(number: float, value: float) -> bool:
    try:
        return struct.pack("<f", number) == struct.pack("<f", value)
    except OverflowError:
        return False


def _nested(values: Sequence[Any], shape: tuple[int, ...]) -> Any:
    if not shape:
        return values[0]
    step = math.prod(shape[1:])
    return [
        _nested(values[index * step : (index + 1) * step], shape[1:]) for index in range(shape[0])
    ]
