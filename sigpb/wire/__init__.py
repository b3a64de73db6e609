"""Protobuf wire format over a buffer, such as a memory-mapped file: read, edit, write.

`Message` finds fields by their offsets, `Edits` collects changes to them, and `write_pieces`
writes the result, in which everything that was not edited is the same to the byte. Nothing here
knows a message type; fields go by their numbers.
"""

from sigpb.wire.edits import Edits, Piece, SourceRange, assemble, composed, sha256, size
from sigpb.wire.encode import encode_varint, length_delimited, map_entry, tag
from sigpb.wire.fields import Buffer, Field, Index, Key, Message, WireError, WireType, read_varint
from sigpb.wire.write import write_pieces

__all__ = [
    "Buffer",
    "Edits",
    "Field",
    "Index",
    "Key",
    "Message",
    "Piece",
    "SourceRange",
    "WireError",
    "WireType",
    "assemble",
    "composed",
    "encode_varint",
    "length_delimited",
    "map_entry",
    "read_varint",
    "sha256",
    "size",
    "tag",
    "write_pieces",
]
