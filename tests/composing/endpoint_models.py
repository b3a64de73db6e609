"""Models to compose whose endpoints are of many types: what one returns, another one takes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import tensorflow as tf

v1 = tf.compat.v1

Tensors = dict[str, Any]


def build(name: str, path: Path) -> Path:
    """Saves one of `MODELS`."""
    MODELS[name](str(path))
    return path


def _save(path: str, specs: Mapping[str, Any], serve: Callable[..., Tensors]) -> None:
    module = tf.Module()
    module.w = tf.Variable([2.0, 3.0, 5.0], name="w")
    module.serve = tf.function(lambda **inputs: serve(module.w, **inputs))
    signature = module.serve.get_concrete_function(**specs)
    tf.saved_model.save(module, path, signatures=signature)


def split(path: str) -> None:
    """Strings to ragged and sparse ones, and their number, which feeds nothing."""

    def serve(_: Any, text: Any) -> Tensors:
        words = tf.strings.split(text)
        return {"Z": words, "a": words.to_sparse(), "count": words.row_lengths()}

    _save(path, {"text": tf.TensorSpec([None], tf.string, name="text")}, serve)


def components(path: str) -> None:
    """Strings to the components of a ragged and of a sparse tensor of them."""

    def serve(_: Any, text: Any) -> Tensors:
        words = tf.strings.split(text)
        sparse = words.to_sparse()
        parts = sparse.indices, sparse.values, sparse.dense_shape
        named = dict(zip(("b", "b_1", "b_2"), parts, strict=True))
        return {"z": words.values, "z_1": words.row_splits, **named}

    _save(path, {"text": tf.TensorSpec([None], tf.string, name="text")}, serve)


def lengths(path: str) -> None:
    """A ragged and a sparse input, of which TensorFlow makes one for each component."""

    def serve(w: Any, z: Any, b: Any) -> Tensors:
        chars = tf.cast(tf.reduce_sum(tf.strings.length(z), 1), tf.float32)
        rows = tf.strings.reduce_join(tf.sparse.to_dense(b), 1)
        return {"chars": chars * w[0], "rows": rows}

    specs = {
        "z": tf.RaggedTensorSpec([None, None], tf.string),
        "b": tf.SparseTensorSpec([None, None], tf.string),
    }
    _save(path, specs, serve)


def counts(path: str) -> None:
    """Numbers to others."""
    spec = {"count": tf.TensorSpec([None], tf.int64, name="count")}
    _save(path, spec, lambda w, count: {"many": tf.cast(count, tf.float32) * w[0]})


def tf1_sparse_maker(path: str) -> None:
    """A graph of TensorFlow 1 that makes a sparse tensor and a ragged one."""
    with tf.Graph().as_default():
        e = v1.placeholder(tf.float32, [None, 4], name="e")
        w = v1.get_variable("w", initializer=3.0, use_resource=True)
        ragged = tf.RaggedTensor.from_row_splits(tf.reshape(e, [-1]), tf.range(0, 13, 4))
        _save_graph(path, {"e": e}, {"s": tf.sparse.from_dense(e * w), "r": ragged, "d": e - w})


def tf1_sparse_taker(path: str) -> None:
    """A graph of TensorFlow 1 that takes a sparse tensor."""
    with tf.Graph().as_default():
        s, d = v1.sparse_placeholder(tf.float32, [None, 4]), v1.placeholder(tf.float32, [None, 4])
        w = v1.get_variable("w", initializer=5.0, use_resource=True)
        _save_graph(path, {"s": s, "d": d}, {"s": s * w, "sum": tf.sparse.to_dense(s) + d})


def _save_graph(path: str, inputs: Tensors, outputs: Tensors) -> None:
    def infos(tensors: Tensors) -> Tensors:
        return {key: v1.saved_model.build_tensor_info(value) for key, value in tensors.items()}

    signature = v1.saved_model.build_signature_def(
        infos(inputs), infos(outputs), "tensorflow/serving/predict"
    )
    with v1.Session() as session:
        session.run(v1.global_variables_initializer())
        builder = v1.saved_model.Builder(path)
        builder.add_meta_graph_and_variables(session, ["serve"], {"serving_default": signature})
        builder.save()


def kinds(path: str) -> None:
    """Keys that sort in no usual way, of dtypes that are not float32, to the same keys."""

    def serve(w: Any, **inputs: Any) -> Tensors:
        numbers = inputs["zz"] + tf.cast(w[1], tf.int64)
        return {
            "M": tf.math.logical_xor(inputs["M"], numbers > 4),
            "a": inputs["a"] + "!",
            "b": inputs["b"] * tf.cast(w[2], tf.bfloat16),
            "zz": numbers,
        }

    dtypes = {"zz": tf.int64, "a": tf.string, "M": tf.bool, "b": tf.bfloat16}
    specs = {key: tf.TensorSpec([None], dtype, name=key) for key, dtype in dtypes.items()}
    _save(path, specs, serve)


def mixed(path: str) -> None:
    """Two inputs to two outputs, each of which takes the other one's key."""

    def serve(w: Any, p: Any, q: Any) -> Tensors:
        return {"q": p * w[0] + q, "p": q * w[1] - p}

    specs = {key: tf.TensorSpec([None, 3], tf.float32, name=key) for key in ("p", "q")}
    _save(path, specs, serve)


def passed(path: str) -> None:
    """A signature whose output is its input."""
    spec = {"x": tf.TensorSpec([None, 3], tf.float32, name="x")}
    _save(path, spec, lambda _, x: {"y": x})


MODELS: dict[str, Callable[[str], None]] = {
    function.__name__: function
    for function in (
        *(split, components, lengths, counts, kinds, mixed, passed),
        tf1_sparse_maker,
        tf1_sparse_taker,
        tf1_sparse_taker,
    )
}
"""The models by name."""
