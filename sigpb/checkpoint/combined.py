"""A checkpoint made of tensors of others: the index is new, values are taken over as they are.

A file of values is taken whole where all of it is wanted, so that the file system can share its
data, and in ranges otherwise. No value is read.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path

from sigpb import protos
from sigpb.checkpoint.checkpoint import MODEL_PREFIX, OBJECTS_KEY, Checkpoint
from sigpb.checkpoint.index import CheckpointIndex
from sigpb.checkpoint.objects import has_tensors
from sigpb.checkpoint.shards import part_of, read_range, size_of
from sigpb.checkpoint.slice_keys import slice_key
from sigpb.checkpoint.strings import encoded
from sigpb.errors import ModelUnreadable, PatchError, did_you_mean, listed
from sigpb.publishing.changes import Content
from sigpb.visible_text import natural
from sigpb.wire import SourceRange

# Of the format: kTensorBundleVersion in tensorflow/core/util/tensor_bundle/tensor_bundle.cc.
_VERSION = 1

_STRING = protos.DataType.Value("DT_STRING")


@dataclass(frozen=True)
class Source:
    """Tensors of a checkpoint, and how they are to be called.

    Attributes:
        checkpoint: The checkpoint.
        keys: The keys that tensors have in it, by those that they get; a tensor has its slices with
            it. None for all of them as they are. The tracked objects are never among them.
    """

    checkpoint: Checkpoint
    keys: Mapping[str, str] | None = None


@dataclass(frozen=True)
class _Wanted:
    """An entry of the new index.

    Attributes:
        key: Its key.
        entry: What the old index says.
        shard: The file of values that has it; None for a tensor of which only slices are stored.
    """

    key: bytes
    entry: protos.BundleEntryProto
    shard: Content | None

    @property
    def range(self) -> SourceRange:
        """Where in that file it is."""
        return SourceRange(self.entry.offset, self.entry.offset + self.entry.size)


@dataclass(frozen=True)
class _Shard:
    """A file of values of the new checkpoint.

    Attributes:
        content: What it holds.
        old: Where the ranges of an old file begin that it holds.
        new: Where they begin in it.
        free: The ranges of it that no tensor needs.
    """

    content: Content
    old: Sequence[int]
    new: Sequence[int]
    free: Sequence[SourceRange]

    def offset(self, old: int) -> int:
        """Returns where something is that began at a byte of the old file."""
        number = bisect_right(self.old, old) - 1
        return old - self.old[number] + self.new[number]


def combined(sources: Sequence[Source], objects: protos.TrackableObjectGraph | None) -> Checkpoint:
    """Returns a checkpoint with tensors of others.

    Tensors that share bytes, such as those of one checkpoint under two keys, go on sharing them.

    Args:
        sources: Which tensors of which checkpoints.
        objects: The objects that it tracks, with the new keys; None if it tracks none.

    Raises:
        ModelUnreadable: If an index contradicts itself, or names a file of values that is missing
            or too short.
        PatchError: If two tensors get one key, if there is no tensor of a key, if the objects
            have values that are not there, or if a checkpoint is of another version of the format
            or of a machine with another byte order.
    """
    if problems := [problem for source in sources for problem in _misfits(source)]:
        raise PatchError(problems)
    wanted = [each for source in sources for each in _wanted(source)]
    if problems := [*_contradictions(wanted, objects)]:
        raise PatchError(problems)
    shards = _shards(sources, wanted)
    numbers = {content: number for number, content in enumerate(shards)}
    entries = {}
    for each in wanted:
        if each.shard is not None:
            each.entry.offset = shards[each.shard].offset(each.entry.offset)
            each.entry.shard_id = numbers[each.shard]
        entries[each.key] = each.entry.SerializeToString()
    contents = [shard.content for shard in shards.values()]
    if objects is not None:
        stored, checksum = encoded([objects.SerializeToString()])
        number, offset = _place(stored, shards.values())
        if number == len(contents):
            contents.append(stored)
        entries[OBJECTS_KEY.encode()] = protos.BundleEntryProto(
            dtype=_STRING,
            shape=protos.TensorShapeProto(),
            shard_id=number,
            offset=offset,
            size=len(stored),
            crc32c=checksum,
        ).SerializeToString()
    header = protos.BundleHeaderProto(
        num_shards=len(contents), version=protos.VersionDef(producer=_VERSION)
    )
    index = CheckpointIndex.of(header, entries)
    return Checkpoint(Path(MODEL_PREFIX), index, dict(enumerate(contents)))


def _misfits(source: Source) -> Iterator[str]:
    """Yields what keeps the tensors of a checkpoint from being in another one."""
    checkpoint = source.checkpoint
    header = checkpoint.index.header
    if header.endianness != protos.BundleHeaderProto.LITTLE:
        yield (
            f"{checkpoint.prefix}.index: the checkpoint was written on a big-endian machine, and "
            "one with values of both kinds cannot be read. Load and save it with TensorFlow."
        )
    version = header.version
    if max(version.producer, version.min_consumer) > _VERSION or version.bad_consumers:
        yield (
            f"{checkpoint.prefix}.index: the checkpoint is of version {version.producer} of its "
            f"format, and sigpb knows version {_VERSION}."
        )
    known = set(checkpoint.keys)
    for key in (source.keys or {}).values():
        if key not in known:
            meant = did_you_mean(key, known)
            yield f"{checkpoint.prefix}.index: there is no tensor of the key {key!r}; {meant}."


def _wanted(source: Source) -> Iterator[_Wanted]:
    checkpoint = source.checkpoint
    keys = {key: key for key in checkpoint.keys} if source.keys is None else source.keys
    for new, old in keys.items():
        new_key, old_key = (key.encode(errors="surrogateescape") for key in (new, old))
        entries = checkpoint.index.entries
        entry = protos.BundleEntryProto.FromString(entries[old_key])
        if not entry.slices:
            yield _stored(checkpoint, old, new_key, entry)
            continue
        yield _Wanted(new_key, entry, None)
        for extents in entry.slices:
            part = entries.get(slice_key(old_key, extents))
            if part is None:
                raise ModelUnreadable(
                    f"{checkpoint.prefix}.index: the tensor {old!r} lacks a slice."
                )
            part_entry = protos.BundleEntryProto.FromString(part)
            yield _stored(checkpoint, old, slice_key(new_key, extents), part_entry)


def _stored(
    checkpoint: Checkpoint, old: str, key: bytes, entry: protos.BundleEntryProto
) -> _Wanted:
    if min(entry.offset, entry.size) < 0 or not 0 <= entry.shard_id < checkpoint.index.shards:
        raise ModelUnreadable(
            f"{checkpoint.prefix}.index: it says that the tensor {old!r} is {entry.size} bytes at "
            f"{entry.offset} of file {entry.shard_id} of {checkpoint.index.shards}."
        )
    return _Wanted(key, entry, checkpoint.shards[entry.shard_id])


def _contradictions(
    wanted: Iterable[_Wanted], objects: protos.TrackableObjectGraph | None
) -> Iterator[str]:
    """Yields keys that a checkpoint cannot have, and those that tracked objects lack."""
    keys = Counter(each.key.decode(errors="surrogateescape") for each in wanted)
    if twice := sorted((key for key, count in keys.items() if count > 1), key=natural):
        yield f"Two tensors of the checkpoint would have the same key: {listed(twice)}."
    for key in ("", OBJECTS_KEY):
        if key in keys:
            yield f"A tensor cannot have the key {key!r}: checkpoints have something else there."
    attributes = (each for node in objects.nodes for each in node.attributes) if objects else ()
    ordered = sorted(keys)
    tracked = {each.checkpoint_key for each in attributes}
    if lacking := [key for key in sorted(tracked, key=natural) if not has_tensors(key, ordered)]:
        yield f"The checkpoint would have no values for objects that it tracks: {listed(lacking)}."


def _shards(sources: Iterable[Source], wanted: Iterable[_Wanted]) -> dict[Content, _Shard]:
    """Returns the new files of values, in their order, by the old ones."""
    ranges: dict[Content, set[SourceRange]] = defaultdict(set)
    for each in wanted:
        if each.shard is not None:
            ranges[each.shard].add(each.range)
    shards: dict[Content, _Shard] = {}
    for source in sources:
        there: dict[int, set[SourceRange]] = defaultdict(set)
        for key, tensor in source.checkpoint.index.tensors.items():
            if key != OBJECTS_KEY and not tensor.is_sliced:
                there[tensor.shard].add(SourceRange(tensor.offset, tensor.offset + tensor.size))
        for number, content in source.checkpoint.shards.items():
            if content in ranges and content not in shards:
                is_whole = there[number] <= ranges[content]
                shards[content] = _shard(content, ranges[content], is_whole)
    return shards


def _shard(content: Content, wanted: Iterable[SourceRange], is_whole: bool) -> _Shard:
    kept = _united(wanted)
    length = size_of(content)
    if kept[-1].end > length:
        name = "a new file of values" if isinstance(content, bytes) else content.source
        raise ModelUnreadable(
            f"{name}: it has {length:,} bytes; the index of the checkpoint tells of "
            f"{kept[-1].end:,}. Copy the checkpoint again, whole."
        )
    if is_whole:
        starts = [0, *(each.end for each in kept)]
        ends = [*(each.start for each in kept), length]
        free = [SourceRange(*each) for each in zip(starts, ends, strict=True)]
        return _Shard(content, [0], [0], free)
    new = accumulate((each.end - each.start for each in kept), initial=0)
    return _Shard(part_of(content, kept), [each.start for each in kept], [*new], ())


def _united(ranges: Iterable[SourceRange]) -> list[SourceRange]:
    """Returns the ranges that some others make up together, in their order."""
    found: list[SourceRange] = []
    for each in sorted(ranges, key=lambda each: each.start):
        if found and each.start <= found[-1].end:
            found[-1] = SourceRange(found[-1].start, max(found[-1].end, each.end))
        else:
            found.append(each)
    return found


def _place(stored: bytes, shards: Iterable[_Shard]) -> tuple[int, int]:
    """Returns where the tracked objects are: the number of a file, and their first byte there.

    A file that is taken whole may have them already, if they were left out before. Otherwise they
    get a file of their own.
    """
    number = -1
    for number, shard in enumerate(shards):
        for free in shard.free:
            there = free.end - free.start == len(stored)
            if there and read_range(shard.content, free.start, len(stored)) == stored:
                return number, free.start
    return number + 1, 0
