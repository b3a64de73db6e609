"""What depends on the batch as a whole: it may tell sizes and be asserted, and nothing else."""

from __future__ import annotations

import pytest

from sigpb import protos
from sigpb.batch_size.dimension import BatchError, relax_nodes
from tests.batch_size.batch_graphs import (
    Functions,
    floats,
    graph,
    integers,
    node,
    parsed,
    placeholder,
    relax,
)

WHOLE = "depends on the batch as a whole"

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


def test_the_batch_as_a_whole_may_be_laid_out() -> None:
    shape, laid_out = integers("shape", [1, 1]), node("laid_out", "Reshape", "whole", "shape")
    asserted = node("assertion", "Assert", "laid_out", "x")
    assert relax(with_whole("all", shape, laid_out, asserted)).shapes["laid_out", 0] == (1, 1)


@pytest.mark.parametrize("op", ["Slice", "StridedSlice"])
def test_as_many_examples_as_there_are(op: str) -> None:
    nodes = with_whole(
        "size",
        integers("begin", [0, 0]),
        integers("two", 2),
        node("end", "Pack", "n", "two"),
        integers("strides", [1, 1]),
        node("y", op, "x", "begin", "end", *(["strides"] if op == "StridedSlice" else [])),
    )
    relaxed = relax_nodes(nodes, {("x", 0): 0}, 4, Functions(), [("y", 0)])
    assert relaxed.shapes["y", 0] == (None, 2)
    assert "y" not in relaxed.nodes


def test_a_computed_shape_that_mixes_examples() -> None:
    nodes = with_whole(
        "size",
        integers("rest", -1),
        integers("two", 2),
        node("shape", "Pack", "two", "n", "rest"),
        node("y", "Reshape", "x", "shape"),
    )
    with pytest.raises(BatchError, match=r"it makes shape \[2,N,-1\] of shape \[N,2\]"):
        relax(nodes)


def looked_up(*ops: protos.NodeDef) -> dict[str, protos.NodeDef]:
    """Elements of the batch, looked up by their places, which come from the last of some nodes."""
    return with_whole("places", *ops, node("y", "GatherNd", "x", ops[-1].name))


@pytest.mark.parametrize("op", ["Identity", "StopGradient", "Snapshot", "PreventGradient", "Cast"])
def test_places_that_are_handed_on_are_still_places(op: str) -> None:
    assert relax(looked_up(node("passed", op, "whole"))).shapes["y", 0] == (None,)


def test_places_that_are_laid_out_are_still_places() -> None:
    axis, expanded = integers("axis", 0), node("expanded", "ExpandDims", "whole", "axis")
    squeezed = node("squeezed", "Squeeze", "expanded", squeeze_dims=[0])
    assert relax(looked_up(axis, expanded, squeezed)).shapes["y", 0] == (None,)
    target = integers("target", [-1, 2])
    laid_out = node("laid_out", "Reshape", "whole", "target")
    assert relax(looked_up(target, laid_out)).shapes["y", 0] == (None,)


def test_what_is_computed_of_places_is_no_place() -> None:
    with pytest.raises(BatchError, match="it looks examples of the batch up by their numbers"):
        relax(looked_up(node("computed", "Neg", "whole")))


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


@pytest.mark.parametrize(
    "op", ["Fill", "RandomUniform", "Empty", "StatelessRandomUniformV2", "BroadcastTo"]
)
def test_a_tensor_of_the_shape_of_the_batch(op: str) -> None:
    operands = ["element", "shape"] if op == "BroadcastTo" else ["shape", "element"]
    nodes = with_whole(
        "size",
        integers("two", 2),
        node("shape", "Pack", "n", "two"),
        floats("element", [], 0.5),
        node("filled", op, *operands),
        node("y", "AddV2", "x", "filled"),
    )
    relaxed = relax_nodes(nodes, {("x", 0): 0}, 4, Functions(), [("y", 0)])
    assert relaxed.shapes["y", 0] == (None, 2)


def test_shapes_of_what_belongs_to_examples_and_of_what_does_not() -> None:
    both = node("both", "ShapeN", "x", "whole")
    laid_out = node("y", "Reshape", "x", "both")
    relaxed = relax_nodes(
        with_whole("all", both, laid_out), {("x", 0): 0}, 4, Functions(), [("y", 0)]
    )
    assert relaxed.shapes["y", 0] == (None, 2)


def test_as_many_tiles_as_there_are_examples() -> None:
    nodes = graph(
        placeholder("x", 4, 2),
        *WHOLE_TENSORS["size"],
        integers("once", 1),
        node("times", "Pack", "n", "once"),
        placeholder("row", 1, 2),
        node("rows", "Tile", "row", "times"),
        node("y", "AddV2", "x", "rows"),
    )
    relaxed = relax_nodes(nodes, {("x", 0): 0}, 4, Functions(), [("y", 0)])
    assert relaxed.shapes["y", 0] == (None, 2)


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


def test_a_summary_is_of_the_whole_batch() -> None:
    nodes = graph(placeholder("x", 4), node("y", "HistogramSummary", "x", "x"))
    with pytest.raises(BatchError, match=f"'y:0' {WHOLE}"):
        relax_nodes(nodes, {("x", 0): 0}, 4, Functions(), [("y", 0)])


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
