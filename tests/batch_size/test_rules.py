"""What each op makes of the batch dimension: a shape in which it is None, or a refusal."""

from __future__ import annotations

from typing import Any

import pytest

from sigpb import protos
from sigpb.batch_size.dimension import BatchError
from tests.batch_size.batch_graphs import (
    floats,
    graph,
    integers,
    node,
    placeholder,
    relax,
    result_of,
)

N = -1  # the batch, in the shapes of operands
ONES = [1, 1, 1, 1]


@pytest.mark.parametrize(
    ("op", "operands", "attributes", "shape"),
    [
        ("Relu", [(N, 7)], {}, (None, 7)),
        ("LookupTableFindV2", [(), (N, 7), ()], {}, (None, 7)),
        ("AddV2", [(N, 7), (7,)], {}, (None, 7)),
        ("AddV2", [(N, 7), (1, 7)], {}, (None, 7)),
        ("AddV2", [(N, 1), (7,)], {}, (None, 7)),
        ("AddV2", [(7,), (3, N, 7)], {}, (3, None, 7)),
        ("SelectV2", [(N, 1), (N, 7), ()], {}, (None, 7)),
        ("Select", [(N,), (N, 7), (N, 7)], {}, (None, 7)),
        ("AddN", [(N, 7), (N, 7)], {}, (None, 7)),
        ("BiasAdd", [(N, 5, 7), (7,)], {}, (None, 5, 7)),
        ("MatMul", [(N, 7), (7, 3)], {}, (None, 3)),
        ("MatMul", [(7, N), (7, 3)], {"transpose_a": True}, (None, 3)),
        ("BatchMatMul", [(N, 5, 7), (N, 7, 3)], {}, (None, 5, 3)),
        ("BatchMatMulV2", [(N, 2, 5, 7), (7, 3)], {}, (None, 2, 5, 3)),
        ("BatchMatMulV2", [(N, 5, 7), (N, 5, 7)], {"adj_y": True}, (None, 5, 5)),
        ("Einsum", [(N, 5, 7), (7, 3)], {"equation": "bij,jk->bki"}, (None, 3, 5)),
        ("Einsum", [(N, 5, 7), (N, 6, 7)], {"equation": "...ij,...kj->...ik"}, (None, 5, 6)),
        ("Softmax", [(N, 7)], {}, (None, 7)),
        ("Mean", [(N, 5, 7), [1]], {}, (None, 7)),
        ("Mean", [(N, 5, 7), [-1, 1]], {"keep_dims": True}, (None, 1, 1)),
        ("ArgMax", [(N, 5, 7), -1], {}, (None, 5)),
        ("Cumsum", [(N, 5), 1], {}, (None, 5)),
        ("ReverseV2", [(N, 5), [1]], {}, (None, 5)),
        ("Transpose", [(N, 5, 7), [1, 0, 2]], {}, (5, None, 7)),
        ("ExpandDims", [(N, 5), 0], {}, (1, None, 5)),
        ("ExpandDims", [(N, 5), -1], {}, (None, 5, 1)),
        ("Squeeze", [(N, 1, 5)], {"squeeze_dims": [1]}, (None, 5)),
        ("ConcatV2", [(N, 5), (N, 2), 1], {}, (None, 7)),
        ("ConcatV2", [(N, 5), 0], {}, (None, 5)),
        ("Split", [0, (N, 6)], {"num_split": 1}, (None, 6)),
        ("Pack", [(N, 5), (N, 5)], {"axis": 1}, (None, 2, 5)),
        ("Pack", [(N, 5), (N, 5)], {}, (2, None, 5)),
        ("Slice", [(N, 5), [0, 1], [-1, 3]], {}, (None, 3)),
        ("Pad", [(N, 5), [[0, 0], [1, 2]]], {}, (None, 8)),
        ("Tile", [(N, 5), [1, 3]], {}, (None, 15)),
        ("SpaceToBatchND", [(N, 4, 3), [2], [[0, 0]]], {}, (None, 2, 3)),
        ("GatherV2", [(N, 3, 7), (N, 3, 2), 2], {"batch_dims": 2}, (None, 3, 2)),
        ("GatherV2", [(10, 3), (N, 5), 0], {}, (None, 5, 3)),
        ("GatherV2", [(N, 5, 7), [0, 2], 1], {}, (None, 2, 7)),
        ("GatherV2", [(N, 5, 7), (N, 2), 1], {"batch_dims": 1}, (None, 2, 7)),
        ("GatherNd", [(5, 7), (N, 2)], {}, (None,)),
        ("OneHot", [(N,), 10, floats("on", [], 1), floats("off", [], 0)], {}, (None, 10)),
        ("ResizeBilinear", [(N, 8, 8, 3), [16, 24]], {}, (None, 16, 24, 3)),
        ("DecodeRaw", [(N,)], {}, (None, None)),
        ("Where", [(N, 5)], {}, (None, 2)),
        ("Shape", [(N, 5)], {}, (2,)),
    ],
)
def test_result(op: str, operands: list[Any], attributes: dict[str, Any], shape: Any) -> None:
    assert result_of(op, *operands, **attributes) == shape
    assert result_of(op, *operands, size=1, **attributes) == shape


@pytest.mark.parametrize(
    ("op", "attributes", "shape"),
    [
        ("Conv2D", {"strides": [1, 2, 2, 1], "padding": "SAME"}, (None, 5, 5, 6)),
        ("Conv2D", {"strides": [1, 1, 1, 1], "padding": "VALID"}, (None, 7, 7, 6)),
        (
            "Conv2D",
            {"strides": [1, 1, 1, 1], "padding": "VALID", "dilations": [1, 2, 2, 1]},
            (None, 5, 5, 6),
        ),
        (
            "DepthwiseConv2dNative",
            {"strides": [1, 3, 3, 1], "padding": "VALID"},
            (None, 3, 3, 12),
        ),
    ],
)
def test_convolution(op: str, attributes: dict[str, Any], shape: Any) -> None:
    assert result_of(op, (N, 9, 9, 2), (3, 3, 2, 6), **attributes) == shape


def test_channels_first() -> None:
    shape = result_of(
        "MaxPool",
        (N, 3, 9, 9),
        ksize=[1, 1, 3, 3],
        strides=[1, 1, 3, 3],
        padding="VALID",
        data_format="NCHW",
    )
    assert shape == (None, 3, 3, 3)


@pytest.mark.parametrize(
    ("op", "operands", "attributes", "shapes"),
    [
        ("TopKV2", [(N, 5), 3], {}, [(None, 3), (None, 3)]),
        ("Split", [1, (N, 6)], {"num_split": 2}, [(None, 3), (None, 3)]),
        ("SplitV", [(N, 6), [2, 4], 1], {"num_split": 2}, [(None, 2), (None, 4)]),
        ("Unpack", [(N, 2, 5)], {"axis": 1, "num": 2}, [(None, 5), (None, 5)]),
        ("IdentityN", [(N, 2), (N, 3)], {}, [(None, 2), (None, 3)]),
        (
            "FusedBatchNormV3",
            [(N, 5, 5, 3), (3,), (3,), (3,), (3,)],
            {"is_training": False},
            [(None, 5, 5, 3), (3,)],
        ),
    ],
)
def test_several_results(
    op: str, operands: list[Any], attributes: dict[str, Any], shapes: list[Any]
) -> None:
    assert result_of(op, *operands, outputs=2, **attributes) == shapes


@pytest.mark.parametrize("size", [1, 4])
def test_statistics_of_each_example(size: int) -> None:
    """Keras 2 normalises layers with the examples as channels of one picture."""
    operands = [(1, N, 5, 1), *[(N,)] * 4]
    result = result_of("FusedBatchNorm", *operands, size=size, is_training=True, data_format="NCHW")
    assert result == (1, None, 5, 1)


@pytest.mark.parametrize(
    ("operands", "masks", "shape"),
    [
        ([[0, 1], [0, 3], [1, 1]], {"begin_mask": 1, "end_mask": 1}, (None, 2, 7)),
        (
            [[0, 1], [0, 2], [1, 1]],
            {"begin_mask": 1, "end_mask": 1, "shrink_axis_mask": 2},
            (None, 7),
        ),
        ([[0, 0], [0, 0], [1, -1]], {"begin_mask": 3, "end_mask": 3}, (None, 5, 7)),
        ([[0, 0], [0, 0], [1, 1]], {"ellipsis_mask": 1, "new_axis_mask": 2}, (None, 5, 7, 1)),
        ([[0, 2], [0, 3], [1, 1]], {"ellipsis_mask": 1, "shrink_axis_mask": 2}, (None, 5)),
    ],
)
def test_strided_slice(operands: list[Any], masks: dict[str, int], shape: Any) -> None:
    assert result_of("StridedSlice", (N, 5, 7), *operands, **masks) == shape


@pytest.mark.parametrize(
    ("op", "operands", "attributes", "reason"),
    [
        ("AddV2", [(N, 7), (4, 7)], {}, "'operand1' of shape [4,7] is made for the batch size 4"),
        ("AddV2", [(N, 7), (5, 7)], {}, "'operand1' is of size 5 in dimension 0"),
        (
            "AddN",
            [(N, 7), (1, 7)],
            {},
            "'operand1' is of size 1 in dimension 0, where another is of size N",
        ),
        ("Select", [(5,), (N, 7), (N, 7)], {}, "'operand0' is of size 5 in dimension 0"),
        ("AddN", [(N, 7), (7,)], {}, "its operands have the shapes [N,7], [7]"),
        ("AddN", [(N, 7), (None, 7)], {}, "'operand1' is of size ? in dimension 0"),
        ("BiasAdd", [(4, N), (5,)], {}, "'operand1' is of size 5 in dimension 0"),
        ("BatchMatMul", [(N, 5, 7), (7, 3)], {}, "its operands have the shapes [N,5,7] and [7,3]"),
        ("Bucketize", [(N,), (N,)], {}, "takes something else than its first operand"),
        ("ResourceGather", [(), (N, 2)], {"batch_dims": 1}, "in a table for each example"),
        ("ResourceGather", [(), (N, 2)], {}, "the shape of what it looks up in is not known"),
        ("GatherNd", [(5, 5), (N, None)], {}, "in how many dimensions it looks up"),
        ("AddV2", [(N, 7), node("w", "Placeholder")], {}, "the rank of its operand 'operand1' is"),
        ("Reshape", [(N, 7), (2,)], {}, "the value of its operand 'operand1' is not known"),
        ("OptionalFromValue", [(N,), (N,)], {}, "through several tensors in one"),
        ("Merge", [(N, 7), (7,)], {}, "its operands have the shapes [7], [N,7]"),
        ("MatMul", [(3, 4), (N, 7)], {}, "it sums over the batch"),
        ("MatMul", [(N, 4), (4, N)], {}, "with the batch in it twice"),
        ("ConcatV2", [(N, 5), floats("c", [4, 2], 1, 2), 1], {}, "is made for the batch size 4"),
        ("Unpack", [(N, 5)], {"num": 4}, "takes the batch apart"),
        ("Split", [0, (N, 6)], {"num_split": 2}, "cuts the batch"),
        ("Slice", [(N, 5), [0, 0], [2, 5]], {}, "takes a part of the batch"),
        ("StridedSlice", [(N, 5), [0], [1], [1]], {"shrink_axis_mask": 1}, "takes one example"),
        ("StridedSlice", [(N, 5), [0], [2], [1]], {}, "takes a part of the batch"),
        ("StridedSlice", [(N, 5), (None,), (None,), (None,)], {}, "how many dimensions it slices"),
        ("GatherV2", [(N, 5), [0, 1], 0], {}, "by their numbers"),
        ("Pad", [(N, 5), [[1, 0], [0, 0]]], {}, "puts rows around the batch"),
        ("MaxPool", [(N, 4, 3)], {"ksize": ONES, "strides": ONES}, "not of the ranks that MaxPool"),
        ("Softmax", [(5, N)], {}, "it works along dimension 1 of shape [5,N], in which the batch"),
        ("Cholesky", [(N, 5)], {}, "it works along dimension 0 of shape [N,5]"),
        ("FFT", [(5, N)], {}, "it works along dimension 1 of shape [5,N]"),
        ("Squeeze", [(N, None, 5)], {}, "it is not known which dimensions of [N,?,5] it takes"),
        ("Squeeze", [(N, 5)], {"squeeze_dims": [0]}, "takes the batch dimension away"),
        ("Mystery", [(N, 5)], {}, "does not know how Mystery treats the batch"),
    ],
)
def test_refusal(op: str, operands: list[Any], attributes: dict[str, Any], reason: str) -> None:
    problem = result_of(op, *operands, **attributes)
    assert problem.startswith(f"{op} 'result': ")
    assert reason in problem


@pytest.mark.parametrize(
    "op", ["Identity", "StopGradient", "Snapshot", "PreventGradient", "EnsureShape", "Cast"]
)
def test_a_shape_that_is_handed_on_is_known(op: str) -> None:
    passed = node("passed", op, "sizes")
    passed.attr["DstT"].type = protos.DataType.Value("DT_INT64")
    shape, y = node("sizes", "Shape", "x"), node("y", "Reshape", "x", "passed")
    assert relax(graph(placeholder("x", 4, 2), shape, passed, y)).shapes["y", 0] == (None, 2)


def test_a_shape_of_which_others_are_computed_is_not_known() -> None:
    shape, y = node("sizes", "Shape", "x"), node("y", "Reshape", "x", "negative")
    nodes = graph(placeholder("x", 4, 2), shape, node("negative", "Neg", "sizes"), y)
    with pytest.raises(BatchError, match="the value of its operand 'negative' is not known"):
        relax(nodes)


@pytest.mark.parametrize(
    ("op", "attributes"),
    [("ParseExample", {"Nsparse": 1}), ("ParseExampleV2", {"num_sparse": 1})],
)
def test_sparse_features(op: str, attributes: dict[str, int]) -> None:
    found = result_of(op, (N,), size=None, outputs=4, **attributes)
    assert found == [(None, 2), (None,), (2,), None]


def test_number_of_the_only_example() -> None:
    """A [0] that is added to integers of a batch of one may be the number of the example."""
    add = node("result", "AddV2", "x", "numbers")
    add.attr["T"].type = protos.DataType.Value("DT_INT32")
    numbered = graph(placeholder("x", 1), integers("numbers", [0]), add)
    positioned = graph(placeholder("x", 1), integers("numbers", [7]), add)

    with pytest.raises(BatchError, match="'numbers' may be the number of the example"):
        relax(numbered, 1)
    assert relax(positioned, 1).shapes["result", 0] == (None,)


def test_batch_of_one_is_not_made_of_one_integer() -> None:
    stacked = graph(
        placeholder("x", 1), integers("zero", [0]), node("result", "Pack", "x", "zero", axis=1)
    )
    with pytest.raises(BatchError, match=r"'zero' of shape \[1\] is made for the batch size 1"):
        relax(stacked, 1)
