"""Sorted tables of keys and values, as LevelDB and TensorFlow write them.

A table consists of blocks of entries whose keys leave out what they have in common with the one
before (tensorflow/core/lib/io/format.cc). Those of older files are compressed with Snappy.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from sigpb.checkpoint.snappy import uncompress
from sigpb.errors import ModelUnreadable
from sigpb.saved_model.tf_record import CHECKSUM_SIZE, masked_checksum
from sigpb.wire import read_varint

_FOOTER_SIZE = 48
_MAGIC = 0xDB4775248B80FB57
_UNCOMPRESSED, _SNAPPY = 0, 1
_TRAILER_SIZE = 1 + CHECKSUM_SIZE  # a byte that tells the compression comes first


class DamagedTable(ModelUnreadable):
    """The bytes are not a sorted table, or a damaged one."""


def read_table(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yields the keys of a table, in their order, with their values.

    Args:
        data: The whole file.

    Raises:
        ModelUnreadable: If it is damaged.
    """
    try:
        yield from _entries(data)
    except (IndexError, struct.error) as error:
        raise DamagedTable(f"it is damaged: {error}") from error


def _entries(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    footer = data[-_FOOTER_SIZE:]
    if len(footer) < _FOOTER_SIZE or struct.unpack("<Q", footer[-8:])[0] != _MAGIC:
        raise DamagedTable("it has no footer")
    _, position = _handle(footer, 0)
    (start, size), _ = _handle(footer, position)
    for _, value in _block(data, start, size):
        (block_start, block_size), _ = _handle(value, 0)
        yield from _block(data, block_start, block_size)


def _block(data: bytes, start: int, size: int) -> Iterator[tuple[bytes, bytes]]:
    end = start + size + _TRAILER_SIZE
    if len(data) < end:
        raise DamagedTable("a block is cut off")
    if masked_checksum(data[start : start + size + 1]) != data[end - CHECKSUM_SIZE : end]:
        raise DamagedTable(
            f"the block at byte {start} does not have the checksum that the file states"
        )
    block, kind = data[start : start + size], data[start + size]
    if kind == _SNAPPY:
        block = uncompress(block)
    elif kind != _UNCOMPRESSED:
        raise DamagedTable(f"the block at byte {start} is compressed in an unknown way, {kind}")
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
