"""Which message some bytes are: recognised by how well their fields fit."""

from __future__ import annotations

import codecs
from itertools import islice
from typing import TYPE_CHECKING

from google.protobuf.descriptor import Descriptor, FieldDescriptor

from sigpb import protos
from sigpb.wire import Buffer, Field, Message, WireError, WireType

if TYPE_CHECKING:
    from collections.abc import Iterable

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
