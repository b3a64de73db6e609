from __future__ import annotations

import pytest

from sigpb import protos
from tests.linting.faults import ModelFactory, find
from tests.patches import altered

RULE = "unfed-placeholder"


@pytest.mark.parametrize(
    "name",
    ["tf2_linear", "tf2_stateful", "tf2_defaults", "tf1_shared", "tf1_interior", "tf1_sparse"],
)
def test_all_is_fed(fixture_model: ModelFactory, name: str) -> None:
    assert find(RULE, fixture_model(name)) == []


def test_an_input_is_left_out(fixture_model: ModelFactory) -> None:
    def fault(graph: protos.MetaGraphDef) -> None:
        del graph.signature_def["serving_default"].inputs["b"]

    assert find(RULE, altered(fixture_model("tf2_linear"), fault)) == [
        (
            "error",
            "signature 'serving_default'",
            "The placeholder 'serving_default_b' is not fed, and needed for outputs 'p', 's'.",
        )
    ]


def test_a_placeholder_with_a_default_need_not_be_fed(fixture_model: ModelFactory) -> None:
    def fault(graph: protos.MetaGraphDef) -> None:
        for key in list(graph.signature_def["serving_default"].defaults):
            del graph.signature_def["serving_default"].inputs[key]

    model = altered(fixture_model("tf2_defaults"), fault)
    assert find(RULE, model) == []


def test_what_is_behind_a_fed_tensor_does_not_matter(fixture_model: ModelFactory) -> None:
    # Here the examples that `x` and `h` are parsed from.
    def fault(graph: protos.MetaGraphDef) -> None:
        del graph.signature_def["from_examples"]

    assert find(RULE, altered(fixture_model("tf1_interior"), fault)) == []
