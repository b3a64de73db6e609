"""Checkpoints that tests write themselves, of tensors of uint8, and what one holds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from sigpb import protos
from sigpb.checkpoint.checkpoint import OBJECTS_KEY, Checkpoint
from sigpb.checkpoint.index import CheckpointIndex
from sigpb.checkpoint.shards import read_range
from sigpb.checkpoint.slice_keys import slice_key
from sigpb.checkpoint.strings import encoded
from sigpb.publishing.changes import Changes
from sigpb.publishing.new_files import write_file
from sigpb.saved_model.tf_record import masked_checksum

UINT8, STRING = (protos.DataType.Value(name) for name in ("DT_UINT8", "DT_STRING"))

Objects = protos.TrackableObjectGraph


def write_checkpoint(
    directory: Path,
    *shards: Mapping[str, bytes],
    slices: Mapping[str, Sequence[bytes]] | None = None,
    objects: Objects | None = None,
    header: protos.BundleHeaderProto | None = None,
) -> Checkpoint:
    """Writes a checkpoint, where that of a model is, and reads it.

    Args:
        directory: The directory of the model.
        shards: The tensors of each file of values; what they consist of by their keys.
        slices: Tensors whose slices are in the first file.
        objects: The tracked objects, which come last in the first file.
        header: What is said of the checkpoint; the number of files is added.
    """
    entries: dict[bytes, protos.BundleEntryProto] = {}
    prefix = directory / "variables" / "variables"
    prefix.parent.mkdir(parents=True)
    for number, tensors in enumerate(shards):
        content = b""
        parts = {key.encode(): value for key, value in tensors.items()}
        for key, values in (slices or {}).items() if number == 0 else ():
            whole = protos.BundleEntryProto(dtype=UINT8, shape=shape(sum(map(len, values))))
            start = 0
            for value in values:
                extents = whole.slices.add()
                extents.extent.add(start=start, length=len(value))
                parts[slice_key(key.encode(), extents)] = value
                start += len(value)
            entries[key.encode()] = whole
        for name, value in parts.items():
            entries[name] = protos.BundleEntryProto(
                dtype=UINT8,
                shape=shape(len(value)),
                shard_id=number,
                offset=len(content),
                size=len(value),
                crc32c=int.from_bytes(masked_checksum(value), "little"),
            )
            content += value
        if objects is not None and number == 0:
            stored, checksum = encoded([objects.SerializeToString()])
            entries[OBJECTS_KEY.encode()] = protos.BundleEntryProto(
                dtype=STRING,
                shape=protos.TensorShapeProto(),
                offset=len(content),
                size=len(stored),
                crc32c=checksum,
            )
            content += stored
        prefix.with_name(f"variables.data-{number:05}-of-{len(shards):05}").write_bytes(content)
    header = header or protos.BundleHeaderProto(version=protos.VersionDef(producer=1))
    header.num_shards = len(shards)
    contents = {key: entry.SerializeToString() for key, entry in entries.items()}
    index = CheckpointIndex.of(header, contents)
    prefix.with_name("variables.index").write_bytes(index.content())
    return Checkpoint.read(prefix)


def shape(size: int) -> protos.TensorShapeProto:
    """The shape of a vector."""
    return protos.TensorShapeProto(dim=[protos.TensorShapeProto.Dim(size=size)])


def values(checkpoint: Checkpoint) -> dict[str, bytes]:
    """What the tensors consist of by their keys; of slices, one after another."""
    index = checkpoint.index
    found = {}
    for key in checkpoint.keys:
        parts = index.slice_keys(key.encode()) or [key.encode()]
        entries = [protos.BundleEntryProto.FromString(index.entries[part]) for part in parts]
        found[key] = b"".join(
            read_range(checkpoint.shards[each.shard_id], each.offset, each.size) for each in entries
        )
    return found


def written(changes: Changes, directory: Path) -> Checkpoint:
    """Makes changes of a model's files, as publishing does, and reads the checkpoint."""
    contents = {}
    for name, content in changes.items():
        new = directory / f"{name}.new"
        new.parent.mkdir(parents=True, exist_ok=True)
        if content is not None:
            write_file(new, content, mode=None)
        contents[directory / name] = new
    for file, new in contents.items():
        new.replace(file) if new.exists() else file.unlink()
    checkpoint = Checkpoint.of_model(directory)
    assert checkpoint is not None
    return checkpoint
