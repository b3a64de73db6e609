from __future__ import annotations

import pytest

from sigpb import protos
from tests.linting.faults import ModelFactory, find
from tests.patches import altered


@pytest.mark.parametrize("name", ["tf2_linear", "tf2_shared", "tf1_shared", "tf1_no_variables"])
def test_every_key_has_its_tensor(fixture_model: ModelFactory, name: str) -> None:
    # Several signatures may well share one, and an input may be an output too.
    assert find("shared-tensor", fixture_model(name)) == []


def test_two_inputs(fixture_model: ModelFactory) -> None:
    def fault(graph: protos.MetaGraphDef) -> None:
        inputs = graph.signature_def["serving_default"].inputs
        inputs["twin"].name = inputs["x"].name.removesuffix(":0")

    assert find("shared-tensor", altered(fixture_model("tf2_linear"), fault)) == [
        (
            "warning",
            "signature 'serving_default'",
            "The inputs 'twin' and 'x' are one tensor, 'serving_default_x:0'.",
        )
    ]


def test_two_outputs_are_harmless(fixture_model: ModelFactory) -> None:
    def fault(graph: protos.MetaGraphDef) -> None:
        outputs = graph.signature_def["serving_default"].outputs
        outputs["twin"].CopyFrom(outputs["p"])

    ((severity, _, message),) = find("shared-tensor", altered(fixture_model("tf2_linear"), fault))
    assert severity == "info"
    assert message.startswith("The outputs 'p' and 'twin' are one tensor")


def test_eval_model(fixture_model: ModelFactory) -> None:
    assert [severity for severity, _, _ in find("shared-tensor", fixture_model("tf1_eval"))] == [
        "warning"
    ]
