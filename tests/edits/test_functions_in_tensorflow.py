"""The functions that a patch adds look to TensorFlow as if its exporter had written them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import sigpb
from sigpb.patching.patch_file import parse_text
from tests import model_runner
from tests.patches import ModelFactory

pytestmark = pytest.mark.tensorflow

SERVE = ("serve",)

CASES = {
    "another order": (
        "tf2_linear",
        """signature { key: "serving_default"
             input { key: "b" rename_to: "Z/b" } input { key: "x" rename_to: "a" }
             output { key: "p" rename_to: "z" } }""",
    ),
    "casts": (
        "tf2_linear",
        """signature { key: "serving_default"
             input { key: "x" dtype: "int64" } output { key: "p" dtype: "float64" } }""",
    ),
    "a fixed batch": ("tf2_linear", 'signature { key: "serving_default" batch_size: "3" }'),
    "a refined output": (
        "tf2_linear",
        'signature { key: "serving_default" output { key: "p" shape: "[5,3]" } }',
    ),
    "an open batch": ("tf2_fixed_batch", 'signature { key: "serving_default" batch_size: "?" }'),
    "an added output": (
        "tf2_image",
        """signature { key: "serving_default" batch_size: "3"
             output { key: "pooled" from_tensor: "pool/Mean:0" } }""",
    ),
    "a state": (
        "tf2_stateful",
        """signature { key: "add" input { key: "delta" dtype: "int32" }
             output { key: "after" rename_to: "z" } output { key: "before" rename_to: "y" } }""",
    ),
}


@pytest.fixture(params=CASES)
def patched(request: pytest.FixtureRequest, fixture_model: ModelFactory, tmp_path: Path) -> Path:
    name, patch = CASES[request.param]
    sigpb.patch(fixture_model(name), parse_text(patch), output_dir=tmp_path / "patched")
    return tmp_path / "patched"


def signatures(model: Path) -> dict[str, Any]:
    return dict(model_runner.load_v2(model, SERVE).signatures)


def test_is_imported_into_mlir(patched: Path) -> None:
    import tensorflow as tf

    module = tf.mlir.experimental.convert_saved_model(str(patched), "", False)
    assert "sigpb_" not in module, "it is erased with the functions that it calls"
    # What runs passes verifies the module first.
    assert tf.mlir.experimental.run_pass_pipeline(module, "canonicalize", False)


def test_results_have_the_shapes_that_the_object_graph_states(
    patched: Path, tmp_path: Path
) -> None:
    saved = model_runner.resave(patched, SERVE, tmp_path / "saved")
    for model in (patched, saved):
        for function in signatures(model).values():
            stated = [function.structured_outputs[k] for k in sorted(function.structured_outputs)]
            assert [each.shape.as_list() for each in stated] == [
                tensor.shape.as_list() for tensor in function.outputs
            ]


def test_each_result_is_an_identity_of_its_own(patched: Path) -> None:
    for function in signatures(patched).values():
        assert {tensor.op.type for tensor in function.outputs} <= {"Identity"}
        assert len({tensor.op.name for tensor in function.outputs}) == len(function.outputs)


def test_arguments_and_results_are_named_after_the_keys(
    fixture_model: ModelFactory, tmp_path: Path
) -> None:
    name, patch = CASES["another order"]
    sigpb.patch(fixture_model(name), parse_text(patch), output_dir=tmp_path / "patched")
    function = signatures(tmp_path / "patched")["serving_default"]
    assert [tensor.op.name for tensor in function.inputs[:2]] == ["z_b", "a"]
    assert [tensor.op.name for tensor in function.outputs] == ["s", "z"]
