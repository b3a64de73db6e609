from __future__ import annotations

import pytest

from sigpb import protos
from tests.lint.faults import ModelFactory, find
from tests.patches import altered

RULE = "serving-method"


@pytest.mark.parametrize("name", ["tf2_warmup", "tf2_linear"])
def test_methods_have_their_keys(fixture_model: ModelFactory, name: str) -> None:
    assert find(RULE, fixture_model(name)) == []


@pytest.mark.parametrize(
    ("method", "wanted"),
    [("classify", "'classes' or 'scores'"), ("regress", "'outputs'")],
)
def test_keys_are_missing(fixture_model: ModelFactory, method: str, wanted: str) -> None:
    def fault(graph: protos.MetaGraphDef) -> None:
        graph.signature_def["single"].method_name = f"tensorflow/serving/{method}"

    assert find(RULE, altered(fixture_model("tf2_linear"), fault)) == [
        (
            "warning",
            "signature 'single'",
            f"TensorFlow Serving answers tensorflow/serving/{method} requests only with an input "
            f"'inputs' and an output {wanted}, and no more than these.",
        )
    ]
