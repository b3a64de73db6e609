"""The index of a checkpoint: which tensors it has, and where, read and written without TensorFlow.

``variables.index`` is a sorted table. It has a BundleHeaderProto under the empty key, and a
BundleEntryProto for each tensor and for each slice of one
(tensorflow/core/protobuf/tensor_bundle.proto, tensorflow/core/util/tensor_bundle/tensor_bundle.h).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from google.protobuf.message import DecodeError

from sigpb import protos
from sigpb.checkpoint.slice_keys import slice_key
from sigpb.errors import ModelUnreadable
from sigpb.saved_model.sorted_table import read_table, write_table
from sigpb.tf.tensor_types import Shape, shape_of


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
        header: What it says of the checkpoint as a whole.
        entries: The encoded BundleEntryProtos by their keys, those of slices too.
        tensors: The same as text and as values. The keys of slices are no text.
    """

    header: protos.BundleHeaderProto
    entries: Mapping[bytes, bytes]
    tensors: Mapping[str, StoredTensor]

    @classmethod
    def read(cls, data: bytes) -> CheckpointIndex:
        """Reads an index.

        Args:
            data: The content of ``variables.index``.

        Raises:
            NoIndex: If it is not an index, or if a block does not have the checksum it states.
        """
        try:
            entries = dict(read_table(data))
            if b"" not in entries:
                raise NoIndex("it has no header")
            header = protos.BundleHeaderProto.FromString(entries.pop(b""))
            return cls.of(header, entries)
        except (DecodeError, ModelUnreadable) as error:
            raise NoIndex(f"not the index of a checkpoint: {error}.") from error

    @classmethod
    def of(
        cls, header: protos.BundleHeaderProto, entries: Mapping[bytes, bytes]
    ) -> CheckpointIndex:
        """Returns the index that says this of a checkpoint and of its tensors."""
        return cls(header, entries, {_text(key): _tensor(each) for key, each in entries.items()})

    def content(self) -> bytes:
        """Returns the bytes of its file, which are those that TensorFlow writes."""
        return write_table([(b"", self.header.SerializeToString()), *sorted(self.entries.items())])

    def slice_keys(self, key: bytes) -> list[bytes]:
        """Returns the keys of a tensor's slices; none of a tensor that is stored whole."""
        if not self.tensors[_text(key)].is_sliced:
            return []
        entry = protos.BundleEntryProto.FromString(self.entries[key])
        return [slice_key(key, extents) for extents in entry.slices]

    @property
    def shards(self) -> int:
        """The number of files that hold the values."""
        return self.header.num_shards


def _text(key: bytes) -> str:
    return key.decode(errors="backslashreplace")


def _tensor(encoded: bytes) -> StoredTensor:
    entry = protos.BundleEntryProto.FromString(encoded)
    dtype, shape = entry.dtype, shape_of(entry.shape)
    place = entry.shard_id, entry.offset, entry.size
    is_sliced = bool(entry.slices)
    # Where the value is says nothing of it.
    entry.ClearField("shard_id")
    entry.ClearField("offset")
    return StoredTensor(dtype, shape, *place, is_sliced, entry.SerializeToString())
