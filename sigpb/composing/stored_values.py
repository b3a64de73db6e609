"""Values of a checkpoint as TensorProtos, read without TensorFlow.

Files of values have the elements of a tensor as they are in memory, one after the other, and so has
``tensor_content``; strings have a form of their own.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence

from sigpb import protos
from sigpb.checkpoint.checkpoint import Checkpoint, shard_name
from sigpb.checkpoint.index import CheckpointIndex
from sigpb.checkpoint.shards import read_range
from sigpb.checkpoint.slice_keys import slice_key
from sigpb.checkpoint.strings import decoded
from sigpb.composing.assignments import StoredValue
from sigpb.composing.part import Part
from sigpb.errors import ModelUnreadable
from sigpb.saved_model.tf_record import masked_checksum
from sigpb.tf.tensor_types import TensorType, dtype_name, is_handle, shape_of, shape_proto

# The places and sizes of a part of a tensor, for each dimension.
_Region = Sequence[tuple[int, int]]


class StoredValues:
    """The values in a checkpoint that belong to a part."""

    def __init__(self, checkpoint: Checkpoint, keys: Mapping[str, str]) -> None:
        """Takes the values.

        Args:
            checkpoint: The checkpoint.
            keys: The keys that they have in the checkpoint, by those that the part has for them.
        """
        self._checkpoint, self._keys = checkpoint, keys
        self._entries = checkpoint.index.entries

    @classmethod
    def of(cls, part: Part) -> StoredValues:
        """Returns the values of a part; none if its model has no checkpoint."""
        index = CheckpointIndex(protos.BundleHeaderProto(), {}, {})
        nothing = Checkpoint(part.directory, index, {})
        return cls(Checkpoint.of_model(part.directory) or nothing, part.variables)

    def __contains__(self, value: StoredValue) -> bool:
        return value.key in self._keys and self._key(value) in self._entries

    def type(self, value: StoredValue) -> TensorType:
        """Returns the type of a value."""
        entry = self._entry(value)
        sizes = tuple(size for _, size in self._region(value, entry))
        return TensorType(entry.dtype, sizes if value.part else shape_of(entry.shape))

    def size(self, value: StoredValue) -> int:
        """Returns how many bytes a value takes, or at most takes, in a TensorProto."""
        entry = self._entry(value)
        pieces = self._pieces(value, entry)
        return sum(piece.size for _, piece in pieces)

    def read(self, value: StoredValue, tensor: protos.TensorProto) -> None:
        """Reads a value into a TensorProto without anything in it.

        Raises:
            ModelUnreadable: If its bytes are missing or damaged, or cannot be read.
            EnvironmentFailure: If the file cannot be read for another reason.
        """
        entry, type_ = self._entry(value), self.type(value)
        name = dtype_name(entry.dtype)
        if is_handle(entry.dtype) or self._checkpoint.index.header.endianness:
            raise ModelUnreadable(
                f"the checkpoint holds {value.key!r} as {name}, which cannot be read."
            )
        tensor.dtype = entry.dtype
        tensor.tensor_shape.CopyFrom(shape_proto(type_.shape))
        pieces, region = self._pieces(value, entry), self._region(value, entry)
        if name == "string":
            if len(pieces) != 1 or value.part:
                raise ModelUnreadable(f"{value.key!r} consists of slices of strings.")
            tensor.string_val.extend(
                self._strings(entry, math.prod(size for _, size in self._region(value, entry)))
            )
            return
        region = self._region(value, entry)
        if len(pieces) == 1 and pieces[0][0] == region:
            tensor.tensor_content = self._checked(pieces[0][1])
            return
        whole = [size for _, size in region]
        width = pieces[0][1].size // max(math.prod(size for _, size in pieces[0][0]), 1)
        content = bytearray(math.prod(whole) * width)
        for place, piece in pieces:
            _copy(self._checked(piece), place, content, region, width)
        tensor.tensor_content = bytes(content)

    def _entry(self, value: StoredValue) -> protos.BundleEntryProto:
        return protos.BundleEntryProto.FromString(self._entries[self._key(value)])

    def _key(self, value: StoredValue) -> bytes:
        return self._keys[value.key].encode(errors="surrogateescape")

    def _region(self, value: StoredValue, entry: protos.BundleEntryProto) -> _Region:
        """Returns which part of the whole tensor a value is."""
        sizes = [dim.size for dim in entry.shape.dim]
        if not value.part:
            return [(0, size) for size in sizes]
        ranges = value.part.split(" ")[-1].split(":")
        found = [(0, size) for size in sizes]
        for number, text in enumerate(ranges):
            if text != "-":
                start, _, length = text.partition(",")
                found[number] = int(start), int(length)
        return found

    def _pieces(
        self, value: StoredValue, entry: protos.BundleEntryProto
    ) -> list[tuple[_Region, protos.BundleEntryProto]]:
        """Returns what is stored of a tensor, by where in it that lies."""
        region = self._region(value, entry)
        sizes = [dim.size for dim in entry.shape.dim]
        if not entry.slices:
            return [([(0, size) for size in sizes], entry)]
        found: list[tuple[_Region, protos.BundleEntryProto]] = []
        for extents in entry.slices:
            place = [
                (each.start, each.length if each.HasField("length") else size)
                for each, size in zip(extents.extent, sizes, strict=True)
            ]
            key = slice_key(self._key(value), extents)
            if key not in self._entries:
                raise ModelUnreadable(f"the checkpoint lacks a slice of {value.key!r}.")
            if _overlap(place, region):
                found.append((place, protos.BundleEntryProto.FromString(self._entries[key])))
        return found

    def _checked(self, entry: protos.BundleEntryProto) -> bytes:
        content = self._bytes(entry)
        if int.from_bytes(masked_checksum(content), "little") != entry.crc32c:
            raise self._damaged(entry)
        return content

    def _strings(self, entry: protos.BundleEntryProto, count: int) -> list[bytes]:
        try:
            return decoded(self._bytes(entry), count, entry.crc32c)
        except ModelUnreadable as error:
            raise self._damaged(entry) from error

    def _damaged(self, entry: protos.BundleEntryProto) -> ModelUnreadable:
        prefix = self._checkpoint.prefix
        file = shard_name(prefix.name, entry.shard_id, self._checkpoint.index.shards)
        return ModelUnreadable(
            f"{prefix.with_name(file)}: the value at byte {entry.offset} does not have the "
            "checksum that the index states."
        )

    def _bytes(self, entry: protos.BundleEntryProto) -> bytes:
        return read_range(self._checkpoint.shards[entry.shard_id], entry.offset, entry.size)


def _overlap(first: _Region, second: _Region) -> bool:
    return all(
        start < other + other_size and other < start + size
        for (start, size), (other, other_size) in zip(first, second, strict=True)
    )


def _copy(source: bytes, place: _Region, target: bytearray, region: _Region, width: int) -> None:
    """Copies what two parts of a tensor have in common from one to the other, row by row."""
    common = [
        (max(start, other), min(start + size, other + other_size))
        for (start, size), (other, other_size) in zip(place, region, strict=True)
    ]
    *outer, (first, last) = common
    length = (last - first) * width
    for indices in itertools.product(*(range(*bounds) for bounds in outer)):
        begin = _offset([*indices, first], place) * width
        end = _offset([*indices, first], region) * width
        target[end : end + length] = source[begin : begin + length]


def _offset(indices: Sequence[int], region: _Region) -> int:
    """Returns the number of an element in a part of a tensor, in row-major order."""
    offset = 0
    for index, (start, size) in zip(indices, region, strict=True):
        offset = offset * size + index - start
    return offset
