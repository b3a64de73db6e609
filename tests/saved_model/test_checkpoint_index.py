from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path

import pytest

from sigpb import protos
from sigpb.errors import ModelUnreadable
from sigpb.saved_model.checkpoint_index import CheckpointIndex, NoIndex, read, uncompress
from sigpb.saved_model.tf_record import masked_checksum
from sigpb.wire import encode_varint

ModelFactory = Callable[..., Path]

FLOAT, STRING = (protos.DataType.Value(name) for name in ("DT_FLOAT", "DT_STRING"))


@pytest.fixture
def index(fixture_model: ModelFactory) -> bytes:
    return (fixture_model("tf2_linear") / "variables" / "variables.index").read_bytes()


def test_tensors(index: bytes) -> None:
    found = read(index)

    assert found.shards == 1
    objects = found.tensors["_CHECKPOINTABLE_OBJECT_GRAPH"]
    assert (objects.dtype, objects.shape) == (STRING, ())
    variables = [tensor for key, tensor in found.tensors.items() if key.endswith("VARIABLE_VALUE")]
    assert {(each.dtype, each.shape, each.size) for each in variables} == {(FLOAT, (3,), 12)}
    ends = [each.offset + each.size for each in found.tensors.values()]
    assert len(set(ends)) == len(ends)


def test_description_says_nothing_of_the_place(index: bytes) -> None:
    descriptions = [tensor.description for tensor in read(index).tensors.values()]
    assert len(set(descriptions)) == len(descriptions)
    moved = table({b"": b"\x08\x02", b"a": entry(shard=1, offset=8), b"b": entry()}, kind=0)
    first, second = read(moved).tensors.values()
    assert first.description == second.description
    assert (first.shard, first.offset) == (1, 8)


@pytest.mark.parametrize("kind", [0, 1])
def test_blocks_are_as_they_are_or_compressed(kind: int) -> None:
    # The keys of slices are no text.
    data = table({b"": b"\x08\x03", b"\x00\xffx": entry(), b"kernel": entry(shard=2)}, kind=kind)
    found = read(data)
    assert isinstance(found, CheckpointIndex)
    assert found.shards == 3
    assert list(found.tensors) == ["\x00\\xffx", "kernel"]
    assert found.tensors["kernel"].shard == 2


def test_what_is_no_index(index: bytes) -> None:
    for damaged in (b"", index[:-1], index[:60] + index[61:], b"x" * 100):
        with pytest.raises(NoIndex, match="not the index of a checkpoint"):
            read(damaged)


def test_any_altered_byte_of_a_block_is_noticed(index: bytes) -> None:
    for position in range(0, 100, 7):
        altered = bytearray(index)
        altered[position] ^= 1
        with pytest.raises(NoIndex):
            read(bytes(altered))


def test_a_way_of_compression_that_is_not_known() -> None:
    with pytest.raises(NoIndex, match="compressed in an unknown way, 7"):
        read(table({b"": b""}, kind=7))


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
        found = read(file.read_bytes())
        assert found.shards == len(list(file.parent.glob("*.data-*"))), file
        for tensor in found.tensors.values():
            assert tensor.is_sliced or tensor.dtype in protos.DataType.values()


@pytest.mark.parametrize(
    ("compressed", "content"),
    [
        (b"\x00", b""),
        (b"\x03\x08abc", b"abc"),
        # "abc" as it is, then 9 bytes from 3 before: what is copied overlaps what it makes.
        (b"\x0c\x08abc" + bytes([1 | 5 << 2, 3]), b"abc" * 4),
        (b"\x0c\x08abc" + bytes([2 | 8 << 2, 3, 0]), b"abc" * 4),
        (b"\x0c\x08abc" + bytes([3 | 8 << 2, 3, 0, 0, 0]), b"abc" * 4),
        (encode_varint(100) + bytes([60 << 2, 99]) + b"x" * 100, b"x" * 100),
        (encode_varint(300) + bytes([61 << 2, 43, 1]) + b"x" * 300, b"x" * 300),
        (
            encode_varint(304) + bytes([61 << 2, 43, 1]) + b"abcd" + b"x" * 296 + b"\x21\x2c",
            b"abcd" + b"x" * 296 + b"abcd",
        ),
    ],
)
def test_what_it_was_before(compressed: bytes, content: bytes) -> None:
    assert uncompress(compressed) == content


@pytest.mark.parametrize(
    ("damaged", "problem"),
    [
        (b"", "truncated varint"),
        (b"\x04\x08abc", "holds 3 bytes, and says 4"),
        (b"\x02\x08abc", "holds 3 bytes, and says 2"),
        (b"\x07\x08abc\x01\x04", "refers to bytes that are not there"),
        (b"\x07\x08abc\x01\x00", "refers to bytes that are not there"),
        (b"\x06\x08abc\x01\x03", "refers to bytes that are not there"),
    ],
)
def test_damage(damaged: bytes, problem: str) -> None:
    with pytest.raises(ModelUnreadable, match=problem):
        uncompress(damaged)
