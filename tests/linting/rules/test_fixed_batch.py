from __future__ import annotations

import pytest

from sigpb import protos
from sigpb.tf.tensor_types import parse_shape, shape_proto
from tests.linting.faults import ModelFactory, find
from tests.patches import altered

RULE = "fixed-batch"


@pytest.mark.parametrize("name", ["tf2_linear", "tf2_many", "tf2_stateful", "tf1_sparse"])
def test_batch_is_dynamic_or_there_is_none(fixture_model: ModelFactory, name: str) -> None:
    assert find(RULE, fixture_model(name)) == []


def test_fixed(fixture_model: ModelFactory) -> None:
    assert find(RULE, fixture_model("tf1_fixed_batch")) == [
        ("info", "signature 'serving_default'", "All inputs have the batch size 1.")
    ]


@pytest.mark.parametrize(("x", "b"), [("[8,3]", "[?,3]"), ("[8,3]", "[4,3]"), ("[]", "[]")])
def test_not_of_all_inputs(fixture_model: ModelFactory, x: str, b: str) -> None:
    def fault(graph: protos.MetaGraphDef) -> None:
        for key, shape in (("x", x), ("b", b)):
            info = graph.signature_def["serving_default"].inputs[key]
            info.tensor_shape.CopyFrom(shape_proto(parse_shape(shape)))

    assert find(RULE, altered(fixture_model("tf2_linear"), fault)) == []


def test_scalars_do_not_count(fixture_model: ModelFactory) -> None:
    def fault(graph: protos.MetaGraphDef) -> None:
        for key, shape in (("x", "[8,3]"), ("b", "[]")):
            info = graph.signature_def["serving_default"].inputs[key]
            info.tensor_shape.CopyFrom(shape_proto(parse_shape(shape)))

    assert find(RULE, altered(fixture_model("tf2_linear"), fault)) == [
        ("info", "signature 'serving_default'", "All inputs have the batch size 8.")
    ]
