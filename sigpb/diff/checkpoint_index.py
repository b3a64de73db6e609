"""The tensors that a checkpoint's index lists, read without TensorFlow.

``variables.index`` is a table of sorted keys as LevelDB writes it, uncompressed: blocks of entries
whose keys leave out what they have in common with the one before
(tensorflow/core/lib/io/format.cc, tensorflow/core/util/tensor_bundle/tensor_bundle.h).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from sigpb.errors import ModelUnreadable
from sigpb.wire import Message, read_varint

_FOOTER_SIZE = 48
_MAGIC = 0xDB4775248B80FB57
_TRAILER_SIZE = 5  # a byte that tells the compression, and a checksum
_OFFSET, _SHARD = 4, 3  # BundleEntryProto: where the data is, which says nothing of the value


class NoIndex(ModelUnreadable):
    """The bytes are not such a table, or a compressed one."""


def read(data: bytes) -> dict[str, bytes]:
    """Returns for each tensor its dtype, shape, size and checksum, encoded.

    Two tensors with the same description have the same values, but for a chance of one in 2^32.

    Raises:
        NoIndex: If it is not an index.
    """
    try:
        return {key.decode(): _without_place(value) for key, value in _entries(data) if key}
    except (IndexError, struct.error, UnicodeDecodeError, ModelUnreadable) as error:
        raise NoIndex(f"not the index of a checkpoint: {error}.") from error


def _without_place(entry: bytes) -> bytes:
    message = Message.root(entry)
    kept = (field for field in message.fields() if field.number not in (_OFFSET, _SHARD))
    return b"".join(entry[field.start : field.end] for field in kept)


def _entries(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    footer = data[-_FOOTER_SIZE:]
    if len(footer) < _FOOTER_SIZE or struct.unpack("<Q", footer[-8:])[0] != _MAGIC:
        raise NoIndex("it has no footer")
    _, position = _handle(footer, 0)
    (start, size), _ = _handle(footer, position)
    for _, value in _block(data, start, size):
        (block_start, block_size), _ = _handle(value, 0)
        yield from _block(data, block_start, block_size)


def _block(data: bytes, start: int, size: int) -> Iterator[tuple[bytes, bytes]]:
    block = data[start : start + size]
    if len(data) < start + size + _TRAILER_SIZE or data[start + size] != 0:
        raise NoIndex("a block is compressed, or cut off")
    (restarts,) = struct.unpack("<I", block[-4:])
    position, end, key = 0, len(block) - 4 - 4 * restarts, b""
    while position < end:
        shared, position = read_varint(block, position, end)
        unshared, position = read_varint(block, position, end)
        length, position = read_varint(block, position, end)
        key = key[:shared] + block[position : position + unshared]
        position += unshared
        yield key, block[position : position + length]
        position += length


def _handle(data: bytes, position: int) -> tuple[tuple[int, int], int]:
    start, position = read_varint(data, position, len(data))
    size, position = read_varint(data, position, len(data))
    return (start, size), position
