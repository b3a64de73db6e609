"""What TensorFlow reads in checkpoints that were written without it."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sigpb import protos
from sigpb.checkpoint.checkpoint import OBJECTS_KEY, Checkpoint
from sigpb.checkpoint.combined import Source, combined
from sigpb.checkpoint.objects import merged, restricted
from sigpb.saved_model.fingerprint import checkpoint_hash, read_checkpoint_index
from tests.checkpoint.checkpoints import Objects, written

pytestmark = pytest.mark.tensorflow

Tensors = Mapping[str, Any] | Mapping[str | bytes, Any]

# So many that there are several blocks in the index, with prefixes in common and without.
MANY = [f"{i // 2:03}{'/of/a/layer' * 60}/{i:04}/.ATTRIBUTES/VALUE" for i in range(2_000)]
LONG = "k" * 600_000  # an entry that takes a block of its own


@pytest.fixture(scope="module")
def tf() -> Any:
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    import tensorflow

    return tensorflow


@pytest.fixture
def prefix(tmp_path: Path) -> Path:
    folder = tmp_path / "model" / "variables"
    folder.mkdir(parents=True)
    return folder / "variables"


def save(tf: Any, prefix: Path, tensors: Tensors, parts: Sequence[str] = ()) -> Checkpoint:
    """Has TensorFlow write tensors, or parts of them, as ``shape_and_slices`` spells these."""
    tf.raw_ops.SaveV2(
        prefix=str(prefix),
        tensor_names=list(tensors),
        shape_and_slices=parts or [""] * len(tensors),
        tensors=[tf.convert_to_tensor(value) for value in tensors.values()],
    )
    return Checkpoint.read(prefix)


def values(tf: Any, prefix: Path) -> dict[str, Any]:
    """What TensorFlow reads, as it has it in memory."""
    reader = tf.train.load_checkpoint(str(prefix))
    found = {}
    for key, dtype in reader.get_variable_to_dtype_map().items():
        if dtype != tf.variant:
            value = np.asarray(reader.get_tensor(key))
            found[key] = (
                dtype,
                value.shape,
                value.tolist() if dtype == tf.string else value.tobytes(),
            )
    found.pop(OBJECTS_KEY, None)
    return found


def rekeyed(objects: Objects | None, scope: str) -> Objects | None:
    found = Objects()
    for node in objects.nodes if objects else ():
        found.nodes.add().CopyFrom(node)
        for each in found.nodes[-1].attributes:
            each.checkpoint_key = f"{scope}/{each.checkpoint_key}"
    return found if objects else None


def under(scope: str, checkpoint: Checkpoint) -> Source:
    return Source(checkpoint, {f"{scope}/{key}": key for key in checkpoint.keys})


TENSORS: dict[str, Callable[[Any], Any]] = {
    "empty": lambda tf: tf.zeros([3, 0, 2], tf.int64),
    "no strings": lambda tf: tf.zeros([0], tf.string),
    "string": lambda tf: tf.constant(b"a\0b"),
    "strings": lambda tf: tf.constant([[b"", b"\0"], [b"x" * 300, bytes(range(256))]]),
    "größe/值": lambda tf: tf.constant(1.5),
    "a\x7f": lambda tf: tf.constant([True, False, True]),
}
TYPES = (
    *("int4", "uint4", "bfloat16", "float8_e5m2", "float8_e4m3fn", "half", "double"),
    *("complex64", "complex128", "uint16", "uint64", "int8"),
)


def test_values_of_all_types_under_new_keys(tf: Any, prefix: Path, tmp_path: Path) -> None:
    tensors = {key: make(tf) for key, make in TENSORS.items()}
    for name in TYPES:
        tensors[name] = tf.cast(tf.constant([1, 0, 3], "int8" if "int4" in name else "float"), name)
    checkpoint = save(tf, prefix, tensors)
    expected = values(tf, prefix)
    assert set(expected) == set(tensors)

    new = combined([under("größe", checkpoint)], None)
    there = written(new.changes(None), tmp_path / "whole")
    assert values(tf, there.prefix) == {f"größe/{key}": each for key, each in expected.items()}

    some = sorted(checkpoint.keys)[::2]
    there = written(
        combined([Source(checkpoint, {key: key for key in some})], None).changes(None),
        tmp_path / "some",
    )
    assert values(tf, there.prefix) == {key: expected[key] for key in some}


def test_lists_of_tensors_are_carried_as_they_are(tf: Any, prefix: Path, tmp_path: Path) -> None:
    handle = tf.raw_ops.TensorListFromTensor(tensor=[[1.0, 2.0], [3.0, 4.0]], element_shape=[2])
    checkpoint = save(tf, prefix, {"x": tf.constant(1), "list": handle, "y": tf.constant(2)})
    there = written(
        combined([Source(checkpoint, {"l": "list"})], None).changes(None), tmp_path / "new"
    )
    (read,) = tf.raw_ops.RestoreV2(
        prefix=str(there.prefix), tensor_names=["l"], shape_and_slices=[""], dtypes=[tf.variant]
    )
    stacked = tf.raw_ops.TensorListStack(
        input_handle=read, element_shape=[2], element_dtype=tf.float32
    )
    assert stacked.numpy().tolist() == [[1, 2], [3, 4]]


def test_partitioned_tensors_under_new_keys(tf: Any, prefix: Path, tmp_path: Path) -> None:
    small: Any = np.arange(24, dtype=np.float32).reshape(6, 4)
    large: Any = np.arange(40_000, dtype=np.int32).reshape(20_000, 2)
    parts = {
        "6 4 0,2:-": small[:2],
        "6 4 2,3:-": small[2:5],
        "6 4 5,1:0,4": small[5:],
        "20000 2 0,9000:-": large[:9000],
        "20000 2 9000,11000:-": large[9000:],
    }
    tf.raw_ops.SaveV2(
        prefix=str(prefix),
        tensor_names=["s\xff\0", *["s\xff\0"] * 2, *["large"] * 2],
        shape_and_slices=list(parts),
        tensors=list(parts.values()),
    )
    checkpoint = Checkpoint.read(prefix)
    assert set(checkpoint.keys) == {"s\xff\0", "large"}
    assert len(checkpoint.index.entries) == 7

    new = combined([Source(checkpoint, {"a/s\xfe": "s\xff\0", "b": "large"})], None)
    there = written(new.changes(None), tmp_path / "new")
    read = tf.raw_ops.RestoreV2(
        prefix=str(there.prefix),
        tensor_names=["a/s\xfe", "a/s\xfe", "b", "b"],
        shape_and_slices=["", "6 4 1,3:0,3", "", "20000 2 8999,2:-"],
        dtypes=[tf.float32, tf.float32, tf.int32, tf.int32],
    )
    for value, expected in zip(read, (small, small[1:4, :3], large, large[8999:9001]), strict=True):
        np.testing.assert_array_equal(value.numpy(), expected)


@pytest.mark.parametrize(
    "keys",
    [
        MANY,
        ["a", LONG, LONG + "k", "z"],
        [b"\xff" * 50 + bytes([number]) for number in range(200)],
        [b"\xff\xff", b"a\x00b", b"a\xff"],
    ],
    ids=["several blocks", "long keys", "highest bytes", "no text"],
)
def test_index_has_the_bytes_that_tensorflow_writes(
    tf: Any, prefix: Path, keys: Sequence[str | bytes]
) -> None:
    checkpoint = save(tf, prefix, {key: float(number) for number, key in enumerate(keys)})
    content = prefix.with_name("variables.index").read_bytes()
    assert checkpoint.index.content() == content
    assert combined([Source(checkpoint)], None).index.content() == content


def test_fingerprint_of_the_index(tf: Any, prefix: Path, tmp_path: Path) -> None:
    from tensorflow.python.saved_model.pywrap_saved_model import fingerprinting

    model = tmp_path / "model"
    tf.saved_model.save(made(tf), str(model))
    checkpoint = Checkpoint.read(prefix)
    new = combined([under("new", checkpoint)], rekeyed(checkpoint.objects(), "new"))
    written(new.changes(model), model)
    created = protos.FingerprintDef.FromString(fingerprinting.CreateFingerprintDef(str(model)))
    assert created.checkpoint_hash == checkpoint_hash(read_checkpoint_index(model))


def made(tf: Any, start: float = 1.0) -> Any:
    """A module with variables, one of them under two names, and a table that training fills."""
    module = tf.Module()
    module.weights = [tf.Variable([start, start + 1]), tf.Variable(start + 2)]
    module.last = module.weights[1]
    module.table = tf.lookup.experimental.MutableHashTable(tf.string, tf.int64, -1)
    module.table.insert(["a", "b"], [int(start), 7])
    return module


def contents(tf: Any, module: Any) -> list[Any]:
    entries = module.table.lookup(tf.constant(["a", "b", "c"]))
    return [*(each.numpy().tolist() for each in module.weights), entries.numpy().tolist()]


def saved(tf: Any, folder: Path, module: Any) -> Checkpoint:
    return Checkpoint.read(Path(tf.train.Checkpoint(module).write(str(folder / "variables"))))


def test_objects_of_two_checkpoints_are_restored_from_one(tf: Any, tmp_path: Path) -> None:
    first = saved(tf, tmp_path / "first", made(tf, 1.0))
    second = saved(tf, tmp_path / "second", made(tf, 100.0))
    objects, others = first.objects(), rekeyed(second.objects(), "scope")
    assert objects is not None
    assert others is not None
    new = combined([Source(first), under("scope", second)], merged(objects, others, "other"))
    there = written(new.changes(None), tmp_path / "new")

    both = made(tf, 0.0)
    both.other = made(tf, 0.0)
    tf.train.Checkpoint(both).read(str(there.prefix)).assert_consumed()
    assert contents(tf, both) == contents(tf, made(tf, 1.0))
    assert contents(tf, both.other) == contents(tf, made(tf, 100.0))

    nodes = [protos.SavedObject(children=node.children) for node in new_objects(new).nodes]
    del nodes[0].children[:-1]  # all but "other"
    table = {key: key for key in new.keys if key.startswith("scope/table/")}
    kept = restricted(new_objects(new), table, protos.SavedObjectGraph(nodes=nodes))
    there = written(combined([Source(new, table)], kept).changes(None), tmp_path / "restricted")

    module = tf.Module()
    module.other = tf.Module()
    module.other.table = tf.lookup.experimental.MutableHashTable(tf.string, tf.int64, -1)
    tf.train.Checkpoint(module).read(str(there.prefix)).assert_consumed()
    assert module.other.table.lookup(tf.constant("a")).numpy() == 100


def new_objects(checkpoint: Checkpoint) -> Objects:
    objects = checkpoint.objects()
    assert objects is not None
    return objects
