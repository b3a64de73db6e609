"""A checkpoint: its index, the files of values, and the objects that it tracks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from google.protobuf.message import DecodeError

from sigpb import protos
from sigpb.checkpoint.index import CheckpointIndex, NoIndex
from sigpb.checkpoint.shards import read_range
from sigpb.checkpoint.strings import decoded
from sigpb.errors import ModelUnreadable
from sigpb.publishing.changes import Changes, Content, WholeFile
from sigpb.saved_model.files import CHECKPOINT_INDEX, read_side_file

OBJECTS_KEY = "_CHECKPOINTABLE_OBJECT_GRAPH"
"""The key of the encoded TrackableObjectGraph, a string."""

_SUFFIX = ".index"
MODEL_PREFIX = CHECKPOINT_INDEX.removesuffix(_SUFFIX)
"""What the paths of the files of a model's checkpoint begin with, in its directory."""


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint that is on disk, or that is to be written. Of it, the index is in memory.

    Attributes:
        prefix: What the paths of its files begin with, as errors name it.
        index: Its index.
        shards: The files of values that the index names, by their numbers.
    """

    prefix: Path
    index: CheckpointIndex
    shards: Mapping[int, Content]

    @classmethod
    def read(cls, prefix: Path) -> Checkpoint:
        """Reads the index of a checkpoint.

        Args:
            prefix: What the paths of its files begin with.

        Raises:
            ModelUnreadable: If there is none, or a damaged one.
            EnvironmentFailure: If it cannot be read for another reason.
        """
        file = prefix.with_name(prefix.name + _SUFFIX)
        content = read_side_file(file)
        if content is None:
            raise ModelUnreadable(f"{file}: there is no such file, and a checkpoint needs one.")
        return cls._of(prefix, content, prefix.parent, {})

    @classmethod
    def of_model(cls, directory: Path, changes: Changes | None = None) -> Checkpoint | None:
        """Reads the index of the checkpoint of a model; None if it has no index.

        Args:
            directory: The directory of the model.
            changes: What is to become of the files in it: the checkpoint is the one after that.

        Raises:
            ModelUnreadable: If it is damaged.
            EnvironmentFailure: If it cannot be read for another reason.
        """
        changes = changes or {}
        if CHECKPOINT_INDEX in changes:
            content = changes[CHECKPOINT_INDEX]
            assert content is None or isinstance(content, bytes), "an index is written anew"
        else:
            content = read_side_file(directory / CHECKPOINT_INDEX)
        if content is None:
            return None
        return cls._of(directory / MODEL_PREFIX, content, directory, changes)

    @classmethod
    def _of(cls, prefix: Path, content: bytes, directory: Path, changes: Changes) -> Checkpoint:
        """Returns a checkpoint with a certain index, some of whose files are to be changed."""
        try:
            index = CheckpointIndex.read(content)
        except NoIndex as error:
            raise NoIndex(f"{prefix.with_name(prefix.name + _SUFFIX)}: {error}") from error
        shards: dict[int, Content] = {}
        for number in sorted({each.shard for each in index.tensors.values()}):
            file = prefix.with_name(shard_name(prefix.name, number, index.shards))
            shards[number] = changes.get(str(file.relative_to(directory))) or WholeFile(file)
        return cls(prefix, index, shards)

    @property
    def keys(self) -> tuple[str, ...]:
        """The keys of the tensors, without their slices and the tracked objects.

        Bytes that are no UTF-8 are surrogates in it.
        """
        entries = self.index.entries
        slices = {each for key in entries for each in self.index.slice_keys(key)}
        names = (key.decode(errors="surrogateescape") for key in entries if key not in slices)
        return tuple(name for name in names if name != OBJECTS_KEY)

    def objects(self) -> protos.TrackableObjectGraph | None:
        """Returns the objects that the checkpoint tracks; None if it has none, as in TensorFlow 1.

        Raises:
            ModelUnreadable: If the file of values that holds them is missing or damaged.
            EnvironmentFailure: If it cannot be read for another reason.
        """
        stored = self.index.tensors.get(OBJECTS_KEY)
        if stored is None:
            return None
        file = self.prefix.with_name(shard_name(self.prefix.name, stored.shard, self.index.shards))
        content = read_range(self.shards[stored.shard], stored.offset, stored.size)
        try:
            entry = protos.BundleEntryProto.FromString(self.index.entries[OBJECTS_KEY.encode()])
            (value,) = decoded(content, 1, entry.crc32c)
            return _checked(protos.TrackableObjectGraph.FromString(value))
        except (DecodeError, ModelUnreadable) as error:
            raise ModelUnreadable(
                f"{file}: the graph of tracked objects is damaged: {error}."
            ) from error

    def changes(self, before: Path | None) -> dict[str, Content | None]:
        """Returns what becomes of files of a model that gets this checkpoint.

        A file of values gets a name that no other content has in the model. So all of them can be
        put there first, and the old index is right until the new one takes its place; what the old
        one alone names can be removed then. Names say how many files there are: if as many are
        there already, an empty one is added.

        Args:
            before: The directory of the model whose checkpoint this one takes the place of; None
                for a new model.

        Raises:
            ModelUnreadable: If the checkpoint that the model has is damaged.
            EnvironmentFailure: If it cannot be read for another reason.
        """
        index, changes, there = self.index, dict[str, Content | None](), dict[str, Content]()
        old = None if before is None else Checkpoint.of_model(before)
        if before is not None:
            files = before.glob(f"{MODEL_PREFIX}.data-*")
            there = {str(file.relative_to(before)): WholeFile(file) for file in files}
        if old is not None:
            end = f"-of-{old.index.shards:05}"
            changes = {name: None for name in there if name.endswith(end)}
            changes[CHECKPOINT_INDEX] = None
        while any(there.get(name, content) != content for name, content in self._named(index)):
            header = protos.BundleHeaderProto()
            header.CopyFrom(index.header)
            header.num_shards += 1
            index = replace(index, header=header)
        for name, content in self._named(index):
            if name in there:
                changes.pop(name, None)  # It stays where it is.
            else:
                changes[name] = content
        if self.shards:
            changes[CHECKPOINT_INDEX] = index.content()
        return changes

    def _named(self, index: CheckpointIndex) -> Iterator[tuple[str, Content]]:
        """Yields the files of values as that of a model, by their paths in its directory."""
        for number in range(index.shards):
            name = shard_name(MODEL_PREFIX, number, index.shards)
            yield name, self.shards.get(number, b"")


def _checked(objects: protos.TrackableObjectGraph) -> protos.TrackableObjectGraph:
    """Returns tracked objects if those that they refer to are there.

    Raises:
        ModelUnreadable: If one is not.
    """
    numbers = {0}  # the root
    for node in objects.nodes:
        numbers.update(child.node_id for child in node.children)
        for slot in node.slot_variables:
            numbers |= {slot.original_variable_node_id, slot.slot_variable_node_id}
    if missing := sorted(numbers - {*range(len(objects.nodes))}):
        raise ModelUnreadable(f"it lacks the node {missing[0]}")
    return objects


def shard_name(prefix: str, number: int, shards: int) -> str:
    """Returns the name of a file of values.

    Args:
        prefix: What the names of the checkpoint's files begin with.
        number: The number of the file.
        shards: How many files there are.
    """
    return f"{prefix}.data-{number:05}-of-{shards:05}"
