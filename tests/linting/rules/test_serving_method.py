from __future__ import annotations

import pytest

from sigpb import protos
from tests.linting.faults import ModelFactory, find
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


@pytest.mark.parametrize("method", ["classify", "regress"])
def test_examples_are_strings(fixture_model: ModelFactory, method: str) -> None:
    where = f"signature '{method}', input 'inputs'"
    assert (
        "warning",
        where,
        f"TensorFlow Serving passes tensorflow/serving/{method} requests as serialized "
        "tf.Examples, but the input takes float32, not string.",
    ) in find(RULE, fixture_model("tf1_shared"))
    assert find(RULE, fixture_model("tf2_warmup")) == []


def test_more_keys_than_there_may_be(fixture_model: ModelFactory) -> None:
    def fault(graph: protos.MetaGraphDef) -> None:
        signature = graph.signature_def["regress"]
        signature.outputs["more"].CopyFrom(signature.outputs["outputs"])
        classify = graph.signature_def["classify"]
        classify.inputs["more"].CopyFrom(classify.inputs["inputs"])

    model = fixture_model("tf1_shared")
    more = len(find(RULE, altered(model, fault))) - len(find(RULE, fixture_model("tf1_shared")))
    assert more == 2


@pytest.mark.parametrize("method", ["", "predict", "tensorflow/serving/Predict"])
def test_a_method_that_there_is_not(fixture_model: ModelFactory, method: str) -> None:
    def fault(graph: protos.MetaGraphDef) -> None:
        graph.signature_def["single"].method_name = method

    ((severity, where, message),) = find(RULE, altered(fixture_model("tf2_linear"), fault))
    assert (severity, where) == ("warning", "signature 'single'")
    assert message.startswith(f"The method name is {method!r}; TensorFlow Serving knows tensorflow")


def test_graphs_that_are_not_for_serving_may_have_any(fixture_model: ModelFactory) -> None:
    def fault(graph: protos.MetaGraphDef) -> None:
        graph.meta_info_def.tags[:] = ["eval"]
        graph.signature_def["single"].method_name = "mine"

    assert find(RULE, altered(fixture_model("tf2_linear"), fault)) == []
