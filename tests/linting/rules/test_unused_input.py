from __future__ import annotations

from pathlib import Path

import pytest

from sigpb import protos
from tests.linting.faults import ModelFactory, find, graph_of, write
from tests.patches import altered

RULE = "unused-input"


@pytest.mark.parametrize("name", ["tf2_linear", "tf2_many", "tf2_stateful", "tf1_shared"])
def test_all_are_used(fixture_model: ModelFactory, name: str) -> None:
    assert find(RULE, fixture_model(name)) == []


def test_a_placeholder_that_leads_nowhere(fixture_model: ModelFactory) -> None:
    def fault(graph: protos.MetaGraphDef) -> None:
        node = graph.graph_def.node.add(name="idle", op="Placeholder")
        node.attr["dtype"].type = protos.DataType.Value("DT_FLOAT")
        for number in range(7):
            graph.signature_def["single"].inputs[f"i{number}"].name = "idle:0"

    assert find(RULE, altered(fixture_model("tf2_linear"), fault)) == [
        (
            "info",
            "signature 'single'",
            "No output depends on the inputs 'i0', 'i1', 'i2', 'i3', 'i4' and 2 more.",
        )
    ]


def function(result: str, control: str = "") -> str:
    """A graph that calls a function of `x` and `z`, which returns one of them."""
    return f"""
        graph_def {{
          node {{ name: "x" op: "Placeholder" }}
          node {{ name: "z" op: "Placeholder" }}
          node {{ name: "c" op: "StatefulPartitionedCall" input: "x" input: "z"
                  attr {{ key: "f" value {{ func {{ name: "f" }} }} }} }}
          library {{ function {{
            signature {{ name: "f" input_arg {{ name: "a" }} input_arg {{ name: "b" }}
                         output_arg {{ name: "r" }} {control and 'control_output: "o"'} }}
            node_def {{ name: "print" op: "PrintV2" input: "b" }}
            ret {{ key: "r" value: "{result}" }} {control}
          }} }}
        }}
        signature_def {{ key: "s" value {{
          inputs {{ key: "x" value {{ name: "x:0" }} }}
          inputs {{ key: "z" value {{ name: "z:0" }} }}
          outputs {{ key: "y" value {{ name: "c:0" }} }} }} }}
    """


def test_in_functions(tmp_path: Path) -> None:
    found = find(RULE, write(tmp_path / "a", graph_of(function("a"))))
    assert found == [("info", "signature 's'", "No output depends on the input 'z'.")]
    found = find(RULE, write(tmp_path / "b", graph_of(function("b"))))
    assert found == [("info", "signature 's'", "No output depends on the input 'x'.")]


def test_what_a_function_does_besides(tmp_path: Path) -> None:
    graph = graph_of(function("a", 'control_ret { key: "o" value: "print" }'))
    assert find(RULE, write(tmp_path, graph)) == []


def test_signatures_without_outputs(fixture_model: ModelFactory) -> None:
    def fault(graph: protos.MetaGraphDef) -> None:
        graph.signature_def["single"].outputs.clear()

    assert find(RULE, altered(fixture_model("tf2_linear"), fault)) == []


def test_a_real_model(corpus: Path) -> None:
    ((_, where, message),) = find(RULE, corpus / "tf2onnx_redundant_inputs")
    assert (where, message) == (
        "signature 'serving_default'",
        "No output depends on the input 'y'.",
    )
