"""Loops that take one example in each round."""

from __future__ import annotations

from typing import Any

import pytest

from sigpb import protos
from sigpb.batch_size.dimension import BatchError, Relaxed, relax_nodes
from tests.batch_size.batch_graphs import Functions, graph, integers, node, placeholder
from tests.graphs.small_graphs import attr, call, lines, nodes, output_shapes

INT32 = attr("T", "type: DT_INT32")
INT64 = attr("T", "type: DT_INT64")
FLOAT = attr("T", "type: DT_FLOAT")
ONE = attr("value", "tensor { dtype: DT_INT32 tensor_shape { } int_val: 1 }")
FOUR = attr("value", "tensor { dtype: DT_INT32 tensor_shape { } int_val: 4 }")
ROW = "tensor { dtype: DT_INT32 tensor_shape { dim { size: 1 } } int_val: 1 }"

ARGUMENTS = "round:int32 limit:int32 i:int32 out:variant rows:variant x:float w:float"
BODY = f"""
    one = Const() {ONE}
    item = TensorListGetItem(rows, i, w)
    y = Neg(item:item:0) {FLOAT}
    set = TensorListSetItem(out, i, y:y:0)
    next = AddV2(i, one:output:0) {INT32}
    later = AddV2(round, one:output:0) {INT32}
    kept = Identity(limit) {INT32}
    """
RESULTS = "later:z:0 kept:output:0 next:z:0 set:output_handle:0 rows x w"
COND = f"""
    four = Const() {FOUR}
    all = Less(i, four:output:0) {INT32}
    most = Less(round, limit) {INT32}
    both = LogicalAnd(most:z:0, all:z:0)
    """

# x[i], as TensorFlow spells it.
SLICE = (
    f"""
    begin = Pack(i) {attr("N", "i: 1")} {INT32}
    end = Pack(next:z:0) {attr("N", "i: 1")} {INT32}
    strides = Const() {attr("value", ROW)}
    item = StridedSlice(x, begin:output:0, end:output:0, strides:output:0)
        """.rstrip()
    + f" {attr('shrink_axis_mask', 'i: 1')} {FLOAT}"
)
ITEM = "item = TensorListGetItem(rows, i, w)"
SLICED = BODY.replace(ITEM, SLICE).replace("item:item:0", "item:output:0")
GATHERED = BODY.replace(
    ITEM,
    f"""
    axis = Const() {attr("value", "tensor { dtype: DT_INT32 tensor_shape { } }")}
    item = GatherV2(x, i, axis:output:0) {attr("Tparams", "type: DT_FLOAT")}
    """,
).replace("item:item:0", "item:output:0")


def function(name: str, text: str, results: str) -> protos.FunctionDef:
    made = protos.FunctionDef(node_def=nodes(text))
    made.signature.name = name
    types = protos.DataType
    for argument in ARGUMENTS.split():
        key, dtype = argument.split(":")
        made.signature.input_arg.add(name=key, type=types.Value(f"DT_{dtype.upper()}"))
    for number, tensor in enumerate(results.split()):
        made.signature.output_arg.add(name=f"r{number}")
        made.ret[f"r{number}"] = tensor
    return made


OPERANDS = {
    "round": integers("round", 0),
    "limit": integers("limit", 4),
    "i": integers("i", 0),
    "out": node("out", "TensorListReserve", "shape", "count"),
    "rows": node("rows", "TensorListFromTensor", "x", "shape"),
    "x": placeholder("x", 4, 7),
    "w": placeholder("w", 7),
}


def loop(
    body: str = BODY,
    cond: str = COND,
    results: str = RESULTS,
    result: str = "both:z:0",
    size: int | None = 4,
    stated: int = 4,
    **operands: protos.NodeDef,
) -> tuple[Relaxed, Functions]:
    """Relaxes a loop whose results are stacked."""
    while_ = node("loop", "StatelessWhile", *OPERANDS)
    while_.attr["body"].func.name = "body"
    while_.attr["cond"].func.name = "cond"
    functions = Functions(
        {
            "body": function("body", body, results),
            "cond": function("cond", cond, result),
            "writes": function("writes", "add = AssignAddVariableOp(w, x)", ""),
        }
    )
    given = {
        "shape": integers("shape", [7]),
        "count": integers("count", 4),
        **OPERANDS,
        **operands,
    }
    stack = node("result", "TensorListStack", "loop:3", "shape", num_elements=stated)
    seeds = {("x", 0): 0}
    relaxed = relax_nodes(graph(*given.values(), while_, stack), seeds, size, functions)
    return relaxed, functions


class TestChanged:
    def test_there_are_as_many_rounds_as_examples(self) -> None:
        relaxed, functions = loop()
        assert relaxed.shapes["result", 0] == (None, 7)
        *_, changed = relaxed.nodes["loop"]
        assert changed.input[1] == "loop/sigpb_tensorlistlength"  # the limit
        assert changed.attr["body"].func.name == "body"
        cond = functions.get(changed.attr["cond"].func.name)
        assert cond is not None
        assert "all = Less(i, limit)" in lines(cond.node_def)
        *_, reserved = relaxed.nodes["out"]
        assert reserved.input[1] == "out/sigpb_stridedslice"

    def test_limit_in_the_condition_only(self) -> None:
        relaxed, functions = loop(result="all:z:0")
        *_, changed = relaxed.nodes["loop"]
        assert changed.input[1] == "limit"
        cond = functions.get(changed.attr["cond"].func.name)
        assert cond is not None
        added, *_ = [each for each in cond.node_def if each.op == "TensorListLength"]
        assert list(added.input) == ["rows"]
        assert f"all = Less(i, {added.name}:length:0)" in lines(cond.node_def)

    @pytest.mark.parametrize("body", [SLICED, GATHERED], ids=["slice", "gather"])
    def test_example_taken_from_the_batch(self, body: str) -> None:
        relaxed, functions = loop(body, rows=placeholder("rows"))
        assert relaxed.shapes["result", 0] == (None, 7)
        *_, changed = relaxed.nodes["loop"]
        assert functions.get(changed.attr["cond"].func.name) != functions.get("cond")

    def test_stated_shapes(self) -> None:
        handed_on = f"same = Identity(x) {FLOAT} {output_shapes((4, 7))}"
        results = RESULTS.replace(" x ", " same:output:0 ")
        relaxed, functions = loop(f"{BODY}\n{handed_on}", results=results)
        *_, changed = relaxed.nodes["loop"]
        body = functions.get(changed.attr["body"].func.name)
        assert body is not None
        (same,) = [each for each in body.node_def if each.name == "same"]
        assert [dim.size for dim in same.attr["_output_shapes"].list.shape[0].dim] == [-1, 7]

    def test_list_that_grows(self) -> None:
        grows = attr("resize_if_index_out_of_bounds", "b: true")
        body = BODY.replace("(out, i, y:y:0)", f"(out, i, y:y:0) {grows}")
        relaxed, _ = loop(body, count=integers("count", 0))
        assert relaxed.shapes["result", 0] == (None, 7)
        assert "out" not in relaxed.nodes

    def test_step_that_is_handed_on(self) -> None:
        body = BODY.replace("next = AddV2(i, one:output:0)", "next = AddV2(w, i)")
        relaxed, _ = loop(body, shape=integers("shape", [7]), w=integers("w", 1))
        assert relaxed.shapes["result", 0] == (None, 7)


def test_open_batch_is_followed_only() -> None:
    x = placeholder("x", None, 7)
    relaxed, _ = loop(
        result="most:z:0",
        size=None,
        stated=-1,
        x=x,
        sizes=node("sizes", "Shape", "x"),
        zero=integers("zero", [0]),
        one=integers("one", [1]),
        limit=node("limit", "StridedSlice", "sizes", "zero", "one", "one", shrink_axis_mask=1),
        count=node("count", "Identity", "limit"),
    )
    assert relaxed.axes["result", 0] == 0
    assert not relaxed.nodes


BEFORE = "y = Neg(item:item:0)"
REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "state": (
        {"results": RESULTS.replace(" w", " y:y:0")},
        "'w' is handed from one example to the next",
    ),
    "begins at one": ({"i": integers("i", 1)}, "'i' is handed from one example to the next"),
    "steps of two": (
        {"body": BODY.replace("AddV2(i, one:output:0)", "AddV2(i, i)")},
        "'i' is handed from one example to the next",
    ),
    "number of the example": (
        {"body": BODY.replace(BEFORE, "y = Neg(i)")},
        "its body uses the number of the example, in Neg 'y'",
    ),
    "next number": (
        {"body": BODY.replace(BEFORE, "y = Neg(next:z:0)")},
        "its body uses the number of the example",
    ),
    "another number": (
        {"body": BODY.replace("(rows, i, w)", "(rows, one:output:0, w)")},
        "its body takes the whole of 'rows'",
    ),
    "another place": (
        {"body": BODY.replace("(out, i, y:y:0)", "(out, one:output:0, y:y:0)")},
        "its body reads the results of other examples",
    ),
    "results read": (
        {"body": f"{BODY}\nread = TensorListGetItem(out, i, w)"},
        "its body reads the results of other examples",
    ),
    "results read after": (
        {"body": f"{BODY}\nread = TensorListGetItem(set:output_handle:0, one:output:0, w)"},
        "its body reads the results of other examples",
    ),
    "whole batch": (
        {"body": f"{BODY}\nwhole = Neg(x) {FLOAT}"},
        "its body takes the whole of 'x'",
    ),
    "limit in the body": (
        {"body": f"{BODY}\nused = Neg(limit) {INT32}"},
        "its body takes the whole of 'limit'",
    ),
    "effects": (
        {"body": f"{BODY}\nadd = AssignAddVariableOp(w, y:y:0)"},
        "its body has the effects of AssignAddVariableOp 'add'",
    ),
    "more rounds": (
        {"cond": COND.replace("int_val: 4", "int_val: 5")},
        "it is not known to have a round for each example",
    ),
    "other limit": (
        {"limit": integers("limit", 5)},
        "it is not known to have a round for each example",
    ),
    "limit that changes": (
        {"results": RESULTS.replace("kept:output:0", "one:output:0")},
        "'limit' is handed from one example to the next",
    ),
    "ends otherwise": (
        {"cond": COND.replace("Less(i,", "Greater(i,")},
        "cannot determine that it ends when all examples are through",
    ),
    "ends by something else": (
        {"cond": COND.replace("Less(i,", "Less(limit,")},
        "it is not known to have a round for each example",
    ),
    "no number of examples at hand": (
        {
            "body": GATHERED.replace(
                "(out, i, y:y:0)",
                f"(out, i, y:y:0) {attr('resize_if_index_out_of_bounds', 'b: true')}",
            ),
            "result": "all:z:0",
            "count": integers("count", 0),
        },
        "the number of its rounds is built into the condition",
    ),
    "list of another length": (
        {"count": integers("count", 5)},
        "its list 'out' is not one of all examples",
    ),
    "count in int64": (
        {"cond": COND.replace(f"four:output:0) {INT32}", f"four:output:0) {INT64}")},
        "it counts its rounds in another dtype",
    ),
}  # fmt: skip


SHRINK = f"{attr('shrink_axis_mask', 'i: 1')} {FLOAT}"
TABLE = {"w": placeholder("w", 4, 7)}
PART = "part = StridedSlice(w, one:output:0, end:output:0, one:output:0)"
NUMBER = "uses the number of the example"
REFUSED |= {
    "number written": ({"body": BODY.replace("(out, i, y:y:0)", "(out, i, i)")}, NUMBER),
    "table up to the next number": (
        {"body": SLICED.replace(
            "strides =", f"{PART}\nstrides ="
        ), **TABLE},
        NUMBER,
    ),
    "always the same row": (
        {"body": SLICED.replace("Pack(i)", "Pack(one:output:0)")},
        NUMBER,
    ),
    "same row up to anywhere": (
        {"body": SLICED.replace("Pack(i)", "Pack(one:output:0)").replace("k(next:z:0)", "k(w)")},
        "whole of 'x'",
    ),
    "effects of a function": (
        {"body": f"{BODY}\nmade = PartitionedCall(w) {call('writes')}"},
        "has the effects of AssignAddVariableOp",
    ),
    "row of a table": ({"body": SLICED.replace("Slice(x", "Slice(w"), **TABLE}, NUMBER),
    "entry of a table": ({"body": GATHERED.replace("V2(x", "V2(w"), **TABLE}, NUMBER),
    "list of the body": (
        {"body": BODY.replace("(rows, i, w)", "(made:handle:0, i, w)") + "made = Neg(w)"},
        NUMBER,
    ),
    "more than one row": ({"body": SLICED.replace(SHRINK, FLOAT)}, NUMBER),
    "new dimension": (
        {"body": SLICED.replace(SHRINK, f"{SHRINK} {attr('new_axis_mask', 'i: 1')}")},
        NUMBER,
    ),
    "from the first": (
        {"body": SLICED.replace(SHRINK, f"{SHRINK} {attr('begin_mask', 'i: 1')}")},
        NUMBER,
    ),
    "backwards": ({"body": SLICED.replace(ROW, ROW.replace("val: 1", "val: -1"))}, NUMBER),
    "stacked otherwise": (
        {"body": SLICED.replace("Pack(i)", f"Pack(i) {attr('axis', 'i: 1')}")},
        NUMBER,
    ),
    "second dimension": ({"body": SLICED.replace("Pack(i)", "Pack(one:output:0, i)")}, NUMBER),
    "begins with the next": ({"body": SLICED.replace("Pack(i)", "Pack(next:z:0)")}, NUMBER),
    "ends in the second dimension": (
        {"body": SLICED.replace("Pack(next:z:0)", "Pack(one:output:0, next:z:0)")},
        NUMBER,
    ),
    "another use of the bound": (
        {"body": f"{SLICED}\nused = Neg(end:output:0) {INT32}"},
        NUMBER,
    ),
    "another use of the begin": (
        {"body": f"{SLICED}\nused = Neg(begin:output:0) {INT32}"},
        NUMBER,
    ),
    "columns": ({"body": GATHERED.replace("shape { } }", "shape { } int_val: 1 }")}, NUMBER),
    "batch dimensions": (
        {"body": GATHERED.replace("V2(x, i, axis:output:0)", "V2(x, i, axis:output:0) "
         f"{attr('batch_dims', 'i: 1')}")},
        NUMBER,
    ),
    "another entry": (
        {"body": f"{GATHERED}\nother = GatherV2(x, one:output:0, axis:output:0) {FLOAT}"},
        "whole of 'x'",
    ),
    "entries of something by the batch": (
        {"body": f"{GATHERED}\nother = GatherV2(x, x, axis:output:0) {FLOAT}"},
        "whole of 'x'",
    ),
    "list read twice": (
        {"body": f"{BODY}\nother = TensorListGetItem(rows, one:output:0, w)"},
        "whole of 'rows'",
    ),
    "unknown effects": ({"body": f"{BODY}\nmade = NoOneKnows(w)"}, "has the effects of NoOneKnows"),
    "list that could grow": (
        {
            "body": BODY.replace(
                "(out, i, y:y:0)",
                f"(out, i, y:y:0) {attr('resize_if_index_out_of_bounds', 'b: true')}",
            ),
            "count": integers("count", 5),
        },
        "its list 'out' is not one of all examples",
    ),
    "list that cannot grow": (
        {"count": integers("count", 0)},
        "its list 'out' is not one of all examples",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name: str) -> None:
    changes, reason = REFUSED[name]
    with pytest.raises(BatchError, match=reason.replace("[", r"\[")):
        loop(**changes)
