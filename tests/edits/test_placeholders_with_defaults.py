"""Inputs that session clients may leave out, since their placeholders have defaults."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import sigpb
from sigpb.patching.patch_file import parse_text
from tests.edits.built_models import SERVE, Signature, patched, results, session_model
from tests.model_runner import Array, run_v1
from tests.patches import refusal

pytestmark = pytest.mark.tensorflow


def with_default(v1: Any) -> Signature:
    """y = x + w, where w is [[1, 2]] unless it is fed, and r is twice what t is, 0.5 by default."""
    x = v1.placeholder("float32", [None, 2], name="x")
    w = v1.placeholder_with_default(v1.constant([[1.0, 2.0]]), [None, 2], name="w")
    t = v1.placeholder_with_default(v1.constant(0.5), [], name="t")
    return {"x": x, "w": w, "t": t}, {"y": x + w, "r": t * 2.0}


X = np.array([[10, 20]], "float32")


def run(model: Path, **fed: Array) -> dict[str, Any]:
    outputs = run_v1(model, SERVE, {"serving_default": {"x": X, **fed}})["serving_default"]
    assert not isinstance(outputs, str), outputs
    return {key: value.tolist() for key, value in outputs.items()}


def warnings(model: Path, endpoints: str) -> tuple[str, ...]:
    patch = parse_text(f'signature {{ key: "serving_default" {endpoints} }}')
    return sigpb.plan(model, patch).warnings


@pytest.mark.parametrize(
    ("endpoints", "fed"),
    [
        ('input { key: "w" dtype: "int64" }', np.array([[3, 4]])),
        ('input { key: "w" dtype: "float64" rename_to: "v" }', np.array([[3.0, 4.0]])),
        ('input { key: "w" shape: "[?,2,1]" }', np.array([[[3], [4]]], "float32")),
        ('input { key: "w" shape: "[?,1,2]" dtype: "uint8" }', np.array([[[3, 4]]], "uint8")),
        ('input { key: "w" shape: "[1,2]" }', np.array([[3, 4]], "float32")),
        ('input { key: "w" dtype: "string" }', np.array([[b"3", b"4"]], dtype=object)),
    ],
)
def test_a_converted_one_keeps_it(tmp_path: Path, endpoints: str, fed: Array) -> None:
    model = session_model(tmp_path, with_default)
    assert warnings(model, endpoints) == ()
    after = patched(model, endpoints)
    assert run(after) == {"y": [[11, 22]], "r": 1}
    key = "v" if "rename_to" in endpoints else "w"
    assert run(after, **{key: fed}) == {"y": [[13, 24]], "r": 1}
    t = np.array(1, "float32")
    for outputs in results(after, {"x": X, "t": t, key: fed}):
        assert outputs == {"y": [[13, 24]], "r": 2}


@pytest.mark.parametrize("dtype", ["int64", "float32"])
def test_infer_sees_through_it(tmp_path: Path, dtype: str) -> None:
    model = session_model(tmp_path, with_default)
    after = patched(model, f'input {{ key: "w" dtype: "{dtype}" shape: "[?,2,1]" }}')
    (item,) = sigpb.infer(model, after).signature[0].input
    assert (item.key, item.shape) == ("w", "[?,2,1]")


def test_twice(tmp_path: Path) -> None:
    model = session_model(tmp_path, with_default)
    first = patched(model, 'input { key: "w" dtype: "int64" }').rename(tmp_path / "first")
    second = patched(first, 'input { key: "w" dtype: "float32" shape: "[?,2,1]" }')
    assert run(second) == {"y": [[11, 22]], "r": 1}


@pytest.mark.parametrize(
    "endpoints",
    [
        'input { key: "t" dtype: "int64" }',  # 0.5 is no integer
        'input { key: "t" shape: "[1]" }',
        'input { key: "w" shape: "[5,2]" }',
    ],
)
def test_the_plan_says_which_lose_it(tmp_path: Path, endpoints: str) -> None:
    model = session_model(tmp_path, with_default)
    key = endpoints[14]
    if endpoints == 'input { key: "t" shape: "[1]" }':
        assert warnings(model, endpoints) == ()
        assert run(patched(model, endpoints)) == {"y": [[11, 22]], "r": 1}
        return
    assert warnings(model, endpoints) == (
        f"signature 'serving_default': session clients could leave out input '{key}', whose "
        "placeholder has a default in the graph; its new placeholder has none, so they have to "
        "feed it.",
    )
    sigpb.plan(model, parse_text(""))  # The model itself stays as it is.
    assert run(model) == {"y": [[11, 22]], "r": 1}


def test_a_default_that_is_computed_is_lost(tmp_path: Path) -> None:
    def build(v1: Any) -> Signature:
        x = v1.placeholder("float32", [None, 2], name="x")
        w = v1.placeholder_with_default(x * 2.0, [None, 2], name="w")
        return {"x": x, "w": w}, {"y": x + w}

    model = session_model(tmp_path, build)
    (warning,) = warnings(model, 'input { key: "w" dtype: "int64" }')
    assert "could leave out input 'w'" in warning
    assert warnings(model, 'input { key: "x" dtype: "int64" }') == ()


@pytest.mark.parametrize("earlier", ['bind: "[[3, 4]]"', 'dtype: "int32"'])
def test_an_output_is_not_added_from_one_that_is_not_fed_any_longer(
    tmp_path: Path, earlier: str
) -> None:
    """It would be computed from the default, whatever is fed, or bound."""

    def build(v1: Any) -> Signature:
        inputs, outputs = with_default(v1)
        v1.identity(inputs["w"] * 3.0, name="w3")
        v1.identity(inputs["t"] * 3.0, name="t3")
        return inputs, outputs

    model = session_model(tmp_path, build)
    after = patched(model, f'input {{ key: "w" {earlier} }}').rename(tmp_path / "earlier")
    reason = refusal(
        after, 'signature { key: "serving_default" output { key: "z" from_tensor: "w3:0" } }'
    )
    assert reason == (
        "signature 'serving_default': output 'z' cannot be added: 'w3:0' is computed from 'w', "
        "which the signature does not feed."
    )
    assert run(patched(after, 'output { key: "z" from_tensor: "t3:0" }'))["z"] == 1.5
