from __future__ import annotations

from collections.abc import Mapping

import pytest

from sigpb import protos
from sigpb.errors import ModelUnreadable, PatchError
from sigpb.op_defs import OpDefs
from sigpb.rewrite.batch_size import BatchSize
from sigpb.rewrite.boundary import NO_BOUNDARY, Added, Boundary
from sigpb.rewrite.conversion import Conversion, conversion
from sigpb.rewrite.function_library import FunctionLibrary
from sigpb.rewrite.signature_function import function_of, order_of, with_variant
from sigpb.rewrite.wrapper_function import Order
from sigpb.tensor_types import dtype_of
from sigpb.tensor_values import tensor_proto
from sigpb.wire import Message
from tests.graph.small_graphs import FLOAT, attr, call, lines, nodes

from .drafts import Change, add_output, all_of, bind, drop, rename
from .small_models import Model, meta_graph_def, type_of

FLOAT32 = dtype_of("float32")
SIGNATURE = "b: float32 []; x: float32 [] -> p: float32 []; s: float32 []"
CAST = conversion("input", type_of("float32 []"), type_of("int64 []"))
REFINED = conversion("input", type_of("float32 [?]"), type_of("float32 [3]"))
BACK = conversion("output", type_of("float32 []"), type_of("int64 []"))


def function(arguments: str = "b x captured", results: str = "p s") -> protos.FunctionDef:
    made = protos.FunctionDef()
    made.signature.name = "f_1"
    for name in arguments.split():
        made.signature.input_arg.add(name=name, type=FLOAT32)
    for name in results.split():
        made.signature.output_arg.add(name=name, type=FLOAT32)
    return made


def boundary(
    inputs: Mapping[str, Conversion] = {},
    outputs: Mapping[str, Conversion] = {},
    added: tuple[Added, ...] = (),
    relaxed: tuple[str, ...] = (),
) -> Boundary:
    return Boundary(inputs, outputs, added, BatchSize(relaxed, 1 if relaxed else None), {})


def order(
    change: Change,
    at: Boundary = NO_BOUNDARY,
    given: protos.FunctionDef | None = None,
    signature: protos.SignatureDef | None = None,
) -> Order:
    """The order for a signature that calls a function with one captured input."""
    model = meta_graph_def("", {"s": SIGNATURE})
    if signature is not None:
        model.signature_def["s"].CopyFrom(signature)
    after = Model(model, change).signature("s")
    return order_of(given or function(), ["b", "x"], 1, model.signature_def["s"], after, at)


class TestOrder:
    def test_of_a_signature_as_it_is(self) -> None:
        keys = {0: "b", 1: "x"}, {0: "p", 1: "s"}
        assert order(rename("s")) == Order(
            "f_1", (0, 1, 2), (0, 1), input_keys=keys[0], output_keys=keys[1]
        )

    def test_follows_the_sorted_new_keys(self) -> None:
        after = order(rename("s", inputs={"b": "y"}, outputs={"p": "z"}))
        assert (after.arguments, after.results) == ((1, 0, 2), (1, 0))
        assert after.input_keys == {0: "y", 1: "x"}
        assert after.output_keys == {0: "z", 1: "s"}

    def test_arguments_are_sorted_as_python_names(self) -> None:
        # "b" comes before "c" and after "0", but not after "arg_0", which stands for it.
        assert order(rename("s", inputs={"x": "0"})).arguments == (1, 0, 2)
        assert order(rename("s", inputs={"b": "z", "x": "0"})).arguments == (1, 0, 2)
        assert order(rename("s", inputs={"b": "aa", "x": "0"})).arguments == (0, 1, 2)

    def test_without_what_is_dropped(self) -> None:
        after = order(drop("s", output="p"))
        assert (after.arguments, after.results) == ((0, 1, 2), (1,))
        assert after.output_keys == {1: "s"}

    def test_conversions_go_by_the_old_keys(self) -> None:
        change = rename("s", inputs={"x": "a"}, outputs={"s": "a"})
        after = order(change, boundary(inputs={"x": CAST}, outputs={"s": BACK}))
        assert (after.arguments, after.results) == ((1, 0, 2), (1, 0))
        assert (after.inputs, after.outputs) == ({1: CAST}, {1: BACK})

    def test_what_is_only_refined_is_stated(self) -> None:
        after = order(rename("s"), boundary(inputs={"x": REFINED}, outputs={"s": REFINED}))
        assert (after.inputs, after.outputs) == ({1: REFINED}, {1: REFINED})

    def test_inputs_that_are_bound(self) -> None:
        value = tensor_proto("3", FLOAT32, ())
        after = order(bind("s", "b", value))
        assert (after.arguments, after.bound, after.input_keys) == ((1, 2), {0: value}, {1: "x"})

    def test_inputs_that_are_relaxed(self) -> None:
        after = order(rename("s"), boundary(inputs={"x": REFINED, "b": CAST}, relaxed=("x", "b")))
        assert after.relaxed == (1, 0)
        assert after.inputs == {0: CAST}, "the function itself is to take what is only relaxed"

    def test_outputs_that_are_added_follow_all_others_of_the_function(self) -> None:
        same = conversion("output", type_of("float32 []"), type_of("float32 []"))
        added = (Added("a", "t:0", "call:2", BACK), Added("z", "u:0", "call:3", same))
        change = all_of(add_output("s", "a", "t:0"), add_output("s", "z", "u:0"))
        after = order(change, boundary(added=added))
        assert (after.arguments, after.results) == ((0, 1, 2), (2, 0, 1, 3))
        assert after.outputs == {2: BACK}
        assert after.output_keys == {0: "p", 1: "s", 2: "a", 3: "z"}

    def test_a_function_may_return_more_than_the_signature(self) -> None:
        added = (Added("z", "t:0", "call:3", BACK),)
        after = order(
            add_output("s", "z", "t:0"), boundary(added=added), function(results="p s more")
        )
        assert after.results == (0, 1, 3)

    def test_a_sparse_output_is_three_results_of_which_one_is_converted(self) -> None:
        signature = meta_graph_def("", {"s": SIGNATURE}).signature_def["s"]
        signature.outputs["p"].coo_sparse.values_tensor_name = "v:0"
        sparse = function(results="i v d s")
        after = order(rename("s", outputs={"p": "z"}), NO_BOUNDARY, sparse, signature)
        assert after.results == (3, 0, 1, 2)
        assert after.output_keys == {0: "z", 1: "z", 2: "z", 3: "s"}
        after = order(rename("s"), boundary(outputs={"p": BACK}), sparse, signature)
        assert after.outputs == {1: BACK}

    @pytest.mark.parametrize(
        ("arguments", "results"), [("b x", "p s"), ("b x c d", "p s"), ("b x c", "p")]
    )
    def test_of_a_function_that_does_not_fit(self, arguments: str, results: str) -> None:
        with pytest.raises(ModelUnreadable, match="with 3 arguments for at least 2 results"):
            order(rename("s"), given=function(arguments, results))


def library(*functions: protos.FunctionDef) -> FunctionLibrary:
    graph = meta_graph_def("", {}, functions)
    return FunctionLibrary(Message.root(graph.SerializeToString()))


def computing(name: str, text: str, *results: str) -> protos.FunctionDef:
    """Makes a function of ``x`` with a result for each tensor."""
    made = protos.FunctionDef(node_def=nodes(text))
    made.signature.name = name
    made.signature.input_arg.add(name="x", type=FLOAT32)
    for number, tensor in enumerate(results):
        made.signature.output_arg.add(name=f"r{number}", type=FLOAT32)
        made.ret[f"r{number}"] = tensor
    return made


class TestFunctionOf:
    def test_is_found(self) -> None:
        assert function_of("f_1", library(function())) == function()

    def test_is_missing(self) -> None:
        with pytest.raises(ModelUnreadable, match="names the function 'g'"):
            function_of("g", library(function()))


class TestWithVariant:
    OUTER = computing(
        "outer_1",
        f"inner = PartitionedCall(x) {call('inner_2', 'DT_FLOAT')}",
        "inner:output:0",
    )
    INNER = computing("inner_2", f"scaled = Mul(x, x) {FLOAT}\ny = Neg(x) {FLOAT}", "y:y:0")
    ORDER = Order("outer_1", (0,), (0, 1))
    ADDED = (Added("z", "scaled:0", "call:1", BACK),)

    def test_none_is_needed(self) -> None:
        order = Order("gone", (0,), (0,))
        assert with_variant(order, NO_BOUNDARY, library(), OpDefs()) is order

    def test_with_more_results(self) -> None:
        known = library(self.OUTER, self.INNER)
        after = with_variant(self.ORDER, boundary(added=self.ADDED), known, OpDefs())
        assert (after.function, after.arguments, after.results) == ("outer_4", (0,), (0, 1))
        outer, inner = known.get("outer_4"), known.get("inner_3")
        assert outer is not None
        assert inner is not None
        assert lines(outer.node_def)[1:] == ["sigpb_output = Identity(inner:output:1)"]
        assert lines(inner.node_def)[2:] == ["sigpb_output = Identity(scaled:z:0)"]
        for variant in (outer, inner):
            assert variant.ret["sigpb_output"] == "sigpb_output:output:0"
        assert known.get("outer_1") == self.OUTER
        assert known.get("inner_2") == self.INNER

    @pytest.mark.parametrize(
        ("functions", "count"),
        [
            ([computing("outer_1", f"y = Neg(x) {FLOAT}", "y:y:0")], 0),
            (
                [
                    computing(
                        "outer_1",
                        f"""
                        a = PartitionedCall(x) {call("inner_2", "DT_FLOAT")}
                        b = PartitionedCall(a:output:0) {call("inner_2", "DT_FLOAT")}
                        """,
                        "b:output:0",
                    ),
                    INNER,
                ],
                2,
            ),
        ],
        ids=["missing", "twice"],
    )
    def test_a_result_that_is_not_there_once(
        self, functions: list[protos.FunctionDef], count: int
    ) -> None:
        with pytest.raises(PatchError) as caught:
            with_variant(self.ORDER, boundary(added=self.ADDED), library(*functions), OpDefs())
        assert str(caught.value) == (
            "output 'z' cannot be added: tf.saved_model.load calls 'outer_1', in "
            f"which there are {count} tensors 'scaled:0'."
        )

    def test_that_takes_any_batch_size(self) -> None:
        fixed = computing(
            "f_1",
            f"""
            shape = Const() {attr("dtype", "type: DT_INT32")} {attr("value", INTEGERS)}
            y = Reshape(x, shape:output:0) {FLOAT} {attr("Tshape", "type: DT_INT32")}
            """,
            "y:output:0",
        )
        fixed.arg_attr[0].attr["_output_shapes"].list.shape.add().dim.add(size=1)
        known = library(fixed)
        order = Order("f_1", (0,), (0,), relaxed=(0,))
        after = with_variant(order, boundary(relaxed=("x",)), known, OpDefs())
        assert after == Order("f_2", (0,), (0,), relaxed=(0,))
        variant = known.get("f_2")
        assert variant is not None
        assert variant.arg_attr[0].attr["_output_shapes"].list.shape[0].dim[0].size == -1
        assert "y = Reshape(x, shape:output:0)" not in lines(variant.node_def)
        assert known.get("f_1") == fixed

    def test_that_cannot_take_any_batch_size(self) -> None:
        fixed = computing("f_1", "y = NoOneKnows(x)", "y:y:0")
        fixed.arg_attr[0].attr["_output_shapes"].list.shape.add().dim.add(size=1)
        order = Order("f_1", (0,), (0,), relaxed=(0,))
        with pytest.raises(PatchError, match="NoOneKnows"):
            with_variant(order, boundary(relaxed=("x",)), library(fixed), OpDefs())


INTEGERS = "tensor { dtype: DT_INT32 tensor_shape { dim { size: 2 } } int_val: [1, 1] }"
