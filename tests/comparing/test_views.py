"""Models whose views contradict each other."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from sigpb import protos
from sigpb.rewrite.signature_function import is_wrapper
from sigpb.tf.called_functions import CALL_OPS
from tests.comparing.patched import only_graph, patched
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


def test_a_damaged_wrapper_that_calls_itself_is_not_followed_for_ever(
    fixture_model: ModelFactory,
) -> None:
    def call_itself(graph: protos.MetaGraphDef) -> None:
        (wrapper,) = (
            each for each in graph.graph_def.library.function if is_wrapper(each.signature.name)
        )
        (call,) = (node for node in wrapper.node_def if node.op in CALL_OPS)
        call.attr["f"].func.name = wrapper.signature.name

    model = patched(
        fixture_model("tf2_linear"),
        'signature { key: "serving_default" output { key: "p" rename_to: "z" } }',
    )
    graph = only_graph(model, altered(patched(model, ""), call_itself))
    assert len(graph.graph.functions.changed) == 1
