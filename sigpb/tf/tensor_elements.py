"""The elements of TensorProtos, packed or one by one, as Python values.

An element is a bool, int, float, complex or bytes object.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from sigpb import protos
from sigpb.tf.tensor_types import dtype_name, shape_of


class _Storage(NamedTuple):
    """How a TensorProto keeps elements (tensorflow/core/framework/tensor.proto).

    Attributes:
        field: The field that holds them one by one.
        code: The `struct` code of one in `tensor_content`, little-endian; empty if there is none.
    """

    field: str
    code: str


_STORAGE = {
    "bool": _Storage("bool_val", "?"),
    "int4": _Storage("int_val", "b"),
    "int8": _Storage("int_val", "b"),
    "int16": _Storage("int_val", "h"),
    "int32": _Storage("int_val", "i"),
    "int64": _Storage("int64_val", "q"),
    "uint4": _Storage("int_val", "B"),
    "uint8": _Storage("int_val", "B"),
    "uint16": _Storage("int_val", "H"),
    "uint32": _Storage("uint32_val", "I"),
    "uint64": _Storage("uint64_val", "Q"),
    "float16": _Storage("half_val", "H"),
    "bfloat16": _Storage("half_val", "H"),
    "float32": _Storage("float_val", "f"),
    "float64": _Storage("double_val", "d"),
    "complex64": _Storage("scomplex_val", "f"),
    "complex128": _Storage("dcomplex_val", "d"),
    "string": _Storage("string_val", ""),
}


def elements(tensor: protos.TensorProto) -> list[Any]:
    """Returns the elements of a tensor, in row-major order.

    Returns:
        As many as are stored. Of those that the shape has room for beyond them, each equals the
        last one (tensorflow/core/framework/tensor.cc).

    Raises:
        ValueError: They are of a dtype that is not known here, or not as many as the shape says.
    """
    count = math.prod(sizes(tensor))
    name, storage = dtype_name(tensor.dtype), _storage(tensor.dtype)
    stored: Sequence[Any] = getattr(tensor, storage.field)
    if tensor.tensor_content:
        width = struct.calcsize("<" + storage.code)
        stored = _unpacked(tensor.tensor_content, storage.code)
        if not storage.code or len(tensor.tensor_content) != count * width * _parts(name):
            raise ValueError(
                f"{len(tensor.tensor_content)} bytes do not hold {count} elements of {name}"
            )
    values = _from_stored(stored, name)[:count]
    return values or [_zero(name)][:count]


def set_elements(tensor: protos.TensorProto, values: Sequence[Any]) -> None:
    """Replaces the elements of a tensor, whose dtype and shape are set.

    Args:
        tensor: The tensor. If it is packed and can be, it will be packed again.
        values: As many as its shape has room for, or fewer, of which the last one is repeated.

    Raises:
        ValueError: Elements of this dtype are not known here.
    """
    name, storage = dtype_name(tensor.dtype), _storage(tensor.dtype)
    packed = bool(tensor.tensor_content)
    tensor.ClearField("tensor_content")
    for each in {each.field for each in _STORAGE.values()}:
        tensor.ClearField(each)
    stored = _to_stored(values, name)
    if packed and storage.code and len(values) == math.prod(sizes(tensor)):
        tensor.tensor_content = struct.pack(f"<{len(stored)}{storage.code}", *stored)
    else:
        getattr(tensor, storage.field).extend(stored)


def sizes(tensor: protos.TensorProto) -> tuple[int, ...]:
    """Returns the shape of a tensor.

    Raises:
        ValueError: It has none.
    """
    shape = shape_of(tensor.tensor_shape)
    known = tuple(size for size in shape or () if size is not None)
    if shape is None or len(known) < len(shape):
        raise ValueError("its shape is not known")
    return known


def half_bits(value: float) -> int:
    """Returns the bits of the float16 nearest to a number.

    Raises:
        OverflowError: It is too large.
    """
    return int.from_bytes(struct.pack("<e", value), "little")


def bfloat16_bits(value: float) -> int:
    """Returns the bits of the bfloat16 nearest to a number, of two the even ones.

    Raises:
        OverflowError: It is too large.
    """
    if math.isnan(value):
        return 0x7FC0
    bits = int.from_bytes(struct.pack("<f", value), "little")
    rounded = (bits + 0x7FFF + (bits >> 16 & 1)) >> 16
    if math.isfinite(value) and rounded & 0x7FFF == 0x7F80:
        raise OverflowError(f"{value} is too large for bfloat16")
    return rounded


def float_of_bits(bits: int, name: str) -> float:
    """Returns the number that the bits of a float16 or bfloat16 stand for."""
    packed = struct.pack("<H", bits)
    number: float
    (number,) = struct.unpack("<e", packed) if name == "float16" else _floats(b"\0\0" + packed)
    return number


def _floats(data: bytes) -> tuple[float, ...]:
    return struct.unpack(f"<{len(data) // 4}f", data)


def _storage(dtype: int) -> _Storage:
    name = dtype_name(dtype)
    if name not in _STORAGE:
        raise ValueError(f"values of dtype {name} cannot be read or written")
    return _STORAGE[name]


def _unpacked(content: bytes, code: str) -> Sequence[Any]:
    width = struct.calcsize("<" + code) or 1
    count = len(content) // width
    return struct.unpack(f"<{count}{code}", content[: count * width]) if code else ()


def _parts(name: str) -> int:
    """How many stored numbers an element is made of."""
    return 2 if name.startswith("complex") else 1


def _from_stored(stored: Sequence[Any], name: str) -> list[Any]:
    if name in ("float16", "bfloat16"):
        return [float_of_bits(bits & 0xFFFF, name) for bits in stored]
    if _parts(name) == 2:
        return [complex(*pair) for pair in zip(stored[::2], stored[1::2], strict=False)]
    return list(stored)


def _to_stored(values: Iterable[Any], name: str) -> list[Any]:
    if name == "float16":
        return [half_bits(value) for value in values]
    if name == "bfloat16":
        return [bfloat16_bits(value) for value in values]
    if name == "float32":
        return [_nearest_float32(value) for value in values]
    if _parts(name) == 2:
        return [part for value in values for part in (value.real, value.imag)]
    return list(values)


def _nearest_float32(value: float) -> float:
    """Rounds a number as protobuf does, whose Python code makes the largest one infinite."""
    try:
        return float(struct.unpack("<f", struct.pack("<f", value))[0])
    except OverflowError:
        return math.copysign(math.inf, value)


def _zero(name: str) -> Any:
    if name in ("bool", "string"):
        return b"" if name == "string" else False
    return 0.0 if "float" in name else 0j if _parts(name) == 2 else 0
