"""The fields of a message type, as those need them who walk its bytes."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass

from google.protobuf.descriptor import Descriptor, FieldDescriptor

from sigpb.inspect.schema import is_repeated, wire_type
from sigpb.wire import WireType

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
