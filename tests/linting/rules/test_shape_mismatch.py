from __future__ import annotations

from pathlib import Path

import pytest

from sigpb import protos
from sigpb.tf.tensor_types import parse_shape, shape_proto
from tests.linting.faults import ModelFactory, find
from tests.patches import altered


def with_shape(model: Path, shape: str) -> Path:
    def fault(graph: protos.MetaGraphDef) -> None:
        info = graph.signature_def["single"].inputs["t"]
        info.tensor_shape.CopyFrom(shape_proto(parse_shape(shape)))

    return altered(model, fault)


@pytest.mark.parametrize("shape", ["[?,3]", "[8,3]", "[?,?]", "<unknown>"])
def test_what_says_more_or_less_is_no_contradiction(
    fixture_model: ModelFactory, shape: str
) -> None:
    assert find("shape-mismatch", with_shape(fixture_model("tf2_linear"), shape)) == []


@pytest.mark.parametrize("shape", ["[?,4]", "[3]", "[]", "[?,3,1]"])
def test_contradiction(fixture_model: ModelFactory, shape: str) -> None:
    found = find("shape-mismatch", with_shape(fixture_model("tf2_linear"), shape))

    assert [(severity, where) for severity, where, _ in found] == [
        ("error", "signature 'single', input 't'")
    ] * 2
    tensor, argument = (message for _, _, message in found)
    assert tensor == f"signature_def says {shape}, but the tensor 'single_t:0' is [?,3]."
    assert argument.startswith(f"signature_def says {shape}, but argument 't' of function ")


def test_output(fixture_model: ModelFactory) -> None:
    def fault(graph: protos.MetaGraphDef) -> None:
        info = graph.signature_def["single"].outputs["u"]
        info.tensor_shape.CopyFrom(shape_proto((None, 2)))

    ((_, where, _),) = find("shape-mismatch", altered(fixture_model("tf2_linear"), fault))
    assert where == "signature 'single', output 'u'"
