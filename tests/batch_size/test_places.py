"""Places of elements in the batch, and the order of what is found: of which example it is."""

from __future__ import annotations

from typing import Any

import pytest

from sigpb import protos
from sigpb.batch_size.dimension import BatchError, relax_function, relax_nodes
from tests.batch_size.batch_graphs import (
    Functions,
    graph,
    integers,
    node,
    parsed,
    placeholder,
    relax,
)

WHOLE = "depends on the batch as a whole"
ALONG = "in which the batch is: each example would change the results of the others"

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
