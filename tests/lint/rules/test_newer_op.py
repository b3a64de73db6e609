from __future__ import annotations

from pathlib import Path

import pytest

from tests.lint.faults import ModelFactory, find, graph_of, write

RULE = "newer-op"


def test_what_tensorflow_adds_to_its_models(fixture_model: ModelFactory) -> None:
    ((severity, where, message),) = find(RULE, fixture_model("tf2_linear"))
    assert (severity, where) == ("info", "")
    assert "2 nodes have the op DisableCopyOnRead: TensorFlow writes it" in message
    assert "2 nodes have the attribute 'debug_name' of VarHandleOp: " in message


@pytest.mark.parametrize(
    ("node", "said"),
    [
        ('op: "DisableCopyOnRead"', "One node has the op DisableCopyOnRead: "),
        (
            'op: "VarHandleOp" attr { key: "debug_name" value { s: "v" } }',
            "One node has the attribute 'debug_name' of VarHandleOp: ",
        ),
    ],
)
def test_one_node(tmp_path: Path, node: str, said: str) -> None:
    ((_, _, message),) = find(
        RULE, write(tmp_path, graph_of(f'graph_def {{ node {{ name: "n" {node} }} }}'))
    )
    assert message.startswith(said)


@pytest.mark.parametrize(
    "node",
    [
        'op: "VarHandleOp"',
        'op: "VarHandleOp" attr { key: "debug_name" value { s: "" } }',
        'op: "ReadVariableOp" attr { key: "debug_name" value { s: "v" } }',
    ],
)
def test_what_every_version_knows(tmp_path: Path, node: str) -> None:
    graph = graph_of(f'graph_def {{ node {{ name: "DisableCopyOnRead" {node} }} }}')
    assert find(RULE, write(tmp_path, graph)) == []
