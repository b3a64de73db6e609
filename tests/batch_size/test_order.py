from __future__ import annotations

import pytest

from sigpb.batch_size.order import clamped, needed_in_function
from sigpb.tf.op_defs import OpDefs
from tests.batch_size.batch_graphs import graph, integers, node

NODES = graph(
    integers("five", 5),
    integers("six", 6),
    node("largest", "Max", "x", "axes"),
    node("at_least", "Maximum", "five", "largest"),
    node("five_at_last", "Minimum", "five", "at_least"),
    node("five_to_six", "Minimum", "six", "at_least"),
    node("at_most", "Minimum", "largest", "five"),
    node("six_at_last", "Maximum", "at_most", "six"),
    node("left_over", "Neg", "x"),
    node("assigned", "AssignVariableOp", "variable", "value"),
    node("value", "Neg", "x"),
    node("unknown", "NoOneKnows", "x"),
)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("five_at_last", 5),
        ("six_at_last", 6),
        ("five_to_six", None),
        ("at_least", None),
        ("largest", None),
    ],
)
def test_clamped(name: str, value: int | None) -> None:
    assert clamped(NODES, NODES[name]) == value


def test_needed() -> None:
    effects = {"assigned", "value", "unknown"}
    assert needed_in_function(NODES, ["five_at_last"], OpDefs()) == {
        "five_at_last",
        *effects,
    }
    assert needed_in_function(NODES, ["five_to_six"], OpDefs()) == {
        "five_to_six", "six", "at_least", "five", "largest", *effects,
    }  # fmt: skip
