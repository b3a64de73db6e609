"""The tensors that a checkpoint's index lists, read without TensorFlow.

``variables.index`` is a table of sorted keys as LevelDB writes it: blocks of entries whose keys
leave out what they have in common with the one before
(tensorflow/core/lib/io/format.cc, tensorflow/core/util/tensor_bundle/tensor_bundle.h). The values
are a BundleHeaderProto under the empty key, and BundleEntryProtos
(tensorflow/core/protobuf/tensor_bundle.proto). Blocks of older indices are compressed with Snappy
(https://github.com/google/snappy/blob/main/format_description.txt).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from google.protobuf.message import DecodeError

from sigpb import protos
from sigpb.errors import ModelUnreadable
from sigpb.saved_model.tf_record import CHECKSUM_SIZE, masked_checksum
from sigpb.tf.tensor_types import Shape, shape_of
from sigpb.wire import Field, Message, read_varint

_FOOTER_SIZE = 48
_MAGIC = 0xDB4775248B80FB57
_UNCOMPRESSED, _SNAPPY = 0, 1
_TRAILER_SIZE = 1 + CHECKSUM_SIZE  # a byte that tells the compression comes first

_SHARDS = 1  # of BundleHeaderProto
# Of BundleEntryProto.
_DTYPE, _SHAPE, _SHARD, _OFFSET, _SIZE, _SLICES = 1, 2, 3, 4, 5, 7


class NoIndex(ModelUnreadable):
    """The bytes are not the index of a checkpoint, or a damaged one."""


@dataclass(frozen=True, slots=True)
class StoredTensor:
    """What an index says of a tensor.

    Attributes:
        dtype: Its dtype, a value of ``DataType``.
        shape: Its shape; of one that is stored in slices, that of the whole.
        shard: The number of the file that holds it.
        offset: Its first byte there.
        size: The bytes it takes there.
        is_sliced: Whether only its slices are stored, under keys of their own.
        description: Its dtype, shape, size and checksum, encoded. Two tensors with the same
            description have the same values, but for a chance of one in 2^32.
    """

    dtype: int
    shape: Shape
    shard: int
    offset: int
    size: int
    is_sliced: bool
    description: bytes


@dataclass(frozen=True)
class CheckpointIndex:
    """The index of a checkpoint.

    Attributes:
        shards: The number of files that hold the values.
        tensors: The tensors by their keys.
    """

    shards: int
    tensors: dict[str, StoredTensor]


def read(data: bytes) -> CheckpointIndex:
    """Reads an index.

    Args:
        data: The content of ``variables.index``.

    Raises:
        NoIndex: If it is not an index, or if a block does not have the checksum it states.
    """
    try:
        entries = dict(_entries(data))
        header = Message.root(entries.pop(b"", b""))
        return CheckpointIndex(
            _number(header, header.last(_SHARDS)),
            # The keys of slices are no text.
            {
                key.decode(errors="backslashreplace"): _tensor(value)
                for key, value in entries.items()
            },
        )
    except (IndexError, struct.error, DecodeError, ModelUnreadable) as error:
        raise NoIndex(f"not the index of a checkpoint: {error}.") from error


def _tensor(entry: bytes) -> StoredTensor:
    message = Message.root(entry)
    found = {field.number: field for field in message.fields()}
    numbers = {
        number: _number(message, found.get(number)) for number in (_DTYPE, _SHARD, _OFFSET, _SIZE)
    }
    shape = message.value(found[_SHAPE]) if _SHAPE in found else b""
    # Where the value is says nothing of it.
    kept = (field for field in message.fields() if field.number not in (_OFFSET, _SHARD))
    return StoredTensor(
        numbers[_DTYPE],
        shape_of(protos.TensorShapeProto.FromString(shape)),
        numbers[_SHARD],
        numbers[_OFFSET],
        numbers[_SIZE],
        _SLICES in found,
        b"".join(entry[field.start : field.end] for field in kept),
    )


def _number(message: Message, field: Field | None) -> int:
    return message.varint(field) if field else 0


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
    end = start + size + _TRAILER_SIZE
    if len(data) < end:
        raise NoIndex("a block is cut off")
    if masked_checksum(data[start : start + size + 1]) != data[end - CHECKSUM_SIZE : end]:
        raise NoIndex(f"the block at byte {start} does not have the checksum that the file states")
    block, kind = data[start : start + size], data[start + size]
    if kind == _SNAPPY:
        block = uncompress(block)
    elif kind != _UNCOMPRESSED:
        raise NoIndex(f"the block at byte {start} is compressed in an unknown way, {kind}")
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


class NotSnappy(ModelUnreadable):
    """The bytes are not compressed with Snappy, or are damaged."""


def uncompress(data: bytes) -> bytes:
    """Returns what some bytes were before they were compressed.

    Raises:
        NotSnappy: If they are damaged.
        WireError: If the length that they begin with is damaged.
    """
    length, position = read_varint(data, 0, len(data))
    out = bytearray()
    while position < len(data):
        tag = data[position]
        position += 1
        if tag & 3 == 0:  # bytes as they are
            size = tag >> 2
            if size >= 60:  # The size, less one, follows, in so many bytes.
                width = size - 59
                size = _little_endian(data, position, width)
                position += width
            out += data[position : position + size + 1]
            position += size + 1
            continue
        if tag & 3 == 1:  # a copy of what was before: 3 bits of its size, 11 of how far back
            size, back = (tag >> 2 & 7) + 4, (tag >> 5 << 8) + _little_endian(data, position, 1)
            position += 1
        else:
            width = 2 if tag & 3 == 2 else 4
            size, back = (tag >> 2) + 1, _little_endian(data, position, width)
            position += width
        start = len(out) - back
        if back == 0 or start < 0 or len(out) + size > length:
            raise NotSnappy("compressed data refers to bytes that are not there")
        for index in range(start, start + size):  # It may overlap what it makes.
            out.append(out[index])
    if len(out) != length:
        raise NotSnappy(f"compressed data holds {len(out)} bytes, and says {length}")
    return bytes(out)


def _little_endian(data: bytes, start: int, width: int) -> int:
    return int.from_bytes(data[start : start + width], "little")
