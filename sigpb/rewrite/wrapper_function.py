"""A function around a signature's function, with its arguments and results in another order.

`tf.saved_model.load` passes a signature's inputs to its function, and names the results, in the
sorted order of their keys. When new keys sort differently, the signature gets such a wrapper in the
order of the new keys; the function itself, which other nodes may call, stays as it is.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from sigpb import protos

# A name must end in an integer that is unique in the SavedObjectGraph: TensorFlow's fingerprinting
# refuses the model otherwise (tensorflow/core/graph/regularization/util.cc).
_NAME = "__inference_sigpb_signature_wrapper_{}"
CALL_OPS = ("PartitionedCall", "StatefulPartitionedCall")
_NAME_PATTERN = re.compile(_NAME.format(r"\d+"))


@dataclass(frozen=True)
class Order:
    """How a wrapper's arguments and results correspond to those of the function it calls.

    Attributes:
        function: The name of the function that is called.
        arguments: For each argument of the wrapper, captured inputs too, its position in the
            function's.
        results: For each result of the wrapper, its position in the function's.
    """

    function: str
    arguments: tuple[int, ...]
    results: tuple[int, ...]

    def is_identity(self, function: protos.FunctionDef) -> bool:
        """Whether the wrapper would be the same as `function`, the one it calls."""
        return self.arguments == tuple(range(len(self.arguments))) and self.results == tuple(
            range(len(function.signature.output_arg))
        )

    def around(self, inner: Order) -> Order:
        """Returns the order of one wrapper that does what this one does around another."""
        return Order(
            inner.function,
            tuple(inner.arguments[position] for position in self.arguments),
            tuple(inner.results[position] for position in self.results),
        )


def fresh_name(taken: Iterable[str]) -> str:
    """Returns a name whose number no function in `taken` has."""
    numbers = (re.search(r"\d+$", name) for name in taken)
    return _NAME.format(max((int(number[0]) for number in numbers if number), default=0) + 1)


def build(name: str, order: Order, function: protos.FunctionDef) -> protos.FunctionDef:
    """Returns the wrapper.

    Args:
        name: The wrapper's name.
        order: The order of its arguments and results.
        function: The function that it calls.
    """
    inner = function.signature
    call = _unused("call", [argument.name for argument in inner.input_arg])

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
    if "_construction_context" in function.attr:
        wrapper.attr["_construction_context"].CopyFrom(function.attr["_construction_context"])

    node = wrapper.node_def.add()
    node.name = call
    node.op = "StatefulPartitionedCall" if inner.is_stateful else "PartitionedCall"
    node.input.extend(argument.name for argument in inner.input_arg)
    for name in ("config_proto", "executor_type"):
        if attribute := _attribute_of_call(function, name):
            node.attr[name].CopyFrom(attribute)
    node.attr["_output_shapes"].list.shape.extend(_result_shapes(function))
    node.attr["f"].func.name = inner.name
    node.attr["Tin"].list.type.extend(argument.type for argument in inner.input_arg)
    node.attr["Tout"].list.type.extend(result.type for result in inner.output_arg)
    for result, position in zip(signature.output_arg, order.results, strict=True):
        wrapper.ret[result.name] = f"{call}:output:{position}"
    if inner.is_stateful:
        # Side effects happen even if no result is asked for.
        signature.control_output.append(call)
        wrapper.control_ret[call] = call
    return wrapper


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
        shapes = nodes[node_name].attr["_output_shapes"].list.shape if node_name in nodes else []
        position = int(output.rpartition(":")[2] or 0) if len(shapes) > 1 else 0
        # Numbers count within a named output; only calls have a single one that is a list.
        stated = len(shapes) == 1 or (shapes and nodes[node_name].op in CALL_OPS)
        yield shapes[position] if stated else protos.TensorShapeProto(unknown_rank=True)


def order_of(wrapper: protos.FunctionDef) -> Order | None:
    """Returns the order of a wrapper that `build` made; None for any other function."""
    if not _NAME_PATTERN.fullmatch(wrapper.signature.name) or len(wrapper.node_def) != 1:
        return None
    call = wrapper.node_def[0]
    position = {name: position for position, name in enumerate(call.input)}
    results = (wrapper.ret[result.name] for result in wrapper.signature.output_arg)
    return Order(
        call.attr["f"].func.name,
        tuple(position[argument.name] for argument in wrapper.signature.input_arg),
        tuple(int(result.rpartition(":")[2]) for result in results),
    )


def _unused(name: str, taken: Sequence[str]) -> str:
    while name in taken:
        name += "_"
    return name
