"""What models compute with steps, by formulas that are written apart from these."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import sigpb
from sigpb.patching.patch_file import parse_text
from tests import model_runner
from tests.patches import ModelFactory

pytestmark = pytest.mark.tensorflow

Array = Any
Formula = Callable[[Array], Array]


def softmax(x: Array) -> Array:
    import tensorflow as tf

    return tf.nn.softmax(x).numpy()


def sigmoid(x: Array) -> Array:
    import tensorflow as tf

    return tf.math.sigmoid(x).numpy()


def log(x: Array) -> Array:
    import tensorflow as tf

    return tf.math.log(x).numpy()


def log_softmax(x: Array) -> Array:
    import tensorflow as tf

    return tf.nn.log_softmax(x).numpy()


def exp(x: Array) -> Array:
    import tensorflow as tf

    return tf.math.exp(x).numpy()


def l2_normalize(x: Array) -> Array:
    import tensorflow as tf

    return tf.math.l2_normalize(x, axis=1).numpy()


# Steps of an input: the patch, what is fed, and what the model then gets.
INPUTS: dict[str, tuple[str, Callable[[int], Array], Formula]] = {
    "scale": (
        "dtype: 'uint8' step: \"cast('float32')\" step: 'scale([1, 2, 3], [0.5, 0.3, 7])'",
        lambda rows: np.arange(3 * rows, dtype=np.uint8).reshape(rows, 3) * 11,
        lambda x: (
            (x.astype(np.float32) - np.float32([1, 2, 3])) * np.float32([1 / 0.5, 1 / 0.3, 1 / 7])
        ),
    ),
    "affine": (
        "step: 'affine(-0.3, [0.1, 7, 1e-3])'",
        lambda rows: np.arange(3 * rows, dtype=np.float32).reshape(rows, 3) / 7,
        lambda x: x * np.float32(-0.3) + np.float32([0.1, 7, 1e-3]),
    ),
    "layout": (
        "shape: '[?,1,3]' step: 'transpose(0, 2, 1)' step: 'squeeze(2)' step: 'clip(-1, 2)'",
        lambda rows: np.arange(3 * rows, dtype=np.float32).reshape(rows, 1, 3) - 2,
        lambda x: np.clip(x[:, 0, :], -1, 2),
    ),
    "classes": (
        "step: 'one_hot(3)'",
        lambda rows: np.arange(rows, dtype=np.int64) - 1,
        lambda x: np.array([[float(i == k) for k in range(3)] for i in x], np.float32).reshape(
            -1, 3
        ),
    ),
    "scores": (
        "step: 'l2_normalize()' step: 'softmax()'",
        lambda rows: np.arange(3 * rows, dtype=np.float32).reshape(rows, 3) % 7 - 2,
        lambda x: softmax(l2_normalize(x)),
    ),
    "lookup": (
        "step: \"lookup(['cat', 'dog', 'cow'])\"",
        lambda rows: np.resize(np.array([b"dog", b"cat", b"cow", b"ox"], object), (rows, 3)),
        lambda x: np.float32(
            [{b"cat": 0, b"dog": 1, b"cow": 2}.get(text, -1) for text in x.ravel()]
        ).reshape(-1, 3),
    ),
}

# Steps of an output, and what becomes of what the model returns.
OUTPUTS: dict[str, tuple[str, Formula]] = {
    "argmax": ("step: 'argmax()'", lambda y: y.argmax(axis=1).astype(np.int64)),
    "round": ("step: 'affine(10)' step: 'round()'", lambda y: np.rint(y * np.float32(10))),
    "text": ("dtype: 'string' step: 'argmax()'", lambda y: y.argmax(axis=1).astype(str)),
    "axes": ("step: 'expand_dims(-1)' step: 'transpose(2, 0, 1)'", lambda y: y[None]),
    "labels": (
        "step: 'argmax()' step: \"labels(['cat', 'dog', 'cow'])\"",
        lambda y: np.array(["cat", "dog", "cow"])[y.argmax(axis=1)],
    ),
    "softmax": ("step: 'softmax()'", softmax),
    "sigmoid": ("step: 'sigmoid()'", sigmoid),
    "log": ("step: 'clip(0.5, 9)' step: 'log()'", lambda y: log(np.clip(y, 0.5, 9))),
    # TensorFlow's optimizer of graphs makes one op of both.
    "softmax and log": ("step: 'softmax()' step: 'log()'", log_softmax),
    "exp": ("step: 'exp()'", exp),
    "l2_normalize": ("step: 'l2_normalize()'", l2_normalize),
    "threshold": ("step: 'threshold(0.1)'", lambda y: y >= np.float32(0.1)),
    "slice": ("step: 'slice(1, 2)'", lambda y: y[:, 1:]),
}


@pytest.mark.parametrize("name", ["tf2_fixed_batch", "tf1_fixed_batch"])
def test_a_batch_size_that_steps_open(
    fixture_model: ModelFactory, tmp_path: Path, name: str
) -> None:
    model, patched = fixture_model(name), tmp_path / "patched"
    patch = parse_text(
        'signature { key: "serving_default" input { key: "x" shape: "[?]" step: "one_hot(4)" } }'
    )
    sigpb.patch(model, patch, output_dir=patched)
    loaders: list[tuple[Path, Any]] = [(patched, model_runner.run_v1)]
    if name == "tf2_fixed_batch":
        saved = model_runner.resave(patched, ("serve",), tmp_path / "saved")
        loaders += [(patched, model_runner.run_v2), (saved, model_runner.run_v2)]
    rows: Array = np.eye(4, dtype=np.float32)[[2, 0, 3]]
    before = [run(model, model_runner.run_v1, {"x": row[None]})["y"] for row in rows]
    for path, loader in loaders:
        after = run(path, loader, {"x": np.int64([2, 0, 3])})["y"]
        assert same(np.concatenate(before), after)
        assert run(path, loader, {"x": np.int64([])})["y"].shape == (0, 2)


def run(model: Path, loader: Any, fed: dict[str, Array]) -> dict[str, Array]:
    results = loader(model, ("serve",), {"serving_default": fed})["serving_default"]
    assert not isinstance(results, str), results
    return dict(results)


def same(expected: Array, found: Array) -> bool:
    found = np.asarray(found)
    if found.dtype == object:
        return [each.decode() for each in found.ravel()] == list(expected.ravel())
    return (expected.dtype, expected.shape) == (found.dtype, found.shape) and (
        expected.tobytes() == found.tobytes()
    )


@pytest.mark.parametrize("name", ["tf2_linear", "tf1_shared"])
def test_inputs_and_outputs(fixture_model: ModelFactory, tmp_path: Path, name: str) -> None:
    model = fixture_model(name)
    output, other = ("p", "s") if name == "tf2_linear" else ("sum", "difference")
    second = "b" if name == "tf2_linear" else "y"
    for number, (input_, output_) in enumerate(
        [(each, "argmax") for each in INPUTS] + [("affine", each) for each in OUTPUTS]
    ):
        steps, make, formula = INPUTS[input_]
        output_steps, output_formula = OUTPUTS[output_]
        patch = parse_text(
            f'signature {{ key: "serving_default" input {{ key: "x" rename_to: "zz" {steps} }} '
            f'output {{ key: "{output}" rename_to: "0" {output_steps} }} }}'
        )
        patched = tmp_path / str(number)
        sigpb.patch(model, patch, output_dir=patched)
        loaders: list[tuple[Path, Any]] = [(patched, model_runner.run_v1)]
        if name == "tf2_linear":
            saved = model_runner.resave(patched, ("serve",), tmp_path / f"saved{number}")
            loaders += [(patched, model_runner.run_v2), (saved, model_runner.run_v2)]
        for rows in (0, 1, 3):
            value = make(rows)
            besides = {second: np.arange(3 * rows, dtype=np.float32).reshape(rows, 3) / 3}
            if name == "tf1_shared":
                besides["scale"] = np.float32(3)
            before = run(model, model_runner.run_v1, {"x": formula(value), **besides})
            for path, loader in loaders:
                after = run(path, loader, {"zz": value, **besides})
                assert same(output_formula(np.asarray(before[output])), after["0"]), (steps, rows)
                assert same(np.asarray(before[other]), after[other]), (steps, rows)
