"""Finding the part of a file that a path leads to, without parsing the rest."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import NoReturn

from google.protobuf.descriptor import Descriptor, FieldDescriptor

from sigpb import protos
from sigpb.errors import ModelUnreadable, UsageError, did_you_mean
from sigpb.graphs.node_index import NodeIndex
from sigpb.inspect.dump.proto_text import MAX_DEPTH, text_lines
from sigpb.inspect.proto_path import (
    META_GRAPH,
    Path,
    PathPart,
    Selector,
    element_name,
    element_part,
    entry_key,
    last,
    path_text,
    read_path,
    readable,
)
from sigpb.inspect.proto_scalars import count, packed
from sigpb.inspect.schema import KnownField, fields_by_name, known_fields
from sigpb.saved_model.model import parse
from sigpb.wire import Field, Message, WireError, WireType, tag

_GRAPH = protos.GraphDef.DESCRIPTOR.full_name

# How many of the first parts of a path may be left out: meta_graphs, graph_def, library.
_LEFT_OUT = 3


@dataclass(frozen=True)
class ProtoPlace:
    """A part of a file.

    Attributes:
        path: The way there, with nothing left out.
        schema: The type of `message`.
        message: The part, or the message that it is in.
        field: The field of `message` that is the part; None if it is all of the message.
        key: The key of the innermost map on the way, which may tell what bytes mean.
    """

    path: Path
    schema: Descriptor
    message: Message
    field: KnownField | None = None
    key: str = ""

    @property
    def size(self) -> int:
        """Its size in the file, in bytes."""
        if self.field is None:
            return self.message.end - self.message.start
        return sum(each.end - each.start for each in readable(self.message, self.field))


def find_place(root: Message, schema: Descriptor, text: str) -> ProtoPlace:
    """Finds a part of a file by its path. Damage elsewhere does not matter.

    Args:
        root: The file.
        schema: Its type.
        text: The path. Its first parts may be left out where it is clear which they are.

    Raises:
        UsageError: The path is not well formed, or there is no such part.
        WireError: The file is damaged on the way.
    """
    place = ProtoPlace((), schema, root)
    for part in _completed(place, read_path(text)):
        place = _step(_entered(place), part)
    return place


def _completed(root: ProtoPlace, path: Path) -> Path:
    """Completes a path whose first parts are left out.

    Raises:
        UsageError: There are several ways to do that.
    """
    if not path or path[0].name in fields_by_name(root.schema):
        return path
    ways = [root]
    for _ in range(_LEFT_OUT):
        ways = [inner for way in ways for inner in _inner(way)]
        known = [way for way in ways if path[0].name in fields_by_name(way.schema)]
        present = [way for way in known if last(way.message, _field(way, path[0]))] or known
        if len(present) > 1:
            told = " or ".join(path_text((*way.path, *path)) for way in present)
            raise UsageError(f"{path_text(path)} may be several things: say {told}.")
        if present:
            return (*present[0].path, *path)
    return path


def _inner(way: ProtoPlace) -> Iterator[ProtoPlace]:
    """Yields the messages in a message, and the MetaGraphs, but no elements of other fields."""
    for known in known_fields(way.schema).values():
        if known.message is None or known.is_map:
            continue
        fields = list(readable(way.message, known)) if _is_meta_graph(known) else []
        if not known.is_repeated:
            fields = [field] if (field := last(way.message, known)) else []
            if not fields:
                yield ProtoPlace(
                    (*way.path, PathPart(known.name)), known.message, Message(b"", 0, 0)
                )
        for position, field in enumerate(fields):
            part = element_part(way.message, known, field, position)
            yield ProtoPlace((*way.path, part), known.message, way.message.message(field))


def _is_meta_graph(known: KnownField) -> bool:
    return known.message is not None and known.message.full_name == META_GRAPH


def _field(place: ProtoPlace, part: PathPart) -> KnownField:
    """Returns the field that a part names.

    Raises:
        UsageError: The message has no such field.
    """
    known = fields_by_name(place.schema)
    if part.name not in known:
        where = path_text(place.path) or "The file"
        raise UsageError(
            f"{where}, a {place.schema.full_name}, has no field {part.name!r}; "
            f"{did_you_mean(part.name, known)}."
        )
    return known[part.name]


def _entered(place: ProtoPlace) -> ProtoPlace:
    """Returns the message that a part of a path leads to.

    Raises:
        UsageError: The part is no message, or is several.
    """
    known = place.field
    if known is None:
        return place
    where = path_text(place.path)
    if known.message is None:
        raise UsageError(f"{where} holds no messages, and nothing else that a path leads into.")
    fields = list(islice(readable(place.message, known), 2))
    if known.is_map or len(fields) != 1:
        _refuse(place, known, f"Say which element of {where} is meant", "")
    part = element_part(place.message, known, fields[0], 0)
    message = place.message.message(fields[0])
    return ProtoPlace((*place.path[:-1], part), known.message, message, None, place.key)


def _step(place: ProtoPlace, part: PathPart) -> ProtoPlace:
    """Goes from a message to a part of it."""
    known, path = _field(place, part), (*place.path, part)
    if part.selector is None:
        return _whole(place, known, path)
    if not known.is_repeated:
        where = path_text((*place.path, PathPart(part.name)))
        raise UsageError(f"{where} is there at most once: it takes no brackets.")
    if known.is_map:
        return _entry(place, known, path, part.selector)
    if known.message is None:
        return _value(place, known, path, part.selector)
    message = place.message.message(_element(place, known, path, part.selector))
    return ProtoPlace(path, known.message, message, None, place.key)


def _whole(place: ProtoPlace, known: KnownField, path: Path) -> ProtoPlace:
    """Selects all there is of a field."""
    field = last(place.message, known)
    if field is None:
        _require_intact(place.message)
        present = {known_fields(place.schema).get(each.number) for each in place.message.fields()}
        names = {each.name for each in present if each}
        raise UsageError(f"{path_text(path)} is not set; {did_you_mean(known.name, names)}.")
    if known.message is None or known.is_repeated:
        return ProtoPlace(path, place.schema, place.message, known, place.key)
    message = place.message.message(field)
    parts = [place.message.message(each) for each in readable(place.message, known)]
    if len(parts) > 1:  # The message that protobuf makes of several is that of all their fields.
        message = Message.root(b"".join(each.content() for each in parts))
    return ProtoPlace(path, known.message, message, None, place.key)


def _entry(place: ProtoPlace, known: KnownField, path: Path, selector: Selector) -> ProtoPlace:
    """Selects the value of a key."""
    assert known.message is not None
    found = None
    for field in readable(place.message, known):
        if entry_key(place.message.message(field), known.message) == selector.text:
            found = field
    if found is None:
        _require_intact(place.message)
        where = path_text((*place.path, PathPart(known.name)))
        _refuse(place, known, f"There is no {selector.text!r} in {where}", selector.text)
    value = known_fields(known.message)[2]
    if value.message is None:
        return ProtoPlace(path, place.schema, _alone(place, found), known, selector.text)
    entry = place.message.message(found)
    inner = last(entry, value)
    message = entry.message(inner) if inner else Message(entry.buffer, entry.end, entry.end)
    return ProtoPlace(path, value.message, message, None, selector.text)


def _value(place: ProtoPlace, known: KnownField, path: Path, selector: Selector) -> ProtoPlace:
    """Selects one of the values of a scalar field."""
    position, before = selector.position, 0
    where = path_text((*place.path, PathPart(known.name)))
    if position is None:
        raise UsageError(f"{where} has no names in it: say which by its position, from 0.")
    for field in readable(place.message, known):
        here = count(known, place.message, field)
        if position < before + here:
            alone = _alone(place, field)
            if field.wire_type != known.wire_type:
                values = packed(known, place.message, field)
                value = next(islice(values, position - before, None))
                alone = Message.root(tag(known.number, WireType(known.wire_type)) + value)
            return ProtoPlace(path, place.schema, alone, known, place.key)
        before += here
    _require_intact(place.message)
    raise UsageError(f"There is no {path_text(path)}; {_last_position(before)}.")


def _alone(place: ProtoPlace, field: Field) -> Message:
    """Returns a message with nothing but one of the fields of a message."""
    return Message(place.message.buffer, field.start, field.end, place.message.enclosing)


def _element(place: ProtoPlace, known: KnownField, path: Path, selector: Selector) -> Field:
    """Selects one of several messages."""
    if selector.position is not None:
        for field in islice(readable(place.message, known), selector.position, None):
            return field
        _require_intact(place.message)
        total = sum(1 for _ in readable(place.message, known))
        raise UsageError(f"There is no {path_text(path)}; {_last_position(total)}.")
    name = selector.text
    if _is_meta_graph(known):
        name = ",".join(sorted(each.strip() for each in name.split(",")))
    fields = _named(place, known, name)
    if not fields:
        _require_intact(place.message)
        where = path_text((*place.path, PathPart(known.name)))
        _refuse(place, known, f"There is no {selector.text!r} in {where}", selector.text)
    if _is_meta_graph(known) and len(fields) > 1:
        raise UsageError(f"{path_text(path)} are {len(fields)} MetaGraphs: say which by position.")
    return fields[0]


def _last_position(total: int) -> str:
    return f"the last one is [{total - 1}]" if total else "there are none"


def _named(place: ProtoPlace, known: KnownField, name: str) -> list[Field]:
    """Returns the elements that have a name; of nodes only the first, found by its bytes."""
    if place.schema.full_name == _GRAPH and known.number == protos.GraphDef.NODE_FIELD_NUMBER:
        try:
            node = NodeIndex(place.message).find(name)
        except WireError:
            pass  # It has to be looked for in what can be read.
        else:
            return [node] if node else []
    assert known.message is not None
    return [
        field
        for field in readable(place.message, known)
        if element_name(place.message.message(field), known.message) == name
    ]


def _refuse(place: ProtoPlace, known: KnownField, problem: str, wrong: str) -> NoReturn:
    """Raises a UsageError that says which elements there are."""
    assert known.message is not None
    name_of = entry_key if known.is_map else element_name
    elements = map(place.message.message, readable(place.message, known))
    names = [name_of(each, known.message) for each in elements]
    told = did_you_mean(wrong, {name for name in names if name is not None})
    if names and not any(names):
        told = f"there are {len(names):,} without names, counted from 0"
    raise UsageError(f"{problem}; {told}.")


def _require_intact(message: Message) -> None:
    """Raises a WireError if what was not found may have been lost in a damaged message."""
    message.last(0)


# Messages up to this size are parsed by protobuf, which is fast; others are walked.
_PARSED_SIZE = 1 << 20


def require_intact(
    message: Message, schema: Descriptor, field: KnownField | None = None, depth: int = 0
) -> None:
    """Makes sure that protobuf can read a part of a file.

    Args:
        message: The part, or the message that it is in.
        schema: Its type.
        field: The field that is the part; None if it is all of the message.
        depth: In how many messages it is.

    Raises:
        ModelUnreadable: The part is damaged; a `WireError`, which says where, if that is known.
    """
    if depth > MAX_DEPTH:
        raise ModelUnreadable(f"messages are nested too deep at byte {message.start}")
    if field is None and message.end - message.start <= _PARSED_SIZE:
        _parse(message, schema)
        return
    fields = known_fields(schema)
    for each in message.fields(field.number if field else None):
        known = fields.get(each.number)
        if known is None or not known.fits(each.wire_type):
            continue
        if known.message is not None:
            require_intact(message.message(each), known.message, None, depth + 1)
        elif each.end - each.start <= _PARSED_SIZE:
            _parse(Message(message.buffer, each.start, each.end, message.enclosing), schema)
        elif known.type == FieldDescriptor.TYPE_STRING:
            message.text(each)


def _parse(message: Message, schema: Descriptor) -> None:
    try:
        parse(protos.message_class(schema), message)
    except ModelUnreadable:
        for _ in text_lines(message, schema, full=True):
            pass  # It says better where the damage is.
        raise
