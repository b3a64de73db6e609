"""What elements of repeated fields are known by, such as nodes by name, and paths made of that."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

from google.protobuf.descriptor import Descriptor, FieldDescriptor

from sigpb import protos
from sigpb.inspect.dump.proto_path import Path, PathPart, Selector, at, named, tagged
from sigpb.inspect.proto_scalars import scalar_text, scalars
from sigpb.inspect.schema import KnownField, fields_by_name, known_fields
from sigpb.wire import Field, Message, WireError, WireType

META_GRAPH = protos.MetaGraphDef.DESCRIPTOR.full_name

# Where the name is, in messages that have none in their field `name`.
_NAMES = {
    protos.FunctionDef.DESCRIPTOR.full_name: ("signature", "name"),
    protos.GradientDef.DESCRIPTOR.full_name: ("function_name",),
    protos.TrackableObjectGraph.TrackableObject.ObjectReference.DESCRIPTOR.full_name: (
        "local_name",
    ),
}


def readable(message: Message, known: KnownField) -> Iterator[Field]:
    """Yields the occurrences of a field, up to where the message is damaged."""
    with suppress(WireError):
        for field in message.fields(known.number):
            if known.fits(field.wire_type):
                yield field


def last(message: Message, known: KnownField) -> Field | None:
    """Returns the last readable occurrence of a field, or None."""
    found = None
    for field in readable(message, known):
        found = field
    return found


def element_name(element: Message, schema: Descriptor) -> str | None:
    """Returns what an element of a repeated field is selected by, besides its position.

    Returns:
        A name, or the tags of a MetaGraph, sorted, with commas between them. None if elements of
        this type have no such thing, or if it cannot be read.
    """
    try:
        if schema.full_name == META_GRAPH:
            return ",".join(_tags(element))
        *outer, name = _NAMES.get(schema.full_name, ("name",))
        for step in outer:
            inner = fields_by_name(schema)[step]
            field = last(element, inner)
            if field is None or inner.message is None:
                return None
            element, schema = element.message(field), inner.message
        known = fields_by_name(schema).get(name)
        if known is None or known.is_repeated or known.type != FieldDescriptor.TYPE_STRING:
            return None
        field = last(element, known)
        return element.text(field) if field else None
    except WireError:
        return None


def _tags(meta_graph: Message) -> list[str]:
    info = fields_by_name(protos.MetaGraphDef.DESCRIPTOR)["meta_info_def"]
    tag = fields_by_name(protos.MetaGraphDef.MetaInfoDef.DESCRIPTOR)["tags"]
    infos = map(meta_graph.message, readable(meta_graph, info))
    return sorted({each.text(field) for each in infos for field in readable(each, tag)})


def entry_key(entry: Message, schema: Descriptor) -> str | None:
    """Returns the key of a map's entry, as text; None if it cannot be read."""
    key = known_fields(schema)[1]
    field = last(entry, key)
    try:
        if field is not None:
            value = next(scalars(key, entry, field))
            return value if isinstance(value, str) else scalar_text(key, value)
    except WireError:
        return None
    if key.wire_type == WireType.LEN:
        return ""
    return "false" if key.type == FieldDescriptor.TYPE_BOOL else "0"


def element_part(message: Message, known: KnownField, field: Field, position: int) -> PathPart:
    """Returns the last part of the path of a field.

    Args:
        message: The message that it is in.
        known: What the message's type says of it.
        field: The field.
        position: How many of the same number are before it.
    """
    if not known.is_repeated:
        return PathPart(known.name)
    if known.message is None:
        return PathPart(known.name, at(position) if known.wire_type == WireType.LEN else None)
    element = message.message(field)
    if known.is_map:
        key = entry_key(element, known.message)
        if key is None:
            return PathPart(known.name)
        is_text = known_fields(known.message)[1].wire_type == WireType.LEN
        return PathPart(known.name, named(key) if is_text else Selector(key, False))
    name = element_name(element, known.message)
    if known.message.full_name == META_GRAPH:
        graphs = map(message.message, readable(message, known))
        is_unique = sum(element_name(each, known.message) == name for each in graphs) == 1
        return PathPart(
            known.name, tagged(name) if is_unique and name is not None else at(position)
        )
    return PathPart(known.name, named(name) if name else at(position))


def path_at(message: Message, schema: Descriptor, offset: int) -> Path:
    """Returns the path of the innermost field around an offset, as far as it can be read.

    Args:
        message: The message that the path begins in.
        schema: Its type.
        offset: An offset in its buffer.
    """
    path: list[PathPart] = []
    while True:
        positions: dict[int, int] = {}
        found = None
        with suppress(WireError):
            for field in message.fields():
                if field.start <= offset < field.end:
                    found = field
                    break
                positions[field.number] = positions.get(field.number, 0) + 1
        known = known_fields(schema).get(found.number) if found else None
        if found is None or known is None or not known.fits(found.wire_type):
            return tuple(path)
        path.append(element_part(message, known, found, positions.get(found.number, 0)))
        if known.message is None:
            return tuple(path)
        message, schema = message.message(found), known.message
        if known.is_map:
            value = known_fields(schema)[2]
            inner = last(message, value)
            if inner is None or value.message is None:
                return tuple(path)
            message, schema = message.message(inner), value.message
