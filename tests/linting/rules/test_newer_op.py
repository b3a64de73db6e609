from __future__ import annotations

from pathlib import Path

import pytest

from tests.linting.faults import ModelFactory, find, graph_of, write

RULE = "newer-op"


def test_what_tensorflow_adds_to_its_models(fixture_model: ModelFactory) -> None:
    ((severity, where, message),) = find(RULE, fixture_model("tf2_linear"))
    assert (severity, where) == ("info", "")
    assert message == (
        "TensorFlow 1.15, and some loaders of releases up to 2.8, does not know the op "
        "DisableCopyOnRead. TensorFlow 1.15 does not know the attribute 'debug_name' of "
        "VarHandleOp."
    )


@pytest.mark.parametrize(
    ("node", "said"),
    [
        ('op: "DisableCopyOnRead"', " does not know the op DisableCopyOnRead."),
        (
            'op: "VarHandleOp" attr { key: "debug_name" value { s: "v" } }',
            " does not know the attribute 'debug_name' of VarHandleOp.",
        ),
    ],
)
def test_one_node(tmp_path: Path, node: str, said: str) -> None:
    ((_, _, message),) = find(
        RULE, write(tmp_path, graph_of(f'graph_def {{ node {{ name: "n" {node} }} }}'))
    )
    assert message.endswith(said)


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
