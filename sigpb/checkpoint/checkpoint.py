"""A checkpoint on disk: its index, the files of values, and the objects that it tracks."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from google.protobuf.message import DecodeError

from sigpb import protos
from sigpb.checkpoint.index import CheckpointIndex, NoIndex
from sigpb.checkpoint.strings import decoded_scalar, encoded_scalar
from sigpb.errors import EnvironmentFailure, ModelUnreadable
from sigpb.regular_files import open_regular
from sigpb.saved_model.files import read_side_file

OBJECTS_KEY = "_CHECKPOINTABLE_OBJECT_GRAPH"
"""The key of the encoded TrackableObjectGraph, a string."""

MODEL_PREFIX = "variables/variables"
"""What the names of a model's files of its checkpoint begin with."""


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint, of which no more than the index is in memory.

    Attributes:
        prefix: What the paths of its files begin with.
        index: Its index.
    """

    prefix: Path
    index: CheckpointIndex

    @classmethod
    def read(cls, prefix: Path) -> Checkpoint:
        """Reads the index of a checkpoint.

        Raises:
            ModelUnreadable: If there is none, or a damaged one.
            EnvironmentFailure: If it cannot be read for another reason.
        """
        file = index_file(prefix)
        content = read_side_file(file)
        if content is None:
            raise ModelUnreadable(f"{file}: there is no such file, and a checkpoint needs one.")
        try:
            return cls(prefix, CheckpointIndex.read(content))
        except NoIndex as error:
            raise NoIndex(f"{file}: {error}") from error

    @classmethod
    def of_model(cls, directory: Path) -> Checkpoint | None:
        """Reads the index of the checkpoint of a model; None if it has no index.

        Raises:
            ModelUnreadable: If it is damaged.
            EnvironmentFailure: If it cannot be read for another reason.
        """
        prefix = directory / MODEL_PREFIX
        return cls.read(prefix) if index_file(prefix).exists() else None

    @property
    def keys(self) -> tuple[str, ...]:
        """The keys of the tensors, without their slices and the tracked objects.

        Bytes that are no UTF-8 are surrogates in it.
        """
        entries = self.index.entries
        slices = {each for key in entries for each in self.index.slice_keys(key)}
        names = (key.decode(errors="surrogateescape") for key in entries if key not in slices)
        return tuple(name for name in names if name != OBJECTS_KEY)

    def shard_file(self, number: int) -> Path:
        """Returns the path of a file of values."""
        return self.prefix.with_name(shard_name(self.prefix.name, number, self.index.shards))

    def objects(self) -> protos.TrackableObjectGraph | None:
        """Returns the objects that the checkpoint tracks; None if it has none, as in TensorFlow 1.

        Raises:
            ModelUnreadable: If the file of values that holds them is missing or damaged.
            EnvironmentFailure: If it cannot be read for another reason.
        """
        stored = self.index.tensors.get(OBJECTS_KEY)
        if stored is None:
            return None
        file = self.shard_file(stored.shard)
        try:
            with open_regular(file) as opened:
                opened.seek(stored.offset)
                content = opened.read(stored.size)
        except FileNotFoundError as error:
            raise ModelUnreadable(
                f"{file}: there is no such file, and the index names it."
            ) from error
        except OSError as error:
            raise EnvironmentFailure(f"{file}: {error.strerror or error}.") from error
        try:
            value = decoded_scalar(content)
            entry = protos.BundleEntryProto.FromString(self.index.entries[OBJECTS_KEY.encode()])
            if int.from_bytes(encoded_scalar(value)[1], "little") != entry.crc32c:
                raise ModelUnreadable("it does not have the checksum that the index states")
            return protos.TrackableObjectGraph.FromString(value)
        except (DecodeError, ModelUnreadable) as error:
            raise ModelUnreadable(
                f"{file}: the graph of tracked objects is damaged: {error}."
            ) from error


def index_file(prefix: Path) -> Path:
    """Returns the path of the index of a checkpoint."""
    return prefix.with_name(f"{prefix.name}.index")


def shard_name(prefix: str, number: int, shards: int) -> str:
    """Returns the name of a file of values.

    Args:
        prefix: What the names of the checkpoint's files begin with.
        number: The number of the file.
        shards: How many files there are.
    """
    return f"{prefix}.data-{number:05}-of-{shards:05}"
