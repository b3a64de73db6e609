from __future__ import annotations

from sigpb import protos
from sigpb.graph.function_body import FunctionBody
from sigpb.steps.graph_body import dtype_attr, int_attr
from sigpb.tf.op_defs import OpDefs
from sigpb.tf.tensor_types import dtype_of, shape_of, shape_proto

from .small_graphs import Known, lines, nodes

FLOAT, INT64 = dtype_of("float32"), dtype_of("int64")


def body() -> FunctionBody:
    """A function ``f(x) = -x``."""
    function = protos.FunctionDef(node_def=nodes("Neg = Neg(x)"))
    function.signature.input_arg.add(name="x", type=FLOAT)
    return FunctionBody(function, Known(variants=True), OpDefs())


def test_a_tensor_is_spelled_with_the_name_of_the_output() -> None:
    attributes = {"SrcT": dtype_attr(FLOAT), "DstT": dtype_attr(INT64)}
    after = body()
    assert after.add("Cast", "Cast", ["x"], attributes, shape_proto((None, 3))) == ("Cast:y:0",)
    assert lines(after.function.node_def) == ["Neg = Neg(x)", "Cast = Cast(x)"]
    node = after.function.node_def[1]
    assert {name: node.attr[name] for name in attributes} == attributes
    assert [shape_of(shape) for shape in node.attr["_output_shapes"].list.shape] == [(None, 3)]


def test_a_shape_is_left_out() -> None:
    after = body()
    after.add("Abs", "Abs", ["x"], {"T": dtype_attr(FLOAT)})
    assert "_output_shapes" not in after.function.node_def[1].attr


def test_names_of_nodes_and_arguments_are_taken() -> None:
    after = body()
    attributes = {"T": dtype_attr(FLOAT)}
    tensors = [after.add("Neg", name, ["x"], attributes)[0] for name in ("Neg", "x", "Neg", "y")]
    assert tensors == ["Neg_1:y:0", "x_1:y:0", "Neg_2:y:0", "y:y:0"]
    assert after.add("Neg", "NEG", ["x"], attributes) == ("NEG_3:y:0",)


def test_attributes_at_their_defaults_are_left_out() -> None:
    after = body()
    attributes = {"SrcT": dtype_attr(FLOAT), "Truncate": protos.AttrValue(b=False)}
    after.add("Cast", "Cast", ["x"], attributes | {"DstT": dtype_attr(FLOAT)})
    assert set(after.function.node_def[-1].attr) == {"SrcT", "DstT"}


def test_a_name_that_was_asked_for_is_taken() -> None:
    after = body()
    assert [after.fresh_name("call") for _ in range(3)] == ["call", "call_1", "call_2"]


def test_all_outputs() -> None:
    after = body()
    attributes = {"num_split": int_attr(2), "T": dtype_attr(FLOAT)}
    shapes = [shape_proto((1,)), shape_proto((2,))]
    assert after.add("Split", "s", ["axis", "x"], attributes, *shapes) == (
        "s:output:0",
        "s:output:1",
    )
    stated = after.function.node_def[-1].attr["_output_shapes"].list.shape
    assert [shape_of(shape) for shape in stated] == [(1,), (2,)]
    attributes = {"T": dtype_attr(FLOAT)}
    assert after.add("TopKV2", "top", ["x", "k"], attributes) == ("top:values:0", "top:indices:0")


def test_a_function() -> None:
    assert body().add_function(protos.FunctionDef()) == "_variant"


def test_nodes_are_removed() -> None:
    after = body()
    after.add("Abs", "Abs", ["x"], {"T": dtype_attr(FLOAT)})
    after.remove(["Neg", "x"])
    assert lines(after.function.node_def) == ["Abs = Abs(x)"]
    assert after.fresh_name("Neg") == "Neg_1"
