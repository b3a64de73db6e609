"""What messages and fields are, by their descriptors, and how well bytes fit a message.

Damaged bytes are looked through by what fields a message may have: its shape.
"""

from __future__ import annotations

import codecs
import functools
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import islice

from google.protobuf.descriptor import Descriptor, FieldDescriptor

from sigpb import protos
from sigpb.wire import Buffer, Field, Message, WireError, WireType
from sigpb.wire.encode import tag
from sigpb.wire.lenient import Damage, looks_like_text, read_field, scan

# The messages that the tools of this package read, the most likely first.
SCHEMAS = ("SavedModel", "MetaGraphDef", "GraphDef")

# How much of a message is looked at: a graph of any size is recognised by its beginning.
_FIELDS = 64
_DEPTH = 3
_TEXT_SIZE = 1024

# What fraction of that has to fit; less if the file is damaged.
_GOOD, _GOOD_IF_DAMAGED = 0.9, 0.7

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


_UNPACKABLE = {FieldDescriptor.TYPE_STRING, FieldDescriptor.TYPE_BYTES}

_SCALAR_NAMES = {
    getattr(FieldDescriptor, f"TYPE_{name.upper()}"): name
    for name in (
        *("double", "float", "int64", "uint64", "int32", "fixed64", "fixed32", "bool", "string"),
        *("bytes", "uint32", "sfixed32", "sfixed64", "sint32", "sint64"),
    )
}


def descriptor(name: str) -> Descriptor:
    """Returns the descriptor of a message that `sigpb.protos` has, such as ``GraphDef``."""
    found: Descriptor = getattr(protos, name).DESCRIPTOR
    return found


def _wire_type(field: FieldDescriptor) -> WireType:
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
    return _fraction(*_count(message, schema, _DEPTH))


def _fraction(good: int, bad: int) -> float:
    return good / (good + bad) if good + bad else 0.0


def _count(message: Message, schema: Descriptor, depth: int) -> tuple[int, int]:
    good = bad = 0
    try:
        for field in islice(message.fields(), _FIELDS):
            known = known_fields(schema).get(field.number)
            if known is None or not known.fits(field.wire_type):
                bad += 1
                continue
            good += 1
            if known.type == FieldDescriptor.TYPE_STRING:
                bad += not _is_text(message.buffer, field)
            elif known.message is not None and depth:
                inner = _count(message.message(field), known.message, depth - 1)
                good, bad = good + inner[0], bad + inner[1]
    except WireError:
        bad += 1
    return good, bad


def _is_text(buffer: Buffer, field: Field) -> bool:
    beginning = buffer[field.value_start : min(field.value_end, field.value_start + _TEXT_SIZE)]
    try:
        codecs.getincrementaldecoder("utf-8")().decode(bytes(beginning))
    except UnicodeDecodeError:
        return False
    return True


@dataclass(frozen=True, slots=True)
class KnownField:
    """A field of a message type. Descriptors say the same, several times more slowly.

    Attributes:
        name: Its name.
        number: Its number.
        type: One of ``FieldDescriptor.TYPE_…``.
        type_name: The name of its type: of a scalar, a message or an enum.
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
    type_name: str
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

    @property
    def wire_types(self) -> tuple[WireType, ...]:
        """The wire types that the field can have."""
        return WireType(self.wire_type), *([WireType.LEN] if self.is_packable else [])


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
    named = message or enum
    return KnownField(
        name=field.name,
        number=field.number,
        type=field.type,
        type_name=named.name if named else _SCALAR_NAMES[field.type],
        wire_type=int(_wire_type(field)),
        is_repeated=repeated,
        is_map=message is not None and bool(message.GetOptions().map_entry),
        is_packable=repeated and message is None and field.type not in _UNPACKABLE,
        message=message,
        slot=field.containing_oneof.full_name if field.containing_oneof else field.number,
        enum={value.number: value.name for value in enum.values} if enum else None,
    )


class MessageShape:
    """The shape of a message that has a descriptor; see `sigpb.wire.lenient.Shape`.

    Attributes:
        descriptor: The descriptor.
        fields: Its fields, by number.
        first_bytes: See `Shape`.
    """

    def __init__(self, descriptor: Descriptor) -> None:
        """Use `message_shape`, which makes one for each message only."""
        self.descriptor = descriptor
        self.fields = known_fields(descriptor)
        self.first_bytes = bytes(
            tag(number, wire_type)[0]
            for number, known in self.fields.items()
            for wire_type in known.wire_types
        )

    def known(self, field: Field) -> KnownField | None:
        """Returns what is known of a field; None if its number or wire type is another."""
        known = self.fields.get(field.number)
        return known if known is not None and known.fits(field.wire_type) else None

    def fits(self, buffer: Buffer, field: Field) -> bool:
        """Whether the message has such a field, with a value that begins as it should."""
        known = self.known(field)
        if known is None:
            return False
        if known.type == FieldDescriptor.TYPE_STRING:
            return looks_like_text(buffer, field.value_start, field.value_end)
        if known.message is not None and field.value_start < field.value_end:
            first = read_field(buffer, field.value_start, field.value_end)
            return first is not None and message_shape(known.message).known(first) is not None
        return True

    def is_single(self, number: int) -> bool:
        """Whether the field is not repeated."""
        return number in self.fields and not self.fields[number].is_repeated

    def inner(self, buffer: Buffer, field: Field) -> MessageShape | None:
        """Returns the shape of the message that a field holds; None if it holds none."""
        known = self.known(field)
        return message_shape(known.message) if known and known.message else None


@functools.cache
def message_shape(descriptor: Descriptor) -> MessageShape:
    """Returns the shape of a message."""
    return MessageShape(descriptor)


def recognise_damaged(buffer: Buffer) -> str | None:
    """Returns which of `SCHEMAS` a file is that may be cut off or damaged anywhere.

    `recognise` is for whole files, and errs less often in what it recognises.
    """
    fits = {}
    for name in SCHEMAS:
        shape = message_shape(descriptor(name))
        # What fits badly at the outermost level may fit well further in, by chance.
        counts = (_count_damaged(buffer, 0, len(buffer), shape, depth) for depth in (0, _DEPTH))
        fits[name] = math.prod(_fraction(*each) for each in counts)
    best = max(fits, key=lambda name: fits[name])
    return best if fits[best] >= _GOOD_IF_DAMAGED else None


def _count_damaged(
    buffer: Buffer, start: int, end: int, shape: MessageShape, depth: int
) -> tuple[int, int]:
    """Counts the parts of a message that its shape explains, and those that it does not."""
    good = bad = 0
    for part in islice(scan(buffer, start, end, shape), _FIELDS):
        field = part.field if isinstance(part, Damage) else part
        if field is None:
            bad += part.end < end  # At the end, it is cut off.
            continue
        inner = shape.inner(buffer, field)
        if not (inner or shape.fits(buffer, field)):
            bad += 1
            continue
        good += 1
        if inner is not None and depth:
            more = _count_damaged(buffer, field.value_start, field.value_end, inner, depth - 1)
            good, bad = good + more[0], bad + more[1]
    return good, bad
