"""Models that were exported for one batch size, relaxed and run with others.

They have to return what the same Python code returns when it is exported for any batch size.
"""

from __future__ import annotations

import functools
import importlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sigpb import protos
from sigpb.batch_size.dimension import BatchError, Relaxed, relax_function, relax_nodes
from tests.batch_size.batch_graphs import Functions
from tests.model_runner import run_v1

pytestmark = pytest.mark.tensorflow

Array = Any
Code = Callable[..., Any]
"""A model in Python: takes the batch size, which is an int in a fixed export, and `x`."""

BATCHES = (1, 3, 0)
# TensorFlow fails for a batch of none, relaxed or exported for any size.
NEVER_EMPTY = {"dilated convolution of keras 2"}
RANDOM = np.random.default_rng(0)


def tensorflow() -> Any:
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    import tensorflow as tf

    return tf


def weight(*shape: int) -> Array:
    return (RANDOM.random(shape) - 0.5).astype("float32")


def keras(*layers: Callable[[Any], Any], version: int = 3) -> Callable[[Any], Code]:
    """A sequential Keras model of layers, each a function of `keras.layers`."""

    def make(tf: Any) -> Code:
        library = tf.keras if version == 3 else importlib.import_module("tf_keras")
        library.utils.set_random_seed(7)
        model = library.Sequential([layer(library.layers) for layer in layers])
        return lambda size, x: model(x)

    return make


def attention(causal: bool) -> Callable[[Any], Code]:
    def make(tf: Any) -> Code:
        layer = tf.keras.layers.MultiHeadAttention(2, 4)
        return lambda size, x: layer(x, x, use_causal_mask=causal)

    return make


def code(function: Callable[..., Any]) -> Callable[[Any], Code]:
    """A model that is a function of TensorFlow, the batch size, and `x`."""
    return lambda tf: lambda size, x: function(tf, size, x)


def state_of_zeros(tf: Any, size: Any, x: Any) -> Any:
    state = tf.zeros([size, 128])
    for _ in range(3):
        state = tf.tanh(tf.reshape(x, [size, 49]) @ KERNEL + state @ RECURRENT)
    return state


def loop(tf: Any, size: Any, x: Any) -> Any:
    rows = tf.reshape(x, [size, 49])
    return tf.while_loop(
        lambda i, state: i < 3,
        lambda i, state: (i + 1, tf.tanh(rows @ KERNEL + state @ RECURRENT)),
        (0, tf.zeros([size, 128])),
    )[1]


def loop_over_array(tf: Any, size: Any, x: Any) -> Any:
    rows = tf.TensorArray(tf.float32, 7, element_shape=[size, 7])
    rows = rows.unstack(tf.transpose(x, [1, 0, 2]))
    results = tf.TensorArray(tf.float32, 7, element_shape=[size, 7])

    def step(i: Any, state: Any, results: Any) -> Any:
        state = tf.tanh(tf.reshape(state, [size, 7]) @ SQUARE + rows.read(i))
        return i + 1, state, results.write(i, state)

    start = (0, tf.zeros([size, 7]), results)
    _, _, results = tf.while_loop(lambda i, *_: i < 7, step, start)
    return tf.transpose(results.stack(), [1, 0, 2])


def branches(tf: Any, size: Any, x: Any) -> Any:
    return tf.cond(
        tf.reduce_any(tf.constant(SQUARE) > 0),
        lambda: tf.reshape(x, [size, 49]) * 2.0,
        lambda: tf.reshape(x, [size, 49]),
    )


def asserted(tf: Any, size: Any, x: Any) -> Any:
    least = tf.debugging.assert_greater_equal(x, tf.zeros([size, 1, 1]))
    rows = tf.debugging.assert_equal(tf.shape(x)[0], tf.shape(x * 2.0)[0])
    with tf.control_dependencies([each for each in (least, rows) if each is not None]):
        return tf.identity(x)


def nested(tf: Any, size: Any, x: Any) -> Any:
    inner = tf.function(lambda a, b: tf.reshape(a, [size, 49]) @ b)
    outer = tf.function(lambda a: inner(a, KERNEL) + inner(a * 2.0, KERNEL))
    return outer(x)


KERNEL, RECURRENT = weight(49, 128), weight(128, 128)
TOKEN, TABLE, SQUARE = weight(1, 1, 7), weight(10, 4), weight(7, 7)
IMAGE = weight(3, 3, 1, 2)

MODELS: dict[str, Callable[[Any], Code]] = {
    "dense": keras(lambda k: k.Flatten(), lambda k: k.Dense(5), lambda k: k.Softmax()),
    "dense of sequences": keras(lambda k: k.Dense(5), lambda k: k.Dense(3)),
    "convolutions": keras(
        lambda k: k.Reshape((7, 7, 1)),
        lambda k: k.Conv2D(4, 3, strides=2),
        lambda k: k.BatchNormalization(),
        lambda k: k.MaxPooling2D(2),
        lambda k: k.DepthwiseConv2D(1),
        lambda k: k.GlobalAveragePooling2D(),
        lambda k: k.Dense(3),
    ),
    "transposed convolution": keras(
        lambda k: k.Reshape((7, 7, 1)),
        lambda k: k.Conv2DTranspose(4, 3, strides=2),
        lambda k: k.UpSampling2D(2),
    ),
    "normalisation": keras(lambda k: k.LayerNormalization(), lambda k: k.BatchNormalization()),
    "time distributed": keras(lambda k: k.TimeDistributed(k.Dense(3))),
    "lstm": keras(lambda k: k.LSTM(4, return_sequences=True), lambda k: k.Dense(3)),
    "last of lstm": keras(lambda k: k.LSTM(4)),
    "unrolled lstm": keras(lambda k: k.LSTM(4, unroll=True)),
    "gru": keras(lambda k: k.GRU(4, return_sequences=True), lambda k: k.GRU(3)),
    "bidirectional": keras(lambda k: k.Bidirectional(k.GRU(4))),
    "lstm of keras 2": keras(lambda k: k.LSTM(4), version=2),
    "gru of keras 2": keras(lambda k: k.GRU(4, return_sequences=True), version=2),
    "normalisation of keras 2": keras(lambda k: k.LayerNormalization(), version=2),
    "dilated convolution of keras 2": keras(
        lambda k: k.Conv1D(4, 3, padding="causal", dilation_rate=2), version=2
    ),
    "attention": attention(causal=False),
    "causal attention": attention(causal=True),
    "embedding": code(lambda tf, size, x: tf.reshape(tf.gather(TABLE, words(tf, x)), [size, -1])),
    "image": code(
        lambda tf, size, x: tf.reshape(
            tf.nn.conv2d(tf.reshape(x, [size, 7, 7, 1]), IMAGE, 1, "SAME"), [size, 98]
        )
    ),
    "inferred size": code(lambda tf, size, x: tf.reshape(x, [size, 7, -1, 1])),
    "transposes": code(lambda tf, size, x: tf.transpose(tf.transpose(x, [1, 0, 2]), [1, 2, 0])),
    "einsum": code(lambda tf, size, x: tf.einsum("bij,bkj->bik", x, x)),
    "concat": code(lambda tf, size, x: tf.concat([x, x * 2.0, tf.zeros([size, 7, 2])], 2)),
    "broadcast token": code(
        lambda tf, size, x: tf.concat([tf.broadcast_to(TOKEN, [size, 1, 7]), x], 1)
    ),
    "repeated token": code(lambda tf, size, x: tf.concat([tf.tile(TOKEN, [size, 1, 1]), x], 1)),
    "state of zeros": code(state_of_zeros),
    "loop": code(loop),
    "loop over an array": code(loop_over_array),
    "branches": code(branches),
    "nested functions": code(nested),
    "map": code(lambda tf, size, x: tf.map_fn(lambda row: tf.reduce_sum(row, 0), x)),
    "assertions": code(asserted),
    "squeeze": code(lambda tf, size, x: tf.squeeze(x[:, :1, :1], [1, 2])),
    "mask": code(lambda tf, size, x: tf.boolean_mask(x, x[:, :, 0] > 0.5)),
    "best": code(lambda tf, size, x: tf.math.top_k(tf.reshape(x, [size, 49]), 3).values),
    "slices": code(
        lambda tf, size, x: tf.concat(
            [
                tf.slice(x, [0, 1, 0], [-1, 2, 7]),
                x[:, 1:5:2, ::-1],
                tf.stack(tf.unstack(x, axis=1)[2:4], 1),
                tf.pad(tf.split(x, 7, 2)[1], [[0, 0], [0, 0], [3, 3]]),
            ],
            1,
        )
    ),
}

REFUSED: dict[str, tuple[Callable[[Any], Code], str]] = {
    "class token": (
        code(lambda tf, size, x: tf.concat([x, RANDOM.random([size, 1, 7], "float32")], 1)),
        "ConcatV2 .* is made for the batch size",
    ),
    "one example": (code(lambda tf, size, x: x[0]), "takes one example out of the batch"),
    "numbered examples": (
        code(
            lambda tf, size, x: tf.gather(
                tf.reshape(x, [size * 7, 7]), tf.range(size) * 7 + words(tf, x)[:, 0] // 2
            )
        ),
        "AddV2 .* (is made for the batch size|depends on the batch as a whole)",
    ),
    "branches by all examples": (
        code(lambda tf, size, x: x + tf.cond(tf.reduce_all(x > 0.5), lambda: x * 2.0, lambda: x)),
        "AddV2 .* depends on the batch as a whole",
    ),
    "slice of the first": (
        code(lambda tf, size, x: tf.slice(x, [0, 1, 0], [1, 2, 7])),
        "it takes (the first example|a part of the batch)",
    ),
    "mixed examples": (
        code(lambda tf, size, x: tf.matmul(*[tf.reshape(x, [size * 7, 7])] * 2, transpose_b=True)),
        "with the batch in it twice",
    ),
}


def words(tf: Any, x: Any) -> Any:
    return tf.cast(x[:, :, 0] * 9.0, tf.int32)


def export(python: Code, size: int, folder: Path) -> Path:
    tf = tensorflow()
    python(size, tf.zeros([size, 7, 7]))  # makes the variables
    module = tf.Module()
    spec = tf.TensorSpec([size, 7, 7], tf.float32, name="x")
    module.f = tf.function(lambda x: {"y": python(size, x)}).get_concrete_function(spec)
    module.variables_of_keras = list(module.f.graph.variables)
    tf.saved_model.save(module, str(folder), signatures={"serving_default": module.f})
    return folder


def relax(folder: Path, size: int) -> Relaxed:
    """Relaxes the only signature of a model in place."""
    file = folder / "saved_model.pb"
    model = protos.SavedModel.FromString(file.read_bytes())
    graph = model.meta_graphs[0].graph_def
    functions = Functions({each.signature.name: each for each in graph.library.function})
    nodes = {node.name: node for node in graph.node}
    relaxed = relax_nodes(nodes, {("serving_default_x", 0): 0}, size, functions)
    changed = [each for node in graph.node for each in relaxed.nodes.get(node.name, (node,))]
    after = protos.GraphDef(versions=graph.versions, node=changed)
    after.library.function.extend(functions.by_name.values())
    graph.CopyFrom(after)
    signature = model.meta_graphs[0].signature_def["serving_default"]
    signature.inputs["x"].tensor_shape.dim[0].size = -1
    file.write_bytes(model.SerializeToString())
    (folder / "fingerprint.pb").unlink()
    return relaxed


@pytest.mark.sampled(3)
@pytest.mark.parametrize("size", [1, 4])
@pytest.mark.parametrize("name", MODELS)
def test_model(name: str, size: int, tmp_path: Path) -> None:
    tf = tensorflow()
    python = MODELS[name](tf)
    folder = export(python, size, tmp_path / "model")

    relax(folder, size)

    for batch in BATCHES[:-1] if name in NEVER_EMPTY else BATCHES:
        x = RANDOM.random([batch, 7, 7], "float32")
        unknown_size = tf.TensorSpec([None, 7, 7], tf.float32)
        reexported = tf.function(functools.partial(python, batch), input_signature=[unknown_size])
        expected = reexported(x).numpy()
        results = run_v1(folder, ["serve"], {"serving_default": {"x": x}})["serving_default"]
        assert not isinstance(results, str), results
        assert results["y"].shape == expected.shape
        np.testing.assert_allclose(results["y"], expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("size", [1, 4])
@pytest.mark.parametrize("name", REFUSED)
def test_refused_model(name: str, size: int, tmp_path: Path) -> None:
    make, reason = REFUSED[name]
    folder = export(make(tensorflow()), size, tmp_path / "model")
    with pytest.raises(BatchError, match=reason):
        relax(folder, size)


def test_function(tmp_path: Path) -> None:
    """A relaxed function says of its results what TensorFlow finds out about them."""
    tf = tensorflow()
    from tensorflow.python.framework import function_def_to_graph

    export(MODELS["nested functions"](tf), 4, tmp_path)
    model = protos.SavedModel.FromString((tmp_path / "saved_model.pb").read_bytes())
    library = model.meta_graphs[0].graph_def.library.function
    functions = Functions({each.signature.name: each for each in library})
    (wrapper,) = [each for each in library if "signature_wrapper" in each.signature.name]

    after, axes = relax_function(wrapper, {0: 0}, 4, functions)

    everything = protos.GraphDef()
    everything.library.function.extend(functions.by_name.values())
    whole = tf.compat.v1.GraphDef.FromString(everything.SerializeToString())
    with tf.Graph().as_default():
        tf.import_graph_def(whole, name="")
        definition = type(whole.library.function[0]).FromString(after.SerializeToString())
        graph = function_def_to_graph.function_def_to_graph(definition)
    assert axes == {0: 0}
    assert [tensor.shape.as_list() for tensor in graph.outputs] == [[None, 128]]
    assert graph.inputs[0].shape.as_list() == [None, 7, 7]


@pytest.mark.parametrize("size", [1, 4])
def test_loop_of_tensorflow_1(size: int) -> None:
    """Its nodes state no shapes, and the loop is a circle of nodes."""
    tf = tensorflow()

    def build(size: int) -> protos.GraphDef:
        with tf.Graph().as_default() as graph:
            tf.compat.v1.disable_control_flow_v2()
            x = tf.compat.v1.placeholder(tf.float32, [size, 7, 7], "x")
            tf.identity(loop_over_array(tf, size, x), "y")
            tf.compat.v1.enable_control_flow_v2()
        return protos.GraphDef.FromString(graph.as_graph_def().SerializeToString())

    def run(graph: protos.GraphDef, x: Array) -> Array:
        with tf.Graph().as_default(), tf.compat.v1.Session() as session:
            binary = graph.SerializeToString()
            tf.import_graph_def(tf.compat.v1.GraphDef.FromString(binary), name="")
            return session.run("y:0", {"x:0": x})

    before = build(size)
    nodes = {node.name: node for node in before.node}

    relaxed = relax_nodes(nodes, {("x", 0): 0}, size, Functions())

    changed = [each for node in before.node for each in relaxed.nodes.get(node.name, (node,))]
    after = protos.GraphDef(versions=before.versions, node=changed)
    assert relaxed.shapes["y", 0] == (None, 7, 7)
    for batch in (1, 3):
        x = RANDOM.random([batch, 7, 7], "float32")
        np.testing.assert_allclose(run(after, x), run(build(batch), x), rtol=1e-5)
