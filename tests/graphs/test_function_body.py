from __future__ import annotations

import pytest

from sigpb import protos
from sigpb.graphs.function_body import (
    FunctionBody,
    InnerTensor,
    call_with_results,
    find,
    find_in,
    names_in_functions,
    with_results,
)
from sigpb.steps.graph_body import dtype_attr, int_attr
from sigpb.tf.op_defs import OpDefs
from sigpb.tf.tensor_types import TensorType, dtype_of, shape_of, shape_proto

from .small_graphs import FLOAT, Known, call, lines, nodes, output_shapes

FLOAT32, INT32, INT64 = dtype_of("float32"), dtype_of("int32"), dtype_of("int64")


def body() -> FunctionBody:
    """A function ``f(x) = -x``."""
    function = protos.FunctionDef(node_def=nodes("Neg = Neg(x)"))
    function.signature.input_arg.add(name="x", type=FLOAT32)
    return FunctionBody(function, Known(variants=True), OpDefs())


def test_a_tensor_is_spelled_with_the_name_of_the_output() -> None:
    attributes = {"SrcT": dtype_attr(FLOAT32), "DstT": dtype_attr(INT64)}
    after = body()
    assert after.add("Cast", "Cast", ["x"], attributes, shape_proto((None, 3))) == ("Cast:y:0",)
    assert lines(after.function.node_def) == ["Neg = Neg(x)", "Cast = Cast(x)"]
    node = after.function.node_def[1]
    assert {name: node.attr[name] for name in attributes} == attributes
    assert [shape_of(shape) for shape in node.attr["_output_shapes"].list.shape] == [(None, 3)]


def test_a_shape_is_left_out() -> None:
    after = body()
    after.add("Abs", "Abs", ["x"], {"T": dtype_attr(FLOAT32)})
    assert "_output_shapes" not in after.function.node_def[1].attr


def test_names_of_nodes_and_arguments_are_taken() -> None:
    after = body()
    attributes = {"T": dtype_attr(FLOAT32)}
    tensors = [after.add("Neg", name, ["x"], attributes)[0] for name in ("Neg", "x", "Neg", "y")]
    assert tensors == ["Neg_1:y:0", "x_1:y:0", "Neg_2:y:0", "y:y:0"]
    assert after.add("Neg", "NEG", ["x"], attributes) == ("NEG_3:y:0",)


def test_attributes_at_their_defaults_are_left_out() -> None:
    after = body()
    attributes = {"SrcT": dtype_attr(FLOAT32), "Truncate": protos.AttrValue(b=False)}
    after.add("Cast", "Cast", ["x"], attributes | {"DstT": dtype_attr(FLOAT32)})
    assert set(after.function.node_def[-1].attr) == {"SrcT", "DstT"}


def test_a_name_that_was_asked_for_is_taken() -> None:
    after = body()
    assert [after.fresh_name("call") for _ in range(3)] == ["call", "call_1", "call_2"]


def test_all_outputs() -> None:
    after = body()
    attributes = {"num_split": int_attr(2), "T": dtype_attr(FLOAT32)}
    shapes = [shape_proto((1,)), shape_proto((2,))]
    assert after.add("Split", "s", ["axis", "x"], attributes, *shapes) == (
        "s:output:0",
        "s:output:1",
    )
    stated = after.function.node_def[-1].attr["_output_shapes"].list.shape
    assert [shape_of(shape) for shape in stated] == [(1,), (2,)]
    attributes = {"T": dtype_attr(FLOAT32)}
    assert after.add("TopKV2", "top", ["x", "k"], attributes) == ("top:values:0", "top:indices:0")


def test_a_function() -> None:
    assert body().add_function(protos.FunctionDef()) == "_variant"


def test_nodes_are_removed() -> None:
    after = body()
    after.add("Abs", "Abs", ["x"], {"T": dtype_attr(FLOAT32)})
    after.remove(["Neg", "x"])
    assert lines(after.function.node_def) == ["Abs = Abs(x)"]
    assert after.fresh_name("Neg") == "Neg_1"


UNKNOWN = TensorType(FLOAT32, None)


class Library:
    """Functions by name; each has a result for every node ``…_out`` that it ends with."""

    def __init__(self, **bodies: str) -> None:
        self.functions: dict[str, protos.FunctionDef] = {}
        for name, text in bodies.items():
            function = protos.FunctionDef(node_def=nodes(text))
            function.signature.name = name
            for node in function.node_def:
                if node.name.endswith("_out"):
                    result = node.name.removesuffix("_out")
                    function.signature.output_arg.add(name=result, type=FLOAT32)
                    function.ret[result] = f"{node.name}:output:0"
            self.functions[name] = function

    def get(self, name: str) -> protos.FunctionDef | None:
        return self.functions.get(name)

    def add_variant(self, function: protos.FunctionDef) -> str:
        added = protos.FunctionDef()
        added.CopyFrom(function)
        added.signature.name = f"{function.signature.name}_with_more"
        while added.signature.name in self.functions:
            added.signature.name += "_yet"
        self.functions[added.signature.name] = added
        return added.signature.name

    def results(self, name: str) -> list[str]:
        """The tensor behind each result of a function, in order."""
        return results(self.functions[name])


def results(function: protos.FunctionDef) -> list[str]:
    names = [each.name for each in function.signature.output_arg]
    assert len({*names}) == len(names)
    assert {*function.ret} == {*names}
    nodes = {f"{node.name}:output:0": node for node in function.node_def if node.op == "Identity"}
    tensors = [function.ret[name] for name in names]
    added = [tensor for tensor in tensors if tensor.startswith("sigpb_output")]
    assert len({*added}) == len(added), "each is an Identity of its own"
    assert all("_output_shapes" in nodes[tensor].attr for tensor in added)
    return [nodes[tensor].input[0] if tensor in added else tensor for tensor in tensors]


def nested() -> Library:
    """``outer`` calls ``inner``, which computes ``pool/Mean`` and the two outputs of ``top``."""
    return Library(
        outer=f"""
            scaled = Mul(x, x) {FLOAT}
            call = PartitionedCall(scaled) {call("inner", "DT_FLOAT")}
            p_out = Identity(call) {FLOAT}
            """,
        inner=f"""
            pool/Mean = Mean(x, axes) {FLOAT} {output_shapes((-1, 8))}
            top = TopKV2(pool/Mean, k) {FLOAT}
            q_out = Identity(pool/Mean) {FLOAT}
            """,
    )


CALLERS = nodes(f"""
    x = Placeholder()
    StatefulPartitionedCall = StatefulPartitionedCall(x) {call("outer", "DT_FLOAT")}
    """)
PATH = ("StatefulPartitionedCall", "call")


class TestFind:
    @pytest.mark.parametrize(
        ("tensor", "expected"),
        [
            (
                "scaled:0",
                InnerTensor(("StatefulPartitionedCall",), "scaled:z:0", UNKNOWN),
            ),
            (
                "pool/Mean:0",
                InnerTensor(PATH, "pool/Mean:output:0", TensorType(FLOAT32, (None, 8))),
            ),
            ("pool/Mean", InnerTensor(PATH, "pool/Mean:output:0", TensorType(FLOAT32, (None, 8)))),
            ("top:1", InnerTensor(PATH, "top:indices:0", TensorType(INT32, None))),
        ],
    )
    def test_by_its_name_in_a_graph(self, tensor: str, expected: InnerTensor) -> None:
        assert find(tensor, CALLERS, nested(), OpDefs()) == [expected]

    @pytest.mark.parametrize("tensor", ["x", "top:2", "Mean", "pool/Mean:1", ""])
    def test_nothing(self, tensor: str) -> None:
        assert find(tensor, CALLERS, nested(), OpDefs()) == []

    def test_the_nearest_one(self) -> None:
        library = nested()
        library.functions["outer"].node_def.extend(nodes(f"pool/Mean = Neg(x) {FLOAT}"))
        (found,) = find("pool/Mean:0", CALLERS, library, OpDefs())
        assert found.path == ("StatefulPartitionedCall",)

    def test_several_at_one_depth(self) -> None:
        callers = [*CALLERS, *nodes(f"second = PartitionedCall(x) {call('outer', 'DT_FLOAT')}")]
        found = find("pool/Mean:0", callers, nested(), OpDefs())
        assert [each.path for each in found] == [PATH, ("second", "call")]

    def test_in_a_function(self) -> None:
        (found,) = find_in("pool/Mean:0", "outer", nested(), OpDefs())
        assert found.path == ("call",)
        (found,) = find_in("pool/Mean:0", "inner", nested(), OpDefs())
        assert found.path == ()

    def test_functions_that_the_model_lacks(self) -> None:
        callers = nodes(f"c = PartitionedCall(x) {call('gone')}")
        assert find("x", callers, nested(), OpDefs()) == []

    def test_nodes_of_unknown_ops(self) -> None:
        library = Library(f="a = NoOneKnows(x)")
        callers = nodes(f"c = PartitionedCall(x) {call('f')}")
        assert find("a:0", callers, library, OpDefs()) == []

    def test_functions_that_call_each_other(self) -> None:
        library = Library(
            f=f"a = PartitionedCall(x) {call('g')}", g=f"b = PartitionedCall(x) {call('f')}"
        )
        callers = nodes(f"c = PartitionedCall(x) {call('f')}")
        assert find("nope:0", callers, library, OpDefs()) == []


class TestNames:
    def test_in_all_functions_that_are_called(self) -> None:
        assert names_in_functions(CALLERS, nested()) == {
            *("scaled", "call", "p_out"),
            *("pool/Mean", "top", "q_out"),
        }

    def test_functions_that_call_each_other(self) -> None:
        library = Library(
            f=f"a = PartitionedCall(x) {call('g')}", g=f"b = PartitionedCall(x) {call('f')}"
        )
        callers = nodes(f"c = PartitionedCall(x) {call('f')}")
        assert names_in_functions(callers, library) == {"a", "b"}


class TestWithResults:
    def test_of_its_own_nodes(self) -> None:
        library = nested()
        before = protos.FunctionDef()
        before.CopyFrom(library.functions["outer"])
        scaled = InnerTensor((), "scaled:z:0", TensorType(INT32, None))
        after = with_results(library.functions["outer"], [scaled, scaled], library, OpDefs())
        assert library.functions["outer"] == before
        assert results(after) == ["p_out:output:0", "scaled:z:0", "scaled:z:0"]
        assert [each.type for each in after.signature.output_arg] == [FLOAT32, INT32, INT32]
        assert after.signature.output_arg[0].name == "p"
        assert list(after.node_def)[: len(before.node_def)] == list(before.node_def)
        assert list(library.functions) == ["outer", "inner"]

    def test_of_functions_that_it_calls_and_its_own_in_order(self) -> None:
        library = nested()
        tensors = [
            InnerTensor(("call",), "top:indices:0", TensorType(INT32, None)),
            InnerTensor((), "scaled:z:0", UNKNOWN),
            InnerTensor(("call",), "pool/Mean:output:0", UNKNOWN),
        ]
        after = with_results(library.functions["outer"], tensors, library, OpDefs())
        assert results(after) == [
            "p_out:output:0",
            "call:output:1",
            "scaled:z:0",
            "call:output:2",
        ]
        changed = after.node_def[1]
        assert changed.attr["f"].func.name == "inner_with_more"
        assert list(changed.attr["Tout"].list.type) == [FLOAT32, INT32, FLOAT32]
        assert library.results("inner_with_more") == [
            "q_out:output:0",
            "top:indices:0",
            "pool/Mean:output:0",
        ]

    def test_one_of_two_calls_of_a_function(self) -> None:
        library = Library(
            twice=f"""
                first = PartitionedCall(x) {call("f", "DT_FLOAT")}
                second = PartitionedCall(first) {call("f", "DT_FLOAT")}
                """,
            f=f"a = Neg(x) {FLOAT}",
        )
        inner = InnerTensor(("second",), "a:y:0", UNKNOWN)
        after = with_results(library.functions["twice"], [inner], library, OpDefs())
        called = [node.attr["f"].func.name for node in after.node_def[:2]]
        assert called == ["f", "f_with_more"]
        assert results(after) == ["second:output:1"]

    def test_names_that_are_taken(self) -> None:
        function = protos.FunctionDef(node_def=nodes(f"a = Neg(x) {FLOAT}"))
        for name in ("sigpb_output", "sigpb_output_2"):
            function.signature.output_arg.add(name=name, type=FLOAT32)
            function.ret[name] = "a:y:0"  # As sigpb 0.1.0 had it.
        after = with_results(function, [InnerTensor((), "a:y:0", UNKNOWN)], Library(), OpDefs())
        names = [each.name for each in after.signature.output_arg]
        assert names == ["sigpb_output", "sigpb_output_2", "sigpb_output_1"]
        assert after.ret["sigpb_output_1"] == "sigpb_output/Identity:output:0"


class TestCallWithResults:
    def test_through_two_functions(self) -> None:
        library = nested()
        (found,) = find("pool/Mean:0", CALLERS, library, OpDefs())
        node = protos.NodeDef()
        node.CopyFrom(CALLERS[1])
        assert call_with_results(node, [found.below], library, OpDefs()) == 1
        assert node.attr["f"].func.name == "outer_with_more"
        assert list(node.attr["Tout"].list.type) == [FLOAT32, FLOAT32]
        assert "_output_shapes" not in node.attr
        assert library.results("outer_with_more") == [
            "p_out:output:0",
            "call:output:1",
        ]
        assert library.results("inner_with_more") == [
            "q_out:output:0",
            "pool/Mean:output:0",
        ]
        assert lines([node]) == lines(CALLERS[1:])

    def test_shapes_where_they_are_stated(self) -> None:
        library = nested()
        attributes = f"{call('inner', 'DT_FLOAT')} {output_shapes((2,))}"
        (node,) = nodes(f"c = PartitionedCall(x) {attributes}")
        tensors = [
            InnerTensor((), "pool/Mean:output:0", TensorType(FLOAT32, (None, 8))),
            InnerTensor((), "top:values:0", UNKNOWN),
        ]
        assert call_with_results(node, tensors, library, OpDefs()) == 1
        shapes = node.attr["_output_shapes"].list.shape
        assert [shape_of(each) for each in shapes] == [(2,), (None, 8), None]

    def test_a_call_without_results(self) -> None:
        library = nested()
        (node,) = nodes(f"c = PartitionedCall(x) {call('inner')}")
        tensors = [InnerTensor((), "top:values:0", UNKNOWN)]
        assert call_with_results(node, tensors, library, OpDefs()) == 0
        assert list(node.attr["Tout"].list.type) == [FLOAT32]
