from __future__ import annotations

from pathlib import Path

import pytest

from tests.linting.faults import ModelFactory, find, graph_of, write

RULE = "newer-op"


IGNORED = "which ignores attributes that it does not know"
OLDEST = "The oldest TensorFlow that knows all ops and attributes is"


def test_what_tensorflow_adds_to_its_models(fixture_model: ModelFactory) -> None:
    ((severity, where, message),) = find(RULE, fixture_model("tf2_linear"))
    assert (severity, where) == ("info", "")
    assert message == (
        f"{OLDEST} 2.15 (attribute 'debug_name' of op VarHandleOp in 2 nodes such as 'c'), "
        f"or 2.10, {IGNORED}."
    )


@pytest.mark.parametrize(
    ("node", "said"),
    [
        ('op: "DisableCopyOnRead"', "2.10 (op DisableCopyOnRead in node 'n')."),
        (
            'op: "VarHandleOp" attr { key: "debug_name" value { s: "v" } }',
            f"2.15 (attribute 'debug_name' of op VarHandleOp in node 'n'), or 2.5, {IGNORED}.",
        ),
        (
            'op: "VarHandleOp" attr { key: "debug_name" value { s: "" } }',
            f"2.15 (attribute 'debug_name' of op VarHandleOp in node 'n'), or 2.5, {IGNORED}; "
            "after --strip_default_attrs: 1.15 (the oldest compared).",
        ),
    ],
)
def test_one_node(tmp_path: Path, node: str, said: str) -> None:
    top = f'node {{ name: "n" {node} }}'
    signature = 'signature { name: "f" }'
    for graph in (
        top,
        f"library {{ function {{ {signature} {top.replace('node', 'node_def', 1)} }} }}",
    ):
        ((_, _, message),) = find(RULE, write(tmp_path, graph_of(f"graph_def {{ {graph} }}")))
        assert message == f"{OLDEST} {said}"


@pytest.mark.parametrize(
    "node",
    [
        'op: "VarHandleOp"',
        'op: "ReadVariableOp" attr { key: "debug_name" value { s: "v" } }',
        'op: "MyOp" attr { key: "debug_name" value { s: "v" } }',
    ],
)
def test_what_every_version_knows(tmp_path: Path, node: str) -> None:
    graph = graph_of(f'graph_def {{ node {{ name: "DisableCopyOnRead" {node} }} }}')
    assert find(RULE, write(tmp_path, graph)) == []


def test_a_function_with_the_name_of_a_newer_op(tmp_path: Path) -> None:
    library = 'library { function { signature { name: "DisableCopyOnRead" } } }'
    node = 'node { name: "n" op: "DisableCopyOnRead" }'
    assert find(RULE, write(tmp_path, graph_of(f"graph_def {{ {node} {library} }}"))) == []
