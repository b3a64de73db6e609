"""Nodes and functions that were made for one batch size, before and after."""

from __future__ import annotations

import pytest

from sigpb import protos
from sigpb.batch_size.dimension import BatchError, relax_function, relax_nodes
from sigpb.batch_size.rules.values import INT32, INT64, integer_tensor
from tests.batch_size.batch_graphs import (
    Functions,
    attribute_shapes,
    const_values,
    floats,
    graph,
    integers,
    node,
    parsed,
    placeholder,
    relax,
    with_shapes,
)


def shapes(*dims: int) -> str:
    """An attribute that states one shape, as text."""
    sizes = "".join(f"dim {{ size: {dim} }}" for dim in dims)
    return f"list {{ shape {{ {sizes} }} }}"


FLOAT = "type: DT_FLOAT"
STATED = f"""arg_attr {{ key: 0 value {{
    attr {{ key: "_output_shapes" value {{ {shapes(4, 2, 3)} }} }} }} }}"""
INNER = f"""
  signature {{ name: "inner_7"
    input_arg {{ name: "a" {FLOAT} }} output_arg {{ name: "r" {FLOAT} }} }}
  {STATED}
  attr {{ key: "_input_shapes" value {{ {shapes(4, 2, 3)} }} }}
  node_def {{ name: "shape" op: "Const"
    attr {{ key: "dtype" value {{ type: DT_INT32 }} }}
    attr {{ key: "value" value {{ tensor {{
      dtype: DT_INT32 tensor_shape {{ dim {{ size: 2 }} }} int_val: 4 int_val: 6 }} }} }} }}
  node_def {{ name: "flat" op: "Reshape" input: "a" input: "shape:output:0"
    attr {{ key: "_output_shapes" value {{ {shapes(4, 6)} }} }} }}
  ret {{ key: "r" value: "flat:output:0" }}
"""
OUTER = f"""
  signature {{ name: "outer_8"
    input_arg {{ name: "x" {FLOAT} }} input_arg {{ name: "unrelated" {FLOAT} }}
    output_arg {{ name: "same" {FLOAT} }} output_arg {{ name: "flat" {FLOAT} }} }}
  {STATED}
  node_def {{ name: "call" op: "PartitionedCall" input: "x"
    attr {{ key: "f" value {{ func {{ name: "inner_7" }} }} }}
    attr {{ key: "Tout" value {{ list {{ {FLOAT} }} }} }} }}
  node_def {{ name: "again" op: "inner_7" input: "x" }}
  node_def {{ name: "other" op: "Identity" input: "unrelated" }}
  ret {{ key: "same" value: "other:output:0" }} ret {{ key: "flat" value: "call:output:0" }}
"""


def functions(*texts: str) -> Functions:
    found = [parsed(protos.FunctionDef(), text) for text in texts]
    return Functions({function.signature.name: function for function in found})


def sizes(shapes: protos.AttrValue) -> list[list[int]]:
    return [[dim.size for dim in shape.dim] for shape in shapes.list.shape]


def test_shapes_that_nodes_state() -> None:
    nodes = graph(
        with_shapes(placeholder("x", 4, 7), [4, 7]),
        with_shapes(node("mean", "Mean", "x", "axes", keep_dims=True), [4, 1]),
        integers("axes", [1]),
        with_shapes(node("unrelated", "Identity", "axes"), [1]),
    )
    before = {name: each.SerializeToString() for name, each in nodes.items()}

    relaxed = relax(nodes)

    (x,), (mean,) = relaxed.nodes["x"], relaxed.nodes["mean"]
    assert relaxed.nodes.keys() == {"x", "mean"}
    assert attribute_shapes(x) == [[-1, 7]]
    assert [dim.size for dim in x.attr["shape"].shape.dim] == [-1, 7]
    assert attribute_shapes(mean) == [[-1, 1]]
    assert relaxed.axes == {("x", 0): 0, ("mean", 0): 0}
    assert relaxed.shapes == {("x", 0): (None, 7), ("mean", 0): (None, 1)}
    assert {name: each.SerializeToString() for name, each in nodes.items()} == before


def test_function_and_those_it_calls() -> None:
    library = functions(INNER, OUTER)
    before = dict(library.by_name)

    outer, axes = relax_function(before["outer_8"], {0: 0}, 4, library)

    (inner_name,) = library.added  # one variant for both calls
    inner = library.by_name[inner_name]
    call, again, other = outer.node_def
    assert axes == {1: 0}
    assert outer.signature == before["outer_8"].signature
    assert call.attr["f"].func.name == inner_name
    assert again.op == inner_name
    assert other == before["outer_8"].node_def[2]
    assert sizes(outer.arg_attr[0].attr["_output_shapes"]) == [[-1, 2, 3]]
    assert sizes(inner.arg_attr[0].attr["_output_shapes"]) == [[-1, 2, 3]]
    assert sizes(inner.attr["_input_shapes"]) == [[-1, 2, 3]]
    shape, new, flat = inner.node_def
    assert shape == before["inner_7"].node_def[0]
    assert const_values(new) == [-1, 6]
    assert list(flat.input) == ["a", f"{new.name}:output:0"]
    assert attribute_shapes(flat) == [[-1, 6]]


def test_nothing_is_added_if_refused() -> None:
    library = functions(
        INNER, OUTER.replace('op: "Identity" input: "unrelated"', 'op: "X" input: "x"')
    )
    with pytest.raises(BatchError, match="X 'other' of function 'outer_8'"):
        relax_function(library.by_name["outer_8"], {0: 0}, 4, library)
    assert library.added == []


def test_all_problems_at_once() -> None:
    nodes = graph(
        placeholder("x", 4, 7),
        node("one", "Mystery", "x"),
        node("two", "Enigma", "x"),
        node("after", "Relu", "two"),
    )
    with pytest.raises(BatchError) as caught:
        relax(nodes)
    assert sorted(caught.value.problems) == [
        "Enigma 'two': sigpb does not know how Enigma treats the batch dimension.",
        "Mystery 'one': sigpb does not know how Mystery treats the batch dimension.",
    ]


def test_no_batch_of_that_size() -> None:
    with pytest.raises(BatchError, match=r"'x:0' is of shape \[5,7\]: its dimension 0 is no batch"):
        relax(graph(placeholder("x", 5, 7)))


def test_problem_in_a_function_is_named_with_it() -> None:
    library = functions(INNER.replace("int_val: 6", "int_val: 5"), OUTER)
    with pytest.raises(BatchError, match="Reshape 'flat' of function 'inner_7': it makes shape"):
        relax_function(library.by_name["outer_8"], {0: 0}, 4, library)


@pytest.mark.parametrize(
    "stated", [[4, 5], [4], [4, 3, 1]], ids=["size", "fewer dimensions", "more dimensions"]
)
def test_what_a_node_states_otherwise_than_its_rule_is_refused(stated: list[int]) -> None:
    nodes = graph(placeholder("x", 4, 3), with_shapes(node("y", "Relu", "x"), stated))
    with pytest.raises(BatchError, match=r"Relu 'y': its result would be of shape \[N,3\], not"):
        relax(nodes)


UNUSED = """
signature {
  name: "f_9"
  input_arg { name: "a" type: DT_FLOAT }
  output_arg { name: "r" type: DT_FLOAT }
  control_output: "kept"
}
arg_attr { key: 0 value { attr { key: "_output_shapes" value { list { shape {
  dim { size: 4 } dim { size: 3 } } } } } } }
node_def { name: "unique" op: "Unique" input: "a" attr { key: "T" value { type: DT_FLOAT } } }
node_def { name: "after" op: "Relu" input: "unique:y:0" attr { key: "T" value { type: DT_FLOAT } } }
node_def { name: "known" op: "Relu" input: "a" attr { key: "T" value { type: DT_FLOAT } } }
node_def { name: "y" op: "Relu" input: "a" attr { key: "T" value { type: DT_FLOAT } } }
ret { key: "r" value: "y:activations:0" }
"""


def test_unused_nodes_that_are_not_followed_go() -> None:
    """An output that is added later would be computed by what was never made to fit."""
    library = functions(UNUSED)
    after, axes = relax_function(library.by_name["f_9"], {0: 0}, 4, library)
    assert axes == {0: 0}
    assert [node.name for node in after.node_def] == ["known", "y"]


def test_unused_nodes_that_others_wait_for_stay_without_shapes() -> None:
    waits = 'node_def { name: "waits" op: "NoOp" input: "^unique" }'
    library = functions(UNUSED + waits)
    for node_ in library.by_name["f_9"].node_def:
        with_shapes(node_, [4, 3])
    after, _ = relax_function(library.by_name["f_9"], {0: 0}, 4, library)
    assert [node_.name for node_ in after.node_def] == ["unique", "known", "y", "waits"]
    (stated,) = after.node_def[0].attr["_output_shapes"].list.shape
    assert stated.unknown_rank


def test_nodes_that_run_for_a_control_result_are_followed() -> None:
    runs = UNUSED + 'control_ret { key: "kept" value: "after" }'
    library = functions(runs)
    with pytest.raises(BatchError, match="Unique 'unique' of function 'f_9'"):
        relax_function(library.by_name["f_9"], {0: 0}, 4, library)


def test_functions_that_are_missing_or_call_themselves_are_refused() -> None:
    function = parsed(protos.FunctionDef(), INNER)
    with pytest.raises(BatchError, match="there is no function 'inner_7' for it to call"):
        relax_function(functions(OUTER).by_name["outer_8"], {0: 0}, 4, functions(OUTER))
    call = function.node_def.add(name="again", op="PartitionedCall", input=["a"])
    call.attr["f"].func.name = "inner_7"
    call.attr["Tout"].list.type.append(1)  # float32
    function.ret["r"] = "again:output:0"
    library = Functions({"inner_7": function})
    outer = parsed(protos.FunctionDef(), OUTER)
    with pytest.raises(BatchError, match="the function 'inner_7' calls itself"):
        relax_function(outer, {0: 0}, 4, library)
    function.signature.input_arg.add(name="b")
    with pytest.raises(BatchError, match="'inner_7' takes another number of arguments"):
        relax_function(outer, {0: 0}, 4, Functions({"inner_7": function}))


def test_follow_only() -> None:
    """Without an old size, nothing is changed or refused; what is not known is left out."""
    nodes = graph(
        with_shapes(placeholder("x", None, 7), [None, 7]),
        node("relu", "Relu", "x"),
        node("one", "Mystery", "x"),
        node("after", "Relu", "one"),
    )
    relaxed = relax(nodes, None)
    assert relaxed.axes == {("x", 0): 0, ("relu", 0): 0}
    assert relaxed.nodes == {}


def test_follow_only_where_examples_mix() -> None:
    order = integers("order", [1, 0])
    nodes = graph(
        placeholder("x", None, 7),
        order,
        node("turned", "Transpose", "x", "order"),
        node("products", "MatMul", "x", "turned"),
        node("after", "Relu", "products"),
    )
    assert relax(nodes, None).axes == {
        ("x", 0): 0,
        ("turned", 0): 1,
        ("products", 0): 0,
        ("after", 0): 0,
    }


@pytest.mark.parametrize("problem", ["", 'node_def { name: "y" op: "Mystery" input: "a" }'])
def test_follow_only_through_functions(problem: str) -> None:
    library = functions(INNER.replace("int_val: 4", "int_val: -1") + problem, OUTER)
    function = library.by_name["outer_8"]
    assert relax_function(function, {0: 0}, None, library) == (function, {1: 0})
    assert library.added == []


@pytest.mark.parametrize("size", [1, 4])
def test_loop_that_begins_with_zeros(size: int) -> None:
    """The state was made for the old batch size: it is made for the new one."""
    loop = node("loop", "StatelessWhile", "zeros", "x", output_shapes=[])
    loop.attr["body"].func.name, loop.attr["cond"].func.name = "body", "cond"
    sums = with_shapes(loop, [size, 3], [size, 3])
    nodes = graph(
        with_shapes(placeholder("x", size, 3), [size, 3]), floats("zeros", [size, 3], 0), sums
    )
    arguments = """input_arg { name: "h" type: DT_FLOAT } input_arg { name: "x" type: DT_FLOAT }"""
    library = functions(
        f"""signature {{ name: "body" {arguments}
              output_arg {{ name: "a" type: DT_FLOAT }} output_arg {{ name: "b" type: DT_FLOAT }} }}
            node_def {{ name: "sum" op: "AddV2" input: "h" input: "x"
              attr {{ key: "T" value {{ type: DT_FLOAT }} }} }}
            ret {{ key: "a" value: "sum:z:0" }} ret {{ key: "b" value: "x" }}""",
        f"""signature {{ name: "cond" {arguments} output_arg {{ name: "c" type: DT_BOOL }} }}
            node_def {{ name: "go" op: "Const" }} ret {{ key: "c" value: "go:output:0" }}""",
    )

    relaxed = relax_nodes(nodes, {("x", 0): 0}, size, library)

    *new, zeros = relaxed.nodes["zeros"]
    assert zeros.op == "Fill"
    added = {each.op: set(each.attr) - {"_output_shapes"} for each in new if each.op != "Const"}
    assert list(added) == ["Shape", "StridedSlice", "Pack"]
    assert added["StridedSlice"] == {"T", "Index", "shrink_axis_mask"}  # Others are the defaults.
    assert attribute_shapes(relaxed.nodes["loop"][-1]) == [[-1, 3], [-1, 3]]
    assert relaxed.axes["loop", 0] == 0


@pytest.mark.parametrize("dtype", [INT32, INT64])
def test_a_literal_keeps_its_dtype(dtype: int) -> None:
    shape = node("shape", "Const", value=integer_tensor([4, 6], dtype))
    shape.attr["dtype"].type = dtype
    flat = node("flat", "Reshape", "x", "shape")
    new, flat = relax(graph(placeholder("x", 4, 2, 3), shape, flat)).nodes["flat"]
    assert new.attr["value"].tensor == integer_tensor([-1, 6], dtype)
    assert new.attr["dtype"].type == dtype


def test_random_rows_follow_the_batch() -> None:
    nodes = graph(
        placeholder("x", 4, 3),
        integers("shape", [4, 3]),
        node("noise", "RandomStandardNormal", "shape"),
        node("scaled", "Mul", "noise", "noise"),
        node("result", "AddV2", "x", "scaled"),
    )
    relaxed = relax(nodes)
    assert relaxed.shapes["result", 0] == (None, 3)
    *_, packed, noise = relaxed.nodes["noise"]
    assert (packed.op, noise.input[0]) == ("Pack", packed.name)


def test_constant_that_differs_from_row_to_row_is_refused() -> None:
    nodes = graph(
        placeholder("x", 2, 1),
        floats("rows", [2, 1], 1, 2),
        node("result", "AddV2", "x", "rows"),
    )
    with pytest.raises(BatchError, match=r"'rows' of shape \[2,1\] is made for the batch size 2"):
        relax(nodes, 2)


def test_loop_of_tensorflow_1() -> None:
    """Constants that are added inside of a loop have to be part of it."""
    nodes = graph(
        placeholder("x", 4, 2, 3),
        node("enter", "Enter", "x", frame_name="loop"),
        node("merge", "Merge", "enter", "next"),
        node("switch", "Switch", "merge", "go"),
        node("go", "Placeholder"),
        node("shape", "Const", "^merge"),
        node("flat", "Reshape", "switch:1", "shape"),
        node("unflat", "Reshape", "flat", "back"),
        node("next", "NextIteration", "unflat"),
        node("exit", "Exit", "switch"),
    )
    nodes["shape"].MergeFrom(integers("shape", [4, 6]))
    nodes["back"] = integers("back", [4, 2, 3])
    nodes["back"].input.append("^merge")

    relaxed = relax(nodes)

    new, _ = relaxed.nodes["flat"]
    assert list(new.input) == ["^switch"]
    assert relaxed.axes["exit", 0] == 0


def test_loop_of_tensorflow_1_that_loses_the_batch_is_refused() -> None:
    nodes = graph(
        placeholder("x", 4, 3),
        floats("start", [4, 3], 1, 2),
        node("enter", "Enter", "start", frame_name="loop"),
        node("merge", "Merge", "enter", "next"),
        node("both", "ConcatV2", "x", "x", "axis"),
        integers("axis", 1),
        node("next", "NextIteration", "x"),
    )
    with pytest.raises(BatchError, match="Merge 'merge'"):
        relax(nodes)
