"""Models with steps are verified to the bit, also where numpy would round otherwise."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

import sigpb
from sigpb.patching.patch_file import parse_text
from sigpb.steps.axes import Transpose
from sigpb.steps.graph_body import GraphBody, dtype_attr
from sigpb.steps.labels import Lookup
from sigpb.steps.scores import Exp, L2Normalize, Log, Sigmoid, Softmax
from sigpb.steps.step import Step
from sigpb.tf.tensor_types import TensorType, shape_proto
from sigpb.verifying.report import NotEquivalent, VerifyReport
from tests.edits.test_apply_steps import serving
from tests.patches import ModelFactory

pytestmark = pytest.mark.tensorflow

SCORES = """
input { key: 'x' step: 'l2_normalize()' step: 'exp()' }
output { key: 'p' rename_to: '0' step: 'affine(0.1)' step: 'softmax()' }
output { key: 's' step: 'affine([0.01, -0.01, 0.001])' step: 'sigmoid()' step: 'log()' }
"""
LABELS = """
output {
    key: 'p' step: 'affine(1, [20, 10, 0])' step: 'softmax()' step: 'argmax()'
    step: 'labels(["cat", "dog", "cow"])'
}
output { key: 's' step: 'slice(0, 2)' step: 'threshold(150)' }
"""


def verified(
    model: Path, endpoints: str, output: Path, loaders: Sequence[str] = ("v1", "v2")
) -> VerifyReport:
    patch = parse_text(serving(endpoints))
    result = sigpb.patch(model, patch, output_dir=output, verify=loaders)
    assert result.verification is not None
    return result.verification


def refused(model: Path, endpoints: str, output: Path) -> VerifyReport:
    with pytest.raises(NotEquivalent) as caught:
        verified(model, endpoints, output, ["v1"])
    assert not output.exists()
    return caught.value.report


@pytest.mark.parametrize("endpoints", [SCORES, LABELS], ids=["scores", "labels"])
def test_to_the_bit(fixture_model: ModelFactory, tmp_path: Path, endpoints: str) -> None:
    report = verified(fixture_model("tf2_linear"), endpoints, tmp_path / "new")
    assert report.conclusion == "equivalent"
    for signature in report.signatures:
        assert [(each.status, each.problems) for each in signature.loaders] == [("same", ())] * 2


def test_what_the_optimizer_of_graphs_makes_one_op(
    fixture_model: ModelFactory, tmp_path: Path
) -> None:
    endpoint = "output { key: 'p' step: 'softmax()' step: 'log()' }"
    report = verified(fixture_model("tf2_linear"), endpoint, tmp_path / "new")
    assert report.conclusion == "equivalent"
    said = "the same but for rounding: TensorFlow's optimizer orders sums anew where it can"
    [changed] = (each for each in report.signatures if each.concerned)
    assert [each.problems for each in changed.loaders] == [(said,), (said,)]


def along_the_first_dimension(
    self: Softmax, body: GraphBody, tensor: str, operand: TensorType
) -> str:
    turn = Transpose((1, 0))
    turned = turn.result(operand)
    tensor = softmax(self, body, turn.build(body, tensor, operand), turned)
    return turn.build(body, tensor, turned)


softmax = Softmax.build


def another_op(op: str) -> Any:
    def build(self: Step, body: GraphBody, tensor: str, operand: TensorType) -> str:
        attributes = {"T": dtype_attr(operand.dtype)}
        [output] = body.add(op, op, [tensor], attributes, shape_proto(operand.shape))
        return output

    return build


@pytest.mark.parametrize(
    ("kind", "build", "endpoint"),
    [
        (Softmax, along_the_first_dimension, "input { key: 'x' step: 'softmax()' }"),
        (Softmax, along_the_first_dimension, "output { key: 'p' step: 'softmax()' }"),
        (Sigmoid, another_op("Tanh"), "output { key: 'p' step: 'sigmoid()' }"),
        (Exp, another_op("Expm1"), "input { key: 'x' step: 'exp()' }"),
        (Log, another_op("Log1p"), "output { key: 'p' step: 'log()' }"),
        (L2Normalize, another_op("Softmax"), "output { key: 'p' step: 'l2_normalize()' }"),
    ],
)
def test_wrong_nodes_are_caught(
    fixture_model: ModelFactory,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    kind: type[Step],
    build: Any,
    endpoint: str,
) -> None:
    monkeypatch.setattr(kind, "build", build)
    report = refused(fixture_model("tf2_linear"), endpoint, tmp_path / "new")
    assert report.verdict == "different"
    assert "elements differ" in str(report)


def test_too_few_labels(fixture_model: ModelFactory, tmp_path: Path) -> None:
    endpoint = "output { key: 'p' step: 'argmax()' step: 'clip(0, 9)' step: 'labels([\"cat\"])' }"
    report = refused(fixture_model("tf2_linear"), endpoint, tmp_path / "new")
    assert report.verdict == "different"
    assert "is not in [0, 1)" in str(report)


def test_text_to_look_up_is_in_the_list(
    fixture_model: ModelFactory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    endpoint = 'input { key: \'x\' step: \'lookup(["cat", "dog", "cow"])\' }'
    model = fixture_model("tf2_linear")
    assert verified(model, endpoint, tmp_path / "new").conclusion == "equivalent"

    def reversed_(self: Lookup, body: GraphBody, tensor: str, operand: TensorType) -> str:
        return build(Lookup(self.names[::-1], self.default), body, tensor, operand)

    build = Lookup.build
    monkeypatch.setattr(Lookup, "build", reversed_)
    assert refused(model, endpoint, tmp_path / "other").verdict == "different"
