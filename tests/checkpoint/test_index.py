from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path

import pytest

from sigpb import protos
from sigpb.checkpoint.index import CheckpointIndex, NoIndex
from sigpb.saved_model.tf_record import masked_checksum
from sigpb.wire import encode_varint

ModelFactory = Callable[..., Path]

FLOAT, STRING = (protos.DataType.Value(name) for name in ("DT_FLOAT", "DT_STRING"))


@pytest.fixture
def index(fixture_model: ModelFactory) -> bytes:
    return (fixture_model("tf2_linear") / "variables" / "variables.index").read_bytes()


def test_tensors(index: bytes) -> None:
    found = CheckpointIndex.read(index)

    assert found.shards == 1
    objects = found.tensors["_CHECKPOINTABLE_OBJECT_GRAPH"]
    assert (objects.dtype, objects.shape) == (STRING, ())
    variables = [tensor for key, tensor in found.tensors.items() if key.endswith("VARIABLE_VALUE")]
    assert {(each.dtype, each.shape, each.size) for each in variables} == {(FLOAT, (3,), 12)}
    ends = [each.offset + each.size for each in found.tensors.values()]
    assert len(set(ends)) == len(ends)


def test_description_says_nothing_of_the_place(index: bytes) -> None:
    descriptions = [tensor.description for tensor in CheckpointIndex.read(index).tensors.values()]
    assert len(set(descriptions)) == len(descriptions)
    moved = table({b"": b"\x08\x02", b"a": entry(shard=1, offset=8), b"b": entry()}, kind=0)
    first, second = CheckpointIndex.read(moved).tensors.values()
    assert first.description == second.description
    assert (first.shard, first.offset) == (1, 8)


@pytest.mark.parametrize("kind", [0, 1])
def test_blocks_are_as_they_are_or_compressed(kind: int) -> None:
    # The keys of slices are no text.
    data = table({b"": b"\x08\x03", b"\x00\xffx": entry(), b"kernel": entry(shard=2)}, kind=kind)
    found = CheckpointIndex.read(data)
    assert found.shards == 3
    assert list(found.tensors) == ["\x00\\xffx", "kernel"]
    assert found.tensors["kernel"].shard == 2


def test_what_is_no_index(index: bytes) -> None:
    for damaged in (b"", index[:-1], index[:60] + index[61:], b"x" * 100):
        with pytest.raises(NoIndex, match="not the index of a checkpoint"):
            CheckpointIndex.read(damaged)


def test_index_without_a_header() -> None:
    with pytest.raises(NoIndex, match="it has no header"):
        CheckpointIndex.read(table({b"a": entry()}, kind=0))


def test_any_altered_byte_of_a_block_is_noticed(index: bytes) -> None:
    for position in range(0, 100, 7):
        altered = bytearray(index)
        altered[position] ^= 1
        with pytest.raises(NoIndex):
            CheckpointIndex.read(bytes(altered))


def test_a_way_of_compression_that_is_not_known() -> None:
    with pytest.raises(NoIndex, match="compressed in an unknown way, 7"):
        CheckpointIndex.read(table({b"": b""}, kind=7))


def entry(shard: int = 0, offset: int = 0) -> bytes:
    numbers = ((1, FLOAT), (3, shard), (4, offset), (5, 4))
    return b"".join(encode_varint(number << 3) + encode_varint(value) for number, value in numbers)


def table(entries: dict[bytes, bytes], kind: int) -> bytes:
    """Writes a table of one block, compressed in a way."""
    blocks = block(entries, kind)
    handle = encode_varint(0) + encode_varint(len(blocks) - 5)
    second = block({b"z": handle}, 0)
    meta = encode_varint(0) + encode_varint(0)
    footer = meta + encode_varint(len(blocks)) + encode_varint(len(second) - 5)
    magic = struct.pack("<Q", 0xDB4775248B80FB57)
    return blocks + second + footer.ljust(40, b"\0") + magic


def block(entries: dict[bytes, bytes], kind: int) -> bytes:
    content = b"".join(
        encode_varint(0) + encode_varint(len(key)) + encode_varint(len(value)) + key + value
        for key, value in entries.items()
    )
    content += struct.pack("<II", 0, 1)
    if kind == 1:  # All of it as it is, in the way of Snappy.
        content = encode_varint(len(content)) + bytes([60 << 2, len(content) - 1]) + content
    stored = content + bytes([kind])
    return stored + masked_checksum(stored)


def test_indices_of_real_models(corpus: Path) -> None:
    # Some of them are compressed.
    for file in corpus.glob("*/variables/variables.index"):
        found = CheckpointIndex.read(file.read_bytes())
        assert found.shards == len(list(file.parent.glob("*.data-*"))), file
        for tensor in found.tensors.values():
            assert tensor.is_sliced or tensor.dtype in protos.DataType.values()
