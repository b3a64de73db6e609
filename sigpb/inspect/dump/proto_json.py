"""Parts of a file as JSON, in protobuf's own mapping."""

from __future__ import annotations

from typing import Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import DecodeError

from sigpb import protos
from sigpb.errors import UsageError
from sigpb.inspect.dump.proto_place import ProtoPlace
from sigpb.inspect.proto_path import PathPart, path_text
from sigpb.inspect.proto_scalars import is_any, type_of_any
from sigpb.inspect.schema import KnownField
from sigpb.saved_model.model import parse
from sigpb.wire import Message, WireType

# JavaScript has no integers of 64 bits.
_WRITTEN_AS_TEXT = {
    FieldDescriptor.TYPE_INT64,
    FieldDescriptor.TYPE_UINT64,
    FieldDescriptor.TYPE_SINT64,
    FieldDescriptor.TYPE_FIXED64,
    FieldDescriptor.TYPE_SFIXED64,
}

# Larger parts are not made into JSON, which takes many times their size, unless that is asked for.
_SIZE = 1 << 24


def json_of(place: ProtoPlace, *, full: bool = False) -> dict[str, Any]:
    """Returns a part of a file as JSON values; docs/json.md describes them.

    Args:
        place: The part.
        full: Whether it may be of any size.

    Raises:
        UsageError: It is too large, or holds an ``Any`` that JSON cannot show.
        ModelUnreadable: It is damaged.
    """
    from google.protobuf import json_format

    where = path_text(place.path) or "The file"
    size = place.size
    if size > _SIZE and not full:
        raise UsageError(
            f"{where} has {size:,} bytes, and JSON is not shortened: choose a part of it by a "
            "path, or give --full."
        )
    message = place.message
    if place.field is not None:
        fields = message.fields(place.field.number)
        message = Message.root(b"".join(message.buffer[each.start : each.end] for each in fields))
    parsed, known = (parse(protos.message_class(place.schema), message) for _ in range(2))
    known.DiscardUnknownFields()
    try:
        value = json_format.MessageToDict(
            parsed, preserving_proto_field_name=True, descriptor_pool=protos.POOL
        )
    except (KeyError, TypeError, ValueError, DecodeError, json_format.Error) as error:
        raise UsageError(
            f"{where} cannot be shown as JSON: {error}. A text proto (--format=textproto) can be."
        ) from error
    value = _with_sorted_maps(value, place.schema)
    return {
        "path": path_text(place.path),
        "message": place.schema.full_name,
        "field": place.field and place.field.name,
        "bytes": size,
        "unknown_bytes": parsed.ByteSize() - known.ByteSize(),
        "value": value if place.field is None else _selected(value, place.field, place.path[-1]),
    }


def _with_sorted_maps(value: dict[str, Any], schema: Descriptor) -> dict[str, Any]:
    """Returns a message with the entries of maps sorted, whose order in protobuf is random."""
    if is_any(schema):
        schema = type_of_any(value.get("@type", "")) or schema
    types = {field.name: field.message_type for field in schema.fields}
    return {name: _with_sorted(inner, types.get(name)) for name, inner in value.items()}


def _with_sorted(value: Any, schema: Descriptor | None) -> Any:
    """Returns the value of a field with maps sorted; without a schema it is a scalar."""
    if schema is None:
        return value
    if isinstance(value, list):
        return [_with_sorted(each, schema) for each in value]
    if not isinstance(value, dict):  # Of a type that JSON writes as a text, such as a time.
        return value
    if not schema.GetOptions().map_entry:
        return _with_sorted_maps(value, schema)
    inner = schema.fields_by_name["value"].message_type
    return {key: _with_sorted(value[key], inner) for key in sorted(value)}


def _selected(message: dict[str, Any], field: KnownField, part: PathPart) -> Any:
    """Returns a field's value, or the one element of it that a path selects."""
    if field.name not in message:  # JSON leaves out what is stored but has its default value.
        return _default(field)
    value = message[field.name]
    if part.selector is None:
        return value
    (element,) = value.values() if isinstance(value, dict) else value
    return element


def _default(field: KnownField) -> Any:
    if field.is_repeated:
        return []
    if field.enum is not None:
        return field.enum.get(0, 0)
    if field.wire_type == WireType.LEN:
        return ""
    if field.type == FieldDescriptor.TYPE_BOOL:
        return False
    return "0" if field.type in _WRITTEN_AS_TEXT else 0
