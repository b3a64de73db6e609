"""Which sizes of operands rules say that TensorFlow accepts before a graph runs."""

from __future__ import annotations

from typing import Any

import pytest

from sigpb.batch_size.rules import rule_of
from sigpb.batch_size.rules.operation import Refusal
from sigpb.batch_size.rules.values import Tensor, vector
from sigpb.batch_size.tensors import BodyTensors
from sigpb.tf.op_defs import OpDefs
from sigpb.tf.tensor_types import parse_shape
from tests.batch_size.batch_graphs import Functions, node, with_shapes

Operand = str | list[int] | int


class Callees(Functions):
    """No functions."""

    op_defs = OpDefs()

    def follow(self, name: str, arguments: Any) -> list[Tensor]:
        raise Refusal(f"there is no function {name}")


def fits(op: str, *operands: Operand, **attributes: Any) -> bool | None:
    """Whether operands of these shapes, or of these integers, fit."""
    rule = rule_of(op)
    assert rule is not None
    assert rule.checks
    operation_node = node("n", op, *(f"x{i}" for i in range(len(operands))), **attributes)
    body = BodyTensors({}, None, Callees())
    operation = body.operation(operation_node, list(map(_tensor, operands)), None)
    try:
        body.apply(operation)
    except Refusal:
        return False if operation.fits is False else None
    return operation.fits


def _tensor(operand: Operand) -> Tensor:
    if isinstance(operand, str):
        return Tensor(parse_shape(operand))
    return Tensor((), (operand,)) if isinstance(operand, int) else vector(operand)


def pool(ksize: list[int], padding: str = "VALID") -> dict[str, Any]:
    return {"ksize": ksize, "strides": [1, 1, 1, 1], "padding": padding}


ONES = [1, 1, 1, 1]
VALID = {"strides": ONES, "padding": "VALID"}
SAME = {"strides": ONES, "padding": "SAME"}
CHANNELS_FIRST = {**VALID, "data_format": "NCHW"}

CASES: list[tuple[bool | None, str, list[Operand], dict[str, Any]]] = [
    (True, "Add", ["[2,3]", "[3]"], {}),
    (True, "Add", ["[2,1]", "[1,3]"], {}),
    (True, "Add", ["[2,?]", "[3]"], {}),
    (False, "Add", ["[2,3]", "[2]"], {}),
    (None, "Add", ["unknown", "[2]"], {}),
    (False, "SelectV2", ["[2]", "[2]", "[3]"], {}),
    (True, "AddN", ["[2,?]", "[?,3]", "[2,3]"], {}),
    (False, "AddN", ["[2,1]", "[2,3]"], {}),
    (False, "AddN", ["[3]", "[2,3]"], {}),
    (False, "Pack", ["[2]", "[3]"], {}),
    (True, "Select", ["[2]", "[2,3]", "[2,3]"], {}),
    (False, "Select", ["[3]", "[2,3]", "[2,3]"], {}),
    (False, "Select", ["[3]", "[?,3]", "[2,3]"], {}),
    (False, "Select", ["[]", "[2]", "[3]"], {}),
    (True, "Select", ["[]", "[3]", "[3]"], {}),
    (False, "Select", ["[2]", "[]", "[]"], {}),
    (False, "Select", ["[2,3]", "[2,3,4]", "[2,3,4]"], {}),
    (True, "MatMul", ["[2,3]", "[3,4]"], {}),
    (False, "MatMul", ["[2,3]", "[2,4]"], {}),
    (True, "MatMul", ["[2,3]", "[2,4]"], {"transpose_a": True}),
    (False, "MatMul", ["[2,3]", "[3,4]"], {"transpose_b": True}),
    (False, "MatMul", ["[2,3,3]", "[3,4]"], {}),
    (None, "MatMul", ["[2,3]", "unknown"], {}),
    (True, "BatchMatMulV2", ["[1,2,3]", "[5,3,4]"], {}),
    (False, "BatchMatMulV2", ["[4,2,3]", "[5,3,4]"], {}),
    (False, "BatchMatMul", ["[1,2,3]", "[5,3,4]"], {}),
    (False, "BatchMatMul", ["[2,3]", "[5,3,4]"], {}),
    (True, "BatchMatMul", ["[5,2,3]", "[5,4,3]"], {"adj_y": True}),
    (False, "BatchMatMulV3", ["[3]", "[3,4]"], {}),
    (True, "Einsum", ["[2,3]", "[3,4]"], {"equation": "ij,jk->ik"}),
    (False, "Einsum", ["[2,3]", "[4,4]"], {"equation": "ij,jk->ik"}),
    (False, "Einsum", ["[2,3]"], {"equation": "ii->i"}),
    (None, "Einsum", ["[5,2,3]", "[3,4]"], {"equation": "...ij,jk->...ik"}),
    (None, "Einsum", ["[2,3]", "[3,4]", "[1]"], {"equation": "ij,jk->ik"}),
    (True, "BiasAdd", ["[2,3]", "[3]"], {}),
    (False, "BiasAdd", ["[2,3]", "[2]"], {}),
    (True, "BiasAdd", ["[2,3,4,4]", "[3]"], {"data_format": "NCHW"}),
    (None, "BiasAdd", ["[2,3]", "unknown"], {}),
    (None, "BiasAdd", ["[2,3]", "[3,3]"], {}),
    (True, "FusedBatchNormV3", ["[2,4,4,3]", "[3]", "[3]", "[0]", "[0]"], {}),
    (False, "FusedBatchNormV3", ["[2,4,4,3]", "[3]", "[3]", "[4]", "[3]"], {}),
    (False, "FusedBatchNormV3", ["[2,3]", "[3]", "[3]", "[3]", "[3]"], {}),
    (True, "Conv2D", ["[1,5,5,2]", "[3,3,2,4]"], VALID),
    (True, "Conv2D", ["[1,2,5,5]", "[3,3,2,4]"], CHANNELS_FIRST),
    (False, "Conv2D", ["[1,5,5,2]", "[3,3,2,4]"], CHANNELS_FIRST),
    (False, "Conv2D", ["[1,5,5,3]", "[3,3,2,4]"], VALID),
    (True, "Conv2D", ["[1,5,5,4]", "[3,3,2,4]"], VALID),
    (False, "Conv2D", ["[1,5,5,4]", "[3,3,2,3]"], VALID),
    (False, "Conv2D", ["[1,5,2]", "[3,3,2,4]"], VALID),
    (False, "Conv2D", ["[1,5,2,2]", "[3,3,2,4]"], VALID),
    (True, "Conv2D", ["[1,3,3,2]", "[3,3,2,4]"], VALID),
    (True, "Conv2D", ["[1,2,2,2]", "[3,3,2,4]"], SAME),
    (False, "Conv2D", ["[1,4,5,2]", "[3,3,2,4]"], {**VALID, "dilations": [1, 2, 2, 1]}),
    (None, "Conv2D", ["[1,5,5,2]", "[3,3,2,4]"], {**VALID, "padding": "EXPLICIT"}),
    (None, "Conv2D", ["[1,5,5,2]", "[3,3,0,4]"], VALID),
    (None, "Conv2D", ["[1,5,5,2]", "unknown"], VALID),
    (False, "DepthwiseConv2dNative", ["[1,5,5,4]", "[3,3,2,2]"], VALID),
    (True, "DepthwiseConv2dNative", ["[1,5,5,2]", "[3,3,2,2]"], VALID),
    (True, "MaxPool", ["[1,4,4,2]"], pool([1, 4, 4, 1])),
    (False, "MaxPool", ["[1,3,4,2]"], pool([1, 4, 4, 1])),
    (True, "MaxPool", ["[1,3,4,2]"], pool([1, 4, 4, 1], "SAME")),
    (False, "MaxPool", ["[1,4,2]"], pool([1, 4, 4, 1])),
    (None, "MaxPool", ["[1,4,4,2]"], pool([2, 4, 4, 1])),
    (True, "ConcatV2", ["[2,3]", "[4,3]", 0], {}),
    (False, "ConcatV2", ["[2,3]", "[4,3]", 1], {}),
    (False, "ConcatV2", ["[2,3]", "[3]", 0], {}),
    (True, "Concat", [1, "[2,3]", "[2,4]"], {}),
    (False, "Concat", [0, "[2,3]", "[2,4]"], {}),
    (True, "Reshape", ["[2,6]", [3, 4]], {}),
    (False, "Reshape", ["[2,6]", [3, 5]], {}),
    (True, "Reshape", ["[2,6]", [-1, 4]], {}),
    (False, "Reshape", ["[2,6]", [-1, 5]], {}),
    (True, "Reshape", ["[?,6]", [-1, 5]], {}),
    (False, "Reshape", [[1, 2, 3], [2]], {}),
    (None, "Reshape", ["[2,6]", "[2]"], {}),
    (True, "Squeeze", ["[2,1]"], {"squeeze_dims": [-1]}),
    (False, "Squeeze", ["[2,1]"], {"squeeze_dims": [0]}),
    (None, "Squeeze", ["[2,1]"], {"squeeze_dims": [2]}),
    (True, "Split", [1, "[2,6]"], {"num_split": 3}),
    (False, "Split", [1, "[2,6]"], {"num_split": 4}),
    (None, "Split", [1, "[2,6]"], {"num_split": 0}),
    (True, "Unpack", ["[2,3]"], {"axis": 1, "num": 3}),
    (False, "Unpack", ["[2,3]"], {"axis": 1, "num": 2}),
    (None, "Unpack", ["[]"], {"axis": 0, "num": 2}),
    (True, "TopKV2", ["[2,3]", 3], {}),
    (False, "TopKV2", ["[2,3]", 4], {}),
    (None, "TopKV2", ["[2,3]", "[]"], {}),
    (False, "TopK", ["[2,3]"], {"k": 4}),
    (True, "Slice", ["[4]", [1], [3]], {}),
    (False, "Slice", ["[4]", [2], [3]], {}),
    (False, "Slice", ["[4]", [5], [-1]], {}),
    (None, "Slice", ["[4]", "[1]", [2]], {}),
    (None, "Slice", ["[4]", [], []], {}),
    (True, "StridedSlice", ["[3]", [2], [9], [1]], {"shrink_axis_mask": 1}),
    (False, "StridedSlice", ["[3]", [3], [4], [1]], {"shrink_axis_mask": 1, "begin_mask": 1}),
    (True, "StridedSlice", ["[3]", [-3], [4], [1]], {"shrink_axis_mask": 1}),
    (False, "StridedSlice", ["[3]", [-4], [4], [1]], {"shrink_axis_mask": 1}),
    (True, "StridedSlice", ["[3]", [3], [9], [1]], {}),
    (None, "StridedSlice", ["[3]", "[?]", "[?]", "[?]"], {}),
    (True, "GatherV2", ["[2,3]", "[4]", 0], {}),
    (None, "GatherV2", ["[2,3]", "[2]", 1], {"batch_dims": 1}),
    (None, "Bitcast", ["[2,3]"], {}),
]


@pytest.mark.parametrize(("expected", "op", "operands", "attributes"), CASES)
def test_sizes(
    expected: bool | None, op: str, operands: list[Operand], attributes: dict[str, Any]
) -> None:
    assert fits(op, *operands, **attributes) is expected


def test_what_is_not_looked_at() -> None:
    """The rule tells the shape that the node states, and nothing of what it accepts."""
    bitcast = with_shapes(node("n", "Bitcast", "x"), [2, 3])
    operation = BodyTensors({}, None, Callees()).operation(bitcast, [Tensor((2, 3))], None)
    assert operation.stated == (2, 3)
    assert BodyTensors({}, None, Callees()).apply(operation) == (Tensor((2, 3)),)
    assert operation.fits is None


def test_the_first_sizes_that_do_not_fit_are_decisive() -> None:
    """That they do not is known, whatever is not known of the others."""
    explicit = {**VALID, "padding": "EXPLICIT"}
    assert fits("Conv2D", "[1,5,5,3]", "[3,3,2,4]", **explicit) is False


@pytest.mark.parametrize(
    ("op", "checks", "any_rank"),
    [
        ("Relu", True, True),
        ("Add", True, True),
        ("Shape", True, True),
        ("IdentityN", True, True),
        ("Sum", True, False),
        ("AddN", True, False),
        ("EluGrad", False, False),
        ("Conv", False, False),
        ("RefEnter", False, False),
    ],
)
def test_what_a_rule_says_of_itself(op: str, checks: bool, any_rank: bool) -> None:
    rule = rule_of(op)
    assert rule is not None
    assert (rule.checks, rule.any_rank) == (checks, any_rank)
