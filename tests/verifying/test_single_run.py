"""Signatures run on given values, under TensorFlow's own loaders."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import sigpb
from sigpb.errors import UsageError
from sigpb.patching.patch_file import parse_text
from sigpb.verifying import child, single_run
from sigpb.verifying.child import RunRequest
from sigpb.verifying.given_inputs import as_arrays, examples
from sigpb.verifying.report import Confinement
from sigpb.verifying.single_run import Callee, DoesNotRun, output_json, output_lines, output_npz
from tests.patches import ModelFactory


def in_this_process(request: RunRequest) -> tuple[list[dict[str, Any]] | str, Confinement]:
    """Does what the process with TensorFlow does, and passes what it says through JSON."""
    said: list[Any] = []
    child._run(request, lambda answer: said.append(json.loads(json.dumps(answer))))
    reasons = [str(each["not_run"]) for each in said if "not_run" in each]
    answers = [each["output"] for each in said if "output" in each]
    return reasons[0] if reasons else answers, Confinement(True, True, None, None, 60)


@pytest.fixture(autouse=True)
def _no_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(single_run, "run_signature", in_this_process)


def outputs(model: Path, loader: str, key: str | None = None, **values: Any) -> dict[str, Any]:
    with sigpb.open(model) as opened:
        callee = Callee.of(opened, None, key)
        arrays = as_arrays(values, callee.wanted, callee.defaults)
        return output_json(callee.run(arrays, loader, 60)[0])


X, B = [[1, 2, 3], [4, 5, 7]], [[1, 1, 2], [3, 5, 8]]


@pytest.mark.tensorflow
@pytest.mark.parametrize("loader", ["v1", "v2"])
def test_before_and_after_a_patch_and_its_undoing(fixture_model: ModelFactory, loader: str) -> None:
    model = fixture_model("tf2_linear")
    before = outputs(model, loader, x=X, b=B)
    assert before["p"] != before["s"]
    patch = """signature {
        key: "serving_default"
        input { key: "x" rename_to: "a" dtype: "int64" }
        output { key: "p" rename_to: "z" }
    }"""
    for backup in (True, False):
        text = patch if backup else patch.replace("int64", "float64")
        sigpb.patch(model, parse_text(text), in_place=True, backup=backup)
        assert outputs(model, loader, a=X, b=B) == {"z": before["p"], "s": before["s"]}
        sigpb.undo(model)
        assert outputs(model, loader, x=X, b=B) == before


@pytest.mark.tensorflow
def test_text_defaults_and_failures(fixture_model: ModelFactory) -> None:
    (example,) = examples("[{'x': [1.0, 2.0, 3.0]}]", "inputs")
    classes = outputs(fixture_model("tf2_warmup"), "v1", "classify", inputs=[example])["classes"]
    assert classes == [["1.0", "2.0", "3.0"]]
    # What has a default need not be given.
    model = fixture_model("tf2_defaults")
    assert outputs(model, "v1", x=X) == outputs(model, "v2", x=X)
    (model / "variables" / "variables.index").write_bytes(b"damaged")
    with pytest.raises(DoesNotRun, match="Signature 'serving_default' did not run under the"):
        outputs(model, "v1", x=X)


def test_as_text_and_json() -> None:
    values = {
        "y": np.array([[0.5, float("nan")]], "float32"),
        "t": np.array(["größer".encode(), b"\xff"], object),
        "c": np.array(1 + 2j),
    }
    assert output_lines(values) == [
        "c: complex128 []",
        "  1.+2.j",
        "t: string [2]",
        "  [b'gr\\xc3\\xb6\\xc3\\x9fer', b'\\xff']",
        "y: float32 [1,2]",
        "  [[0.5, nan]]",
    ]
    told = output_json(values)
    assert (told["c"], told["t"]) == ([1.0, 2.0], ["größer", {"b64": "/w=="}])


def test_as_a_file() -> None:
    import ml_dtypes

    values = {
        "y": np.array([0.5, 3], ml_dtypes.bfloat16),
        "t": np.array([b"a", b"bc"], object),
        "n": np.array([1, 2], "int16"),
    }
    with np.load(io.BytesIO(output_npz(values))) as saved:
        assert {name: saved[name].dtype.str for name in saved.files} == {
            "y": "<f4",
            "t": "|S2",
            "n": "<i2",
        }
        assert saved["y"].tolist() == [0.5, 3.0]
    with pytest.raises(UsageError, match="Output 't' ends in NUL"):
        output_npz({"t": np.array([b"a\0"], object)})
