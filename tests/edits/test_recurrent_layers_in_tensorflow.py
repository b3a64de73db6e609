"""Layers whose functions the optimizer exchanges by their attributes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import sigpb
from sigpb.patching.patch_file import parse_text
from tests import model_runner
from tests.patches import only_graph

pytestmark = pytest.mark.tensorflow

SERVE = ("serve",)
OPEN = 'signature { key: "serving_default" batch_size: "?" }'


def test_an_open_batch(tmp_path: Path) -> None:
    keras = pytest.importorskip("tf_keras")
    entry = keras.Input(batch_size=1, shape=[5, 3], name="x")
    sequence = keras.layers.GRU(4, return_sequences=True)(entry)
    layered = keras.Model(entry, keras.layers.Bidirectional(keras.layers.LSTM(2))(sequence))
    model, patched = tmp_path / "model", tmp_path / "patched"
    layered.save(str(model), save_format="tf")
    library = only_graph(model).graph_def.library.function
    assert any("api_implements" in function.attr for function in library)

    sigpb.patch(model, parse_text(OPEN), output_dir=patched)

    rows = np.random.default_rng(0).random((3, 5, 3), np.float32)
    expected = np.concatenate([np.asarray(layered(rows[i : i + 1])) for i in range(3)])
    saved = model_runner.resave(patched, SERVE, tmp_path / "saved")
    for run, directory in (
        (model_runner.run_v1, patched),
        (model_runner.run_v2, patched),
        (model_runner.run_v2, saved),
    ):
        outputs = run(directory, SERVE, {"serving_default": {"x": rows}})["serving_default"]
        assert not isinstance(outputs, str), outputs
        (actual,) = outputs.values()
        np.testing.assert_allclose(actual, expected, rtol=1e-5, atol=1e-6)
