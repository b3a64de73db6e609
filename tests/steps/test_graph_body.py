from __future__ import annotations

from sigpb import protos
from sigpb.steps.graph_body import constant, dtype_attr, int_attr, shape_attr
from sigpb.tf.tensor_types import dtype_of
from sigpb.tf.tensor_values import tensor_proto
from tests.steps.graph_body import GraphDefBody


def test_attributes_are_set_even_to_their_zero() -> None:
    kinds = {
        "type": dtype_attr(0),
        "i": int_attr(0),
        "shape": shape_attr(protos.TensorShapeProto()),
    }
    assert {kind: value.WhichOneof("value") for kind, value in kinds.items()} == {
        kind: kind for kind in kinds
    }


def test_constant() -> None:
    body = GraphDefBody()
    value = tensor_proto("[1, 2]", dtype_of("float32"), (2,))
    assert constant(body, "bound", value) == "bound:0"
    node = body.node("bound")
    assert node.op == "Const"
    assert node.attr["dtype"].type == dtype_of("float32")
    assert node.attr["value"].tensor == value
    assert body.shapes == {"bound": (2,)}
