"""A signature may feed a tensor that the graph would compute from its other inputs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sigpb.graphs import redirection
from tests.edits.built_models import SERVE, Signature, patched, results, session_model
from tests.model_runner import run_v1

pytestmark = pytest.mark.tensorflow


@pytest.fixture(params=["copies", "in place"], autouse=True)
def _both_ways(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "in place":
        monkeypatch.setattr(redirection, "_MANY_NODES", 0)


def between(v1: Any) -> Signature:
    """Feeds x, w and h = 2x + w; y = 10h + x, and the outputs also are h and x themselves."""
    x = v1.placeholder("float32", [None, 2], name="x")
    w = v1.placeholder("float32", [None, 2], name="w")
    h = v1.add(x * 2.0, w, name="h")
    y = v1.add(h * 10.0, x, name="y")
    return {"x": x, "h": h, "w": w}, {"y": y, "h_again": h, "x_again": x}


H = np.array([[100, 200]], "float32")
W = np.array([[7, 7]], "float32")
EXPECTED = {"y": [[1001, 2002]], "h_again": [[100, 200]], "x_again": [[1, 2]]}


@pytest.mark.parametrize(
    ("endpoints", "fed"),
    [
        ('input { key: "x" dtype: "int64" }', {"x": np.array([[1, 2]])}),
        ('input { key: "x" shape: "[?,2,1]" }', {"x": np.array([[[1], [2]]], "float32")}),
        ('input { key: "x" bind: "[[1, 2]]" }', {}),
        ('input { key: "x" bind: "[1, 2]" }', {}),
        (
            'input { key: "x" bind: "[1, 2]" } input { key: "w" dtype: "int32" }',
            {"w": W.astype("int32")},
        ),
        (
            'input { key: "h" dtype: "int64" rename_to: "a" }',
            {"x": np.array([[1, 2]], "float32"), "a": H.astype("int64")},
        ),
        (
            'input { key: "h" dtype: "int64" } input { key: "x" dtype: "uint8" }',
            {"x": np.array([[1, 2]], "uint8"), "h": H.astype("int64")},
        ),
        ('input { key: "h" bind: "[100, 200]" }', {"x": np.array([[1, 2]], "float32")}),
        (
            'input { key: "w" dtype: "int64" }',
            {"x": np.array([[1, 2]], "float32"), "w": W.astype(int)},
        ),
    ],
)
def test_what_is_fed_counts(tmp_path: Path, endpoints: str, fed: dict[str, Any]) -> None:
    model = session_model(tmp_path, between)
    others = {key: value for key, value in (("h", H), ("w", W)) if f'"{key}"' not in endpoints}
    for outputs in results(patched(model, endpoints), {**others, **fed}):
        assert {key: outputs[key] for key in EXPECTED} == EXPECTED


def test_one_output_of_a_node_is_fed(tmp_path: Path) -> None:
    def build(v1: Any) -> Signature:
        x = v1.placeholder("float32", [None, 2], name="x")
        first, second = v1.split(x, 2, 1)
        return {"x": x, "first": first}, {"y": first * 10.0 + second}

    model = patched(session_model(tmp_path, build), 'input { key: "x" dtype: "int32" }')
    fed = {"x": np.array([[1, 2]], "int32"), "first": np.array([[5]], "float32")}
    # tf.saved_model.load loads no such model, patched or not.
    outputs = run_v1(model, SERVE, {"serving_default": fed})["serving_default"]
    assert not isinstance(outputs, str), outputs
    assert outputs["y"].tolist() == [[52]]


def test_into_a_loop(tmp_path: Path) -> None:
    def build(v1: Any) -> Signature:
        x = v1.placeholder("float32", [None], name="x")
        h = v1.multiply(x, 2.0, name="h")
        _, y = v1.while_loop(lambda i, _: i < 3, lambda i, a: (i + 1, a + h + x), (0, x * 0))
        return {"x": x, "h": h}, {"y": y}

    model = session_model(tmp_path, build, old_control_flow=True)
    after = patched(model, 'input { key: "x" dtype: "int32" }')
    fed = {"x": np.array([1, 2], "int32"), "h": np.array([100, 200], "float32")}
    for outputs in results(after, fed):
        assert outputs == {"y": [303, 606]}


def test_the_batch_is_not_followed_through_what_does_not_run(tmp_path: Path) -> None:
    """Between x and h the old batch size is built in for good; h is fed, so it does not count."""

    def build(v1: Any) -> Signature:
        import tensorflow as tf

        x = v1.placeholder("float32", [1, 2], name="x")
        h = v1.identity(v1.constant([[3.0, 4.0]]) @ v1.reshape(x, [2, 1]) + x, name="h")
        # Takes its size from a tensor of the batch, of the dtype of that.
        ones = tf.raw_ops.Fill(dims=[1, 2], value=1.0)
        return {"x": x, "h": h}, {"y": v1.add(h, x, name="y") + ones}

    model = patched(session_model(tmp_path, build), 'batch_size: "?"')
    x = np.array([[1, 2], [3, 4], [5, 6]], "float32")
    for outputs in results(model, {"x": x, "h": x * 100}):
        assert outputs == {"y": (x * 101 + 1).tolist()}
