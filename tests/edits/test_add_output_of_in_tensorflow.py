"""What models return that outputs were added to which are made of other endpoints."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import sigpb
from sigpb.patching.patch_file import parse_text
from tests import model_runner
from tests.edits.built_models import SERVE
from tests.model_runner import Array
from tests.patches import ModelFactory

pytestmark = pytest.mark.tensorflow

# Keys that sort in front of those that there are, and behind them.
PATCH = """signature {{ key: "serving_default"
  input {{ key: "a_id" dtype: "string" shape: "[?]" add: true }}
  input {{ key: "x" rename_to: "z_x" dtype: "float64" step: "affine(3)" step: "cast('float32')" }}
  output {{ key: "z_id" from_input: "a_id" }}
  output {{ key: "a_sent" from_input: "x" }}
  output {{ key: "b_sent" from_input: "x" dtype: "int32" }}
  output {{ key: "best" from_output: "{output}" step: "argmax()" }}
  output {{ key: "plain" from_output: "{output}" }}
  output {{ key: "{output}" rename_to: "zz" step: "affine(-1)" }}
  output {{
    key: "{second}" step: "affine(2)" step: "top_k(2, values_to='a_best', indices_to='z_best')"
  }}
  output {{ key: "labels" from_output: "{second}" step: "top_k(3, 'indices')"
           step: "labels('assets/labels.txt')" }}
}}"""


# Another input of three columns, and the outputs.
MODELS = {"tf2_linear": ("b", "p", "s"), "tf1_shared": ("y", "sum", "difference")}


@pytest.mark.parametrize("name", MODELS)
def test_values(fixture_model: ModelFactory, tmp_path: Path, name: str) -> None:
    import tensorflow as tf

    model, patched, saved = fixture_model(name), tmp_path / "patched", tmp_path / "saved"
    other, output, second = MODELS[name]
    (model / "assets").mkdir(exist_ok=True)
    (model / "assets" / "labels.txt").write_text("cat\ndog\nHühner\n", encoding="utf-8")
    patch = parse_text(PATCH.format(output=output, second=second))
    sigpb.patch(model, patch, output_dir=patched)
    (patched / "assets" / "labels.txt").unlink()  # What it held is a constant now.
    model_runner.resave(patched, SERVE, saved)
    before = function(model)
    loaded = [function(patched), function(saved)]
    for rows in (0, 1, 3):
        x: Array = np.arange(3 * rows, dtype=np.float64).reshape(rows, 3) % 5 - 1.75
        others: dict[str, Array] = {other: np.full((rows, 3), 7, np.float32)}
        others |= {"scale": np.float32(2)} if name == "tf1_shared" else {}
        returned = before({"x": (3 * x).astype(np.float32), **others})
        wanted = returned[output]
        values, places = (each.numpy() for each in tf.math.top_k(2 * returned[second], 2))
        ranking = tf.math.top_k(returned[second], 3).indices.numpy()
        labels = np.array(["cat", "dog", "Hühner"])[ranking].tolist()
        ids = np.array([b"id %d" % row for row in range(rows)], dtype=object)
        new = {"z_x": x, "a_id": ids, **others}
        session = model_runner.run_v1(patched, SERVE, {"serving_default": new})["serving_default"]
        assert not isinstance(session, str), session
        for found in (dict(session), *(run(new) for run in loaded)):
            assert found["z_id"].tolist() == ids.tolist()
            assert same(found["a_sent"], x)
            assert same(found["b_sent"], x.astype(np.int32))
            assert same(found["best"], wanted.argmax(-1))
            assert same(found["plain"], wanted)
            assert same(found["zz"], -wanted)
            assert same(found["a_best"], values)
            assert same(found["z_best"], places)
            assert [[each.decode() for each in row] for row in found["labels"]] == labels


def function(model: Path) -> Callable[[dict[str, Array]], dict[str, Array]]:
    """Loads ``serving_default`` with ``tf.saved_model.load``."""
    import tensorflow as tf

    module = model_runner.load_v2(model, SERVE)
    signature = module.signatures["serving_default"]

    def run(fed: dict[str, Array]) -> dict[str, Array]:
        _ = module  # It owns the variables.
        found = signature(**{key: tf.constant(value) for key, value in fed.items()})
        return {key: value.numpy() for key, value in found.items()}

    return run


def same(found: Array, expected: Array) -> bool:
    found = np.asarray(found)
    return (found.dtype, found.shape, found.tobytes()) == (
        expected.dtype,
        expected.shape,
        expected.tobytes(),
    )
