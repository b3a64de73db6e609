"""Whether a part of a file can be read to its end, found out before anything is printed of it."""

from __future__ import annotations

from google.protobuf.descriptor import Descriptor, FieldDescriptor

from sigpb import protos
from sigpb.errors import ModelUnreadable
from sigpb.inspect.dump.proto_text import MAX_DEPTH, text_lines
from sigpb.inspect.known_fields import KnownField, known_fields
from sigpb.saved_model.model import parse
from sigpb.wire import Message

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
