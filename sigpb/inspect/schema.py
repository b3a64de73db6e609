"""What messages and fields are, by their descriptors, and how well bytes fit a message."""

from __future__ import annotations

import codecs
from itertools import islice
from typing import TYPE_CHECKING

from google.protobuf.descriptor import Descriptor, FieldDescriptor

from sigpb import protos
from sigpb.wire import Buffer, Field, Message, WireError, WireType

if TYPE_CHECKING:
    from collections.abc import Iterable
import functools
from collections.abc import Mapping
from dataclasses import dataclass

# What the tools of this package read, the most likely first.
SCHEMAS = ("SavedModel", "MetaGraphDef", "GraphDef")

# How much of a message is looked at: a graph of any size is recognised by its beginning.
_FIELDS = 64
_DEPTH = 3
_TEXT_SIZE = 1024

_GOOD = 0.9

_WIRE_TYPES = {
    FieldDescriptor.TYPE_DOUBLE: WireType.FIXED64,
    FieldDescriptor.TYPE_FIXED64: WireType.FIXED64,
    FieldDescriptor.TYPE_SFIXED64: WireType.FIXED64,
    FieldDescriptor.TYPE_FLOAT: WireType.FIXED32,
    FieldDescriptor.TYPE_FIXED32: WireType.FIXED32,
    FieldDescriptor.TYPE_SFIXED32: WireType.FIXED32,
    FieldDescriptor.TYPE_STRING: WireType.LEN,
    FieldDescriptor.TYPE_BYTES: WireType.LEN,
    FieldDescriptor.TYPE_MESSAGE: WireType.LEN,
    FieldDescriptor.TYPE_GROUP: WireType.GROUP_START,
}


def descriptor(name: str) -> Descriptor:
    """Returns the descriptor of a message that `sigpb.protos` has, such as ``GraphDef``."""
    found: Descriptor = getattr(protos, name).DESCRIPTOR
    return found


def wire_type(field: FieldDescriptor) -> WireType:
    """Returns the wire type of one value of a field; numbers that repeat may be packed instead."""
    return _WIRE_TYPES.get(field.type, WireType.VARINT)


def is_repeated(field: FieldDescriptor) -> bool:
    """Whether a field may appear more than once."""
    if hasattr(field, "is_repeated"):
        return bool(field.is_repeated)
    label: int = getattr(field, "label")  # noqa: B009 (protobuf < 6.30)
    return label == FieldDescriptor.LABEL_REPEATED


def recognise(message: Message, names: Iterable[str] = SCHEMAS) -> str | None:
    """Returns the name of the message that some bytes are.

    Args:
        message: The bytes, which may be damaged further on.
        names: The messages they may be.

    Returns:
        One of the names; None if none of them fits.
    """
    fits = {name: fit(message, descriptor(name)) for name in names}
    best = max(fits, key=lambda name: fits[name])
    return best if fits[best] >= _GOOD else None


def fit(message: Message, schema: Descriptor) -> float:
    """Returns which fraction of the first fields of some bytes, at any depth, a schema explains.

    Returns:
        A number from 0 to 1; 0 if there are no fields.
    """
    good, bad = _count(message, schema, _DEPTH)
    return good / (good + bad) if good + bad else 0.0


def _count(message: Message, schema: Descriptor, depth: int) -> tuple[int, int]:
    good = bad = 0
    try:
        for field in islice(message.fields(), _FIELDS):
            known = schema.fields_by_number.get(field.number)
            if known is None or not _has_type(field.wire_type, known):
                bad += 1
                continue
            good += 1
            if known.type == FieldDescriptor.TYPE_STRING:
                bad += not _is_text(message.buffer, field)
            elif known.message_type is not None and depth:
                inner = _count(message.message(field), known.message_type, depth - 1)
                good, bad = good + inner[0], bad + inner[1]
    except WireError:
        bad += 1
    return good, bad


def _has_type(found: int, field: FieldDescriptor) -> bool:
    expected = wire_type(field)
    return found == expected or (found == WireType.LEN and is_repeated(field))


def _is_text(buffer: Buffer, field: Field) -> bool:
    beginning = buffer[field.value_start : min(field.value_end, field.value_start + _TEXT_SIZE)]
    try:
        codecs.getincrementaldecoder("utf-8")().decode(bytes(beginning))
    except UnicodeDecodeError:
        return False
    return True


_UNPACKABLE = {FieldDescriptor.TYPE_STRING, FieldDescriptor.TYPE_BYTES}


@dataclass(frozen=True, slots=True)
class KnownField:
    """A field of a message type. Descriptors say the same, several times more slowly.

    Attributes:
        name: Its name.
        number: Its number.
        type: One of ``FieldDescriptor.TYPE_…``.
        wire_type: How one value is stored.
        is_repeated: Whether it may appear more than once; so may the entries of a map.
        is_map: Whether it is a map.
        is_packable: Whether several of its values may be stored in one length-delimited field.
        message: The type of the message that it holds; of an entry, if it is a map. None if it
            holds none.
        slot: What it shares with the other fields of its ``oneof``, and else with none.
        enum: The names of its enum's values by their numbers, if it has an enum.
    """

    name: str
    number: int
    type: int
    wire_type: int
    is_repeated: bool
    is_map: bool
    is_packable: bool
    message: Descriptor | None
    slot: str | int
    enum: Mapping[int, str] | None

    def fits(self, found: int) -> bool:
        """Whether a field that has a wire type can be this one; protobuf skips it otherwise."""
        return found == self.wire_type or (self.is_packable and found == WireType.LEN)


@functools.cache
def known_fields(schema: Descriptor) -> Mapping[int, KnownField]:
    """Returns the fields of a message type by their numbers."""
    return {field.number: _known(field) for field in schema.fields}


@functools.cache
def fields_by_name(schema: Descriptor) -> Mapping[str, KnownField]:
    """Returns the fields of a message type by their names."""
    return {field.name: field for field in known_fields(schema).values()}


def _known(field: FieldDescriptor) -> KnownField:
    message, repeated = field.message_type, is_repeated(field)
    enum = field.enum_type
    return KnownField(
        name=field.name,
        number=field.number,
        type=field.type,
        wire_type=int(wire_type(field)),
        is_repeated=repeated,
        is_map=message is not None and bool(message.GetOptions().map_entry),
        is_packable=repeated and message is None and field.type not in _UNPACKABLE,
        message=message,
        slot=field.containing_oneof.full_name if field.containing_oneof else field.number,
        enum={value.number: value.name for value in enum.values} if enum else None,
    )
