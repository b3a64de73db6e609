from __future__ import annotations

from dataclasses import replace

import pytest

from sigpb import protos
from sigpb.errors import ModelUnreadable, PatchError
from sigpb.rewrite.added_outputs import with_variant
from sigpb.rewrite.graph_parts import FunctionLibrary
from sigpb.rewrite.interface import BatchSize, Interface, SignatureRef
from sigpb.rewrite.port import Port
from sigpb.rewrite.signature_function import (
    FunctionPorts,
    Wrapped,
    Wrapper,
    function_of,
    ports_behind,
    ports_of,
)
from sigpb.tf.op_defs import OpDefs
from sigpb.tf.tensor_types import dtype_of, shape_of, shape_text
from sigpb.wire import Message
from tests.graphs.small_graphs import FLOAT, Known, attr, call, lines, nodes
from tests.rewrite.drafts import conversion_to

from .drafts import Change, add_output, all_of, drop, rename
from .small_models import Model, meta_graph_def, type_of

FLOAT32 = dtype_of("float32")
SIGNATURE = "b: float32 []; x: float32 [] -> p: float32 []; s: float32 []"
CAST = conversion_to("input", type_of("float32 []"), type_of("int64 []"))
BACK = conversion_to("output", type_of("float32 []"), type_of("int64 []"))


def function(arguments: str = "b x captured", results: str = "p s") -> protos.FunctionDef:
    made = protos.FunctionDef()
    made.signature.name = "f_1"
    for name in arguments.split():
        made.signature.input_arg.add(name=name, type=FLOAT32)
    for name in results.split():
        made.signature.output_arg.add(name=name, type=FLOAT32)
    return made


def interface(change: Change, signature: protos.SignatureDef | None = None) -> Interface:
    """What the signature is to be, without what is converted."""
    model = meta_graph_def("", {"s": SIGNATURE})
    if signature is not None:
        model.signature_def["s"].CopyFrom(signature)
    changed = Model(model, change)
    draft = changed.draft.signature(SignatureRef("s"))
    changed.draft.put(replace(draft, added=()))  # There is no graph that has their tensors.
    return replace(changed.interface(), added=draft.added)


def ports(
    change: Change,
    given: protos.FunctionDef | None = None,
    signature: protos.SignatureDef | None = None,
) -> FunctionPorts:
    """Those of a signature that calls a function with one captured input."""
    return ports_of(given or function(), ["b", "x"], 1, interface(change, signature))


class TestPorts:
    def test_go_by_the_keys_in_the_model(self) -> None:
        as_it_is = FunctionPorts("f_1", {"b": 0, "x": 1}, (2,), {"p": (0,), "s": (1,)})
        assert ports(rename("s")) == as_it_is
        assert ports(rename("s", inputs={"b": "y"}, outputs={"p": "z"})) == as_it_is
        assert ports(drop("s", output="p")) == as_it_is

    def test_outputs_that_are_added_follow_all_others_of_the_function(self) -> None:
        change = all_of(add_output("s", "a", "t:0"), add_output("s", "z", "u:0"))
        assert ports(change).added == (2, 3)
        assert ports(change, function(results="p s more")).added == (3, 4)

    def test_a_sparse_output_is_three_results(self) -> None:
        signature = meta_graph_def("", {"s": SIGNATURE}).signature_def["s"]
        signature.outputs["p"].coo_sparse.values_tensor_name = "v:0"
        sparse = function(results="i v d s")
        after = ports(rename("s", outputs={"p": "z"}), sparse, signature)
        assert after.results == {"p": (0, 1, 2), "s": (3,)}

    @pytest.mark.parametrize(
        ("arguments", "results"), [("b x", "p s"), ("b x c d", "p s"), ("b x c", "p")]
    )
    def test_of_a_function_that_does_not_fit(self, arguments: str, results: str) -> None:
        with pytest.raises(ModelUnreadable, match="with 3 arguments for at least 2 results"):
            ports(rename("s"), function(arguments, results))

    def test_behind_a_wrapper(self) -> None:
        outer = FunctionPorts("w", {"b": 0, "x": 1}, (2,), {"p": (0,), "s": (1,)}, (2,))
        stated = {3: type_of("float32 [4]")}
        wrapped = Wrapped("f_1", (2, 0, 1), (3, 0), stated)
        inner = function(results="p q r s")
        after = ports_behind(outer, wrapped, inner, interface(add_output("s", "a", "t:0")))
        assert after == FunctionPorts(
            "f_1", {"b": 2, "x": 0}, (1,), {"p": (3,), "s": (0,)}, (4,), stated
        )


class TestOrder:
    """A wrapper's arguments and results are in the sorted order of the new keys."""

    def order(
        self,
        change: Change,
        given: protos.FunctionDef | None = None,
        signature: protos.SignatureDef | None = None,
    ) -> tuple[list[str], list[str]]:
        around, known = given or function(), interface(change, signature)
        unnamed = ports(change, given, signature)._replace(named=False)
        made = Wrapper(known, unnamed, around).build("w", Known(), OpDefs()).signature
        return [each.name for each in made.input_arg], [each.name for each in made.output_arg]

    def test_of_a_signature_as_it_is(self) -> None:
        assert self.order(rename("s")) == (["b", "x", "captured"], ["p", "s"])

    def test_follows_the_sorted_new_keys(self) -> None:
        after = self.order(rename("s", inputs={"b": "y"}, outputs={"p": "z"}))
        assert after == (["x", "b", "captured"], ["s", "p"])

    def test_arguments_are_sorted_as_python_names(self) -> None:
        # "b" comes before "c" and after "0", but not after "arg_0", which stands for it.
        assert self.order(rename("s", inputs={"x": "0"}))[0] == ["x", "b", "captured"]
        assert self.order(rename("s", inputs={"b": "z", "x": "0"}))[0] == ["x", "b", "captured"]
        assert self.order(rename("s", inputs={"b": "aa", "x": "0"}))[0] == ["b", "x", "captured"]

    def test_without_what_is_dropped(self) -> None:
        assert self.order(drop("s", output="p")) == (["b", "x", "captured"], ["s"])

    def test_with_the_parts_of_a_sparse_output(self) -> None:
        signature = meta_graph_def("", {"s": SIGNATURE}).signature_def["s"]
        signature.outputs["p"].coo_sparse.values_tensor_name = "v:0"
        after = self.order(rename("s", outputs={"p": "z"}), function(results="i v d s"), signature)
        assert after[1] == ["s", "i", "v", "d"]

    def test_an_added_output_is_what_its_function_says_unless_inputs_change(self) -> None:
        same = conversion_to("output", type_of("float32 [4]"), type_of("float32 [4]"))
        plain = interface(add_output("s", "z", "t:0"))
        plain = replace(plain, added=(replace(plain.added[0], conversion=same),))
        changed = replace(plain.inputs["x"], conversion=CAST)
        converting = replace(plain, inputs={**plain.inputs, "x": changed})
        with_result, said = function(results="p s z"), list[str]()
        for each in (plain, converting):
            found = ports_of(with_result, ["b", "x"], 1, each)._replace(added=(2,))
            made = Wrapper(each, found, with_result).build("w", Known(), OpDefs())
            (shape,) = made.node_def[-1].attr["_output_shapes"].list.shape
            said.append(shape_text(shape_of(shape)))
        assert said == ["<unknown>", "[4]"]

    def test_of_a_sparse_output_the_values_are_converted(self) -> None:
        signature = meta_graph_def("", {"s": SIGNATURE}).signature_def["s"]
        signature.outputs["p"].coo_sparse.values_tensor_name = "v:0"
        sparse, known = function(results="i v d s"), interface(rename("s"), signature)
        converted = replace(known.outputs["p"], conversion=BACK)
        known = replace(known, outputs={**known.outputs, "p": converted})
        found = ports_of(sparse, ["b", "x"], 1, known)
        made = Wrapper(known, found, sparse).build("w", Known(), OpDefs())
        casts = [node.input[0] for node in made.node_def if node.op == "Cast"]
        assert casts == ["call:output:1"]


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
    PORTS = FunctionPorts("outer_1", {"x": 0}, (), {"y": (0,)}, (1,))
    X = Port("x", "x", {"x": protos.TensorInfo()})
    Z = Port("z", "z", {}, tensor="scaled:0", found="call:1", conversion=BACK)
    PLAIN = Interface(SignatureRef("s"), "s", "", "", {"x": X}, {})
    ADDING = replace(PLAIN, added=(Z,))
    RELAXING = replace(PLAIN, batch=BatchSize(("x",), 1))

    def test_with_more_results(self) -> None:
        known = library(self.OUTER, self.INNER)
        after = with_variant(self.PORTS, self.ADDING, known, OpDefs())
        assert after == self.PORTS._replace(function="outer_4")
        outer, inner = known.get("outer_4"), known.get("inner_3")
        assert outer is not None
        assert inner is not None
        assert lines(outer.node_def)[1:] == ["sigpb_output/Identity = Identity(inner:output:1)"]
        assert lines(inner.node_def)[2:] == ["sigpb_output/Identity = Identity(scaled:z:0)"]
        for variant in (outer, inner):
            assert variant.ret["sigpb_output"] == "sigpb_output/Identity:output:0"
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
            with_variant(self.PORTS, self.ADDING, library(*functions), OpDefs())
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
        before = self.PORTS._replace(function="f_1")
        after = with_variant(before, self.RELAXING, known, OpDefs())
        assert after == before._replace(function="f_2")
        variant = known.get("f_2")
        assert variant is not None
        assert variant.arg_attr[0].attr["_output_shapes"].list.shape[0].dim[0].size == -1
        assert "y = Reshape(x, shape:output:0)" not in lines(variant.node_def)
        assert known.get("f_1") == fixed

    def test_that_cannot_take_any_batch_size(self) -> None:
        fixed = computing("f_1", "y = NoOneKnows(x)", "y:y:0")
        fixed.arg_attr[0].attr["_output_shapes"].list.shape.add().dim.add(size=1)
        before = self.PORTS._replace(function="f_1")
        with pytest.raises(PatchError, match="NoOneKnows"):
            with_variant(before, self.RELAXING, library(fixed), OpDefs())


INTEGERS = "tensor { dtype: DT_INT32 tensor_shape { dim { size: 2 } } int_val: [1, 1] }"
