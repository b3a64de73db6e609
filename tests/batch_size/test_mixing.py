"""What would let an example change the results of another is refused, for every old batch size."""

from __future__ import annotations

from typing import Any

import pytest

from sigpb import protos
from sigpb.batch_size.dimension import BatchError
from tests.batch_size.batch_graphs import (
    floats,
    graph,
    node,
    placeholder,
    relax,
    result_of,
    shape_proto,
)

N = -1  # the batch, in the shapes of operands
ALONG = "in which the batch is: each example would change the results of the others"
WHOLE = "depends on the batch as a whole"
PART = "it takes a part of the batch"
TWICE = "with the batch in it twice"
FIRST_ONLY = "it takes only the first dimension of"


def true(name: str) -> protos.NodeDef:
    """A Const of one bool."""
    result = node(name, "Const", value=protos.TensorProto(dtype=10, bool_val=[True]))
    result.attr["dtype"].type = 10
    return result


@pytest.mark.parametrize("size", [1, 4])
@pytest.mark.parametrize(
    ("op", "operands", "attributes", "reason"),
    [
        # Reduced, sorted, accumulated or moved along the batch.
        *((op, [(N, 5), [0]], {}, ALONG) for op in ("Sum", "Mean", "Max", "Min", "Prod")),
        ("Sum", [(N, 5), [-2]], {"keep_dims": True}, ALONG),
        ("EuclideanNorm", [(5, N), [0, 1]], {}, ALONG),
        ("ArgMax", [(N, 5), 0], {}, ALONG),
        ("Softmax", [(5, N)], {}, ALONG),
        ("Cumsum", [(N, 5), 0], {}, ALONG),
        ("ReverseV2", [(N, 5), [1, 0]], {}, ALONG),
        ("Reverse", [(N, 5), true("which")], {}, ALONG),
        ("TopKV2", [(5, N), 1], {}, ALONG),
        ("L2Loss", [(N, 5)], {}, ALONG),
        ("Roll", [(N, 5), 1, 0], {}, ALONG),
        ("LRN", [(1, 2, 2, N)], {}, ALONG),
        ("FFT", [(5, N)], {}, ALONG),
        ("MatrixInverse", [(3, N)], {}, ALONG),
        ("MatrixDiagPart", [(3, N)], {}, ALONG),
        ("RFFT", [(5, N), [4]], {}, ALONG),
        ("AdjustContrastv2", [(N, 4, 3), floats("f", [], 1)], {}, ALONG),
        ("RGBToHSV", [(2, 2, N)], {}, ALONG),
        ("SpaceToDepth", [(1, N, 2, 3)], {}, ALONG),
        ("SpaceToBatchND", [(1, N, 3), [2], [[0, 0]]], {}, ALONG),
        ("BatchToSpaceND", [(4, N, 3), [2], [[0, 0]]], {}, ALONG),
        ("BatchToSpaceND", [(N, 4, 3), [2], [[0, 0]]], {}, "it takes 2 parts of the batch"),
        ("AdjustHue", [(2, 2, 3), (N,)], {}, "changes all colours by what it takes"),
        ("MatrixDiagV2", [(N, 3), [1], 3, 3, 0], {}, "with several diagonals"),
        ("LowerBound", [(N, 5), (7, 2)], {}, "of size 7 in dimension 0"),
        ("ReverseSequence", [(N, 5), (7,)], {"seq_dim": 1}, "of size 7 in dimension 0"),
        ("BroadcastTo", [(N, 5), [7, 5]], {}, "it repeats shape [N,5] up to [7,5]"),
        ("BroadcastGradientArgs", [(N,), (N,)], {}, "through gradients"),
        ("ReverseSequence", [(N, 5), (5,)], {"seq_dim": 0, "batch_dim": 1}, ALONG),
        ("InTopK", [(5, N), (5,)], {"k": 1}, ALONG),
        ("SoftmaxCrossEntropyWithLogits", [(5, N), (5, 6)], {}, ALONG),
        ("SparseSoftmaxCrossEntropyWithLogits", [(5, N), (5,)], {}, ALONG),
        ("SparseSoftmaxCrossEntropyWithLogits", [(N, 6), (5,)], {}, "of size 5 in dimension 0"),
        ("LowerBound", [(5, N), (5, 2)], {}, ALONG),
        ("LowerBound", [(5, 2), (5, N)], {}, ALONG),
        ("Unique", [(N,)], {}, "what is the same in different examples"),
        ("QuantizeAndDequantize", [(N, 5)], {}, "smallest and the largest element of the whole"),
        ("Sum", [(N, 5), (1,)], {}, "the value of its operand 'operand1' is not known"),
        # Joined, repeated, taken apart.
        ("ConcatV2", [(N, 5), (7, 5), 0], {}, "before or after the examples"),
        ("ConcatV2", [(7, 5), (N, 5), -2], {}, "before or after the examples"),
        ("Tile", [(N, 5), [2, 1]], {}, "repeats the batch after its last example"),
        ("Tile", [(N, 5), (2,)], {}, "it is not known how often it repeats its operand"),
        ("Pack", [(N,), (7,)], {}, "is of size 7 in dimension 0"),
        ("Unpack", [(5, N)], {"axis": 1, "num": 4}, "takes the batch apart"),
        ("Slice", [(N, 5), [1, 0], [-1, -1]], {}, PART),
        ("StridedSlice", [(N, 5), [0], [0], [-1]], {"begin_mask": 1, "end_mask": 1}, PART),
        ("StridedSlice", [(N, 5), [0], [0], [-1]], {"end_mask": 1}, PART),
        ("StridedSlice", [(N, 5), [0], [0], [2]], {"begin_mask": 1, "end_mask": 1}, PART),
        ("StridedSlice", [(N, 5), [1], [0], [1]], {"end_mask": 1}, PART),
        ("GatherV2", [(N, 5), (3,), 0], {}, "by their numbers"),
        ("GatherV2", [(N, 5), (N, 2), 0], {}, "by their numbers"),
        ("GatherNd", [(N, 5), (N, 1)], {}, "by their numbers"),
        ("GatherV2", [(N, 5, 6), (9, 2), 1], {"batch_dims": 1}, "its operands begin with"),
        # Products.
        ("MatMul", [(3, N), (N, 5)], {}, "it sums over the batch"),
        ("MatMul", [(N, 3), (N, 5)], {"transpose_a": True}, "it sums over the batch"),
        ("BatchMatMulV2", [(2, 3, N), (2, N, 5)], {}, "it sums over the batch"),
        ("MatMul", [(N, 3), (3, N)], {}, TWICE),
        ("Einsum", [(N, 5), (N, 5)], {"equation": "ab,ab->b"}, "it sums over a dimension"),
        ("Einsum", [(N, 5), (N, 5)], {"equation": "ab,cb->ac"}, TWICE),
        # Only the first dimension may be the batch.
        ("Conv2D", [(1, N, 9, 2), (3, 3, 2, 6)], {"padding": "SAME"}, FIRST_ONLY),
        ("MaxPool", [(1, N, 9, 2)], {"ksize": [1, 2, 2, 1], "strides": [1] * 4}, FIRST_ONLY),
        ("MaxPool", [(N, 9, 9, 2)], {"ksize": [2, 2, 2, 1], "strides": [1] * 4}, "first dim"),
        ("MaxPool", [(N, 9, 9, 2)], {"ksize": [1, 2, 2, 1], "strides": [2] * 4}, "first dim"),
        ("MaxPoolV2", [(1, N, 9, 2), [1, 2, 2, 1], [1] * 4], {}, FIRST_ONLY),
        ("MaxPoolV2", [(N, 9, 9, 2), [2, 2, 2, 1], [1] * 4], {}, "first dimension"),
        ("MaxPoolV2", [(N, 9, 9, 2), [1, 2, 2, 1], [2] * 4], {}, "first dimension"),
        ("MaxPoolWithArgmax", [(1, N, 9, 2)], {"ksize": [1] * 4, "strides": [1] * 4}, FIRST_ONLY),
        (
            "MaxPoolWithArgmax",
            [(N, 9, 9, 2)],
            {"ksize": [1] * 4, "strides": [1] * 4, "include_batch_in_index": True},
            "counts places over the whole batch",
        ),
        ("ResizeBilinear", [(1, N, 8, 3), [16, 24]], {}, FIRST_ONLY),
        ("ScaleAndTranslate", [(N, 8, 8, 3), [9, 9], (N,), (2,)], {}, "depends on the batch"),
        (
            "Conv2DBackpropInput",
            [[1, 4, 9, 6], (3, 3, 6, 2), (1, N, 9, 2)],
            {},
            FIRST_ONLY,
        ),
        (
            "Conv2DBackpropInput",
            [[9, 9, 9, 6], (3, 3, 6, 2), (N, 9, 9, 2)],
            {},
            "it makes a tensor of shape [9,9,9,6]",
        ),
        ("Conv2D", [(9, 9, 9, 2), (3, 3, N, 6)], {}, "'operand1' depends on the batch"),
        (
            "Conv2DBackpropInput",
            [[9, 9, 9, 6], (3, 3, 6, N), (9, 9, 9, 2)],
            {},
            "'operand1' depends on the batch",
        ),
        # Statistics.
        *(
            (op, [shape, *[(3,)] * 4], {"is_training": True}, "statistics of the whole batch")
            for op in ("FusedBatchNorm", "FusedBatchNormV3")
            for shape in [(N, 5, 5, 3), (1, N, 5, 3), (1, 1, N, 3)]
        ),
        ("FusedBatchNormV3", [(N, 2, 2, 3), *[(3,)] * 4], {}, "statistics of the whole batch"),
    ],
)
def test_refused(
    op: str, operands: list[Any], attributes: dict[str, Any], reason: str, size: int
) -> None:
    problem = result_of(op, *operands, size=size, **attributes)
    assert isinstance(problem, str), f"accepted as {problem}"
    assert problem.startswith(f"{op} 'result': ")
    assert reason in problem


@pytest.mark.parametrize(
    ("op", "operands", "attributes", "shape"),
    [
        ("Sum", [(N, 5), [0]], {}, (5,)),
        ("Unique", [(N,)], {}, (None,)),
        ("QuantizeAndDequantize", [(N, 5)], {}, (None, 5)),
        ("ConcatV2", [(N, 5), (N, 5), 0], {}, (None, 5)),
        ("Tile", [(N, 5), [2, 1]], {}, (None, 5)),
        ("Slice", [(N, 5), [1, 0], [-1, -1]], {}, (None, 5)),
        ("StridedSlice", [(N, 5), [1], [0], [1]], {"end_mask": 1}, (None, 5)),
        ("StridedSlice", [(N, 5), [0], [1], [1]], {"shrink_axis_mask": 1}, (5,)),
        ("Pad", [(N, 5), [[1, 0], [0, 0]]], {}, (None, 5)),
        ("GatherV2", [(N, 5), [0, 2], 0], {}, (2, 5)),
        ("GatherNd", [(N, 5), [[0, 1], [2, 3]]], {}, (2,)),
        ("GatherV2", [(N, 5, 6), (9, 2), 1], {"batch_dims": 1}, (None, 2, 6)),
        ("Where", [(5, N)], {}, (None, 2)),
        ("MatMul", [(3, N), (N, 5)], {}, (3, 5)),
        ("Einsum", [(N, 5), (N, 5)], {"equation": "ab,ab->b"}, (5,)),
        ("LRN", [(1, 2, 2, N)], {}, (1, 2, 2, None)),
        ("ResizeBilinear", [(1, N, 8, 3), [16, 24]], {}, (1, 16, 24, 3)),
        ("FusedBatchNorm", [(N, 5, 5, 3), *[(3,)] * 4], {}, (None, 5, 5, 3)),
    ],
)
def test_only_followed(
    op: str, operands: list[Any], attributes: dict[str, Any], shape: Any
) -> None:
    """A model that is not opened may mix its examples as it likes."""
    assert result_of(op, *operands, size=None, **attributes) == shape


@pytest.mark.parametrize("op", ["Slice", "StridedSlice"])
def test_the_first_example_may_not_be_all(op: str) -> None:
    """x[:1] of one example says the same as x[:size]; of four, x[:4] can only be all."""
    for size in (1, 4):
        sizes = [[0, 0], [size, 5]] if op == "Slice" else [[0], [size], [1]]
        result = result_of(op, (N, 5), *sizes, size=size)
        if size == 4:
            assert result == (None, 5)
        else:
            assert (
                "it takes the first example, and sigpb cannot tell whether it means all" in result
            )


@pytest.mark.parametrize(("stated", "is_kept"), [((4, 5), True), ((4, 5, 4), False), (None, False)])
def test_bitcast_keeps_the_shape_if_the_elements_stay_as_large(stated: Any, is_kept: bool) -> None:
    y = node("y", "Bitcast", "x")
    if stated is not None:
        y.attr["_output_shapes"].list.shape.add().CopyFrom(shape_proto(stated))
    nodes = graph(placeholder("x", 4, 5), y)
    if is_kept:
        assert relax(nodes).shapes["y", 0] == (None, 5)
    else:
        with pytest.raises(BatchError, match="Bitcast 'y': the size of its elements may change"):
            relax(nodes)


def test_quantized_by_a_given_range() -> None:
    assert result_of("QuantizeAndDequantize", (N, 5), range_given=True) == (None, 5)
