from __future__ import annotations

import pytest

from sigpb import protos
from sigpb.tf.tensor_types import dtype_of
from tests.linting.faults import ModelFactory, find
from tests.patches import altered

INT64 = dtype_of("int64")


@pytest.mark.parametrize("name", ["tf2_linear", "tf2_image", "tf1_sparse", "tf1_shared"])
def test_dtypes_agree(fixture_model: ModelFactory, name: str) -> None:
    assert find("dtype-mismatch", fixture_model(name)) == []


def test_signature_def_alone_was_edited(fixture_model: ModelFactory) -> None:
    def fault(graph: protos.MetaGraphDef) -> None:
        graph.signature_def["single"].inputs["t"].dtype = INT64

    found = find("dtype-mismatch", altered(fixture_model("tf2_linear"), fault))

    assert {(severity, where) for severity, where, _ in found} == {
        ("error", "signature 'single', input 't'")
    }
    tensor, argument = (message for _, _, message in found)
    assert tensor == "signature_def says int64, but the tensor 'single_t:0' is float32."
    assert argument.startswith("signature_def says int64, but argument 't' of function ")
    assert argument.endswith(" is float32.")


def test_signature_def_and_placeholder_were_edited_but_not_the_function(
    fixture_model: ModelFactory,
) -> None:
    def fault(graph: protos.MetaGraphDef) -> None:
        graph.signature_def["single"].inputs["t"].dtype = INT64
        (placeholder,) = (node for node in graph.graph_def.node if node.name == "single_t")
        placeholder.attr["dtype"].type = INT64

    ((_, _, message),) = find("dtype-mismatch", altered(fixture_model("tf2_linear"), fault))
    assert message.startswith("signature_def says int64, but argument 't' of function ")


def test_result_of_a_function(fixture_model: ModelFactory) -> None:
    def fault(graph: protos.MetaGraphDef) -> None:
        graph.signature_def["single"].outputs["u"].dtype = INT64

    messages = [
        message
        for _, _, message in find("dtype-mismatch", altered(fixture_model("tf2_linear"), fault))
    ]
    assert any(message.startswith("signature_def says int64, but result '") for message in messages)


def test_values_of_a_sparse_tensor(fixture_model: ModelFactory) -> None:
    def fault(graph: protos.MetaGraphDef) -> None:
        for signature in graph.signature_def.values():
            for info in signature.inputs.values():
                if info.HasField("coo_sparse"):
                    info.dtype = dtype_of("string")

    ((_, _, message),) = find("dtype-mismatch", altered(fixture_model("tf1_sparse"), fault))
    assert message.startswith("signature_def says string, but the tensor ")
