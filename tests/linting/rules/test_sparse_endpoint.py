from __future__ import annotations

import pytest

from sigpb import protos
from tests.linting.faults import ModelFactory, find
from tests.patches import altered

RULE = "sparse-endpoint"


@pytest.mark.parametrize(
    ("name", "key", "kind"),
    [("tf1_sparse", "s", "coo_sparse"), ("tf1_composite", "r", "composite")],
)
def test_several_tensors(fixture_model: ModelFactory, name: str, key: str, kind: str) -> None:
    assert find(RULE, fixture_model(name)) == [
        (
            "warning",
            f"signature 'serving_default', input '{key}'",
            f"It is a {kind} tensor, which TensorFlow Serving cannot take.",
        ),
        (
            "warning",
            "signature 'serving_default', output 'doubled'",
            f"It is a {kind} tensor, which TensorFlow Serving cannot return.",
        ),
    ]


def test_graphs_that_are_not_for_serving(fixture_model: ModelFactory) -> None:
    def fault(graph: protos.MetaGraphDef) -> None:
        graph.meta_info_def.tags[:] = ["eval"]

    assert find(RULE, altered(fixture_model("tf1_sparse"), fault)) == []


def test_dense_tensors(fixture_model: ModelFactory) -> None:
    assert find(RULE, fixture_model("tf2_linear")) == []
