"""A model that gets variables and an asset of another one, as far as loaders look at it.

What a proto needs is its content: keys of the checkpoint, and names of assets.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from sigpb import protos
from sigpb.publishing.changes import Changes, WholeFile
from sigpb.saved_model.files import BINARY_NAME, CHECKPOINT_INDEX
from sigpb.saved_model.sorted_table import read_table, write_table

KERNEL, SCALE = b"kernel's values", b"scale's values"
Files = Mapping[str, bytes]


def index_of(shards: list[dict[str, bytes]]) -> bytes:
    """Returns the index of shards that hold one value each."""
    header = protos.BundleHeaderProto(num_shards=len(shards)).SerializeToString()
    entries = {
        key.encode(): protos.BundleEntryProto(shard_id=number, size=len(value)).SerializeToString()
        for number, shard in enumerate(shards)
        for key, value in shard.items()
    }
    return write_table([(b"", header), *sorted(entries.items())])


def proto_of(keys: list[str], assets: list[str]) -> bytes:
    return json.dumps({"keys": keys, "assets": assets}).encode()


def loaded(files: Files) -> Files:
    """What a loader makes of the files of a model: the values that its proto needs."""
    needed = json.loads(files[BINARY_NAME])
    entries = dict(read_table(files[CHECKPOINT_INDEX]))
    shards = protos.BundleHeaderProto.FromString(entries[b""]).num_shards
    values = {}
    for key in needed["keys"]:
        entry = protos.BundleEntryProto.FromString(entries[key.encode()])
        values[key] = files[shard(entry.shard_id, shards)][: entry.size]
    return {**values, **{name: files[f"assets/{name}"] for name in needed["assets"]}}


def loads_as_before(files: Files) -> bool:
    """Checks that a loader gets the old or the new values; returns whether it gets the old ones."""
    is_old = files[BINARY_NAME] == OLD[BINARY_NAME]
    assert loaded(files) == (BEFORE if is_old else AFTER)
    return is_old


def shard(number: int, count: int) -> str:
    return f"variables/variables.data-{number:05}-of-{count:05}"


OLD = {
    BINARY_NAME: proto_of(["kernel"], ["labels.txt"]),
    "fingerprint.pb": b"old",
    CHECKPOINT_INDEX: index_of([{"kernel": KERNEL}]),
    shard(0, 1): KERNEL,
    "assets/labels.txt": b"labels",
}
NEW = {
    BINARY_NAME: proto_of(["kernel", "scale"], ["labels.txt", "words.txt"]),
    "fingerprint.pb": b"new",
    CHECKPOINT_INDEX: index_of([{"kernel": KERNEL}, {"scale": SCALE}]),
    shard(0, 2): KERNEL,
    shard(1, 2): SCALE,
    "assets/labels.txt": b"labels",
    "assets/words.txt": b"words",
}
BEFORE = {"kernel": KERNEL, "labels.txt": b"labels"}
AFTER = {**BEFORE, "scale": SCALE, "words.txt": b"words"}
CHANGED = {name for name in {**OLD, **NEW} if OLD.get(name) != NEW.get(name)}


def write_adapter(directory: Path) -> None:
    """Writes the files that come from another model."""
    written(directory, {"scale": SCALE, "words.txt": b"words"})


def changes_of(model: Path, adapter: Path) -> Changes:
    """What makes the old model the new one."""
    return {
        **{name: NEW[name] for name in (BINARY_NAME, "fingerprint.pb", CHECKPOINT_INDEX)},
        shard(0, 1): None,
        shard(0, 2): WholeFile(model / shard(0, 1)),
        shard(1, 2): WholeFile(adapter / "scale"),
        "assets/words.txt": WholeFile(adapter / "words.txt"),
    }


def written(directory: Path, contents: Mapping[str, bytes]) -> None:
    for name, content in contents.items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
