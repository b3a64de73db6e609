"""Shapes that arrive at a signature which left them open."""

from __future__ import annotations

import pytest

from sigpb import protos
from sigpb.composing.chain_shapes import ArrivingShapes, arriving_shapes
from sigpb.composing.fit import Pair
from sigpb.rewrite.graph_parts import GraphParts
from sigpb.saved_model.model import MetaGraph
from sigpb.wire import Message
from tests.graphs.small_graphs import FLOAT, attr, nodes, output_shapes, placeholder


def arriving(
    made: tuple[int, ...], taken: tuple[int, ...], op: str = "MatMul", graph: object = None
) -> ArrivingShapes:
    """What becomes of the shape of "h" where it feeds "u", which is multiplied by a 4 by 1."""
    matrix = "tensor { dtype: DT_FLOAT tensor_shape { dim { size: 4 } dim { size: 1 } } }"
    text = f"""
        x = Placeholder() {placeholder(-1)}
        h = Reshape(x, size) {FLOAT} {output_shapes(made)}
        u = Placeholder() {placeholder(*taken)}
        m = Const() {attr("dtype", "type: DT_FLOAT")} {attr("value", matrix)}
        y = {op}(u, m) {FLOAT}
        """
    meta_graph = protos.MetaGraphDef()
    meta_graph.graph_def.node.extend(nodes(text))
    meta_graph.graph_def.versions.producer = 1000
    first, second = protos.SignatureDef(), protos.SignatureDef()
    first.inputs["x"].name, first.outputs["h"].name = "x:0", "h:0"
    second.inputs["u"].name, second.outputs["y"].name = "u:0", "y:0"
    parts = GraphParts(MetaGraph(Message.root(meta_graph.SerializeToString())))
    return arriving_shapes(parts, first, second, [Pair("h", "u")], graph)


@pytest.mark.parametrize("taken", [(-1, 4), (-1, -1)])
def test_that_fit(taken: tuple[int, ...]) -> None:
    assert arriving((-1, 4), taken) == ArrivingShapes()
    assert arriving((-1, -1), (-1, -1)) == ArrivingShapes()


def test_that_a_node_contradicts() -> None:
    assert arriving((-1, 5), (-1, -1)).problems == (
        "MatMul 'y' cannot take the shapes [?,5] and [4,1], so sessions could not load or run the "
        "model with the shapes that feed the inputs.",
    )


def test_are_followed_once_for_graphs_that_are_the_same() -> None:
    graph = object()
    found = arriving((-1, 5), (-1, -1), graph=graph)
    assert found == arriving((-1, 5), (-1, -1), "Mine", graph)
    assert found != arriving((-1, 6), (-1, -1), graph=graph)
    assert found != arriving((-1, 5), (-1, -1), "Mine")


def test_that_the_graph_contradicts_whatever_the_signatures_say() -> None:
    assert arriving((-1, 5), (-1, 4)).problems == (
        "'h:0' cannot feed 'u:0': the graph has it as [?,5], and the other as [?,4], whatever the "
        "signatures say.",
    )


def test_that_meet_an_op_without_a_rule() -> None:
    found = arriving((-1, 5), (-1, -1), "Mine")
    assert found.problems == ()
    (clause,) = found.unchecked
    assert clause.startswith("whether ")
    assert "'y'" in clause
