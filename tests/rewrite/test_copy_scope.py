"""Keys that are the name of the scope in which sigpb copies nodes."""

from __future__ import annotations

from sigpb import protos
from tests.comparing.patched import only_signature, patched
from tests.patches import ModelFactory, only_graph


def test_steps_and_copies_do_not_share_names(fixture_model: ModelFactory) -> None:
    """The step and the copied node are both a ``Cast``."""
    model = fixture_model("tf1_shared")
    assert "Cast" in {node.name for node in only_graph(model).graph_def.node}
    patch = """signature { key: "classify"
      input { key: "inputs" rename_to: "copy" dtype: "int32" } }"""

    graph = only_graph(patched(model, patch)).graph_def

    assert "sigpb/classify/copy" in inputs_behind(graph, "sigpb/classify/copy", "Cast")


def test_signature_of_that_name_is_recognised(fixture_model: ModelFactory) -> None:
    model = patched(
        fixture_model("tf2_linear"), 'signature { key: "serving_default" rename_to: "copy" }'
    )
    patch = """signature { key: "copy"
      input { key: "b" dtype: "int32" } output { key: "p" dtype: "float64" } }"""

    changes = only_signature(model, patched(model, patch)).changed_endpoints

    assert [(end.evidence, end.rewired) for end in changes] == [("tensor", False)] * 2


def inputs_behind(graph: protos.GraphDef, source: str, op: str) -> set[str]:
    """What nodes of an op take that compute from a node directly."""
    return {
        tensor for node in graph.node if node.op == op for tensor in node.input if tensor == source
    }
