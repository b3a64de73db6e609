from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sigpb import protos
from sigpb.rewrite.conversion import Conversion
from sigpb.rewrite.signature_function import Wrapper, is_wrapper, wrapped_in
from sigpb.rewrite.wrapper_function import call_in
from sigpb.tf.op_defs import OpDefs
from sigpb.tf.tensor_types import TensorType, shape_of
from sigpb.tf.tensor_values import tensor_proto
from tests.graphs.small_graphs import Known
from tests.rewrite.drafts import conversion_to

from .orders import Order

FLOAT, UINT8, INT64, RESOURCE = 1, 4, 9, 20
NAME = "__inference_signature_wrapper_sigpb_8"
FORMER_NAME = "__inference_sigpb_signature_wrapper_8"


def made(order: Order, around: protos.FunctionDef, name: str = NAME) -> protos.FunctionDef:
    return Wrapper(order.interface, order.ports, around).build(name, Known(), OpDefs())


def is_same(order: Order, around: protos.FunctionDef) -> bool:
    return Wrapper(order.interface, order.ports, around).is_identity


def function(inputs: str = "b x captured", results: str = "p s") -> protos.FunctionDef:
    """Makes a function as the exporter does: a call and an Identity for each result."""
    made = protos.FunctionDef()
    made.signature.name = "__inference_f_7"
    for position, name in enumerate(inputs.split()):
        dtype = RESOURCE if name == "captured" else (FLOAT, INT64)[position % 2]
        made.signature.input_arg.add(name=name, type=dtype)
        made.arg_attr[position].attr["_user_specified_name"].s = name.encode()
    call = made.node_def.add(name="PartitionedCall", op="PartitionedCall", input=inputs.split())
    call.attr["config_proto"].s = b"soft placement"
    for position, name in enumerate(results.split()):
        made.signature.output_arg.add(name=name, type=(FLOAT, INT64)[position % 2])
        call.attr["_output_shapes"].list.shape.add().dim.add(size=position)
        identity = made.node_def.add(name=f"{name}_out", op="Identity")
        identity.attr["_output_shapes"].list.shape.add().dim.add(size=position)
        made.ret[name] = f"{name}_out:output:0"
    return made


def names(arguments: protos.OpDef) -> tuple[list[str], list[str]]:
    return [a.name for a in arguments.input_arg], [r.name for r in arguments.output_arg]


class TestBuild:
    def test_arguments_and_results_in_their_order(self) -> None:
        order = Order("__inference_f_7", arguments=(1, 0, 2), results=(1, 0))
        wrapper = made(order, function())
        signature = wrapper.signature
        assert signature.name == NAME
        assert names(signature) == (["x", "b", "captured"], ["s", "p"])
        assert [argument.type for argument in signature.input_arg] == [INT64, FLOAT, RESOURCE]
        assert [result.type for result in signature.output_arg] == [INT64, FLOAT]
        assert dict(wrapper.ret) == {"p": "p:output:0", "s": "s:output:0"}
        assert lines(wrapper) == [
            "call = PartitionedCall(b, x, captured)",
            "s = Identity(call:output:1)",
            "p = Identity(call:output:0)",
        ]
        assert user_names(wrapper) == ["x", "b", "captured"]

    def test_arguments_and_results_are_named_after_the_keys(self) -> None:
        order = Order(
            "__inference_f_7",
            arguments=(1, 0, 2),
            results=(0, 1),
            input_keys={0: "second/Key", 1: "Image"},
            output_keys={0: "0", 1: "a score"},
        )
        wrapper = made(order, function())
        assert names(wrapper.signature) == (
            ["image", "second_key", "captured"],
            ["unknown", "a_score"],
        )
        assert user_names(wrapper) == ["Image", "second/Key", "captured"]
        assert lines(wrapper) == [
            "call = PartitionedCall(second_key, image, captured)",
            "unknown = Identity(call:output:0)",
            "a_score = Identity(call:output:1)",
        ]

    def test_keys_that_give_the_same_name(self) -> None:
        order = Order(
            "__inference_f_7",
            (1, 0, 2),
            (1, 0),
            input_keys={0: "x", 1: "X"},
            output_keys={0: "x", 1: "call"},
        )
        wrapper = made(order, function())
        assert names(wrapper.signature) == (["x", "x_1", "captured"], ["call_1", "x_2"])

    def test_results_state_the_shapes_that_the_function_states(self) -> None:
        wrapper = made(Order("__inference_f_7", (0, 1, 2), (1, 0)), function())
        assert [stated(node) for node in wrapper.node_def] == [[(0,), (1,)], [(1,)], [(0,)]]

    def test_shapes_of_arguments_are_stated_where_the_function_states_them(self) -> None:
        order = Order("__inference_f_7", (1, 0, 2), (0,))
        assert "_input_shapes" not in made(order, function()).attr
        stating = function()
        for size in (5, 6, 7):
            stating.attr["_input_shapes"].list.shape.add().dim.add(size=size)
        del stating.attr["_input_shapes"].list.shape[2]
        assert "_input_shapes" not in made(order, stating).attr
        stating.attr["_input_shapes"].list.shape.add().dim.add(size=7)
        wrapper = made(order, stating)
        shapes = wrapper.attr["_input_shapes"].list.shape
        assert [shape_of(shape) for shape in shapes] == [(6,), (5,), (7,)]
        refined = conversion_to("input", TensorType(FLOAT, (None,)), TensorType(FLOAT, (9,)))
        order = Order("__inference_f_7", (1, 0, 2), (0,), inputs={0: refined})
        shapes = made(order, stating).attr["_input_shapes"].list.shape
        assert [shape_of(shape) for shape in shapes] == [(6,), (9,), (7,)]

    def test_the_call_is_in_the_order_of_the_function(self) -> None:
        order = Order("__inference_f_7", arguments=(1, 0, 2), results=(1,))
        call, _ = made(order, function()).node_def
        assert (call.name, call.op) == ("call", "PartitionedCall")
        assert list(call.input) == ["b", "x", "captured"]
        assert call.attr["f"].func.name == "__inference_f_7"
        assert list(call.attr["Tin"].list.type) == [FLOAT, INT64, RESOURCE]
        assert list(call.attr["Tout"].list.type) == [FLOAT, INT64]
        assert call.attr["config_proto"].s == b"soft placement"
        shapes = call.attr["_output_shapes"].list.shape
        assert [shape.dim[0].size for shape in shapes] == [0, 1]

    def test_attributes_at_their_defaults_are_left_out(self) -> None:
        plain = function()
        plain.node_def[0].attr["executor_type"].s = b""
        call, _ = made(Order("f", (0, 1, 2), (0,)), plain).node_def
        assert "config_proto" in call.attr
        assert "executor_type" not in call.attr

    def test_a_stateful_function_runs_even_without_results(self) -> None:
        stateful = function()
        stateful.signature.is_stateful = True
        wrapper = made(Order("__inference_f_7", (0, 1, 2), (0,)), stateful)
        assert wrapper.signature.is_stateful
        assert wrapper.node_def[0].op == "StatefulPartitionedCall"
        assert list(wrapper.signature.control_output) == ["call"]
        assert dict(wrapper.control_ret) == {"call": "call"}

    def test_a_stateless_function_has_no_control_outputs(self) -> None:
        wrapper = made(Order("__inference_f_7", (0, 1, 2), (0, 1)), function())
        assert not wrapper.signature.is_stateful
        assert not wrapper.signature.control_output
        assert not wrapper.control_ret

    def test_an_argument_called_like_the_call(self) -> None:
        wrapper = made(Order("f", (0, 1), (0,)), function("call call_", "p"))
        call, result = wrapper.node_def
        assert call.name not in ("call", "call_")
        assert list(result.input) == [f"{call.name}:output:0"]

    def test_what_resources_share_moves_with_them(self) -> None:
        shared = function("a captured", "p")
        shared.resource_arg_unique_id[1] = 5
        shared.attr["_construction_context"].s = b"kEagerRuntime"
        wrapper = made(Order("__inference_f_7", (1, 0), (0,)), shared)
        assert dict(wrapper.resource_arg_unique_id) == {0: 5}
        assert wrapper.attr["_construction_context"].s == b"kEagerRuntime"

    def test_shapes_that_the_function_does_not_state(self) -> None:
        silent = function("x", "p s")
        silent.ret["p"] = "x"
        silent.ret["s"] = "PartitionedCall:output:1"
        wrapper = made(Order("__inference_f_7", (0,), (0, 1)), silent)
        shapes = wrapper.node_def[0].attr["_output_shapes"].list.shape
        assert shapes[0].unknown_rank
        assert shapes[1].dim[0].size == 1


class TestConversions:
    """The types outside are those of the signature; the call gets what the function takes."""

    @pytest.fixture
    def silent(self) -> protos.FunctionDef:
        return function("b x captured", "p s")

    def test_an_argument(self, silent: protos.FunctionDef) -> None:
        cast = conversion_to("input", TensorType(FLOAT, (None, 3)), TensorType(UINT8, (None, 3)))
        order = Order("__inference_f_7", (0, 1, 2), (0, 1), inputs={0: cast})
        wrapper = made(order, silent)
        assert [argument.type for argument in wrapper.signature.input_arg] == [
            UINT8,
            INT64,
            RESOURCE,
        ]
        (shape,) = wrapper.arg_attr[0].attr["_output_shapes"].list.shape
        assert shape_of(shape) == (None, 3)
        assert lines(wrapper) == [
            "Cast = Cast(b)",
            "call = PartitionedCall(Cast:y:0, x, captured)",
            "p = Identity(call:output:0)",
            "s = Identity(call:output:1)",
        ]

    def test_a_result(self, silent: protos.FunctionDef) -> None:
        cast = conversion_to("output", TensorType(INT64, ()), TensorType(FLOAT, ()))
        order = Order("__inference_f_7", (0, 1, 2), (1, 0), outputs={1: cast})
        wrapper = made(order, silent)
        assert [(r.name, r.type) for r in wrapper.signature.output_arg] == [
            ("s", FLOAT),
            ("p", FLOAT),
        ]
        assert lines(wrapper) == [
            "call = PartitionedCall(b, x, captured)",
            "Cast = Cast(call:output:1)",
            "s = Identity(Cast:y:0)",
            "p = Identity(call:output:0)",
        ]

    def test_a_result_of_which_only_more_is_said(self, silent: protos.FunctionDef) -> None:
        refined = conversion_to("output", TensorType(FLOAT, (None,)), TensorType(FLOAT, (4,)))
        order = Order("__inference_f_7", (0, 1, 2), (0, 1), outputs={0: refined})
        assert not is_same(order, silent)
        call, p, _ = made(order, silent).node_def
        assert (stated(call)[0], stated(p)) == ((0,), [(4,)])

    def test_an_argument_that_is_bound(self, silent: protos.FunctionDef) -> None:
        value = tensor_proto("3", INT64, ())
        order = Order("__inference_f_7", (0, 2), (0,), bound={1: value})
        wrapper = made(order, silent)
        assert [argument.name for argument in wrapper.signature.input_arg] == ["b", "captured"]
        assert lines(wrapper) == [
            "x = Const()",
            "call = PartitionedCall(b, x:output:0, captured)",
            "p = Identity(call:output:0)",
        ]
        assert wrapper.node_def[0].attr["value"].tensor == value

    def test_names_that_are_taken(self) -> None:
        awkward = function("Cast x captured", "p")
        cast = conversion_to("input", TensorType(FLOAT, ()), TensorType(INT64, ()))
        order = Order(
            "__inference_f_7",
            (0, 2),
            (0,),
            inputs={0: cast},
            bound={1: tensor_proto("3", INT64, ())},
        )
        assert lines(made(order, awkward)) == [
            "Cast_1 = Cast(Cast)",
            "x = Const()",
            "call = PartitionedCall(Cast_1:y:0, x:output:0, captured)",
            "p = Identity(call:output:0)",
        ]

    def test_a_type_that_is_only_refined_needs_no_node(self, silent: protos.FunctionDef) -> None:
        refined = conversion_to("input", TensorType(FLOAT, (None, 3)), TensorType(FLOAT, (4, 3)))
        order = Order("__inference_f_7", (0, 1, 2), (0, 1), inputs={0: refined})
        assert not is_same(order, silent)
        wrapper = made(order, silent)
        assert lines(wrapper)[0] == "call = PartitionedCall(b, x, captured)"
        (shape,) = wrapper.arg_attr[0].attr["_output_shapes"].list.shape
        assert shape_of(shape) == (4, 3)


def user_names(function: protos.FunctionDef) -> list[str]:
    attributes = [function.arg_attr[i].attr for i in range(len(function.signature.input_arg))]
    return [each["_user_specified_name"].s.decode() for each in attributes]


def stated(node: protos.NodeDef) -> list[tuple[int | None, ...] | None]:
    return [shape_of(shape) for shape in node.attr["_output_shapes"].list.shape]


def lines(function: protos.FunctionDef) -> list[str]:
    return [f"{node.name} = {node.op}({', '.join(node.input)})" for node in function.node_def]


class TestIdentityAndBack:
    def test_identity(self) -> None:
        assert is_same(Order("f", (0, 1, 2), (0, 1)), function())

    def test_no_identity_if_it_converts(self) -> None:
        cast = conversion_to("input", TensorType(FLOAT, ()), TensorType(INT64, ()))
        value = tensor_proto("3", INT64, ())
        assert not is_same(Order("f", (0, 1, 2), (0, 1), inputs={0: cast}), function())
        assert not is_same(Order("f", (0, 1, 2), (0, 1), outputs={0: cast}), function())
        assert not is_same(Order("f", (0, 2), (0, 1), bound={1: value}), function())
        assert not is_same(Order("f", (0, 1, 2), (0, 1), relaxed=(0,)), function())

    @pytest.mark.parametrize(
        ("arguments", "results"),
        [((1, 0, 2), (0, 1)), ((0, 1, 2), (1, 0)), ((0, 1, 2), (0,)), ((0, 1, 2), ())],
    )
    def test_no_identity(self, arguments: tuple[int, ...], results: tuple[int, ...]) -> None:
        assert not is_same(Order("f", arguments, results), function())

    def test_of_a_function_that_is_no_wrapper(self) -> None:
        called = function()
        called.node_def[0].attr["f"].func.name = called.signature.name
        assert wrapped_in(called, Known(called)) is None
        order = Order("__inference_f_7", (0, 1, 2), (0, 1))
        assert wrapped_in(made(order, called), Known(called)) == order.wrapped
        assert wrapped_in(made(order, called, "__inference_g_8"), Known(called)) is None
        assert wrapped_in(made(order, called), Known()) is None

    @pytest.mark.parametrize("name", [NAME, FORMER_NAME])
    def test_of_what_was_made_before_results_had_identities(self, name: str) -> None:
        inner = function()
        order = Order("__inference_f_7", (1, 0, 2), (1, 0))
        wrapper = former(name, order, inner)
        assert wrapped_in(wrapper, Known(inner)) == order.wrapped
        wrapper.arg_attr[0].attr["_output_shapes"].list.shape.add().dim.add(size=1)
        assert wrapped_in(wrapper, Known(inner)) is None

    def test_of_a_wrapper_that_says_more_of_a_result(self) -> None:
        inner = function()
        refined = conversion_to("output", TensorType(FLOAT, (None,)), TensorType(FLOAT, (4,)))
        order = Order("__inference_f_7", (0, 1, 2), (0, 1), outputs={0: refined})
        found = wrapped_in(made(order, inner), Known(inner))
        assert found is not None
        assert found.stated == {0: TensorType(FLOAT, (4,))}
        ports = order.ports._replace(stated=found.stated)
        plain = Order("__inference_f_7", (0, 1, 2), (0, 1)).interface
        assert not Wrapper(plain, ports, inner).is_identity, "something is said of the result"
        assert Wrapper(plain, order.ports, inner).is_identity
        wrapper = Wrapper(plain, ports, inner).build(NAME, Known(), OpDefs())
        assert stated(wrapper.node_def[1]) == [(4,)]
        as_it_was = TensorType(FLOAT, (0,))  # What the function states.
        back = Conversion(as_it_was, as_it_was, (), ("refine",), (), as_it_was)
        again = Order("__inference_f_7", (0, 1, 2), (0, 1), outputs={0: back}).interface
        assert Wrapper(again, ports, inner).is_identity

    def test_of_a_wrapper_that_passes_an_argument_on(self) -> None:
        inner = function()
        wrapper = made(Order("__inference_f_7", (0, 1, 2), (0,)), inner)
        wrapper.node_def[1].input[0] = "b"
        assert wrapped_in(wrapper, Known(inner)) is None
        wrapper.node_def[1].input[0] = "call:output:2"
        assert wrapped_in(wrapper, Known(inner)) is None, "the function has two results"

    @pytest.mark.parametrize("to", [TensorType(INT64, (None, 3)), TensorType(FLOAT, (4, 3))])
    def test_of_a_wrapper_that_converts(self, to: TensorType) -> None:
        inner = function()
        change = conversion_to("input", TensorType(FLOAT, (None, 3)), to)
        order = Order("__inference_f_7", (0, 1, 2), (0, 1), inputs={0: change})
        assert wrapped_in(made(order, inner), Known(inner)) is None

    def test_of_a_wrapper_that_binds(self) -> None:
        inner = function()
        order = Order("__inference_f_7", (0, 2), (0, 1), bound={1: tensor_proto("3", INT64, ())})
        assert wrapped_in(made(order, inner), Known(inner)) is None

    @given(st.permutations(range(5)), st.permutations(range(4)), st.integers(0, 4))
    def test_is_found_again_in_the_wrapper(
        self, arguments: list[int], results: list[int], kept: int
    ) -> None:
        inner = function("a b c d captured", "p q r s")
        order = Order("__inference_f_7", tuple(arguments), tuple(results[:kept]))
        assert wrapped_in(made(order, inner), Known(inner)) == order.wrapped

    @pytest.mark.parametrize("name", ["__inference_sigpb_signature_wrapper", f"{NAME}_more"])
    def test_of_a_name_that_only_resembles_theirs(self, name: str) -> None:
        assert is_wrapper(NAME)
        assert is_wrapper(FORMER_NAME)
        assert not is_wrapper(name)


class TestCallIn:
    def test_of_a_wrapper_that_converts_and_binds(self) -> None:
        cast = conversion_to("input", TensorType(FLOAT, ()), TensorType(INT64, ()))
        bound = {1: tensor_proto("3", INT64, ())}
        order = Order("__inference_f_7", (2, 0), (1, 0), inputs={0: cast}, bound=bound)
        found = call_in(made(order, function()))
        assert found == ("__inference_f_7", {0: 2, 1: 0}, {0: 1, 1: 0})

    def test_of_what_is_no_wrapper(self) -> None:
        called = function()
        assert call_in(called) is None
        wrapper = made(Order("__inference_f_7", (0, 1, 2), (0, 1)), called)
        wrapper.node_def.add().CopyFrom(wrapper.node_def[0])
        assert call_in(wrapper) is None, "it calls two functions"

    def test_of_a_damaged_one_whose_nodes_take_each_other(self) -> None:
        wrapper = made(Order("__inference_f_7", (0, 1, 2), (0, 1)), function())
        wrapper.node_def[1].input[0] = f"{wrapper.node_def[1].name}:output:0"
        found = call_in(wrapper)
        assert found is not None
        assert found.results == {1: 1}


def former(name: str, order: Order, function: protos.FunctionDef) -> protos.FunctionDef:
    """Makes the wrapper that sigpb 0.1.0 made."""
    wrapper = made(order, function, name)
    identities = {f"{node.name}:output:0": node.input[0] for node in wrapper.node_def[1:]}
    for result, tensor in list(wrapper.ret.items()):
        wrapper.ret[result] = identities[tensor]
    del wrapper.node_def[1:]
    return wrapper
