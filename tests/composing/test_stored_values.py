"""Values of a checkpoint as TensorProtos: whole ones, slices joined, parts cut out, strings."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from sigpb import protos
from sigpb.checkpoint.checkpoint import Checkpoint
from sigpb.checkpoint.index import CheckpointIndex
from sigpb.checkpoint.slice_keys import slice_key
from sigpb.checkpoint.strings import encoded
from sigpb.composing.assignments import StoredValue
from sigpb.composing.stored_values import StoredValues
from sigpb.errors import ModelUnreadable
from sigpb.saved_model.tf_record import masked_checksum
from sigpb.tf.tensor_types import dtype_of, shape_proto


class Stored:
    """A checkpoint that is being put together, all of it in one file."""

    def __init__(self) -> None:
        self.header = protos.BundleHeaderProto(num_shards=1)
        self.entries: dict[bytes, bytes] = {}
        self.data = b""

    def add(
        self,
        key: bytes,
        dtype: str,
        shape: tuple[int, ...],
        content: bytes,
        checksum: int | None = None,
    ) -> None:
        """Stores a tensor, or a slice of one."""
        if checksum is None:
            checksum = int.from_bytes(masked_checksum(content), "little")
        entry = protos.BundleEntryProto(
            dtype=dtype_of(dtype),
            shape=shape_proto(shape),
            offset=len(self.data),
            size=len(content),
            crc32c=checksum,
        )
        self.data += content
        self.entries[key] = entry.SerializeToString()

    def add_slices(self, key: bytes, shape: tuple[int, ...], *extents: str) -> None:
        """Stores int32 numbers that count up, in slices such as ``0,2:-``."""
        whole = protos.BundleEntryProto(dtype=dtype_of("int32"), shape=shape_proto(shape))
        _, columns = shape
        for text in extents:
            found = whole.slices.add()
            bounds = []
            for size, each in zip(shape, text.split(":"), strict=True):
                extent = found.extent.add()
                if each != "-":
                    extent.start, extent.length = map(int, each.split(","))
                bounds.append((extent.start, extent.length or size))
            (top, height), (left, width) = bounds
            numbers = [
                row * columns + column
                for row in range(top, top + height)
                for column in range(left, left + width)
            ]
            content = struct.pack(f"<{len(numbers)}i", *numbers)
            self.add(slice_key(key, found), "int32", (height, width), content)
        self.entries[key] = whole.SerializeToString()

    @property
    def values(self) -> StoredValues:
        index = CheckpointIndex.of(self.header, self.entries)
        checkpoint = Checkpoint(Path("variables"), index, {0: self.data})
        return StoredValues(checkpoint, {"new": "old"})

    def read(self, part: str = "") -> protos.TensorProto:
        tensor = protos.TensorProto()
        self.values.read(StoredValue("new", part), tensor)
        return tensor


def numbers(tensor: protos.TensorProto) -> list[int]:
    return [*struct.unpack(f"<{len(tensor.tensor_content) // 4}i", tensor.tensor_content)]


def sizes(tensor: protos.TensorProto) -> list[int]:
    return [dim.size for dim in tensor.tensor_shape.dim]


def test_a_value_has_the_key_that_the_part_has_for_it() -> None:
    stored = Stored()
    stored.add(b"old", "int32", (2,), struct.pack("<2i", 3, -4))
    assert StoredValue("new") in stored.values
    assert StoredValue("old") not in stored.values
    assert stored.values.size(StoredValue("new")) == 8
    assert stored.values.type(StoredValue("new")) == (dtype_of("int32"), (2,))
    assert (numbers(stored.read()), sizes(stored.read())) == ([3, -4], [2])


def test_slices_are_joined_wherever_they_lie() -> None:
    stored = Stored()
    stored.add_slices(b"old", (3, 4), "2,1:-", "0,2:1,3", "0,2:0,1")
    assert (numbers(stored.read()), sizes(stored.read())) == ([*range(12)], [3, 4])
    assert stored.values.size(StoredValue("new")) == 48


@pytest.mark.parametrize(
    ("part", "expected", "shape"),
    [
        ("3 4 0,2:-", [*range(8)], [2, 4]),
        ("3 4 1,2:1,2", [5, 6, 9, 10], [2, 2]),
        ("3 4 2,1:-", [8, 9, 10, 11], [1, 4]),
    ],
)
def test_a_part_may_be_a_slice_or_lie_across_slices(
    part: str, expected: list[int], shape: list[int]
) -> None:
    stored = Stored()
    stored.add_slices(b"old", (3, 4), "0,2:-", "2,1:-")
    found = stored.read(part)
    assert (numbers(found), sizes(found)) == (expected, shape)
    assert stored.values.type(StoredValue("new", part)).shape == tuple(shape)


def test_a_slice_that_is_missing() -> None:
    stored = Stored()
    stored.add_slices(b"old", (3, 4), "0,2:-", "2,1:-")
    del stored.entries[min(stored.entries)]
    with pytest.raises(ModelUnreadable, match="lacks a slice of 'new'"):
        stored.read()


def test_strings() -> None:
    stored = Stored()
    stored.add(b"old", "string", (3,), *encoded([b"", b"w\xc3\xb6rd\0", b"x"]))
    assert [*stored.read().string_val] == [b"", b"w\xc3\xb6rd\0", b"x"]


@pytest.mark.parametrize("dtype", ["int32", "string"])
def test_damaged(dtype: str) -> None:
    stored = Stored()
    content, checksum = (b"1234", None) if dtype == "int32" else encoded([b"abcd"])
    stored.add(b"old", dtype, (1,), content, checksum)
    stored.data = stored.data[:-1] + b"?"
    with pytest.raises(ModelUnreadable, match="byte 0 does not have the checksum"):
        stored.read()


@pytest.mark.parametrize("dtype", ["variant", "resource"])
def test_what_is_no_value(dtype: str) -> None:
    stored = Stored()
    stored.add(b"old", dtype, (), b"")
    with pytest.raises(ModelUnreadable, match=f"holds 'new' as {dtype}, which cannot be read"):
        stored.read()


def test_numbers_of_the_other_order_of_bytes() -> None:
    stored = Stored()
    stored.header.endianness = protos.BundleHeaderProto.Endianness.Value("BIG")
    stored.add(b"old", "int32", (1,), b"\0\0\0\1")
    with pytest.raises(ModelUnreadable, match="cannot be read"):
        stored.read()
