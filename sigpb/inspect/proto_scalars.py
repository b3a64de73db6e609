"""Values of scalar fields: read, written as the text format has them, and what bytes mean."""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator
from typing import TypeAlias

from google.protobuf import text_encoding
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import DecodeError

from sigpb import protos
from sigpb.inspect.schema import KnownField
from sigpb.tf.tensor_elements import elements
from sigpb.tf.tensor_types import dtype_name, shape_of, shape_text
from sigpb.visible_text import visible_text_proto
from sigpb.wire import Buffer, Field, Message, WireError, encode_varint

Scalar: TypeAlias = "bool | int | float | str | bytes"

FIXED_CODES = {
    FieldDescriptor.TYPE_DOUBLE: "<d",
    FieldDescriptor.TYPE_FIXED64: "<Q",
    FieldDescriptor.TYPE_SFIXED64: "<q",
    FieldDescriptor.TYPE_FLOAT: "<f",
    FieldDescriptor.TYPE_FIXED32: "<I",
    FieldDescriptor.TYPE_SFIXED32: "<i",
}
"""How `struct` reads the types of a fixed size."""

_ANY = protos.Any.DESCRIPTOR.full_name
_TENSOR = protos.TensorProto.DESCRIPTOR.full_name
_COLLECTION = protos.CollectionDef.BytesList.DESCRIPTOR.full_name
_ATTRIBUTE = protos.AttrValue.DESCRIPTOR.full_name

COLLECTIONS = {
    "cond_context": "CondContextDef",
    "while_context": "WhileContextDef",
    "queue_runners": "QueueRunnerDef",
    "savers": "SaverDef",
}
"""The messages in collections, as TensorFlow registers them, by the keys of the collections.

Variables, a ``VariableDef`` each, can be in collections of any key
(tensorflow/python/ops/control_flow_ops.py, training/queue_runner_impl.py, training/saver.py).
"""

# tensorflow/core/ops/functional_ops.cc: of the ops that call functions.
_ATTRIBUTES = {"config_proto": "ConfigProto"}

# Tensors of more bytes are not written as numbers.
_SMALL_TENSOR = 1 << 9

_INT32 = {FieldDescriptor.TYPE_INT32, FieldDescriptor.TYPE_ENUM}
_ZIGZAG = {FieldDescriptor.TYPE_SINT32, FieldDescriptor.TYPE_SINT64}

# Bytes whose highest bit is set go on in the next byte.
_NOT_LAST = bytes(range(0x80, 0x100))

# Whatever is longer is looked at in parts of this size.
_PART = 1 << 20

# From here on, pure Python's protobuf rounds the short text of a float to infinity.
_NEARLY_INFINITE = 3.4e38


def scalars(known: KnownField, message: Message, field: Field) -> Iterator[Scalar]:
    """Yields the value of a scalar field, or, if they are packed, the values.

    Raises:
        WireError: They are damaged.
    """
    if known.type == FieldDescriptor.TYPE_STRING:
        yield message.text(field)
    elif known.type == FieldDescriptor.TYPE_BYTES:
        yield message.value(field)
    elif code := FIXED_CODES.get(known.type):
        width = struct.calcsize(code)
        if (field.value_end - field.value_start) % width:
            raise WireError(
                f"{known.name} at byte {field.start} does not hold whole numbers of {width} bytes",
                field.start,
            )
        for start in range(field.value_start, field.value_end, _PART):
            part = bytes(message.buffer[start : min(start + _PART, field.value_end)])
            for (value,) in struct.iter_unpack(code, part):
                yield value
    else:
        for number in _varints(message.buffer, field.value_start, field.value_end):
            yield meant(known.type, number)


def count(known: KnownField, message: Message, field: Field) -> int:
    """Returns how many values a field holds, without reading them."""
    if field.wire_type == known.wire_type:
        return 1
    if code := FIXED_CODES.get(known.type):
        return (field.value_end - field.value_start) // struct.calcsize(code)
    return sum(
        len(
            bytes(message.buffer[start : min(start + _PART, field.value_end)]).translate(
                None, _NOT_LAST
            )
        )
        for start in range(field.value_start, field.value_end, _PART)
    )


def packed(known: KnownField, message: Message, field: Field) -> Iterator[bytes]:
    """Yields the values of a packed field as they are stored.

    Raises:
        WireError: They are damaged.
    """
    if code := FIXED_CODES.get(known.type):
        for value in scalars(known, message, field):
            yield struct.pack(code, value)
    else:
        for number in _varints(message.buffer, field.value_start, field.value_end):
            yield encode_varint(number)


def scalar_text(known: KnownField, value: Scalar) -> str:
    """Returns a value as the text format has it."""
    if isinstance(value, str | bytes):
        return quoted(value)
    if known.enum is not None:
        return known.enum.get(int(value), str(value))
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        is_float = known.type == FieldDescriptor.TYPE_FLOAT
        return float_text(value) if is_float else repr(value)
    return str(value)


def quoted(value: str | bytes) -> str:
    """Returns text or bytes in quotes, with escapes for what cannot be seen."""
    if isinstance(value, bytes):
        return f'"{text_encoding.CEscape(value, False)}"'
    escaped = text_encoding.CEscape(value, True)  # type: ignore[arg-type]
    return f'"{visible_text_proto(escaped)}"'


def float_text(value: float) -> str:
    """Returns the shortest text that a float32 can be read from."""
    if not math.isfinite(value) or abs(value) > _NEARLY_INFINITE:
        return repr(value)
    for digits in (6, 7, 8):
        text = f"{value:.{digits}g}"
        if struct.unpack("<f", struct.pack("<f", float(text)))[0] == value:
            return text
    return f"{value:.9g}"


def _varints(buffer: Buffer, start: int, end: int) -> Iterator[int]:
    value = shift = 0
    for position in range(start, end):
        byte = buffer[position]
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            if value >> 64:
                raise WireError(f"varint of more than 64 bits before byte {position}", position)
            yield value
            value = shift = 0
        else:
            shift += 7
            if shift == 70:
                raise WireError(f"varint of more than 64 bits before byte {position}", position)
    if shift:
        raise WireError(f"truncated varint before byte {end}", end - 1)


def meant(type_: int, number: int) -> bool | int:
    """Returns what a varint stands for; bits for which there is no room are dropped.

    Args:
        type_: The type of the field, one of ``FieldDescriptor.TYPE_…``.
        number: The varint, unsigned.
    """
    if type_ == FieldDescriptor.TYPE_BOOL:
        return bool(number)
    if type_ in _INT32:
        return _signed(number, 32)
    if type_ == FieldDescriptor.TYPE_INT64:
        return _signed(number, 64)
    if type_ == FieldDescriptor.TYPE_UINT32:
        return number & 0xFFFFFFFF
    if type_ in _ZIGZAG:
        if type_ == FieldDescriptor.TYPE_SINT32:
            number &= 0xFFFFFFFF
        return number >> 1 ^ -(number & 1)
    return number


def _signed(number: int, bits: int) -> int:
    sign = 1 << bits - 1
    return ((number & (1 << bits) - 1) ^ sign) - sign


def type_in_bytes(schema: Descriptor, field: KnownField, key: str) -> Descriptor | None:
    """Returns the type of the messages that a bytes field may hold; they still have to fit it.

    Args:
        schema: The type of the message that the field is in.
        field: The field.
        key: The key of the innermost map that this message is in.
    """
    name = None
    if schema.full_name == _COLLECTION and field.name == "value":
        name = COLLECTIONS.get(key, "VariableDef")
    elif schema.full_name == _ATTRIBUTE and field.name == "s":
        name = _ATTRIBUTES.get(key)
    found: Descriptor | None = getattr(protos, name).DESCRIPTOR if name else None
    return found


def type_of_any(url: str) -> Descriptor | None:
    """Returns the type that the URL of an ``Any`` names, if it is known here."""
    try:
        return protos.POOL.FindMessageTypeByName(url.rpartition("/")[2])
    except KeyError:
        return None


def is_any(schema: Descriptor) -> bool:
    """Whether a message is an ``Any``."""
    return schema.full_name == _ANY


def tensor_text(message: Message, schema: Descriptor, field: KnownField) -> str | None:
    """Writes out the numbers in a small tensor's ``tensor_content``.

    Returns:
        Its dtype, shape and elements; None if the field is another, or the tensor not small.
    """
    if schema.full_name != _TENSOR or field.name != "tensor_content":
        return None
    if message.end - message.start > _SMALL_TENSOR:
        return None
    try:
        tensor = protos.TensorProto.FromString(message.content())
        values = elements(tensor)
    except (DecodeError, UnicodeDecodeError, ValueError):
        return None
    shape = shape_text(shape_of(tensor.tensor_shape))
    return f"{dtype_name(tensor.dtype)} {shape}: {', '.join(map(_number_text, values))}"


def _number_text(value: object) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)
