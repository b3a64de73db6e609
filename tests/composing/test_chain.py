"""Chained signatures, run by TensorFlow from disk, give what the two give one after the other."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.model_runner import assert_equal, resave, run_v1, run_v2

from .chaining import chain, one_after_the_other

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
