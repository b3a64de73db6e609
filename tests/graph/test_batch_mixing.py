"""What would let an example change the results of another is refused, for every old batch size."""

from __future__ import annotations

from typing import Any

import pytest

from sigpb import protos
from sigpb.graph.batch_dimension import BatchError, relax_function, relax_nodes
from tests.graph.batch_graphs import (
    Functions,
    floats,
    graph,
    integers,
    node,
    parsed,
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
        ("ReverseSequence", [(N, 5), (5,)], {"seq_dim": 0, "batch_dim": 1}, ALONG),
        ("InTopK", [(5, N), (5,)], {"k": 1}, ALONG),
        ("SoftmaxCrossEntropyWithLogits", [(5, N), (5, 6)], {}, ALONG),
        ("SparseSoftmaxCrossEntropyWithLogits", [(5, N), (5,)], {}, ALONG),
        ("LowerBound", [(5, N), (5, 2)], {}, ALONG),
        ("LowerBound", [(5, 2), (5, N)], {}, ALONG),
        ("Unique", [(N,)], {}, "what is the same in different examples"),
        ("QuantizeAndDequantize", [(N, 5)], {}, "smallest and the largest element of the whole"),
        # Joined, repeated, taken apart.
        ("ConcatV2", [(N, 5), (7, 5), 0], {}, "before or after the examples"),
        ("ConcatV2", [(7, 5), (N, 5), -2], {}, "before or after the examples"),
        ("Tile", [(N, 5), [2, 1]], {}, "repeats the batch after its last example"),
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


# What is known of a batch as a whole: its size, numbers of examples, what all examples decide.

WHOLE_TENSORS = {
    "size": [
        node("sizes", "Shape", "x"),
        integers("zero", [0]),
        integers("one", [1]),
        node("n", "StridedSlice", "sizes", "zero", "one", "one", shrink_axis_mask=1),
        node("whole", "Cast", "n"),
    ],
    "sizes": [node("sizes", "Shape", "x"), node("whole", "Cast", "sizes")],
    "elements": [node("whole", "Size", "x")],
    "numbers": [
        node("sizes", "Shape", "x"),
        integers("zero", [0]),
        integers("one", [1]),
        node("n", "StridedSlice", "sizes", "zero", "one", "one", shrink_axis_mask=1),
        integers("start", 0),
        integers("axis", 1),
        node("numbers", "Range", "start", "n", "axis"),
        node("whole", "ExpandDims", "numbers", "axis"),
    ],
    "all": [integers("axis", [0, 1]), node("whole", "All", "x", "axis")],
    "any": [integers("axis", [0]), node("any", "Any", "x", "axis"), node("whole", "Cast", "any")],
    "places": [node("whole", "Where", "x")],
}


def with_whole(kind: str, *more: protos.NodeDef) -> dict[str, protos.NodeDef]:
    return graph(placeholder("x", 4, 2), *WHOLE_TENSORS[kind], *more)


@pytest.mark.parametrize("tensor", ["whole", "computed"])
@pytest.mark.parametrize("kind", [kind for kind in WHOLE_TENSORS if kind != "places"])
def test_the_batch_as_a_whole_does_not_get_into_an_example(kind: str, tensor: str) -> None:
    computed, adding = node("computed", "Exp", "whole"), node("adding", "AddV2", "x", tensor)
    with pytest.raises(BatchError, match=f"AddV2 'adding': its operand '{tensor}' {WHOLE}"):
        relax(with_whole(kind, computed, adding))


@pytest.mark.parametrize("kind", WHOLE_TENSORS)
def test_the_batch_as_a_whole_is_no_result(kind: str) -> None:
    nodes = with_whole(kind, node("computed", "Exp", "whole"))
    for name in ("whole", "computed"):
        with pytest.raises(BatchError, match=f"The tensor '{name}:0' {WHOLE}: its size, or all"):
            relax_nodes(nodes, {("x", 0): 0}, 4, Functions(), [(name, 0)])


@pytest.mark.parametrize("kind", WHOLE_TENSORS)
def test_the_batch_as_a_whole_may_be_asserted(kind: str) -> None:
    nodes = with_whole(kind, node("assertion", "Assert", "whole", "x"), node("y", "Relu", "x"))
    relaxed = relax_nodes(nodes, {("x", 0): 0}, 4, Functions(), [("y", 0)])
    assert relaxed.shapes["y", 0] == (None, 2)


def test_zeros_like_what_is_known_of_the_whole_batch() -> None:
    nodes = with_whole("all", node("zeros", "ZerosLike", "whole"), node("y", "Sub", "x", "zeros"))
    relaxed = relax_nodes(nodes, {("x", 0): 0}, 4, Functions(), [("y", 0)])
    assert relaxed.shapes["y", 0] == (None, 2)


def test_one_output_of_several_operands() -> None:
    """IdentityN hands each on by itself."""
    both = node("both", "IdentityN", "x", "whole")
    nodes = with_whole("size", both, node("y", "Relu", "both"))
    relaxed = relax_nodes(nodes, {("x", 0): 0}, 4, Functions(), [("both", 0), ("y", 0)])
    assert relaxed.shapes["y", 0] == (None, 2)
    with pytest.raises(BatchError, match=f"'both:1' {WHOLE}"):
        relax_nodes(nodes, {("x", 0): 0}, 4, Functions(), [("both", 1)])


@pytest.mark.parametrize(
    "op", ["Switch", "RefSwitch", "If", "StatelessIf", "Case", "StatelessCase"]
)
@pytest.mark.parametrize("kind", ["all", "size", "any"])
def test_the_batch_as_a_whole_does_not_decide(op: str, kind: str) -> None:
    decision = node("decision", op, *(["x", "whole"] if "Switch" in op else ["whole", "x"]))
    identity = """
        signature { name: "f" input_arg { name: "a" type: DT_FLOAT }
          output_arg { name: "r" type: DT_FLOAT } } ret { key: "r" value: "a" }"""
    functions = Functions({"f": parsed(protos.FunctionDef(), identity)})
    for attribute in ("then_branch", "else_branch"):
        decision.attr[attribute].func.name = "f"
    decision.attr["branches"].list.func.add().name = "f"
    nodes = with_whole(
        kind, decision, node("y", "Relu", "x"), node("added", "Add", "x", "decision")
    )
    for result, reason in {
        "decision": WHOLE,
        "added": "'decision' depends on the batch as",
    }.items():
        with pytest.raises(BatchError, match=reason):
            relax_nodes(nodes, {("x", 0): 0}, 4, functions, [(result, 0)])
    del nodes["added"]
    relaxed = relax_nodes(nodes, {("x", 0): 0}, 4, functions, [("y", 0)])
    assert relaxed.shapes["y", 0] == (None, 2)


def test_a_decision_of_one_for_all_examples() -> None:
    decision = node("decision", "If", "flag", "x")
    identity = """
        signature { name: "f" input_arg { name: "a" type: DT_FLOAT }
          output_arg { name: "r" type: DT_FLOAT } } ret { key: "r" value: "a" }"""
    for attribute in ("then_branch", "else_branch"):
        decision.attr[attribute].func.name = "f"
    nodes = graph(placeholder("x", 4, 2), placeholder("flag"), decision)
    functions = Functions({"f": parsed(protos.FunctionDef(), identity)})
    relaxed = relax_nodes(nodes, {("x", 0): 0}, 4, functions, [("decision", 0)])
    assert relaxed.axes["decision", 0] == 0


LOOP = """
    signature { name: "body" input_arg { name: "a" type: DT_FLOAT }
      output_arg { name: "r" type: DT_FLOAT } }
    node_def { name: "twice" op: "AddV2" input: "a" input: "a" }
    ret { key: "r" value: "twice:z:0" }"""
CONDITION = """
    signature { name: "cond" input_arg { name: "a" type: DT_FLOAT }
      output_arg { name: "r" type: DT_FLOAT } }
    node_def { name: "axis" op: "Const" attr { key: "dtype" value { type: DT_INT32 } }
      attr { key: "value" value { tensor { dtype: DT_INT32
        tensor_shape { dim { size: 2 } } int_val: 0 int_val: 1 } } } }
    node_def { name: "all" op: "All" input: "a" input: "axis:output:0" }
    ret { key: "r" value: "all:output:0" }"""


def test_the_batch_as_a_whole_does_not_tell_how_often_a_loop_runs() -> None:
    texts = {"body": LOOP, "cond": CONDITION}
    by_name = {name: parsed(protos.FunctionDef(), text) for name, text in texts.items()}
    loop = node("loop", "StatelessWhile", "x")
    for attribute in ("body", "cond"):
        loop.attr[attribute].func.name = attribute
    nodes = graph(placeholder("x", 4, 2), loop)
    with pytest.raises(BatchError, match=f"'loop:0' {WHOLE}"):
        relax_nodes(nodes, {("x", 0): 0}, 4, Functions(by_name), [("loop", 0)])


def test_a_loop_of_tensorflow_1_that_all_examples_end() -> None:
    nodes = graph(
        placeholder("x", 4, 2),
        node("enter", "Enter", "x", frame_name="loop"),
        node("merge", "Merge", "enter", "next"),
        integers("axis", [0, 1]),
        node("all", "All", "merge", "axis"),
        node("go", "LoopCond", "all"),
        node("switch", "Switch", "merge", "go"),
        node("twice", "AddV2", "switch:1", "switch:1"),
        node("next", "NextIteration", "twice"),
        node("exit", "Exit", "switch"),
    )
    with pytest.raises(BatchError, match=f"'exit:0' {WHOLE}"):
        relax_nodes(nodes, {("x", 0): 0}, 4, Functions(), [("exit", 0)])


# Sizes that depend on the batch, of what does not.


@pytest.mark.parametrize("kind", ["size", "elements"])
@pytest.mark.parametrize(
    ("op", "bounds"),
    [
        ("Slice", ["zero", "vector"]),
        ("StridedSlice", ["zero", "vector", "one"]),
        ("StridedSlice", ["vector", "zero", "one"]),
    ],
)
def test_as_many_rows_of_a_table_as_there_are_examples(
    kind: str, op: str, bounds: list[str]
) -> None:
    """Each example would get another row."""
    nodes = graph(
        placeholder("x", 4, 2),
        *WHOLE_TENSORS["size"],
        node("count", "Identity", "n" if kind == "size" else "elements"),
        node("elements", "Size", "x"),
        node("vector", "Pack", "count"),
        placeholder("table", 10),
        node("rows", op, "table", *bounds),
    )
    with pytest.raises(BatchError, match=f"{op} 'rows': what it takes depends on how many"):
        relax(nodes)


@pytest.mark.parametrize(
    "result",
    [
        node("y", "StridedSlice", "x", "begin", "end", "strides", begin_mask=3, end_mask=1),
        node("y", "StridedSlice", "x", "end", "begin", "strides", begin_mask=1, end_mask=3),
        node("y", "StridedSlice", "x", "end", "begin", "strides", begin_mask=1, shrink_axis_mask=2),
        node("y", "Slice", "x", "begin", "end"),
        node("y", "Slice", "x", "end", "column"),
    ],
)
def test_as_many_columns_as_there_are_examples(result: protos.NodeDef) -> None:
    nodes = graph(
        placeholder("x", 4, 9),
        *WHOLE_TENSORS["size"],
        integers("nothing", 0),
        node("end", "Pack", "nothing", "n"),
        integers("begin", [0, 0]),
        integers("strides", [1, 1]),
        integers("column", [-1, 1]),
        result,
    )
    reason = "'y': (what it takes depends on how many|it takes a part)"
    with pytest.raises(BatchError, match=reason):
        relax(nodes)


@pytest.mark.parametrize("op", ["Slice", "StridedSlice"])
def test_bounds_of_which_nothing_is_known_but_that_they_are_of_the_batch(op: str) -> None:
    nodes = graph(
        placeholder("x", 4, 9),
        node("places", "Where", "x"),
        integers("axis", [0]),
        node("end", "Max", "places", "axis"),
        node("bounds", "Exp", "end"),
        integers("begin", [0, 0]),
        integers("strides", [1, 1]),
        node("y", op, "x", "begin", "bounds", *(["strides"] if op == "StridedSlice" else [])),
    )
    reason = f"{op} 'y': (its operand 'bounds' {WHOLE}|it takes a part)"
    with pytest.raises(BatchError, match=reason):
        relax(nodes)


def test_rows_that_differ_are_not_repeated_up_to_the_batch() -> None:
    nodes = graph(
        placeholder("x", 4, 2),
        *WHOLE_TENSORS["size"],
        integers("two", 2),
        node("shape", "Pack", "n", "two"),
        placeholder("rows", 4, 2),
        node("y", "BroadcastTo", "rows", "shape"),
    )
    with pytest.raises(BatchError, match=r"BroadcastTo 'y': it repeats shape \[4,2\] up to"):
        relax(nodes)


def test_a_result_without_the_batch_belongs_to_the_batch_as_a_whole() -> None:
    """Whatever a rule says, it was computed from the examples."""
    nodes = graph(
        placeholder("x", 4, 5, 5, 3),
        placeholder("c", 3),
        node("norm", "FusedBatchNorm", "x", "c", "c", "c", "c", is_training=False),
        node("y", "Relu", "norm:1"),
    )
    assert relax_nodes(nodes, {("x", 0): 0}, 4, Functions(), [("norm", 0)]).axes["norm", 0] == 0
    for result in (("norm", 1), ("norm", 5), ("y", 0)):
        with pytest.raises(BatchError, match=f"'{result[0]}:{result[1]}' {WHOLE}"):
            relax_nodes(nodes, {("x", 0): 0}, 4, Functions(), [result])


def test_transposed_convolution_of_a_computed_size() -> None:
    def convolved(*sizes: str) -> dict[str, protos.NodeDef]:
        return graph(
            placeholder("x", 4, 9, 9, 2),
            *WHOLE_TENSORS["size"],
            integers("side", 9),
            integers("six", 6),
            node("shape", "Pack", *sizes),
            placeholder("kernel", 3, 3, 6, 2),
            node("y", "Conv2DBackpropInput", "shape", "kernel", "x"),
        )

    relaxed = relax_nodes(
        convolved("n", "side", "side", "six"), {("x", 0): 0}, 4, Functions(), [("y", 0)]
    )
    assert relaxed.shapes["y", 0] == (None, 9, 9, 6)
    for wrong in (["n", "n", "side", "six"], ["side", "n"]):
        with pytest.raises(BatchError, match="'y': it makes a tensor of shape"):
            relax(convolved(*wrong))


def test_a_constant_is_not_laid_out_for_the_batch() -> None:
    nodes = graph(
        placeholder("x", 4, 2),
        *WHOLE_TENSORS["size"],
        integers("rest", -1),
        node("shape", "Pack", "n", "rest"),
        placeholder("table", 8),
        node("rows", "Reshape", "table", "shape"),
    )
    with pytest.raises(BatchError, match=r"Reshape 'rows': it makes shape \[N,-1\] of shape \[8\]"):
        relax(nodes)


def test_as_many_copies_of_a_row_as_there_are_examples() -> None:
    nodes = graph(
        placeholder("x", 4, 2),
        *WHOLE_TENSORS["size"],
        integers("two", 2),
        node("shape", "Pack", "n", "two"),
        placeholder("row", 2),
        node("rows", "BroadcastTo", "row", "shape"),
        node("y", "AddV2", "x", "rows"),
    )
    relaxed = relax_nodes(nodes, {("x", 0): 0}, 4, Functions(), [("y", 0)])
    assert relaxed.shapes["y", 0] == (None, 2)


# What was found in the batch.


def found(*more: protos.NodeDef, **shapes: tuple[int, ...]) -> dict[str, protos.NodeDef]:
    """Where an `x` of [4,3] is true, as places in its elements in a row."""
    return graph(
        placeholder("x", *shapes.get("x", (4, 3))),
        integers("row", [-1]),
        node("elements", "Reshape", "x", "row"),
        node("places", "Where", "elements"),
        node("numbers", "Squeeze", "places", squeeze_dims=[1]),
        integers("axis", 0),
        *more,
    )


def test_what_was_found_is_looked_up_where_it_was_found() -> None:
    nodes = found(node("y", "GatherV2", "elements", "numbers", "axis"))
    relaxed = relax_nodes(nodes, {("x", 0): 0}, 4, Functions(), [("y", 0)])
    assert relaxed.shapes["y", 0] == (None,)

    nodes = found(node("y", "GatherNd", "elements", "places"))
    relaxed = relax_nodes(nodes, {("x", 0): 0}, 4, Functions(), [("y", 0)])
    assert relaxed.shapes["y", 0] == (None,)


@pytest.mark.parametrize(
    ("nodes", "reason"),
    [
        ([node("y", "GatherV2", "x", "numbers", "axis")], "GatherV2 'y': .* by their numbers"),
        (
            [node("next", "AddV2", "numbers", "axis"),
             node("y", "GatherV2", "elements", "next", "axis")],
            "GatherV2 'y': .* by their numbers",
        ),
        (
            [node("y", "GatherV2", "elements", "numbers", "axis"),
             node("sum", "Sum", "y", "axis")],
            f"Sum 'sum': .*{ALONG}",
        ),
        (
            [node("y", "GatherV2", "elements", "numbers", "axis"), node("sum", "AddV2", "y", "x2"),
             node("x2", "Squeeze", "x3", squeeze_dims=[1]), integers("begin", [0, 0]),
             integers("sizes", [-1, 1]), node("x3", "Slice", "x", "begin", "sizes")],
            "AddV2 'sum': its operand 'y' is of size M in dimension 0, where another",
        ),
        (
            [integers("order", [1, 0]), node("turned", "Transpose", "x", "order"),
             node("y", "Where", "turned")],
            "Where 'y': it finds elements of one example among those of others",
        ),
        (
            [node("again", "Where", "elements"), node("y", "AddV2", "again", "places"),
             node("rows", "GatherNd", "elements", "y")],
            "it looks examples of the batch up by their numbers|is of size M",
        ),
    ],
)  # fmt: skip
def test_what_was_found_may_not_be_used_elsewhere(nodes: list[Any], reason: str) -> None:
    with pytest.raises(BatchError, match=reason):
        relax(found(*nodes))


# The order of rows in a result.


@pytest.mark.parametrize("in_function", [False, True])
def test_rows_of_an_example_that_do_not_follow_each_other(in_function: bool) -> None:
    """[3,N] in one row: the first rows are those of different examples."""
    if in_function:
        function = parsed(
            protos.FunctionDef(),
            """signature { name: "f" input_arg { name: "x" type: DT_FLOAT }
                 output_arg { name: "r" type: DT_FLOAT } }
               arg_attr { key: 0 value { attr { key: "_output_shapes" value { list { shape {
                 dim { size: 4 } dim { size: 3 } } } } } } }
               ret { key: "r" value: "y:output:0" }""",
        )
        for each in turned("order:output:0", "turned:y:0", "row:output:0"):
            if each.op != "Placeholder":
                function.node_def.append(each)
        with pytest.raises(BatchError, match=r"The result 'r' of function 'f' would be of shape"):
            relax_function(function, {0: 0}, 4, Functions())
        return
    nodes = graph(*turned("order", "turned", "row"))
    assert relax(nodes).shapes["y", 0] == (None,)
    with pytest.raises(BatchError, match=r"'y:0' would be of shape \[3N\], in which the rows of"):
        relax_nodes(nodes, {("x", 0): 0}, 4, Functions(), [("y", 0)])


def turned(order: str, turned: str, row: str) -> list[protos.NodeDef]:
    return [
        placeholder("x", 4, 3),
        integers("order", [1, 0]),
        node("turned", "Transpose", "x", order),
        integers("row", [-1]),
        node("y", "Reshape", turned, row),
    ]


# Sparse tensors: their indices number the examples.


@pytest.mark.parametrize("size", [None, 4])
@pytest.mark.parametrize(
    ("op", "operands", "output", "shape"),
    [
        ("SparseToDense", ["split", "split:2", "split:1", "space"], 0, (None, None)),
        ("SparseTensorDenseMatMul", ["split", "split:1", "split:2", "dense"], 0, (None, 3)),
        ("SparseReshape", ["split", "split:2", "shape"], 0, (None, 2)),
        ("SparseFillEmptyRows", ["split", "split:1", "split:2", "space"], 1, (None,)),
        ("SparseSegmentSum", ["split:1", "split:1", "split:1"], 0, (None,)),
        ("Unique", ["split:1"], 0, (None,)),
    ],
)
def test_sparse_tensors_are_only_followed(
    op: str, operands: list[str], output: int, shape: Any, size: int | None
) -> None:
    nodes = graph(
        placeholder("x", size),
        placeholder("space"),
        node("split", "StringSplit", "x", "space"),
        integers("shape", [-1, 7]),
        placeholder("dense", 7, 3),
        node("result", op, *operands),
    )
    if size is None:
        assert relax(nodes, size).shapes["result", output] == shape
    else:
        with pytest.raises(BatchError, match=r"opens no batches of sparse|the same in different"):
            relax(nodes, size)


@pytest.mark.parametrize("op", ["StringSplit", "ParseExample", "ParseExampleV2"])
def test_indices_of_a_sparse_tensor_are_no_result(op: str) -> None:
    parsing = {"Nsparse": 1, "num_sparse": 1} if op.startswith("Parse") else {}
    nodes = graph(placeholder("x", 4), node("y", op, "x", **parsing))
    for output in (0, 2):
        with pytest.raises(BatchError, match=f"'y:{output}' {WHOLE}"):
            relax_nodes(nodes, {("x", 0): 0}, 4, Functions(), [("y", output)])
    relaxed = relax_nodes(nodes, {("x", 0): 0}, 4, Functions(), [("y", 1)])
    assert relaxed.shapes["y", 1] == (None,)


def test_a_summary_is_of_the_whole_batch() -> None:
    nodes = graph(placeholder("x", 4), node("y", "HistogramSummary", "x", "x"))
    with pytest.raises(BatchError, match=f"'y:0' {WHOLE}"):
        relax_nodes(nodes, {("x", 0): 0}, 4, Functions(), [("y", 0)])


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


def test_number_of_the_only_example_in_a_range() -> None:
    """range(1) may be the numbers of a batch of one, also where it is of another shape."""
    nodes = graph(
        placeholder("x", 1, 2),
        integers("start", 0),
        integers("limit", 1),
        integers("step", 1),
        node("numbers", "Range", "start", "limit", "step"),
        node("factor", "Cast", "numbers"),
        node("y", "Mul", "x", "factor"),
    )
    with pytest.raises(BatchError, match=f"Mul 'y': its operand 'factor' {WHOLE}"):
        relax(nodes, 1)
    nodes["limit"] = integers("limit", 2)
    assert relax(nodes, 1).shapes["y", 0] == (None, 2)
