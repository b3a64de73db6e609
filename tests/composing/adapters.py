"""Models to compose, written with TensorFlow: each takes ``x`` and returns ``y``, [?,3] of float32.

So each fits before and behind each other one. Two of a kind that have other numbers have the same
names on purpose: of variables, functions, tables, assets and scopes, among them those that sigpb
makes. What has state changes it in each run.
"""

from __future__ import annotations

import functools
import importlib
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2

v1 = tf.compat.v1

SHAPE = (None, 3)
SPEC = [tf.TensorSpec(SHAPE, tf.float32, name="x")]

Function = Callable[[Any], Any]


def build(name: str, path: Path, number: float) -> Path:
    """Saves a model.

    Args:
        name: One of `TF2` or `TF1`.
        path: Where.
        number: What it computes depends on it.
    """
    {**TF2, **TF1}[name](str(path), number)
    return path


def _save(module: tf.Module, path: str, compute: Function, **options: Any) -> None:
    """Saves a module with the signature that a function makes."""

    def serve(x: Any) -> dict[str, Any]:
        with tf.name_scope("sigpb/adapter"):
            return {"y": tf.identity(compute(x), name="StatefulPartitionedCall")}

    module.serve = tf.function(serve, input_signature=SPEC)
    options = {"options": tf.saved_model.SaveOptions(**options)} if options else {}
    tf.saved_model.save(module, path, signatures=module.serve, **options)


def variables(path: str, number: float) -> None:
    """Variables, and a function that is called twice."""
    module = tf.Module()
    module.w = tf.Variable([number, 2.0, 3.0], name="w")
    module.b = tf.Variable(number * 10, name="b")

    shifted = tf.function(lambda x: x * module.w + module.b)
    _save(module, path, lambda x: shifted(shifted(x) * 0.5))


def counted(path: str, number: float) -> None:
    """A variable that counts runs."""
    module = tf.Module()
    module.count = tf.Variable(number, name="count")
    _save(module, path, lambda x: x * module.count.assign_add(1.0))


def asset(path: str, number: float) -> None:
    """A table that a file fills."""
    module = tf.Module()
    with tempfile.TemporaryDirectory() as scratch:
        words = Path(scratch) / "words.txt"
        words.write_text("".join(f"{(line * 3 + number) % 7:.0f}\n" for line in range(7)))
        index = tf.lookup.TextFileIndex
        lines = tf.lookup.TextFileInitializer(
            str(words), tf.string, index.WHOLE_LINE, tf.int64, index.LINE_NUMBER
        )
        module.table = tf.lookup.StaticHashTable(lines, -1)
        _save(module, path, lambda x: _looked_up(x, module.table, number))
    _share(path, "table")


def table(path: str, number: float) -> None:
    """A table that constants fill."""
    module = tf.Module()
    keys = tf.constant([f"{key}" for key in range(7)])
    values = tf.constant([int(key * number) for key in range(7)], tf.int64)
    module.table = tf.lookup.StaticHashTable(tf.lookup.KeyValueTensorInitializer(keys, values), -1)
    _save(module, path, lambda x: _looked_up(x, module.table, number))
    _share(path, "table")


def mutable_table(path: str, number: float) -> None:
    """A table in the checkpoint, which each run changes."""
    module = tf.Module()
    module.table = tf.lookup.experimental.MutableHashTable(tf.string, tf.int64, -1)
    module.table.insert(tf.constant(["0", "1", "2"]), tf.constant([5, 6, int(number)], tf.int64))

    def compute(x: Any) -> Any:
        found = _looked_up(x, module.table, number)
        with tf.control_dependencies([found]):
            total = module.table.lookup(tf.constant("1")) + 1
            insert = module.table.insert(tf.constant(["1"]), total[tf.newaxis])
        with tf.control_dependencies([insert] if insert is not None else []):
            return tf.identity(found)

    _save(module, path, compute)
    _share(path, "table")


def _looked_up(x: Any, words: Any, number: float) -> Any:
    keys = tf.strings.as_string(tf.math.floormod(tf.cast(x, tf.int64), 7))
    return x * 0.5 + tf.cast(words.lookup(keys), tf.float32) * number


def _share(path: str, name: str) -> None:
    """Gives the table of a model the shared name that those of others have."""
    file = Path(path) / "saved_model.pb"
    model = saved_model_pb2.SavedModel.FromString(file.read_bytes())
    graph = model.meta_graphs[0].graph_def
    for nodes in (graph.node, *(function.node_def for function in graph.library.function)):
        for node in nodes:
            if "HashTable" in node.op and "shared_name" in node.attr:
                node.attr["shared_name"].s = name.encode()
    file.write_bytes(model.SerializeToString(deterministic=True))
    (Path(path) / "fingerprint.pb").unlink()  # It was that of the model before.


def generator(path: str, number: float) -> None:
    """Random numbers, whose state is a variable."""
    module = tf.Module()
    module.generator = tf.random.Generator.from_seed(int(number))
    _save(module, path, lambda x: x + module.generator.uniform(tf.shape(x)))


def random(path: str, number: float) -> None:
    """Random numbers, whose state an op holds."""
    _save(tf.Module(), path, lambda x: x + tf.random.uniform(tf.shape(x), seed=int(number)))


def control_flow(path: str, number: float) -> None:
    """Loops, conditions and cases, which call functions that capture a variable."""
    module = tf.Module()
    module.w = tf.Variable(number, name="w")

    def compute(x: Any) -> Any:
        (_, total) = tf.while_loop(
            lambda i, _: i < 3,
            lambda i, total: (i + 1, total * 0.5 + module.w),
            (tf.constant(0), x),
            shape_invariants=(tf.TensorShape([]), tf.TensorShape(SHAPE)),
        )
        chosen = tf.cond(tf.reduce_sum(x) > number, lambda: total * module.w, lambda: total - 1.0)
        by_row = tf.map_fn(lambda row: row[::-1] + module.w, chosen)
        index = tf.cast(tf.reduce_sum(by_row) > 9.0, tf.int32)
        branches = [lambda: by_row + 1.0, lambda: by_row * module.w]
        return tf.ensure_shape(tf.switch_case(index, branches), SHAPE)

    _save(module, path, compute)


def gradient(path: str, number: float) -> None:
    """A function with a gradient of its own."""

    def scaled(x: Any) -> tuple[Any, Function]:
        return x * number, lambda upstream: upstream * 100.0 * number

    compute = tf.custom_gradient(scaled)
    _save(tf.Module(), path, compute, experimental_custom_gradients=True)


def captured(path: str, number: float) -> None:
    """Constants that are captured, and a function given some of its arguments."""
    module = tf.Module()
    constant = tf.constant([number, 2 * number, 3 * number])

    shifted = tf.function(lambda x, by: x * 2.0 + by * constant)
    first, second = (functools.partial(shifted, by=tf.constant(by)) for by in (1.0, 7.0))
    _save(module, path, lambda x: first(x) - second(x) * x)


def keras3(path: str, number: float) -> None:
    """A model of Keras 3, exported in its own way."""
    keras = importlib.import_module("keras")
    _keras(keras, number).export(path, verbose=False)
    _rename_endpoints(path)


def keras3_saved(path: str, number: float) -> None:
    """A model of Keras 3, saved by TensorFlow."""
    keras = importlib.import_module("keras")
    model = _keras(keras, number)
    _save(model, path, lambda x: model(x, training=False))


def keras2(path: str, number: float) -> None:
    """A model of Keras 2."""
    model = _keras(importlib.import_module("tf_keras"), number)
    model.save(path, save_format="tf")
    _rename_endpoints(path)


def _keras(keras: Any, number: float) -> Any:
    keras.utils.set_random_seed(int(number))
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((3,), name="x"),
            layers.Dense(4, activation="tanh", name="dense"),
            layers.BatchNormalization(),
            layers.Dropout(0.5),
            layers.Dense(3, name="y"),
        ]
    )


def _rename_endpoints(path: str) -> None:
    """Saves a model with the keys that the others have."""
    loaded = tf.saved_model.load(path)
    function = loaded.signatures["serving_default"]
    ((key, _),) = function.structured_input_signature[1].items()
    _save(loaded, path, lambda x: next(iter(function(**{key: x}).values())))


def _tf1(
    path: str, compute: Function, main_op: Callable[[], Any] | None = None, **more: Any
) -> None:
    """Saves a graph of TensorFlow 1."""
    with tf.Graph().as_default(), v1.Session() as session:
        x = v1.placeholder(tf.float32, SHAPE, name="serving_default_x")
        with v1.variable_scope("sigpb/adapter"):
            y = tf.identity(compute(x), name="y")
        session.run([v1.global_variables_initializer(), v1.tables_initializer()])
        builder = v1.saved_model.Builder(path)
        builder.add_meta_graph_and_variables(
            session,
            ["serve"],
            {"serving_default": v1.saved_model.predict_signature_def({"x": x}, {"y": y})},
            assets_collection=v1.get_collection(v1.GraphKeys.ASSET_FILEPATHS),
            main_op=main_op() if main_op else None,
        )
        builder.save()


def tf1_variables(path: str, number: float) -> None:
    """Variables that are references, and others that are resources, under the usual names."""

    def compute(x: Any) -> Any:
        w = v1.get_variable("w", initializer=[number, 2.0, 3.0], use_resource=False)
        b = v1.get_variable("b", initializer=number * 10, use_resource=True)
        return x * w + b

    _tf1(path, compute)


def tf1_partitioned(path: str, number: float) -> None:
    """A variable in slices."""

    def compute(x: Any) -> Any:
        values = (np.arange(12).reshape(4, 3) * number).astype(np.float32)
        w = v1.get_variable(
            "w", initializer=tf.constant(values), partitioner=v1.fixed_size_partitioner(3)
        )
        return x + tf.reduce_sum(tf.convert_to_tensor(w), 0)

    _tf1(path, compute)


def tf1_asset(path: str, number: float) -> None:
    """A table that a file fills, by a main op."""
    with tempfile.TemporaryDirectory() as scratch:
        words = Path(scratch) / "words.txt"
        words.write_text("".join(f"{(line * 5 + number) % 7:.0f}\n" for line in range(7)))

        def compute(x: Any) -> Any:
            lines = tf.lookup.TextFileInitializer(
                v1.constant(str(words), name="asset_path"),
                *(tf.string, tf.lookup.TextFileIndex.WHOLE_LINE),
                *(tf.int64, tf.lookup.TextFileIndex.LINE_NUMBER),
            )
            return _looked_up(x, tf.lookup.StaticHashTable(lines, -1, name="table"), number)

        _tf1(path, compute, v1.tables_initializer)


def tf1_legacy_init_op(path: str, number: float) -> None:
    """A table of constants under a shared name, filled by a legacy init op."""

    def compute(x: Any) -> Any:
        keys = tf.constant([f"{key}" for key in range(7)])
        values = tf.constant([int(key * number) for key in range(7)], tf.int64)
        words = tf.lookup.KeyValueTensorInitializer(keys, values)
        return _looked_up(x, tf.lookup.StaticHashTable(words, -1, name="table"), number)

    with tf.Graph().as_default(), v1.Session() as session:
        x = v1.placeholder(tf.float32, SHAPE, name="x")
        y = compute(x)
        builder = v1.saved_model.Builder(path)
        builder.add_meta_graph_and_variables(
            session,
            ["serve"],
            {"serving_default": v1.saved_model.predict_signature_def({"x": x}, {"y": y})},
            legacy_init_op=v1.tables_initializer(),
        )
        builder.save()


def tf1_frames(path: str, number: float) -> None:
    """A loop and a condition of frames, around a variable that each run changes."""

    def compute(x: Any) -> Any:
        count = v1.get_variable("count", initializer=number, use_resource=True)
        added = count.assign_add(1.0)
        (_, total) = tf.while_loop(
            lambda i, _: i < 3, lambda i, total: (i + 1, total * 0.5 + added), (0, x)
        )
        return tf.cond(tf.reduce_sum(x) > number, lambda: total * 2.0, lambda: total - added)

    v1.disable_control_flow_v2()
    _tf1(path, compute)
    v1.enable_control_flow_v2()


TF2: dict[str, Callable[[str, float], None]] = {
    function.__name__: function
    for function in (
        *(variables, counted, asset, table, mutable_table, generator, random, control_flow),
        *(gradient, captured, keras3, keras3_saved, keras2),
    )
}
"""The models with object graphs, by name."""

TF1: dict[str, Callable[[str, float], None]] = {
    function.__name__: function
    for function in (tf1_variables, tf1_partitioned, tf1_asset, tf1_legacy_init_op, tf1_frames)
}
"""The models of TensorFlow 1, by name."""
