from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests import model_runner
from tests.model_runner import Results, run_v1, run_v2

ModelFactory = Callable[..., Path]
SERVE = ["serve"]

pytestmark = pytest.mark.tensorflow


def test_made_up_inputs_are_the_same_each_time_and_distinct(fixture_model: ModelFactory) -> None:
    model = fixture_model("tf1_shared")
    inputs = model_runner.make_inputs(model, SERVE)
    model_runner.assert_equal(inputs, model_runner.make_inputs(model, SERVE))
    x, y = (inputs["serving_default"][key] for key in "xy")
    assert x.shape == y.shape == (model_runner.BATCH, 3)
    assert np.all(x != y)
    assert np.all(x == inputs["classify"]["inputs"]), "two keys of one tensor"


def test_made_up_examples_hold_the_features_that_the_model_reads(
    fixture_model: ModelFactory,
) -> None:
    model = fixture_model("tf2_warmup")
    results = run_v1(model, SERVE, model_runner.make_inputs(model, SERVE))
    classified: Any = results["classify"]
    assert classified["scores"].shape == (model_runner.BATCH, 3)
    assert np.all(classified["scores"][0] != classified["scores"][1])


@pytest.mark.parametrize("run", [run_v1, run_v2])
def test_each_signature_starts_from_the_saved_state(
    fixture_model: ModelFactory, run: Callable[..., Results]
) -> None:
    inputs = {"increment": {}, "add": {"delta": np.int64(10)}, "reset": {}, "get": {}}
    results = run(fixture_model("tf2_stateful"), SERVE, inputs)
    assert results["increment"] == {"count": 6}
    assert results["add"] == {"before": 5, "after": 15}
    assert results["reset"] == {}
    assert results["get"] == {"count": 5}


@pytest.mark.parametrize("run", [run_v1, run_v2])
def test_what_does_not_run_is_reported(
    fixture_model: ModelFactory, run: Callable[..., Results]
) -> None:
    model = fixture_model("tf2_linear")
    wrong: model_runner.Values = {
        "single": {"t": np.ones([1, 3], np.float32)},
        "other": {"nothing": np.ones([1, 3], np.float32)},
        "absent": {},
    }
    results = run(model, SERVE, wrong)
    assert set(results["single"]) == {"u"}
    assert isinstance(results["other"], str)
    assert isinstance(results["absent"], str)
    assert all(isinstance(result, str) for result in run(model, ["gpu"], wrong).values())


def test_sparse_and_ragged_endpoints_are_their_components(fixture_model: ModelFactory) -> None:
    sparse = ["s_dense_shape", "s_indices", "s_values"]
    doubled = ["doubled_dense_shape", "doubled_indices", "doubled_values"]
    model = fixture_model("tf1_sparse")
    expected = {"serving_default": (["d", *sparse], ["dense", *doubled])}
    assert model_runner.signature_keys_v1(model, SERVE) == expected
    assert model_runner.signature_keys_v2(model, SERVE) == expected

    model = fixture_model("tf1_composite")
    ragged = [f"{key}_component_{i}" for key in ("doubled", "r") for i in (0, 1)]
    expected = {"serving_default": (["d", *ragged[2:]], [*ragged[:2], "sums"])}
    assert model_runner.signature_keys_v1(model, SERVE) == expected
    assert model_runner.signature_keys_v2(model, SERVE) == expected


def test_resaved_model_gives_the_same_values(fixture_model: ModelFactory, tmp_path: Path) -> None:
    model = fixture_model("tf2_many")
    inputs = model_runner.make_inputs(model, SERVE)
    before = run_v2(model, SERVE, inputs)
    saved = model_runner.resave(model, SERVE, tmp_path / "saved")
    model_runner.assert_equal(before, run_v1(saved, SERVE, inputs))
    model_runner.assert_equal(before, run_v2(saved, SERVE, inputs))


def single(value: object) -> Results:
    return {"serving_default": {"y": value}}


@pytest.mark.parametrize("value", [np.float32([0, np.nan, -0.0]), np.array([b"a", b"b"], object)])
def test_equal_values(value: object) -> None:
    model_runner.assert_equal(single(value), single(value))


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (single(np.float32([0.0])), single(np.float32([-0.0]))),
        (single(np.float32([1])), single(np.float32([np.nan]))),
        (single(np.float32([1])), single(np.float32([np.nextafter(np.float32(1), 2)]))),
        (single(np.float32([1])), single(np.float64([1]))),
        (single(np.float32([1, 2])), single(np.float32([[1, 2]]))),
        (single(np.array([b"a"], object)), single(np.array([b"b"], object))),
        (single(np.float32([1])), {"serving_default": {"z": np.float32([1])}}),
        (single(np.float32([1])), {"other": {"y": np.float32([1])}}),
        (single(np.float32([1])), {}),
        (single(np.float32([1])), {"serving_default": "ValueError: no"}),
        ({"serving_default": "ValueError: no"}, {"serving_default": "ValueError: no"}),
    ],
)
def test_unequal_values(before: Results, after: Results) -> None:
    with pytest.raises(AssertionError):
        model_runner.assert_equal(before, after)
