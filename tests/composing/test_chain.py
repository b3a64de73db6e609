"""Chained signatures, run by TensorFlow from disk, give what the two give one after the other."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sigpb.saved_model.grafts import Position
from tests.model_runner import assert_equal, resave, run_v1, run_v2

from .chaining import chain, one_after_the_other, ran

TEXT = {"text": np.array([b"b", b"?", b"a"]), "zz": np.float32(0.5)}
BIAS = {"bias": np.float32(7)}


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of TensorFlow 2 of which "pre" can feed "serving_default", and that "post".

    They share a variable and a table; the keys of the whole sort in other ways than those of each.
    """
    tf = pytest.importorskip("tensorflow")
    model, spec = tf.Module(), tf.TensorSpec
    model.scale = scale = tf.Variable(2.0)
    model.weights = weights = tf.Variable([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
    pairs = tf.lookup.KeyValueTensorInitializer(["a", "b", "c"], [0.0, 1.0, 5.0])
    model.table = table = tf.lookup.StaticHashTable(pairs, -1.0)
    model.calls = calls = tf.Variable(0.0)

    def pre(text: Any, zz: Any) -> Any:
        calls.assign_add(zz)
        found = table.lookup(text)
        return {"ids": tf.stack([found, found * scale + zz], 1), "extra": found * 3 + zz}

    def main(ids: Any, bias: Any) -> Any:
        for _ in tf.range(2):
            ids = ids * scale
        scores = ids @ weights + scale * bias
        return {"scores": scores, "sum": tf.reduce_sum(ids, 1), "calls": calls + 0.0}

    def post(scores: Any) -> Any:
        calls.assign_add(10.0)
        best = tf.cond(scale > 1, lambda: tf.argmax(scores, 1), lambda: tf.argmin(scores, 1))
        return {"after": calls + 0.0, "best": best, "words": tf.strings.split(["a b"])}

    signatures = {
        "pre": (pre, spec([None], tf.string, "text"), spec([], tf.float32, "zz")),
        "serving_default": (main, spec([None, 2], tf.float32, "ids"), spec([], tf.float32, "bias")),
        "post": (post, spec([None, 3], tf.float32, "scores")),
    }
    path = tmp_path_factory.mktemp("exported") / "model"
    functions = {
        key: tf.function(function).get_concrete_function(*specs)
        for key, (function, *specs) in signatures.items()
    }
    tf.saved_model.save(model, str(path), signatures=functions)
    return path


def assert_runs(path: Path, key: str, sent: Mapping[str, Any], expected: Mapping[str, Any]) -> None:
    """Asserts what a signature gives under both loaders, also after a re-save."""
    inputs, wanted = {key: dict(sent)}, {key: expected}
    again = resave(path, ["serve"], path.with_name(f"{path.name}_again"))
    for model in (path, again):
        assert_equal(wanted, run_v1(model, ["serve"], inputs))
        assert_equal(wanted, run_v2(model, ["serve"], inputs))


@pytest.mark.tensorflow
def test_both_loaders(exported: Path, tmp_path: Path) -> None:
    # "pre" adds 0.5 to a variable, which "serving_default" reads after that.
    pairs = chain(exported, tmp_path / "new", "pre", "serving_default")
    first, second = "pre", "serving_default"
    wanted = one_after_the_other(exported, first, second, pairs, (TEXT, BIAS), keeps=False)
    wanted["calls"] = np.float32(0.5)
    assert_runs(tmp_path / "new", "serving_default", {**TEXT, **BIAS}, wanted)
    # A chain of three: "post" adds 10 after all that.
    pairs = chain(tmp_path / "new", tmp_path / "all", second, "post", position="after")
    sent: dict[str, Any] = {**TEXT, **BIAS}
    wanted = one_after_the_other(tmp_path / "new", second, "post", pairs, (sent, {}), keeps=True)
    wanted |= {"calls": np.float32(0.5), "after": np.float32(10.5)}
    assert_runs(tmp_path / "all", "serving_default", sent, wanted)


ROWS = np.array([[1, 2], [3, 4], [5, 6]], np.float32)
SPARSE = {
    "s_indices": np.array([[0, 1], [2, 3]]),
    "s_values": np.array([3, 4], np.float32),
    "s_dense_shape": np.array([3, 4]),
}
RAGGED = {
    "r_component_0": np.array([3, 4, 5, 6], np.float32),
    "r_component_1": np.array([0, 1, 3, 4]),
}


@pytest.fixture(scope="module")
def exported_tf1(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of TensorFlow 1, whose signatures share placeholders, variables and nodes."""
    tf = pytest.importorskip("tensorflow").compat.v1
    path = tmp_path_factory.mktemp("exported_tf1") / "model"

    def signature(inputs: Mapping[str, Any], outputs: Mapping[str, Any]) -> Any:
        sides = (
            {key: tf.saved_model.build_tensor_info(tensor) for key, tensor in side.items()}
            for side in (inputs, outputs)
        )
        return tf.saved_model.build_signature_def(*sides, "tensorflow/serving/predict")

    uses_new_control_flow = tf.control_flow_v2_enabled()
    tf.disable_control_flow_v2()
    with tf.Graph().as_default() as graph, tf.Session(graph=graph) as session:
        x = tf.placeholder(tf.float32, [None, 2], "x")
        n = tf.placeholder(tf.int32, [], "n")
        v = tf.get_variable("v", initializer=[2.0, 3.0], use_resource=False)
        h = tf.identity(x * v + 1.0, "h")
        y = tf.identity(h * 3.0, "y")
        loop = tf.while_loop(lambda i, _: i < n, lambda i, a: (i + 1, a * v + x), (0, x))[1]
        branch = tf.cond(tf.reduce_sum(x) > 50.0, lambda: x - v, lambda: x * v)
        w = tf.placeholder(tf.float32, [], "w")
        counter = tf.get_variable("counter", initializer=1.0, use_resource=True)
        counted = counter.assign_add(w).op
        with tf.control_dependencies([counted]):
            double = tf.identity(w * 2.0)
        read = tf.identity(counter.read_value() + w)
        s, d = (tf.sparse_placeholder(tf.float32, name=name) for name in "sd")
        r, q = (tf.ragged.placeholder(tf.float32, 1, (), name=name) for name in "rq")
        noise = tf.random.uniform([])
        signatures = {
            "scale": signature({"in": x}, {"h": h}),
            "triple": signature({"x": x}, {"y": y, "same": x}),
            "loop": signature({"x": x, "rounds": n}, {"z": loop}),
            "branch": signature({"x": x}, {"x": branch}),
            "count": signature({"w": w}, {"w": double, "total": tf.identity(counted.inputs[1])}),
            "read": signature({"w": w}, {"read": read}),
            "sparse": signature({"s": s}, {"d": tf.sparse.from_dense([[0.0, 9.0]]), "s": s}),
            "dense": signature({"d": d}, {"y": tf.sparse.to_dense(d), "d": d}),
            "ragged": signature({"r": r}, {"q": r + 1.0}),
            "rows": signature({"q": q}, {"q": q, "sums": tf.reduce_sum(q, 1)}),
            "noise": signature({"n": n}, {"w": noise + 0.0, "own": tf.identity(noise)}),
            "noisy": signature({"w": w}, {"more": w + noise}),
        }
        session.run(tf.global_variables_initializer())
        builder = tf.saved_model.Builder(str(path))
        builder.add_meta_graph_and_variables(session, ["serve"], signature_def_map=signatures)
        builder.save()
    if uses_new_control_flow:
        tf.enable_control_flow_v2()
    return path


@pytest.mark.tensorflow
@pytest.mark.parametrize(
    ("first", "second", "asked", "sent", "position"),
    [
        ("scale", "triple", [("h", "x")], ({"in": ROWS}, {}), "before"),
        ("triple", "branch", [("y", "x")], ({"x": ROWS}, {}), "after"),
        ("loop", "branch", [("z", "x")], ({"x": ROWS, "rounds": np.int32(2)}, {}), "before"),
        ("branch", "loop", [], ({"x": ROWS}, {"rounds": np.int32(2)}), "before"),
        ("sparse", "dense", [("s", "d")], (SPARSE, {}), "before"),
        ("ragged", "rows", [], (RAGGED, {}), "before"),
    ],
)
def test_tensorflow_1(
    exported_tf1: Path,
    tmp_path: Path,
    first: str,
    second: str,
    asked: list[tuple[str, str]],
    sent: tuple[dict[str, Any], dict[str, Any]],
    position: Position,
) -> None:
    pairs = chain(exported_tf1, tmp_path / "new", first, second, asked, position)
    keeps = position == "after"
    key = first if keeps else second
    expected = one_after_the_other(exported_tf1, first, second, pairs, sent, keeps=keeps)
    found = run_v1(tmp_path / "new", ["serve"], {key: {**sent[0], **sent[1]}})
    assert_equal({key: expected}, found)


@pytest.mark.tensorflow
def test_state_in_sessions(exported_tf1: Path, tmp_path: Path) -> None:
    # The counter begins with 1, "count" adds what it is sent, and "read" comes after that.
    chain(exported_tf1, tmp_path / "read", "count", "read")
    assert ran(tmp_path / "read", "read", {"w": np.float32(5)}) == {"read": 1 + 5 + 2 * 5}
    # Each draws its own number, though one node computes both.
    chain(exported_tf1, tmp_path / "noise", "noise", "noisy", position="after")
    found = ran(tmp_path / "noise", "noise", {"n": np.int32(0)})
    assert found["more"] != found["own"] * 2
