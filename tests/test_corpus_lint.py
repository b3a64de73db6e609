"""`sigpb lint` on real models: what it finds is true, and it finds nothing else.

Every finding that is more than an info is listed here, with what shows that it is right.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from sigpb.linting.lint import fix, lint
from sigpb.linting.rules import all_rules
from tests.publishing.directories import snapshot

SERVING = "signature 'serving_default'"
REGRESS = "signature 'tensorflow/serving/regress'"
FLOAT_EXAMPLES = {
    ("warning", "serving-method", f"signature '{method}_x2_to_y3', input 'inputs'")
    for method in ("classify", "regress")
}

EXPECTED = {
    # Exported in 2017 with signatures written by hand: shapes are left out, which reads as [], and
    # a dtype is that of another tensor. `tf.saved_model.load` fails: "Shapes must be equal rank".
    "srv_half_plus_three": {
        ("error", "dtype-mismatch", f"{REGRESS}, input 'inputs'"),
        ("error", "shape-mismatch", f"{REGRESS}, output 'outputs'"),
        ("error", "shape-mismatch", f"{SERVING}, input 'x'"),
        ("error", "shape-mismatch", f"{SERVING}, output 'y'"),
        ("warning", "serving-method", f"{REGRESS}, input 'inputs'"),
    },
    # Classify and Regress signatures whose input is the float32 tensor behind the parsed examples.
    "srv_half_plus_two_v123": FLOAT_EXAMPLES,
    "tf_half_plus_two_main_op": FLOAT_EXAMPLES,
    "tf_half_plus_two_pbtxt": FLOAT_EXAMPLES,
    # Sessions on a machine without GPU fail: "Cannot assign a device for operation".
    "srv_half_plus_two_gpu": FLOAT_EXAMPLES | {("warning", "pinned-device", "")},
    # Loaders fail: "The passed save_path is not a valid checkpoint", "Graph execution error".
    "tfnet_example1": {("error", "checkpoint", "variables/variables.index")},
    "triton_vnet_no_batch": {("error", "checkpoint", "variables/variables.index")},
    # `tf.saved_model.load` fails: "appears more than once in the input list".
    "mlnet_types_test": {("warning", "shared-tensor", SERVING)},
    "tfx_taxi_tfma_2022": {("warning", "shared-tensor", "signature 'eval'")},
    "tfx_taxi_tfma_eval": {("warning", "shared-tensor", "signature 'eval'")},
    # The signature has inputs 'x' and 'y', and is meant for sessions.
    "rust_regression_v1": {("warning", "serving-method", REGRESS)},
}


def names_in(corpus: Path) -> list[str]:
    return sorted(file.parent.name for file in corpus.glob("*/saved_model.pb*"))


def test_every_finding_is_known(corpus: Path) -> None:
    found = {}
    for name in names_in(corpus):
        findings = lint(corpus / name, all_rules())
        severe = [finding for finding in findings if finding.severity != "info"]
        if severe:
            found[name] = {(each.severity, each.rule, each.where) for each in severe}
    assert found == EXPECTED


def test_nothing_is_written(corpus: Path) -> None:
    for name in names_in(corpus):
        before = snapshot(corpus / name)
        assert fix(corpus / name, all_rules()).fixed == ()
        assert snapshot(corpus / name) == before


@pytest.mark.parametrize("name", ["rust_regression_v1"])
def test_keys_of_a_signature_with_a_method(corpus: Path, name: str) -> None:
    (finding,) = (each for each in lint(corpus / name, all_rules()) if each.severity == "warning")
    assert "only with an input 'inputs' and an output 'outputs'" in finding.message
