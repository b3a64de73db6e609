from __future__ import annotations

from pathlib import Path

import pytest

from tests.linting.faults import ModelFactory, find, graph_of, write

RULE = "broken-graph"


def node(name: str, *inputs: str, op: str = "NoOp", field: str = "node") -> str:
    taken = " ".join(f'input: "{each}"' for each in inputs)
    return f'{field} {{ name: "{name}" op: "{op}" {taken} }}'


def found(tmp_path: Path, *nodes: str) -> list[str]:
    model = write(tmp_path, graph_of(f"graph_def {{ {' '.join(nodes)} }}"))
    return [message for _, _, message in find(RULE, model)]


@pytest.mark.parametrize("name", ["tf2_many", "tf1_shared", "tf2_stateful", "tf1_two_graphs"])
def test_models_that_tensorflow_wrote(fixture_model: ModelFactory, name: str) -> None:
    assert find(RULE, fixture_model(name)) == []


def test_no_name(tmp_path: Path) -> None:
    assert found(tmp_path, node(""), node("a")) == ["1 of the nodes have no name."]


def test_same_name(tmp_path: Path) -> None:
    nodes = [node("a"), node("b"), node("a")]
    assert found(tmp_path, *nodes) == ["Several nodes have the same name: 'a'."]


def test_missing_node(tmp_path: Path) -> None:
    assert found(tmp_path, node("a", "x:1", "^y"), node("b", "a")) == [
        "Nodes take tensors of nodes that are not there: 'x' (by 'a'), 'y' (by 'a')."
    ]


def test_missing_function(tmp_path: Path) -> None:
    attribute = 'attr { key: "f" value { func { name: "gone" } } }'
    call = f'node {{ name: "call" op: "PartitionedCall" {attribute} }}'
    assert found(tmp_path, call) == ["Nodes call functions that are not there: 'gone' (by 'call')."]


def test_circle(tmp_path: Path) -> None:
    nodes = [node("s"), node("a", "c", "s"), node("b", "a"), node("c", "^b"), node("after", "c")]
    (message,) = found(tmp_path, *nodes)
    assert message.startswith("Nodes depend on each other in a circle: ")
    assert sorted(message.split(": ")[1].strip(".").split(", ")) == ["'a'", "'b'", "'c'"]


def test_node_that_takes_itself(tmp_path: Path) -> None:
    assert found(tmp_path, node("a", "a")) == ["Nodes depend on each other in a circle: 'a'."]


def test_loop_of_tensorflow_1(tmp_path: Path) -> None:
    loop = [
        node("enter", op="Enter"),
        node("merge", "enter", "next", op="Merge"),
        node("next", "merge", op="NextIteration"),
    ]
    assert found(tmp_path, *loop) == []


def test_long_chain(tmp_path: Path) -> None:
    chain = [node("n0"), *(node(f"n{i + 1}", f"n{i}") for i in range(5000))]
    assert found(tmp_path, *chain) == []


def test_in_a_function(tmp_path: Path) -> None:
    body = [
        node("a", "path", field="node_def"),
        node("b", "a:output:0", field="node_def"),
        node("b", "gone:output:0", field="node_def"),
    ]
    argument = 'input_arg { name: "path" type: DT_STRING }'
    function = f'function {{ signature {{ name: "f" {argument} }} {" ".join(body)} }}'
    model = write(tmp_path, graph_of(f"graph_def {{ library {{ {function} }} }}"))
    assert find(RULE, model) == [
        ("error", "function 'f'", "Several nodes have the same name: 'b'."),
        (
            "error",
            "function 'f'",
            "Nodes take tensors of nodes that are not there: 'gone' (by 'b').",
        ),
    ]
