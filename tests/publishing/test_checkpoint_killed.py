"""Models whose checkpoint and assets change too, killed or failing at any single step.

What a proto needs is its content: keys of the checkpoint, and names of assets.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from sigpb import protos
from sigpb.publishing.changes import Changes, WholeFile
from sigpb.publishing.publish import (
    FileState,
    publish_copy,
    publish_in_place,
    put_backup_back,
)
from sigpb.publishing.restore import restore
from sigpb.publishing.unfinished import take_back_unfinished
from sigpb.saved_model.files import BINARY_NAME, CHECKPOINT_INDEX, sha256_of
from sigpb.saved_model.sorted_table import read_table, write_table

from .steps import (
    Place,
    at_each_step,
    fail_for_good,
    fail_once,
    files,
    kill,
)

pytestmark = pytest.mark.killed

KERNEL, SCALE = b"kernel's values", b"scale's values"
Values = dict[str, bytes]


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


def loaded(model: Path) -> Values:
    """What a loader makes of a model: the values that its proto needs."""
    needed = json.loads((model / BINARY_NAME).read_text())
    entries = dict(read_table((model / CHECKPOINT_INDEX).read_bytes()))
    shards = protos.BundleHeaderProto.FromString(entries[b""]).num_shards
    values = {}
    for key in needed["keys"]:
        entry = protos.BundleEntryProto.FromString(entries[key.encode()])
        values[key] = (model / shard(entry.shard_id, shards)).read_bytes()[: entry.size]
    return values | {name: (model / "assets" / name).read_bytes() for name in needed["assets"]}


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


@dataclasses.dataclass(frozen=True)
class Grafted(Place):
    """A model that gets variables and an asset of another one."""

    def create(self) -> None:
        self.output.parent.mkdir(parents=True)
        written(self.model, OLD)
        written(self.root / "adapter", {"scale": SCALE, "words.txt": b"words"})

    def changes(self) -> Changes:
        return {
            **{name: NEW[name] for name in (BINARY_NAME, "fingerprint.pb", CHECKPOINT_INDEX)},
            shard(0, 1): None,
            shard(0, 2): WholeFile(self.model / shard(0, 1)),
            shard(1, 2): WholeFile(self.root / "adapter" / "scale"),
            "assets/words.txt": WholeFile(self.root / "adapter" / "words.txt"),
        }

    def copy(self) -> None:
        publish_copy(self.model, self.output, self.changes(), hardlink=True)

    def in_place(self, *, backup: bool | str = True) -> None:
        expected = FileState.of(self.model / BINARY_NAME)
        publish_in_place(self.model, self.changes(), expected=expected, backup=backup)


@dataclasses.dataclass(frozen=True)
class Patched(Grafted):
    """The same after that."""

    def create(self) -> None:
        super().create()
        self.in_place(backup="batch")

    def put_back(self) -> None:
        backup = self.model / ".sigpb-backup-batch"
        put_backup_back(
            self.model, backup, CHANGED, expected=FileState.of(self.model / BINARY_NAME)
        )

    def roll_back(self) -> None:
        old = sha256_of(self.model / ".sigpb-backup-batch" / BINARY_NAME)
        restore(self.model, "batch", CHANGED, digest=old)


def written(directory: Path, contents: Mapping[str, bytes]) -> None:
    for name, content in contents.items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def assert_consistent(model: Path) -> bool:
    """Checks that a loader gets the old or the new values; returns whether it gets the old ones."""
    is_old = (model / BINARY_NAME).read_bytes() == OLD[BINARY_NAME]
    assert loaded(model) == (BEFORE if is_old else AFTER)
    return is_old


def test_a_copy_has_all_or_is_not_there(tmp_path: Path) -> None:
    found = set()
    for place, _, _ in at_each_step(Grafted.copy, tmp_path, kill, Grafted):
        found.add(place.output.exists())
        assert files(place.model) == OLD
        if not place.output.exists():
            place.copy()
        assert files(place.output) == NEW
    assert found == {True, False}


@pytest.mark.sampled(2)
@pytest.mark.parametrize(
    ("act", "backup"), [(kill, True), (kill, False), (fail_once, True), (fail_for_good, True)]
)
def test_loaders_find_all_that_the_old_or_the_new_proto_needs(
    tmp_path: Path, act: Callable[[int, int], None], backup: bool
) -> None:
    def procedure(place: Grafted) -> None:
        place.in_place(backup=backup)

    found = set()
    for place, _, _ in at_each_step(procedure, tmp_path, act, Grafted):
        found.add(assert_consistent(place.model))
        is_half_done = files(place.model) not in (OLD, NEW)
        if act is fail_once:
            assert not is_half_done
        assert take_back_unfinished(place.model) is is_half_done
        model = files(place.model)
        assert model == OLD or (model == NEW and not is_half_done)
        if model == OLD:
            procedure(place)
        assert files(place.model) == NEW
    assert found == {True, False}


@pytest.mark.parametrize("procedure", [Patched.put_back, Patched.roll_back])
def test_a_backup_is_put_back_in_an_order_that_loaders_can_follow(
    tmp_path: Path, procedure: Callable[[Patched], None]
) -> None:
    found = set()
    for place, _, _ in at_each_step(procedure, tmp_path, kill, Patched):
        found.add(assert_consistent(place.model))
        take_back_unfinished(place.model)
        if (place.model / ".sigpb-backup-batch").exists():
            procedure(place)
        assert files(place.model) == OLD
    assert found == {True, False}
