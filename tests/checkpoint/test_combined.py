from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from sigpb import protos
from sigpb.checkpoint.checkpoint import OBJECTS_KEY, Checkpoint
from sigpb.checkpoint.combined import Source, combined
from sigpb.checkpoint.index import CheckpointIndex
from sigpb.errors import ModelUnreadable, PatchError
from sigpb.publishing.changes import SplicedFile, WholeFile
from tests.checkpoint.checkpoints import Objects, values, write_checkpoint, written

INDEX = "variables/variables.index"
ModelFactory = Callable[..., Path]


def shard(number: int, count: int) -> str:
    return f"variables/variables.data-{number:05}-of-{count:05}"


def tracking(*keys: str) -> Objects:
    """A root with a child for each key."""
    objects = Objects()
    root = objects.nodes.add()
    for key in keys:
        root.children.add(node_id=len(objects.nodes), local_name=key)
        objects.nodes.add().attributes.add(name="VARIABLE_VALUE", checkpoint_key=key)
    return objects


@pytest.fixture
def a(tmp_path: Path) -> Checkpoint:
    """Two files of values, slices, and tracked objects."""
    return write_checkpoint(
        tmp_path / "a",
        {"x": b"xx", "empty": b"", "y": b"yyy"},
        {"z": b"zzzz"},
        slices={"sliced": [b"12", b"345"]},
        objects=tracking("x", "z"),
    )


@pytest.fixture
def b(tmp_path: Path) -> Checkpoint:
    return write_checkpoint(tmp_path / "b", {"x": b"other", "w": b"w"}, objects=tracking("w"))


A = {"x": b"xx", "empty": b"", "y": b"yyy", "z": b"zzzz", "sliced": b"12345"}


def under(scope: str, checkpoint: Checkpoint) -> dict[str, str]:
    return {f"{scope}/{key}": key for key in checkpoint.keys}


def test_files_of_values_come_whole_and_the_index_is_new(
    a: Checkpoint, b: Checkpoint, tmp_path: Path
) -> None:
    objects = tracking("x", "z", "b/w")
    new = combined([Source(a), Source(b, under("b", b))], objects)

    changes = new.changes(None)
    assert changes == {
        shard(0, 4): WholeFile(tmp_path / "a" / shard(0, 2)),
        shard(1, 4): WholeFile(tmp_path / "a" / shard(1, 2)),
        shard(2, 4): WholeFile(tmp_path / "b" / shard(0, 1)),
        shard(3, 4): changes[shard(3, 4)],
        INDEX: new.index.content(),
    }
    there = written(changes, tmp_path / "new")
    assert values(there) == {**A, "b/x": b"other", "b/w": b"w"} == values(new)
    assert there.objects() == objects == new.objects()


def test_renamed_tensors_have_their_slices_with_them(a: Checkpoint, tmp_path: Path) -> None:
    new = combined([Source(a, under("größe", a))], None)
    assert values(written(new.changes(None), tmp_path / "new")) == {
        f"größe/{key}": value for key, value in A.items()
    }
    assert new.objects() is None


def test_of_a_file_that_is_not_all_wanted_there_are_ranges(a: Checkpoint, tmp_path: Path) -> None:
    keys = {"sliced": "sliced", "new": "y", "empty": "empty"}
    new = combined([Source(a, keys)], None)
    (content,) = new.shards.values()
    assert isinstance(content, SplicedFile)
    there = written(new.changes(None), tmp_path / "new")
    assert values(there) == {"sliced": b"12345", "new": b"yyy", "empty": b""}
    assert (tmp_path / "new" / shard(0, 1)).stat().st_size == len(b"yyy12345")


def test_only_an_empty_tensor(a: Checkpoint, tmp_path: Path) -> None:
    new = combined([Source(a, {"empty": "empty"})], None)
    assert values(written(new.changes(None), tmp_path / "new")) == {"empty": b""}
    assert (tmp_path / "new" / shard(0, 1)).read_bytes() == b""


def test_one_checkpoint_under_two_scopes_is_stored_once(b: Checkpoint, tmp_path: Path) -> None:
    new = combined([Source(b, under("1", b)), Source(b, under("2", b))], None)
    assert new.shards == {0: WholeFile(tmp_path / "b" / shard(0, 1))}
    assert values(new) == {"1/x": b"other", "1/w": b"w", "2/x": b"other", "2/w": b"w"}


def test_two_halves_of_a_file_are_the_whole(b: Checkpoint, tmp_path: Path) -> None:
    new = combined([Source(b, {"x": "x"}), Source(b, {"v": "w"})], None)
    assert new.shards == {0: WholeFile(tmp_path / "b" / shard(0, 1))}


def test_nothing_new_is_written_for_the_same_tensors_and_objects(a: Checkpoint) -> None:
    model = a.prefix.parent.parent
    new = combined([Source(a)], a.objects())
    assert new.changes(model) == {INDEX: (model / INDEX).read_bytes()}


def test_taking_tensors_in_and_out_again_gives_the_same_bytes(a: Checkpoint, b: Checkpoint) -> None:
    model = a.prefix.parent.parent
    before = {file.name: file.read_bytes() for file in a.prefix.parent.iterdir()}
    more = combined([Source(a), Source(b, under("b", b))], tracking("x", "b/w"))
    there = written(more.changes(model), model)
    assert len(list(a.prefix.parent.iterdir())) == 5  # The old files of values are gone.

    fewer = combined([Source(there, {key: key for key in A})], tracking("x", "z"))
    written(fewer.changes(model), model)
    assert {file.name: file.read_bytes() for file in a.prefix.parent.iterdir()} == before


def test_other_content_gets_another_name(b: Checkpoint, tmp_path: Path) -> None:
    model = tmp_path / "b"
    once = written(combined([Source(b)], tracking()).changes(model), model)
    twice = combined([Source(once)], tracking("x")).changes(model)
    assert twice == {
        shard(0, 2): None,
        shard(1, 2): None,
        shard(0, 3): WholeFile(model / shard(0, 2)),
        shard(1, 3): twice[shard(1, 3)],
        shard(2, 3): b"",
        INDEX: twice[INDEX],
    }
    there = written(twice, model)
    assert (values(there), there.objects()) == ({"x": b"other", "w": b"w"}, tracking("x"))
    assert set(combined([Source(there)], tracking()).changes(model)) == {
        *(shard(number, 2) for number in range(2)),
        *(shard(number, 3) for number in range(3)),
        INDEX,
    }
    # A file that no index names has its name, too.
    (model / shard(0, 2)).write_bytes(b"of somebody else")
    others = combined([Source(there)], tracking()).changes(model)
    assert set(others) == {
        *(shard(number, 3) for number in range(3)),
        *(shard(number, 4) for number in range(4)),
        INDEX,
    }


def test_what_is_not_written_yet_can_be_combined(
    a: Checkpoint, b: Checkpoint, tmp_path: Path
) -> None:
    keys = {key: key for key in ("y", "z", "sliced")}
    first = combined([Source(a, keys)], tracking("y"))
    changes = first.changes(tmp_path / "a")
    pending = Checkpoint.of_model(tmp_path / "a", changes)
    assert pending is not None
    assert pending.objects() == tracking("y")
    assert values(pending) == {key: A[key] for key in keys}
    second = combined([Source(pending), Source(b, {"v": "w"})], tracking("y", "v"))
    third = combined([Source(second, {"n": "sliced", "v": "v"})], tracking("n"))
    there = written(third.changes(None), tmp_path / "new")
    assert values(there) == {"n": b"12345", "v": b"w"}
    assert there.objects() == tracking("n")


def test_a_model_may_lose_its_checkpoint(b: Checkpoint, tmp_path: Path) -> None:
    new = combined([Source(b, {})], None)
    assert new.changes(tmp_path / "b") == {shard(0, 1): None, INDEX: None}
    assert new.changes(None) == {}


def test_tracked_objects_alone(tmp_path: Path) -> None:
    there = written(combined([], tracking()).changes(None), tmp_path / "new")
    assert (values(there), there.objects()) == ({}, tracking())


def test_keys_that_are_no_text_stay(tmp_path: Path) -> None:
    key = b"\xff\x00a".decode(errors="surrogateescape")
    index = CheckpointIndex.of(
        protos.BundleHeaderProto(num_shards=1), {b"\xff\x00a": b"\x08\x04\x28\x01"}
    )
    (tmp_path / shard(0, 1)).parent.mkdir()
    (tmp_path / shard(0, 1)).write_bytes(b"1")
    (tmp_path / INDEX).write_bytes(index.content())
    checkpoint = Checkpoint.of_model(tmp_path)
    assert checkpoint is not None
    assert checkpoint.keys == (key,)
    assert list(combined([Source(checkpoint)], None).index.entries) == [b"\xff\x00a"]


@pytest.mark.parametrize(
    ("keys", "tracked", "problem"),
    [
        ({"x": "x"}, (), "Two tensors of the checkpoint would have the same key: 'x'."),
        ({"sliced": "w"}, (), "the same key: 'sliced'"),
        ({"v": "u"}, (), r"b/variables/variables\.index: there is no tensor of the key 'u'"),
        ({"v": OBJECTS_KEY}, (), f"no tensor of the key '{OBJECTS_KEY}'"),
        ({"": "w"}, (), "cannot have the key ''"),
        ({OBJECTS_KEY: "w"}, (), f"cannot have the key '{OBJECTS_KEY}'"),
        ({"v": "w"}, ("w", "x"), "no values for objects that it tracks: 'w'."),
    ],
)
def test_refused(
    a: Checkpoint, b: Checkpoint, keys: dict[str, str], tracked: tuple[str, ...], problem: str
) -> None:
    with pytest.raises(PatchError, match=problem):
        combined([Source(a), Source(b, keys)], tracking(*tracked))


def test_all_problems_of_keys_at_once(b: Checkpoint) -> None:
    with pytest.raises(PatchError) as raised:
        combined([Source(b, {"1": "u", "2": "v"})], None)
    assert len(raised.value.problems) == 2


@pytest.mark.parametrize(
    ("header", "problem"),
    [
        (protos.BundleHeaderProto(endianness=1), "big-endian"),
        (protos.BundleHeaderProto(version=protos.VersionDef(producer=2)), "of version 2"),
        (protos.BundleHeaderProto(version=protos.VersionDef(min_consumer=2)), "knows version 1"),
        (protos.BundleHeaderProto(version=protos.VersionDef(bad_consumers=[1])), "version"),
    ],
)
def test_formats_that_are_refused(
    tmp_path: Path, header: protos.BundleHeaderProto, problem: str
) -> None:
    checkpoint = write_checkpoint(tmp_path, {"x": b"x"}, header=header)
    with pytest.raises(PatchError, match=problem):
        combined([Source(checkpoint)], None)


def test_file_of_values_that_is_missing_or_too_short(a: Checkpoint) -> None:
    file = a.prefix.with_name("variables.data-00001-of-00002")
    file.write_bytes(b"zzz")
    with pytest.raises(ModelUnreadable, match=r"00001-of-00002: it has 3 bytes; .* tells of 4"):
        combined([Source(a)], None)
    file.unlink()
    with pytest.raises(ModelUnreadable, match="00001-of-00002: there is no such file"):
        combined([Source(a)], None)
    file.mkdir()
    with pytest.raises(ModelUnreadable, match="00001-of-00002: Is a directory"):
        combined([Source(a)], None)
    # Nothing of it is wanted.
    assert values(combined([Source(a, {"x": "x"})], None)) == {"x": b"xx"}


@pytest.mark.parametrize(
    "entry",
    [
        protos.BundleEntryProto(shard_id=1),
        protos.BundleEntryProto(shard_id=-1),
        protos.BundleEntryProto(offset=-1, size=2),
        protos.BundleEntryProto(size=-1),
    ],
)
def test_index_that_makes_no_sense(tmp_path: Path, entry: protos.BundleEntryProto) -> None:
    checkpoint = write_checkpoint(tmp_path, {"x": b"x"})
    entries = {**checkpoint.index.entries, b"bad": entry.SerializeToString()}
    index = CheckpointIndex.of(checkpoint.index.header, entries)
    checkpoint.prefix.with_name("variables.index").write_bytes(index.content())
    with pytest.raises(ModelUnreadable, match=r"the tensor 'bad' is .* bytes at"):
        combined([Source(Checkpoint.read(checkpoint.prefix))], None)


def test_slice_that_is_not_there(a: Checkpoint) -> None:
    first, _ = a.index.slice_keys(b"sliced")
    entries = {key: entry for key, entry in a.index.entries.items() if key != first}
    index = CheckpointIndex.of(a.index.header, entries)
    with pytest.raises(ModelUnreadable, match="'sliced' lacks a slice"):
        combined([Source(Checkpoint(a.prefix, index, a.shards))], None)


def test_indices_of_real_models_are_written_alike(fixture_model: ModelFactory) -> None:
    for file in (Path(__file__).parents[2] / "proto_fixtures").glob(f"*/{INDEX}"):
        checkpoint = Checkpoint.read(file.with_suffix(""))
        assert checkpoint.index.content() == file.read_bytes()
        new = combined([Source(checkpoint)], checkpoint.objects())
        assert new.index.content() == file.read_bytes()
