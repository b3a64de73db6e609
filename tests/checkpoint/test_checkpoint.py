from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from sigpb.checkpoint.checkpoint import OBJECTS_KEY, Checkpoint
from sigpb.composing.part import Part
from sigpb.errors import ModelUnreadable
from sigpb.publishing.changes import WholeFile
from sigpb.saved_model.model import open_model
from tests.checkpoint.checkpoints import Objects, write_checkpoint

ModelFactory = Callable[..., Path]


@pytest.fixture
def prefix(fixture_model: ModelFactory) -> Path:
    return fixture_model("tf2_linear") / "variables" / "variables"


def test_tensors_and_tracked_objects(prefix: Path) -> None:
    checkpoint = Checkpoint.read(prefix)
    objects = checkpoint.objects()
    assert objects is not None
    assert list(checkpoint.keys) == sorted(
        each.checkpoint_key for node in objects.nodes for each in node.attributes
    )
    assert checkpoint.shards == {0: WholeFile(prefix.with_name("variables.data-00000-of-00001"))}


def test_checkpoint_of_tensorflow_1_tracks_nothing(fixture_model: ModelFactory) -> None:
    checkpoint = Checkpoint.of_model(fixture_model("tf1_shared"))
    assert checkpoint is not None
    assert checkpoint.objects() is None


def test_model_without_checkpoint(fixture_model: ModelFactory) -> None:
    model = fixture_model("tf1_no_variables")
    assert Checkpoint.of_model(model) is None
    with pytest.raises(ModelUnreadable, match=r"variables\.index: there is no such file"):
        Checkpoint.read(model / "variables" / "variables")


def test_damaged_index_is_named(prefix: Path) -> None:
    index = prefix.with_name("variables.index")
    index.write_bytes(index.read_bytes()[:-1])
    with pytest.raises(ModelUnreadable, match=r"variables\.index: not the index of a checkpoint"):
        Checkpoint.read(prefix)


def test_tracked_objects_that_cannot_be_read(prefix: Path) -> None:
    checkpoint = Checkpoint.read(prefix)
    stored = checkpoint.index.tensors[OBJECTS_KEY]
    shard = prefix.with_name("variables.data-00000-of-00001")
    content = shard.read_bytes()
    in_a_name = content.index(b"signatures") - stored.offset
    for position in (0, 2, in_a_name, stored.size - 1):
        altered = bytearray(content)
        altered[stored.offset + position] ^= 1
        shard.write_bytes(altered)
        with pytest.raises(ModelUnreadable, match="the graph of tracked objects is damaged"):
            checkpoint.objects()
    shard.write_bytes(content[: stored.offset + 1])
    with pytest.raises(ModelUnreadable, match="the graph of tracked objects is damaged"):
        checkpoint.objects()
    shard.unlink()
    with pytest.raises(ModelUnreadable, match="00000-of-00001: there is no such file"):
        checkpoint.objects()


def test_tracked_objects_that_contradict_themselves(tmp_path: Path) -> None:
    child, slot = Objects(), Objects()
    child.nodes.add().children.add(node_id=1)
    slot.nodes.add().slot_variables.add(slot_variable_node_id=-1)
    for number, objects in enumerate((child, slot, Objects())):
        checkpoint = write_checkpoint(tmp_path / str(number), {"x": b"x"}, objects=objects)
        with pytest.raises(ModelUnreadable, match="damaged: it lacks the node"):
            checkpoint.objects()


def test_part_of_a_model(prefix: Path) -> None:
    with open_model(prefix.parent.parent) as model:
        part = Part.of(model, 0)
    checkpoint = Checkpoint.read(prefix)
    assert part.variables == {key: key for key in checkpoint.keys}
    assert part.objects == checkpoint.objects()
