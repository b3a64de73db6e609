"""Whether protobuf parses a part of a file, which need not be copied to find that out."""

from __future__ import annotations

from google.protobuf import message as protobuf_message
from google.protobuf.descriptor import FieldDescriptor

from sigpb import protos
from sigpb.inspect.wire.message_shape import shape_of
from sigpb.inspect.wire.wire_values import known_value, not_utf8
from sigpb.wire import Buffer, Field, Message, WireError, WireType, length_delimited

# protobuf reads no longer message, and no tag or length of more bytes.
MAX_LENGTH = 2**31 - 1
_HEADER_VARINT = 5

# Larger fields are not copied to be parsed, but looked through where they are.
_PARSED_SIZE = 1 << 20


class Parser:
    """What protobuf's parser says of the fields of a file."""

    def __init__(self, buffer: Buffer, schema: str) -> None:
        """Takes the file, and the name of the message that it holds."""
        self._buffer = buffer
        self._root = getattr(protos, schema)

    def accepts(
        self, field: Field, known: FieldDescriptor | None, numbers: tuple[int, ...]
    ) -> bool:
        """Whether protobuf parses a field of the message that some field numbers lead to."""
        length = field.value_end - field.value_start
        if field.end - field.start <= _PARSED_SIZE or field.wire_type != WireType.LEN:
            return self._parses(field, numbers)
        if not self.accepts_header(field) or length > MAX_LENGTH:
            return False
        if known is None or known.type == FieldDescriptor.TYPE_BYTES:
            return True
        if known.type == FieldDescriptor.TYPE_STRING:
            return not_utf8(self._buffer, field.value_start, field.value_end) is None
        if known.message_type is None:
            return not known_value(self._buffer, field, known).problem
        inner = Message(self._buffer, field.value_start, field.value_end)
        shape = shape_of(known.message_type)
        path = (*numbers, field.number)
        try:
            return all(self.accepts(each, shape.known(each), path) for each in inner.fields())
        except WireError:
            return False

    def _parses(self, field: Field, numbers: tuple[int, ...]) -> bool:
        # Where it will be, in the end: only so many messages may lie in each other.
        encoded = bytes(self._buffer[field.start : field.end])
        for number in reversed(numbers):
            encoded = length_delimited(number, encoded)
        try:
            self._root.FromString(encoded)
        except (protobuf_message.DecodeError, UnicodeDecodeError, RecursionError):
            return False
        return True

    def accepts_header(self, field: Field) -> bool:
        """Whether the tag and the length of a field take no more bytes than protobuf reads."""
        header = bytes(self._buffer[field.start : field.value_start])
        tag_size = next(index for index, byte in enumerate(header, 1) if byte < 0x80)
        return tag_size <= _HEADER_VARINT and len(header) - tag_size <= _HEADER_VARINT
