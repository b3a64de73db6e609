"""What fields a message may have, to find them in damaged bytes, and to recognise the message."""

from __future__ import annotations

import functools
from itertools import islice

from google.protobuf.descriptor import Descriptor, FieldDescriptor

from sigpb.inspect.schema import SCHEMAS, descriptor, is_repeated, wire_type
from sigpb.wire import Buffer, Field, WireType
from sigpb.wire.encode import tag
from sigpb.wire.lenient import Damage, looks_like_text, read_field, scan

_NEVER_PACKED = {
    FieldDescriptor.TYPE_STRING,
    FieldDescriptor.TYPE_BYTES,
    FieldDescriptor.TYPE_MESSAGE,
    FieldDescriptor.TYPE_GROUP,
}

# How much of a damaged message is looked at to recognise it, and how much of that has to fit.
_FIELDS = 64
_DEPTH = 3
_GOOD = 0.7


class MessageShape:
    """The shape of a message that has a descriptor; see `sigpb.wire.lenient.Shape`.

    Attributes:
        descriptor: The descriptor.
        fields: Those of its fields, by number.
        first_bytes: See `Shape`.
    """

    def __init__(self, descriptor: Descriptor) -> None:
        """Use `shape_of`, which makes one for each message only."""
        self.descriptor = descriptor
        self.fields: dict[int, FieldDescriptor] = dict(descriptor.fields_by_number)
        self.first_bytes = bytes(
            {tag(number, wire_type(known))[0] for number, known in self.fields.items()}
            | {
                tag(number, WireType.LEN)[0]
                for number, known in self.fields.items()
                if _packs(known)
            }
        )

    def known(self, field: Field) -> FieldDescriptor | None:
        """Returns the descriptor of a field; None if its number or wire type is another."""
        known = self.fields.get(field.number)
        return known if known is not None and _has_type(field, known) else None

    def fits(self, buffer: Buffer, field: Field) -> bool:
        """Whether the message has such a field, with a value that begins as it should."""
        known = self.known(field)
        if known is None:
            return False
        if known.type == FieldDescriptor.TYPE_STRING:
            return looks_like_text(buffer, field.value_start, field.value_end)
        if known.message_type is not None and field.value_start < field.value_end:
            first = read_field(buffer, field.value_start, field.value_end)
            return first is not None and shape_of(known.message_type).known(first) is not None
        return True

    def is_single(self, number: int) -> bool:
        """Whether the field is not repeated."""
        return number in self.fields and not is_repeated(self.fields[number])

    def inner(self, buffer: Buffer, field: Field) -> MessageShape | None:
        """Returns the shape of the message that a field holds; None if it holds none."""
        known = self.known(field)
        if known is None or known.message_type is None:
            return None
        return shape_of(known.message_type)


@functools.cache
def shape_of(descriptor: Descriptor) -> MessageShape:
    """Returns the shape of a message."""
    return MessageShape(descriptor)


def recognise_damaged(buffer: Buffer) -> str | None:
    """Returns which of `SCHEMAS` some bytes are, which may be cut off or damaged anywhere.

    `sigpb.inspect.schema.recognise` is for whole files; what it recognises, it does so more surely.
    """
    fits = {}
    for name in SCHEMAS:
        shape = shape_of(descriptor(name))
        # What fits badly at the outermost level may fit well further in, by chance.
        outermost = _count(buffer, 0, len(buffer), shape, 0)
        fits[name] = _fraction(*outermost) * _fraction(
            *_count(buffer, 0, len(buffer), shape, _DEPTH)
        )
    best = max(fits, key=lambda name: fits[name])
    return best if fits[best] >= _GOOD else None


def _fraction(good: int, bad: int) -> float:
    return good / (good + bad) if good + bad else 0.0


def _count(
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
            more = _count(buffer, field.value_start, field.value_end, inner, depth - 1)
            good, bad = good + more[0], bad + more[1]
    return good, bad


def _packs(field: FieldDescriptor) -> bool:
    return is_repeated(field) and field.type not in _NEVER_PACKED


def _has_type(found: Field, field: FieldDescriptor) -> bool:
    return found.wire_type == wire_type(field) or (
        found.wire_type == WireType.LEN and _packs(field)
    )
