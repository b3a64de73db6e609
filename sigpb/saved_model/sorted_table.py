"""Sorted tables of keys and values, as LevelDB and TensorFlow write them.

A table consists of blocks of entries, whose keys leave out what they have in common with the one
before (tensorflow/core/lib/io/format.cc). Those of older files are compressed with Snappy. The last
block says where the others are. What is written here equals what TensorFlow writes to the byte
(``TableBuilder`` and ``BlockBuilder`` in tensorflow/core/lib/io, without compression).
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator

from sigpb.errors import ModelUnreadable
from sigpb.saved_model.snappy import uncompress
from sigpb.saved_model.tf_record import CHECKSUM_SIZE, masked_checksum
from sigpb.wire import encode_varint, read_varint

_FOOTER_SIZE = 48
_MAGIC = 0xDB4775248B80FB57.to_bytes(8, "little")
_UNCOMPRESSED, _SNAPPY = 0, 1
_BLOCK_SIZE = 2**18  # from which on a block is complete
_LARGE_ENTRY = 2 * _BLOCK_SIZE  # from which on an entry begins a block
_RESTART = 16  # Every so many entries of a block, one has its whole key.
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
    if len(footer) < _FOOTER_SIZE or footer[-8:] != _MAGIC:
        raise DamagedTable("it has no footer")
    _, position = _handle(footer, 0)
    (start, size), _ = _handle(footer, position)
    last = None
    for _, value in _block(data, start, size):
        (block_start, block_size), _ = _handle(value, 0)
        for key, each in _block(data, block_start, block_size):
            if last is not None and key <= last:
                raise DamagedTable("its keys are not sorted")
            last = key
            yield key, each


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
    if end < 0:
        raise DamagedTable(f"the block at byte {start} is shorter than it says")
    while position < end:
        shared, position = read_varint(block, position, end)
        unshared, position = read_varint(block, position, end)
        length, position = read_varint(block, position, end)
        value, following = position + unshared, position + unshared + length
        if shared > len(key) or following > end:
            raise DamagedTable(f"an entry of the block at byte {start} is cut off")
        key = key[:shared] + block[position:value]
        yield key, block[value:following]
        position = following


def _handle(data: bytes, position: int) -> tuple[tuple[int, int], int]:
    start, position = read_varint(data, position, len(data))
    size, position = read_varint(data, position, len(data))
    return (start, size), position


def write_table(entries: Iterable[tuple[bytes, bytes]]) -> bytes:
    """Returns the table of some entries.

    Args:
        entries: Keys, each greater than the one before, with their values.
    """
    table, handles = bytearray(), _Block(restart=1)
    handle, last = b"", b""
    for block in _blocks(entries):
        if handle:  # The key of the block before is between its last one and the first of this.
            handles.add(_separator(last, block.first), handle)
        handle, last = block.write(table), block.last
    if handle:
        handles.add(_successor(last), handle)
    about_blocks = _Block().write(table)  # There is nothing to say of them.
    footer = about_blocks + handles.write(table)
    return bytes(table + footer.ljust(_FOOTER_SIZE - len(_MAGIC), b"\0") + _MAGIC)


def _blocks(entries: Iterable[tuple[bytes, bytes]]) -> Iterator[_Block]:
    block = _Block()
    for key, value in entries:
        if block and (block.size >= _BLOCK_SIZE or len(key) + len(value) >= _LARGE_ENTRY):
            yield block
            block = _Block()
        block.add(key, value)
    if block:
        yield block


class _Block:
    """A block that is being written; true if it has entries.

    Attributes:
        first: Its first key.
        last: Its last key.
    """

    def __init__(self, restart: int = _RESTART) -> None:
        self.first = self.last = b""
        self._restart = restart
        self._content = bytearray()
        self._restarts = [0]
        self._count = 0

    def __bool__(self) -> bool:
        return self._count > 0

    @property
    def size(self) -> int:
        """The bytes that it takes without its trailer."""
        return len(self._content) + 4 * len(self._restarts) + 4

    def add(self, key: bytes, value: bytes) -> None:
        """Adds an entry."""
        shared = 0
        if self._count == 0:
            self.first = key
        elif self._count % self._restart == 0:
            self._restarts.append(len(self._content))
        else:
            shared = _shared(self.last, key)
        for number in (shared, len(key) - shared, len(value)):
            self._content += encode_varint(number)
        self._content += key[shared:] + value
        self._count += 1
        self.last = key

    def write(self, table: bytearray) -> bytes:
        """Appends it to a table, and returns its handle: where it begins, and its size."""
        handle = encode_varint(len(table)) + encode_varint(self.size)
        restarts = self._restarts
        stored = self._content + struct.pack(f"<{len(restarts) + 1}I", *restarts, len(restarts))
        stored.append(_UNCOMPRESSED)
        table += stored + masked_checksum(bytes(stored))
        return handle


def _separator(last: bytes, following: bytes) -> bytes:
    """Returns a short key that is not before one, and before the one that follows it."""
    shared = _shared(last, following)
    if shared < min(len(last), len(following)) and last[shared] + 1 < following[shared]:
        return last[:shared] + bytes([last[shared] + 1])
    return last


def _successor(last: bytes) -> bytes:
    """Returns a short key that is not before one."""
    kept = len(last) - len(last.lstrip(b"\xff"))
    return last[:kept] + bytes([last[kept] + 1]) if kept < len(last) else last


def _shared(first: bytes, second: bytes) -> int:
    """Returns how many bytes two keys begin with alike."""
    pairs = enumerate(zip(first, second, strict=False))
    return next(
        (position for position, (one, other) in pairs if one != other),
        min(len(first), len(second)),
    )
