"""Models for one batch size, opened: what they return for an example does not depend on others."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import sigpb
from sigpb import protos
from sigpb.patching.patch_file import parse_text
from tests import model_runner
from tests.patches import only_graph

pytestmark = pytest.mark.tensorflow

KEY = "serving_default"
OPEN = parse_text(f'signature {{ key: "{KEY}" batch_size: "?" }}')
SERVE = ("serve",)
Array = Any
Code = Callable[[Any, int, Any], Any]
"""A model: takes TensorFlow, the batch size, and `x`."""

WEIGHTS = np.random.default_rng(1).random((6, 3)).astype("float32")


def detector(tf: Any, size: int, x: Any) -> Any:
    found = tf.image.combined_non_max_suppression(
        tf.expand_dims(tf.reshape(x, [size, 6, 6])[..., :4], 2),
        tf.reshape(x, [size, 6, 6])[..., 4:],
        max_output_size_per_class=3,
        max_total_size=5,
        iou_threshold=0.5,
        score_threshold=0.3,
    )
    return dict(zip(["boxes", "scores", "classes", "valid"], found, strict=True))


def detector_of_one(tf: Any, size: int, x: Any) -> Any:
    def one(rows: Any) -> Any:
        rows = tf.reshape(rows, [6, 6])
        chosen = tf.image.non_max_suppression(rows[:, :4], rows[:, 4], 4, 0.5)
        padding = [[0, 4 - tf.shape(chosen)[0]], [0, 0]]
        return tf.ensure_shape(tf.pad(tf.gather(rows, chosen), padding), [4, 6])

    return tf.map_fn(one, x)


def two(tf: Any, size: int, x: Any) -> Any:
    b, a = tf.map_fn(lambda e: (e[0] + tf.reduce_sum(e[1]), e[1] * 2.0), (x, x[:, :2]))
    return {"b": b, "a": a}


def nested(tf: Any, size: int, x: Any) -> Any:
    outer = tf.function(
        lambda x: tf.map_fn(
            lambda e: tf.map_fn(lambda row: row * tf.reduce_max(row), tf.reshape(e, [6, 6])), x
        )
    )
    return outer(x)


def branch(tf: Any, size: int, x: Any) -> Any:
    def one(e: Any) -> Any:
        return tf.cond(tf.reduce_sum(e) > 18.0, lambda: e * 2.0, lambda: e - 1.0)

    return tf.map_fn(one, x)


def beside_ones(tf: Any, size: int, x: Any) -> Any:
    ones = tf.ones([size, 36])
    return tf.map_fn(lambda e: e[0] * e[1], (x, ones), fn_output_signature=tf.float32)


def written(take: Callable[[Any, Any, Any], Any]) -> Code:
    """A loop that writes what it takes of the batch by the number of the round."""

    def model(tf: Any, size: int, x: Any) -> Any:
        results = tf.TensorArray(tf.float32, size, element_shape=[36])
        _, results = tf.while_loop(
            lambda i, _: i < size,
            lambda i, results: (i + 1, results.write(i, take(tf, x, i))),
            (0, results),
        )
        return results.stack()

    return model


def python_loop(tf: Any, size: int, x: Any) -> Any:
    @tf.function  # type: ignore[untyped-decorator]
    def model(x: Any) -> Any:
        results = tf.TensorArray(tf.float32, size=0, dynamic_size=True)
        for i in tf.range(size):
            results = results.write(i, x[i] * 2.0)
        return results.stack()

    return model(x)


def vectorized(tf: Any, size: int, x: Any) -> Any:
    rows = tf.reshape(x, [size, 6, 6])
    return tf.vectorized_map(lambda e: e @ WEIGHTS + tf.reduce_sum(e, axis=1, keepdims=True), rows)


def words(tf: Any, size: int, x: Any) -> Any:
    """`vectorized_map` has no other way than a loop for strings."""
    return tf.vectorized_map(lambda e: tf.strings.length(tf.strings.as_string(e)), x)


def columns(tf: Any, size: int, x: Any) -> Any:
    joined = tf.math.segment_sum(tf.transpose(x), np.repeat([0, 1, 3], 12))
    unsorted = tf.math.unsorted_segment_max(tf.transpose(x), np.tile([3, 0, 1], 12), 5)
    return {"joined": tf.transpose(joined), "unsorted": tf.transpose(unsorted)}


def counted(tf: Any, size: int, x: Any) -> Any:
    numbers = tf.cast(x * 4.0, tf.int32)
    return tf.math.bincount(numbers, minlength=5, maxlength=5, axis=-1)


MODELS: dict[str, Code] = {
    "detector": detector,
    "detector of one": detector_of_one,
    "map_fn": lambda tf, size, x: tf.map_fn(lambda e: tf.reshape(e, [6, 6]) @ WEIGHTS, x),
    "map_fn of two": two,
    "map_fn in map_fn": nested,
    "map_fn beside ones": beside_ones,
    "branch": branch,
    "x[i]": written(lambda tf, x, i: x[i] * 2.0),
    "gather": written(lambda tf, x, i: tf.gather(x, i) * 2.0),
    "python loop": python_loop,
    "vectorized_map": vectorized,
    "vectorized_map of strings": words,
    "segments": columns,
    "bincount": counted,
}
# For a single example, the body of tf.vectorized_map takes ``x[0]``.
NOT_OF_ONE = ["vectorized_map", "vectorized_map of strings"]


def from_lists(step: Callable[[Any, Any, Any, int], Any]) -> Code:
    """A loop that writes what it makes of a list of the examples."""

    def model(tf: Any, size: int, x: Any) -> Any:
        rows = tf.TensorArray(tf.float32, size, clear_after_read=False).unstack(x)
        results = tf.TensorArray(tf.float32, size, element_shape=[36])
        _, results = tf.while_loop(
            lambda i, _: i < size,
            lambda i, results: (i + 1, results.write(i, step(tf, rows, i, size))),
            (0, results),
        )
        return results.stack()

    return model


def summed(tf: Any, size: int, x: Any) -> Any:
    return (
        x
        + tf.while_loop(
            lambda i, _: i < size, lambda i, total: (i + 1, total + x[i]), (0, tf.zeros([36]))
        )[1]
    )


def numbered(tf: Any, size: int, x: Any) -> Any:
    return tf.map_fn(
        lambda e: e[0] * tf.cast(e[1], tf.float32),
        (x, tf.range(size)),
        fn_output_signature=tf.float32,
    )


MIXING: dict[str, Code] = {
    "scan": lambda tf, size, x: tf.scan(lambda total, e: total + e, x),
    "foldl": lambda tf, size, x: x + tf.foldl(lambda total, e: total + e, x),
    "sum": summed,
    "the whole batch": lambda tf, size, x: tf.map_fn(lambda e: e - tf.reduce_max(x, 0), x),
    "the first example": lambda tf, size, x: tf.map_fn(lambda e: e - x[0], x),
    "the number of the example": numbered,
    "the first of a list": from_lists(lambda tf, rows, i, size: rows.read(0) + rows.read(i)),
    "backwards": from_lists(lambda tf, rows, i, size: rows.read(size - 1 - i)),
    "by its number": from_lists(lambda tf, rows, i, size: rows.read(i) * tf.cast(i, tf.float32)),
    "two numbers": written(lambda tf, x, i: x[i] + x[i, i]),
    "all that follow": written(lambda tf, x, i: tf.reduce_sum(x[i:], 0)),
    "segments of the batch": lambda tf, size, x: tf.math.segment_sum(x, np.arange(size)),
    "one segment": lambda tf, size, x: tf.math.unsorted_segment_sum(x, np.zeros(size, "i"), size),
    "counted together": lambda tf, size, x: tf.math.bincount(
        tf.cast(x, tf.int32), minlength=5, maxlength=5
    ),
}


def save(code: Code, size: int, model: Path) -> Path:
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    import tensorflow as tf

    module = tf.Module()
    module.call = tf.function(
        lambda x: _named(code(tf, size, x)),
        input_signature=[tf.TensorSpec([size, 36], tf.float32, "x")],
    )
    tf.saved_model.save(module, str(model), signatures=module.call)
    return model


def _named(outputs: Any) -> Any:
    return outputs if isinstance(outputs, dict) else {"y": outputs}


def run(loader: Any, model: Path, inputs: Mapping[str, Array]) -> dict[str, Array]:
    results = loader(model, SERVE, {KEY: inputs})[KEY]
    assert not isinstance(results, str), results
    return dict(results)


@pytest.mark.sampled(2)
@pytest.mark.parametrize(
    ("name", "size"),
    [(name, size) for name in MODELS for size in (1, 2, 3) if size > 1 or name not in NOT_OF_ONE],
)
def test_opened(name: str, size: int, tmp_path: Path) -> None:
    model = save(MODELS[name], size, tmp_path / "model")
    opened = tmp_path / "opened"
    sigpb.patch(model, OPEN, output_dir=opened)
    x = np.random.default_rng(0).random((6, 36)).astype("float32")
    parts = [run(model_runner.run_v1, model, {"x": x[i : i + size]}) for i in range(0, 6, size)]
    saved = model_runner.resave(opened, SERVE, tmp_path / "saved")
    for directory in (opened, saved):
        for loader in (model_runner.run_v1, model_runner.run_v2):
            for count in (1, 2, 3, 5):
                results = run(loader, directory, {"x": x[:count]})
                for key, value in results.items():
                    wanted = np.concatenate([part[key] for part in parts])[:count]
                    np.testing.assert_allclose(value, wanted, rtol=1e-4, atol=1e-5, err_msg=key)


@pytest.mark.parametrize("name", NOT_OF_ONE)
def test_only_example_taken_out(name: str, tmp_path: Path) -> None:
    model = save(MODELS[name], 1, tmp_path / "model")
    with pytest.raises(sigpb.PatchError, match="it looks examples of the batch up"):
        sigpb.patch(model, OPEN, output_dir=tmp_path / "opened")


@pytest.mark.parametrize("size", [1, 3])
@pytest.mark.parametrize("name", MIXING)
def test_refused(name: str, size: int, tmp_path: Path) -> None:
    model = save(MIXING[name], size, tmp_path / "model")
    with pytest.raises(sigpb.PatchError):
        sigpb.patch(model, OPEN, output_dir=tmp_path / "opened")


@pytest.mark.parametrize("fixed", ["a", "b"])
def test_beside_an_open_input(fixed: str, tmp_path: Path) -> None:
    import tensorflow as tf

    module = tf.Module()
    module.call = tf.function(
        lambda a, b: {"y": tf.concat([tf.reshape(a, [-1, 4]), tf.reshape(b, [-1, 4])], 1)},
        input_signature=[
            tf.TensorSpec([1 if name == fixed else None, 4], tf.float32, name) for name in "ab"
        ],
    )
    model, opened = tmp_path / "model", tmp_path / "opened"
    tf.saved_model.save(module, str(model), signatures=module.call)
    sigpb.patch(model, OPEN, output_dir=opened)
    saved = model_runner.resave(opened, SERVE, tmp_path / "saved")
    a: Array = np.arange(12.0, dtype="float32").reshape(3, 4)
    b: Array = -np.ones([3, 4], "float32")
    for directory in (opened, saved):
        for loader in (model_runner.run_v1, model_runner.run_v2):
            results = run(loader, directory, {"a": a, "b": b})
            np.testing.assert_array_equal(results["y"], np.concatenate([a, b], 1))


@pytest.mark.parametrize("name", ["map_fn", "x[i]", "python loop", "vectorized_map", "detector"])
def test_no_shape_states_the_old_batch_size(name: str, tmp_path: Path) -> None:
    model = save(MODELS[name], 11, tmp_path / "model")
    before = {f.signature.name for f in only_graph(model).graph_def.library.function}
    sigpb.patch(model, OPEN, output_dir=tmp_path / "opened")
    after = only_graph(tmp_path / "opened").graph_def.library.function
    added = [function for function in after if function.signature.name not in before]
    assert added
    for function in added:
        for values in function.arg_attr.values():
            assert 11 not in _sizes(values.attr)
        assert 11 not in _sizes(function.attr)
        for node in function.node_def:
            if node.op not in ("Const", "Range"):  # left over from before
                assert 11 not in _sizes(node.attr), node


def _sizes(attributes: Mapping[str, protos.AttrValue]) -> set[int]:
    shapes = [shape for value in attributes.values() for shape in (value.shape, *value.list.shape)]
    return {dim.size for shape in shapes for dim in shape.dim}
