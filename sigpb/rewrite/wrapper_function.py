"""A function around a signature's function, with other arguments and results.

`tf.saved_model.load` passes a signature's inputs to its function, and names the results, in the
sorted order of their keys. When new keys sort differently, the signature gets such a wrapper in the
order of the new keys; the function itself, which other nodes may call, stays as it is. The same
wrapper converts values whose type is to change, and passes constants for inputs that are to go.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from sigpb import protos
from sigpb.graph.function_body import FunctionBody
from sigpb.graph.function_outputs import CALL_OPS, Functions
from sigpb.graph.stated_shapes import stated_shapes
from sigpb.op_defs import OpDefs
from sigpb.rewrite.conversion import Conversion
from sigpb.steps.attributes import constant
from sigpb.steps.step import build_steps
from sigpb.tensor_types import shape_proto

STEM = "__inference_sigpb_signature_wrapper"
"""What the names of wrappers begin with, up to their number."""

_NAME_PATTERN = re.compile(STEM + r"_\d+")


@dataclass(frozen=True)
class Order:
    """How a wrapper's arguments and results correspond to those of the function it calls.

    Attributes:
        function: The name of the function that is called.
        arguments: For each argument of the wrapper, captured inputs too, its position in the
            function's.
        results: For each result of the wrapper, its position in the function's.
        inputs: How arguments are converted, by their position in the function's.
        outputs: How results are converted, by their position in the function's.
        bound: The values of those arguments of the function that the wrapper has not.
        relaxed: The arguments whose first dimension the function is no longer to fix, by their
            position in the function's.
    """

    function: str
    arguments: tuple[int, ...]
    results: tuple[int, ...]
    inputs: Mapping[int, Conversion] = field(default_factory=dict)
    outputs: Mapping[int, Conversion] = field(default_factory=dict)
    bound: Mapping[int, protos.TensorProto] = field(default_factory=dict)
    relaxed: tuple[int, ...] = ()

    def is_identity(self, function: protos.FunctionDef) -> bool:
        """Whether the wrapper would be the same as `function`, the one it calls."""
        signature = function.signature
        return (
            self.arguments == tuple(range(len(signature.input_arg)))
            and self.results == tuple(range(len(signature.output_arg)))
            and not self.inputs
            and not self.outputs
            and not self.relaxed
        )

    def around(self, inner: Order, results: int) -> Order:
        """Returns the order of one wrapper that does what this one does around another.

        Args:
            inner: The order of the other, which converts nothing.
            results: How many results the function has that the other calls. What this one has
                beyond the results of the other are taken to follow them.
        """
        more = max((*self.results, -1)) + 1 - len(inner.results)
        outputs = (*inner.results, *range(results, results + more))
        return Order(
            inner.function,
            tuple(inner.arguments[position] for position in self.arguments),
            tuple(outputs[position] for position in self.results),
            {inner.arguments[position]: each for position, each in self.inputs.items()},
            {outputs[position]: each for position, each in self.outputs.items()},
            {inner.arguments[position]: value for position, value in self.bound.items()},
            tuple(inner.arguments[position] for position in self.relaxed),
        )


def build(
    name: str, order: Order, function: protos.FunctionDef, op_defs: OpDefs
) -> protos.FunctionDef:
    """Returns the wrapper.

    Args:
        name: The wrapper's name.
        order: What its arguments and results are.
        function: The function that it calls.
        op_defs: Where the ops of conversions are looked up.
    """
    inner = function.signature
    wrapper = protos.FunctionDef()
    signature = wrapper.signature
    signature.name = name
    signature.is_stateful = inner.is_stateful
    signature.input_arg.extend(inner.input_arg[position] for position in order.arguments)
    signature.output_arg.extend(inner.output_arg[position] for position in order.results)
    for new_position, position in enumerate(order.arguments):
        if position in function.arg_attr:
            wrapper.arg_attr[new_position].CopyFrom(function.arg_attr[position])
        if position in function.resource_arg_unique_id:
            wrapper.resource_arg_unique_id[new_position] = function.resource_arg_unique_id[position]
        if position in order.inputs:
            outside = order.inputs[position].outside
            signature.input_arg[new_position].type = outside.dtype
            shapes = wrapper.arg_attr[new_position].attr["_output_shapes"].list
            del shapes.shape[:]
            shapes.shape.append(shape_proto(outside.shape))
    if "_construction_context" in function.attr:
        wrapper.attr["_construction_context"].CopyFrom(function.attr["_construction_context"])

    body = FunctionBody(wrapper, op_defs)
    arguments = list(_arguments(body, order, function))
    call = _call(body, function, arguments)
    for result, position in zip(signature.output_arg, order.results, strict=True):
        wrapper.ret[result.name] = f"{call}:output:{position}"
        if position in order.outputs:
            change = order.outputs[position]
            result.type = change.outside.dtype
            wrapper.ret[result.name] = build_steps(
                body, change.steps, wrapper.ret[result.name], change.inside
            )
    if inner.is_stateful:
        # Side effects happen even if no result is asked for.
        signature.control_output.append(call)
        wrapper.control_ret[call] = call
    return wrapper


def _arguments(body: FunctionBody, order: Order, function: protos.FunctionDef) -> Iterator[str]:
    """Adds what computes the arguments of the function that is called, and yields them."""
    for position, argument in enumerate(function.signature.input_arg):
        if position in order.bound:
            yield constant(body, argument.name, order.bound[position])
        elif position in order.inputs:
            change = order.inputs[position]
            yield build_steps(body, change.steps, argument.name, change.outside)
        else:
            yield argument.name


def _call(body: FunctionBody, function: protos.FunctionDef, arguments: list[str]) -> str:
    """Adds the call of the function, and returns the name of the node."""
    inner = function.signature
    node = body.function.node_def.add(name=body.fresh_name("call"), input=arguments)
    node.op = "StatefulPartitionedCall" if inner.is_stateful else "PartitionedCall"
    for name in ("config_proto", "executor_type"):
        if attribute := _attribute_of_call(function, name):
            node.attr[name].CopyFrom(attribute)
    node.attr["_output_shapes"].list.shape.extend(_result_shapes(function))
    node.attr["f"].func.name = inner.name
    node.attr["Tin"].list.type.extend(argument.type for argument in inner.input_arg)
    node.attr["Tout"].list.type.extend(result.type for result in inner.output_arg)
    return node.name


def _attribute_of_call(function: protos.FunctionDef, name: str) -> protos.AttrValue | None:
    """Finds how a function itself calls others, such as with soft placement of devices."""
    for node in function.node_def:
        if node.op in CALL_OPS and name in node.attr:
            return node.attr[name]
    return None


def _result_shapes(function: protos.FunctionDef) -> Iterator[protos.TensorShapeProto]:
    """Yields the shapes of a function's results as far as its nodes state them."""
    nodes = {node.name: node for node in function.node_def}
    for result in function.signature.output_arg:
        node_name, _, output = function.ret[result.name].partition(":")
        shapes = stated_shapes(nodes[node_name]) if node_name in nodes else []
        position = int(output.rpartition(":")[2] or 0) if len(shapes) > 1 else 0
        # Numbers count within a named output; only calls have a single one that is a list.
        stated = len(shapes) == 1 or (shapes and nodes[node_name].op in CALL_OPS)
        yield shape_proto(shapes[position] if stated else None)


def is_wrapper(name: str) -> bool:
    """Whether a function has the name of a wrapper."""
    return _NAME_PATTERN.fullmatch(name) is not None


def order_of(wrapper: protos.FunctionDef, functions: Functions) -> Order | None:
    """Returns the order of a wrapper that `build` made and that converts nothing, or None."""
    if not is_wrapper(wrapper.signature.name) or len(wrapper.node_def) != 1:
        return None
    call = wrapper.node_def[0]
    position = {name: position for position, name in enumerate(call.input)}
    results = (wrapper.ret[result.name] for result in wrapper.signature.output_arg)
    order = Order(
        call.attr["f"].func.name,
        tuple(position[argument.name] for argument in wrapper.signature.input_arg),
        tuple(int(result.rpartition(":")[2]) for result in results),
    )
    inner = functions.get(order.function)
    refined = inner is not None and any(
        wrapper.arg_attr[new] != inner.arg_attr[old] for new, old in enumerate(order.arguments)
    )
    return None if refined else order
