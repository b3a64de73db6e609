"""Values of tensors, from the text in which people write them to TensorProtos."""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Iterator
from typing import Any

from sigpb import protos
from sigpb.parsers import parse_json_value
from sigpb.tf.tensor_elements import bfloat16_bits, elements, half_bits, set_elements
from sigpb.tf.tensor_types import Shape, dtype_name, integer_range, shape_proto, shape_text

# What a TensorShape can have: tensorflow/core/framework/tensor_shape.h.
_MAX_RANK = 254

_WRITABLE = (
    *("bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"),
    *("float16", "bfloat16", "float32", "float64", "string"),
)


def tensor_proto(text: str, dtype: int, shape: Shape) -> protos.TensorProto:
    """Reads a value that a person wrote.

    Args:
        text: JSON: ``false``, ``3``, ``1.5``, ``"text"``, or lists of these, nested as the tensor
            is; ``NaN`` and ``Infinity`` are numbers. For a tensor of strings, a word that is not
            JSON stands for itself.
        dtype: The dtype of the tensor.
        shape: What is known of its shape. If all of it is, a single value is repeated.

    Returns:
        The tensor.

    Raises:
        ValueError: The text is no such value, the dtype does not hold it, or its shape is another.
    """
    name = dtype_name(dtype)
    if name not in _WRITABLE:
        raise ValueError(
            f"A value of dtype {name} cannot be written as text; that is possible for "
            f"{', '.join(_WRITABLE)}."
        )
    value = _parse(text, name)
    sizes = _nest_shape(value, text)
    elements = [_element(element, dtype) for element in _flat(value)]
    if not sizes and shape:
        sizes, elements = _repeated(elements, shape, text)
    _check_shape(sizes, shape, text)
    proto = protos.TensorProto(dtype=dtype, tensor_shape=shape_proto(sizes))
    set_elements(proto, elements)
    return proto


def is_same(first: protos.TensorProto, second: protos.TensorProto) -> bool:
    """Whether two tensors have one dtype, one shape and equal elements, however these are kept."""
    if first == second:
        return True
    if (first.dtype, first.tensor_shape) != (second.dtype, second.tensor_shape):
        return False
    try:
        return elements(first) == elements(second)
    except ValueError:  # They are of a dtype that is not numbers or text.
        return False


def _parse(text: str, name: str) -> Any:
    try:
        return parse_json_value(text, _parse_float)
    except ValueError:
        if name == "string" and not text.lstrip().startswith(("[", '"')):
            return text
        raise ValueError(
            f"{text!r} is not a value: it is not JSON, such as {_example(name)} or "
            f"[{_example(name)}, {_example(name)}]."
        ) from None
    except OverflowError as error:
        raise ValueError(str(error)) from None


def _parse_float(literal: str) -> float:
    value = float(literal)
    if math.isinf(value):
        raise OverflowError(f"{literal} is too large for any float; write Infinity if you mean it.")
    return value


def _example(name: str) -> str:
    if name == "string":
        return '"text"'
    if name == "bool":
        return "false"
    return "1.5" if "float" in name else "3"


def _nest_shape(value: Any, text: str, depth: int = 0) -> tuple[int, ...]:
    if not isinstance(value, list):
        return ()
    if depth == _MAX_RANK:
        raise ValueError(f"a value has at most {_MAX_RANK} dimensions; this one has more.")
    shapes = {_nest_shape(item, text, depth + 1) for item in value}
    if len(shapes) > 1:
        raise ValueError(f"{text!r} is not a value: its lists differ in length or depth.")
    return (len(value), *(shapes.pop() if shapes else ()))


def _flat(value: Any) -> Iterator[Any]:
    if isinstance(value, list):
        for item in value:
            yield from _flat(item)
    else:
        yield value


def _repeated(
    elements: list[Any], shape: tuple[int | None, ...], text: str
) -> tuple[tuple[int, ...], list[Any]]:
    """Gives one value a shape. A TensorProto repeats its last element as often as is needed."""
    sizes = tuple(size for size in shape if size is not None)
    if len(sizes) < len(shape):
        raise ValueError(
            f"{text!r} has the shape [], but {shape_text(shape)} is wanted. A single value is "
            "repeated only where all sizes are known; write the lists out."
        )
    return sizes, elements if math.prod(sizes) else []


def _check_shape(sizes: tuple[int, ...], shape: Shape, text: str) -> None:
    if shape is None:
        return
    if len(sizes) != len(shape) or any(
        wanted not in (None, size) for size, wanted in zip(sizes, shape, strict=True)
    ):
        raise ValueError(
            f"{text!r} has the shape {shape_text(sizes)}, but {shape_text(shape)} is wanted."
        )


def _element(value: Any, dtype: int) -> bool | int | float | bytes:
    """Returns an element as a value of its dtype."""
    name = dtype_name(dtype)
    limits = integer_range(dtype)
    if name == "bool":
        if isinstance(value, bool):
            return value
        raise _wrong_kind(value, "a bool: true or false")
    if name == "string":
        if isinstance(value, str):
            return _encoded(value)
        raise _wrong_kind(value, f"a string: {json.dumps(json.dumps(value))}, with the quotes")
    if limits:
        if isinstance(value, bool) or not isinstance(value, int):
            raise _wrong_kind(value, f"an integer, which {name} holds")
        if not limits[0] <= value <= limits[1]:
            raise ValueError(
                f"{value} does not fit {name}, which holds {limits[0]} to {limits[1]}."
            )
        return value
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _wrong_kind(value, f"a number, which {name} holds")
    return _float_element(value, name)


def _wrong_kind(value: Any, wanted: str) -> ValueError:
    return ValueError(f"{json.dumps(value)} is not {wanted}.")


def _encoded(value: str) -> bytes:
    try:
        return value.encode()
    except UnicodeEncodeError:
        raise ValueError(f"{value!r} is not text: it has half a surrogate pair.") from None


def _float_element(value: float, name: str) -> float:
    try:
        number = float(value)
        if name == "float16":
            half_bits(number)
        elif name == "bfloat16":
            bfloat16_bits(number)
        elif name == "float32":
            struct.pack("<f", number)
        return number
    except OverflowError:
        raise ValueError(f"{value} does not fit {name}: it is too large.") from None
