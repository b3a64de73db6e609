"""Parsing messages without the elements of the tensors in them, however large these are."""

from __future__ import annotations

from collections.abc import Collection
from typing import cast

from google.protobuf.descriptor import Descriptor

from sigpb import protos
from sigpb.saved_model.model import AnyMessage, parse
from sigpb.wire import Message, WireError, WireType, length_delimited

LARGE = 1 << 12
"""Fields up to this size in bytes are taken as they are."""

# How deep protobuf's own parsers allow messages to be nested.
_MAX_DEPTH = 100

_TENSOR = protos.TensorProto.DESCRIPTOR.full_name
_TENSOR_TYPE = {
    protos.TensorProto.DTYPE_FIELD_NUMBER,
    protos.TensorProto.TENSOR_SHAPE_FIELD_NUMBER,
}


def without_elements(
    message_class: type[AnyMessage], source: Message, without: Collection[int] = ()
) -> AnyMessage:
    """Parses a message of the file without the elements of large tensors, at any depth.

    Args:
        message_class: What to parse.
        source: Where it lies.
        without: Numbers of fields to leave out.

    Raises:
        ModelUnreadable: If the bytes are not such a message.
    """
    if source.end - source.start <= LARGE and not without:
        return parse(message_class, source)
    schema = cast(Descriptor, message_class.DESCRIPTOR)
    content = _outline(source, schema, without, _MAX_DEPTH)
    return parse(message_class, Message.root(content))


def _outline(source: Message, schema: Descriptor, without: Collection[int], depth: int) -> bytes:
    if not depth:
        raise WireError(f"messages nested too deep at byte {source.start}", source.start)
    is_tensor = schema.full_name == _TENSOR
    kept = []
    for field in source.fields():
        if field.number in without:
            continue
        known = schema.fields_by_number.get(field.number)
        if field.end - field.start <= LARGE or field.wire_type != WireType.LEN or known is None:
            kept.append(bytes(source.buffer[field.start : field.end]))
        elif known.message_type is not None:
            inner = _outline(source.message(field), known.message_type, (), depth - 1)
            kept.append(length_delimited(field.number, inner))
        elif not is_tensor or field.number in _TENSOR_TYPE:
            kept.append(bytes(source.buffer[field.start : field.end]))
    return b"".join(kept)
