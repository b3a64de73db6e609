from __future__ import annotations

import pytest

from sigpb import protos
from tests.linting.faults import ModelFactory, find
from tests.patches import altered

SERVING = "signature 'serving_default'"


@pytest.mark.parametrize("name", ["tf2_linear", "tf2_stateful", "tf1_sparse", "tf1_composite"])
def test_nothing_is_missing(fixture_model: ModelFactory, name: str) -> None:
    assert find("missing-tensor", fixture_model(name)) == []


def test_no_such_node(fixture_model: ModelFactory) -> None:
    def fault(graph: protos.MetaGraphDef) -> None:
        graph.signature_def["serving_default"].inputs["x"].name = "serving_default_z:0"

    assert find("missing-tensor", altered(fixture_model("tf2_linear"), fault)) == [
        (
            "error",
            f"{SERVING}, input 'x'",
            "The graph has no node 'serving_default_z', of which the tensor 'serving_default_z:0' "
            "would be.",
        )
    ]


def test_no_such_output(fixture_model: ModelFactory) -> None:
    def fault(graph: protos.MetaGraphDef) -> None:
        graph.signature_def["serving_default"].outputs["p"].name = "StatefulPartitionedCall_1:2"

    assert find("missing-tensor", altered(fixture_model("tf2_linear"), fault)) == [
        (
            "error",
            f"{SERVING}, output 'p'",
            "Node 'StatefulPartitionedCall_1' has no output 2, which the tensor "
            "'StatefulPartitionedCall_1:2' would be.",
        )
    ]


def test_no_tensor_at_all(fixture_model: ModelFactory) -> None:
    def fault(graph: protos.MetaGraphDef) -> None:
        graph.signature_def["serving_default"].outputs["p"].name = ""

    ((_, where, message),) = find("missing-tensor", altered(fixture_model("tf2_linear"), fault))
    assert (where, message) == (f"{SERVING}, output 'p'", "It names no tensor.")


def test_component_of_a_sparse_tensor(fixture_model: ModelFactory) -> None:
    def fault(graph: protos.MetaGraphDef) -> None:
        for signature in graph.signature_def.values():
            for info in signature.inputs.values():
                if info.HasField("coo_sparse"):
                    info.coo_sparse.indices_tensor_name = "gone:0"

    ((severity, _, message),) = find("missing-tensor", altered(fixture_model("tf1_sparse"), fault))
    assert severity == "error"
    assert message.startswith("The graph has no node 'gone'")


def test_operation_of_the_init_op(fixture_model: ModelFactory) -> None:
    def fault(graph: protos.MetaGraphDef) -> None:
        init = graph.signature_def["__saved_model_init_op"]
        init.outputs["__saved_model_init_op"].name = "gone"

    ((_, where, message),) = find("missing-tensor", altered(fixture_model("tf2_linear"), fault))
    assert where == "signature '__saved_model_init_op', output '__saved_model_init_op'"
    assert message.startswith("The graph has no node 'gone'")


def test_several_meta_graphs_are_named(fixture_model: ModelFactory) -> None:
    def fault(graph: protos.MetaGraphDef) -> None:
        for signature in graph.signature_def.values():
            for info in signature.inputs.values():
                info.name = "gone:0"

    found = find("missing-tensor", altered(fixture_model("tf1_two_graphs"), fault))
    assert found
    assert all(where.startswith("MetaGraph {serve}, signature ") for _, where, _ in found)
