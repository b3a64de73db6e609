"""Models whose views contradict each other."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from sigpb import protos
from tests.diff.patched import only_graph, patched
from tests.patches import ModelFactory, altered


def rename_in_signature_def(graph: protos.MetaGraphDef) -> None:
    inputs = graph.signature_def["serving_default"].inputs
    inputs["image"].CopyFrom(inputs["x"])
    del inputs["x"]


def swap_outputs(graph: protos.MetaGraphDef) -> None:
    outputs = graph.signature_def["serving_default"].outputs
    first, second = outputs["p"].name, outputs["s"].name
    outputs["p"].name, outputs["s"].name = second, first


def swap_inputs(graph: protos.MetaGraphDef) -> None:
    inputs = graph.signature_def["serving_default"].inputs
    first, second = inputs["b"].name, inputs["x"].name
    inputs["b"].name, inputs["x"].name = second, first


def change_dtype(graph: protos.MetaGraphDef) -> None:
    graph.signature_def["serving_default"].inputs["x"].dtype = 2


def delete_signature(graph: protos.MetaGraphDef) -> None:
    del graph.signature_def["serving_default"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (rename_in_signature_def, "has the inputs ['b', 'image'] in signature_def, but ['b', 'x']"),
        (swap_outputs, "different results of the function"),
        (swap_inputs, "different arguments of the function"),
        (change_dtype, "input 'x' is float64 [?,3] in signature_def, but float32 [?,3]"),
        (delete_signature, "the object graph has signature 'serving_default'"),
    ],
)
@pytest.mark.parametrize("first", [None, "rename", "convert"])
def test_said_of_the_model_that_has_it(
    fixture_model: ModelFactory,
    change: Callable[[protos.MetaGraphDef], None],
    said: str,
    first: str | None,
) -> None:
    model = fixture_model("tf2_linear")
    if first == "rename":  # What sigpb made of it is looked through.
        model = patched(
            model,
            """signature { key: "serving_default" input { key: "x" rename_to: "b" }
              input { key: "b" rename_to: "x" } output { key: "p" rename_to: "s" }
              output { key: "s" rename_to: "p" } }""",
        )
    if first == "convert":
        model = patched(
            model,
            """signature { key: "serving_default" input { key: "b" dtype: "int32" }
              output { key: "p" dtype: "float64" } }""",
        )
    assert only_graph(model, model).disagreements_before == ()

    found = only_graph(model, altered(patched(model, ""), change))

    assert found.disagreements_before == ()
    assert any(said in sentence for sentence in found.disagreements_after), found
    assert found.is_change
