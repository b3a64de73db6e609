from __future__ import annotations

import pytest

from sigpb import protos
from sigpb.errors import PatchError
from sigpb.graphs.function_body import InnerTensor, find
from sigpb.graphs.interior import Cut, with_arguments
from sigpb.tf.called_functions import nodes_by_name
from sigpb.tf.op_defs import OpDefs
from sigpb.tf.tensor_types import TensorType, dtype_of

from .small_graphs import FLOAT, Known, by_name, call, lines, nodes

FLOAT32 = dtype_of("float32")

INNER = f"""
    Abs = Abs(text) {FLOAT}
    seen = Assert(text, Abs:y:0)
    mid = Exp(Abs:y:0, ^seen) {FLOAT}
    size = Sqrt(text) {FLOAT}
    scale = Neg(w) {FLOAT}
    out = Mul(mid:y:0, scale:y:0, ^end) {FLOAT}
    end = NoOp(^seen, ^scale)
"""
OUTER = f"""
    pass = Relu(x) {FLOAT}
    call = StatefulPartitionedCall(pass:activations:0, w) {call("inner", "DT_FLOAT", "DT_FLOAT")}
    twice = Add(call:output:0, b) {FLOAT}
"""


def function(
    name: str, body: str, arguments: str, results: dict[str, str], waits: str = ""
) -> protos.FunctionDef:
    made = protos.FunctionDef(node_def=nodes(body), ret=results)
    made.signature.name = name
    for argument in arguments.split():
        made.signature.input_arg.add(name=argument, type=FLOAT32)
    for result in results:
        made.signature.output_arg.add(name=result, type=FLOAT32)
    for each in waits.split():
        made.signature.control_output.append(each)
        made.control_ret[each] = each
    return made


def known() -> Known:
    inner = function("inner", INNER, "text w", {"y": "out:z:0", "n": "size:y:0"}, "seen scale")
    outer = function("outer", OUTER, "x w b", {"y": "twice:z:0", "n": "call:output:1"}, "call")
    return Known(inner, outer, variants=True)


def top() -> dict[str, protos.NodeDef]:
    return by_name(
        f"""
        x = Placeholder()
        f = StatefulPartitionedCall(x, w, b) {call("outer", "DT_FLOAT", "DT_FLOAT")}
        """
    )


def found(tensor: str, functions: Known) -> InnerTensor:
    (each,) = find(tensor, top().values(), functions, OpDefs())
    return each


class TestCut:
    def test_what_is_computed_from_an_input_is_lost(self) -> None:
        functions = known()
        cut = Cut(top(), ["x"], functions)
        assert [cut.is_lost(tensor) for tensor in ("f", "f:1")] == [True, True]

    def test_not_what_is_computed_from_a_tensor_that_is_fed(self) -> None:
        functions = known()
        cut = Cut(top(), ["x"], functions, [found("mid:0", functions)])
        assert not cut.is_lost("f")
        assert cut.is_lost("f:1")

    def test_nor_what_waits_for_something_that_is_lost(self) -> None:
        functions = known()
        cut = Cut(by_name("b = NoOp(^a)\na = Abs(x)"), ["x"], functions)
        assert cut.lost == {"a"}

    def test_inputs_of_which_a_call_takes_only_some(self) -> None:
        functions = known()
        cut = Cut(top(), ["b:0"], functions)
        assert [cut.is_lost(tensor) for tensor in ("f", "f:1")] == [True, False]

    def test_path(self) -> None:
        functions = known()
        cut = Cut(top(), ["x"], functions)
        assert cut.path("f:1") == ["x", "pass", "size"]
        assert cut.path("f") == ["x", "pass", "Abs", "mid", "out", "twice"]

    def test_a_function_that_calls_itself(self) -> None:
        body = f"again = PartitionedCall(x) {call('f', 'DT_FLOAT')}"
        functions = Known(function("f", body, "x", {"y": "again:output:0"}))
        cut = Cut(by_name(f"c = PartitionedCall(x) {call('f', 'DT_FLOAT')}"), ["x"], functions)
        assert cut.is_lost("c")

    def test_a_call_with_another_number_of_arguments(self) -> None:
        """Nothing is known of what it does with them."""
        functions = known()
        nodes = by_name(f"f = PartitionedCall(b, x) {call('inner', 'DT_FLOAT', 'DT_FLOAT')}")
        del functions.functions["inner"].signature.input_arg[1]
        assert Cut(nodes, ["x"], functions).lost == {"f"}


class TestWithArguments:
    def variants(self, *tensors: str, gone: tuple[int, ...] = (0,)) -> Known:
        functions = known()
        fed = [found(tensor, functions).below for tensor in tensors]
        outer = functions.functions["outer"]
        cut = Cut.of_function(outer, gone, functions, fed)
        functions.functions["outer_variant"] = with_arguments(outer, cut, functions, OpDefs())
        return functions

    def test_nodes(self) -> None:
        functions = self.variants("mid:0").functions
        assert lines(functions["inner_variant"].node_def) == [
            "scale = Neg(w)",
            "out = Mul(sigpb_input, scale:y:0, ^end)",
            "end = NoOp(^scale)",
            "n_lost = Const()",
        ]
        assert lines(functions["outer_variant"].node_def) == [
            "call = StatefulPartitionedCall(w, sigpb_input)",
            "twice = Add(call:output:0, b)",
            "n_lost = Const()",
        ]

    def test_arguments_and_results(self) -> None:
        functions = self.variants("mid:0").functions
        inner, outer = functions["inner_variant"], functions["outer_variant"]
        assert [each.name for each in inner.signature.input_arg] == ["w", "sigpb_input"]
        assert [each.name for each in outer.signature.input_arg] == ["w", "b", "sigpb_input"]
        assert dict(inner.ret) == {"y": "out:z:0", "n": "n_lost:output:0"}
        assert dict(inner.control_ret) == {"scale": "scale"}
        assert [*inner.signature.control_output] == ["scale"]
        called = nodes_by_name(outer.node_def)["call"]
        assert called.attr["f"].func.name == "inner_variant"
        assert [*called.attr["Tin"].list.type] == [FLOAT32, FLOAT32]

    def test_a_tensor_that_is_a_result(self) -> None:
        functions = self.variants("mid:0", "size:0").functions
        assert dict(functions["inner_variant"].ret) == {"y": "out:z:0", "n": "sigpb_input_1"}

    def test_several_tensors_keep_their_order(self) -> None:
        functions = self.variants("size:0", "mid:0").functions
        out = nodes_by_name(functions["inner_variant"].node_def)["out"]
        assert [*out.input] == ["sigpb_input_1", "scale:y:0", "^end"]
        called = nodes_by_name(functions["outer_variant"].node_def)["call"]
        assert [*called.input] == ["w", "sigpb_input", "sigpb_input_1"]

    def test_what_is_stated_of_arguments_follows_them(self) -> None:
        functions = known()
        outer = functions.functions["outer"]
        for at in range(3):
            outer.arg_attr[at].attr["n"].i = at
            outer.attr["_input_shapes"].list.shape.add().dim.add(size=at)
        outer.resource_arg_unique_id[1] = 7
        outer.attr["runtime_constant_optimization"].b = True
        cut = Cut.of_function(outer, (0,), functions, [found("mid:0", functions).below])
        after = with_arguments(outer, cut, functions, OpDefs())
        assert [after.arg_attr[at].attr["n"].i for at in (0, 1)] == [1, 2]
        assert after.resource_arg_unique_id == {0: 7}
        sizes = [[dim.size for dim in s.dim] for s in after.attr["_input_shapes"].list.shape]
        assert sizes == [[1], [2], []]
        assert "runtime_constant_optimization" not in after.attr

    def test_a_lost_result_that_no_constant_can_be(self) -> None:
        functions = known()
        functions.functions["inner"].signature.output_arg[1].type = dtype_of("resource")
        fed = [found("mid:0", functions).below]
        outer = functions.functions["outer"]
        cut = Cut.of_function(outer, (0,), functions, fed)
        with pytest.raises(PatchError, match="could not return 'n' any longer, a resource"):
            with_arguments(outer, cut, functions, OpDefs())

    def test_what_has_effects_stays_though_nothing_needs_it(self) -> None:
        body = f"a = AssignVariableOp(w, x)\nb = Abs(x) {FLOAT}\nc = Abs(b:y:0) {FLOAT}"
        f = function("f", body.replace("b = Abs(x)", "b = Abs(x, ^a)"), "x w", {"y": "c:y:0"})
        cut = Cut.of_function(f, (), Known(), [InnerTensor((), "b:y:0", TensorType(FLOAT32, None))])
        after = with_arguments(f, cut, Known(), OpDefs())
        assert [node.name for node in after.node_def] == ["a", "c"]
