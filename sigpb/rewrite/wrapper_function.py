"""A function around a signature's function, with other arguments and results.

`tf.saved_model.load` passes a signature's inputs to its function, and names the results, in the
sorted order of their keys. When new keys sort differently, the signature gets such a wrapper in the
order of the new keys; the function itself, which other nodes may call, stays as it is. The same
wrapper converts values whose type is to change, and passes constants for inputs that are to go.

It looks like the wrapper that TensorFlow's exporter puts around the function of a signature
(tensorflow/python/saved_model/signature_serialization.py), because other software counts on that:

* TensorFlow's importer of object graphs into MLIR erases functions whose names begin with
  ``__inference_signature_wrapper_``, by their names alone, so what calls one has to be erased too
  (tensorflow/compiler/mlir/tensorflow/translate/import_model.cc).
* Arguments are named after the keys, and each result is that of an Identity of its own: these are
  the names that frozen graphs and converters show, and coremltools takes no other result of a node
  than the first.
* Identities state the shapes of the results, which `structured_outputs` of the loaded function
  repeats from the object graph.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from sigpb import protos
from sigpb.graph.called_functions import CALL_OPS, Functions
from sigpb.graph.function_body import FunctionBody, normalized_name
from sigpb.graph.stated_shapes import INPUT_SHAPES, stated_shape, stated_shapes
from sigpb.graph.tensor_names import output_number, producer
from sigpb.op_defs import OpDefs
from sigpb.rewrite.conversion import Conversion
from sigpb.steps.attributes import constant
from sigpb.steps.graph_body import OUTPUT_SHAPES
from sigpb.steps.repeated_row import repeated_row
from sigpb.steps.step import build_steps
from sigpb.tensor_types import TensorType, shape_of, shape_proto

STEM = "__inference_signature_wrapper_sigpb"
"""What the names of wrappers begin with, up to their number."""

# The other one is that of sigpb 0.1.0.
_NAME_PATTERN = re.compile(rf"({STEM}|__inference_sigpb_signature_wrapper)_\d+")


@dataclass(frozen=True)
class Order:
    """How a wrapper's arguments and results correspond to those of the function it calls.

    Attributes:
        function: The name of the function that is called.
        arguments: For each argument of the wrapper, captured inputs too, its position in the
            function's.
        results: For each result of the wrapper, its position in the function's.
        inputs: How arguments are converted, by their position in the function's.
        outputs: How results are converted, by their position in the function's; also those of which
            only more is said than the function says.
        bound: The values of those arguments of the function that the wrapper has not.
        rows_of: For each bound value of one row that is repeated, by its position in the function's
            arguments, the position of the argument that has as many rows.
        relaxed: The arguments whose first dimension the function is no longer to fix, by their
            position in the function's.
        input_keys: The keys that arguments are named after, by their position in the function's.
        output_keys: The keys that results are named after, by their position in the function's.
    """

    function: str
    arguments: tuple[int, ...]
    results: tuple[int, ...]
    inputs: Mapping[int, Conversion] = field(default_factory=dict)
    outputs: Mapping[int, Conversion] = field(default_factory=dict)
    bound: Mapping[int, protos.TensorProto] = field(default_factory=dict)
    rows_of: Mapping[int, int] = field(default_factory=dict)
    relaxed: tuple[int, ...] = ()
    input_keys: Mapping[int, str] = field(default_factory=dict)
    output_keys: Mapping[int, str] = field(default_factory=dict)

    def is_identity(self, function: protos.FunctionDef) -> bool:
        """Whether the wrapper would be the same as `function`, the one it calls."""
        signature = function.signature
        return (
            self.arguments == tuple(range(len(signature.input_arg)))
            and self.results == tuple(range(len(signature.output_arg)))
            and not self.inputs
            and not self._changes_results(function)
            and not self.relaxed
        )

    def _changes_results(self, function: protos.FunctionDef) -> bool:
        """Whether results are converted, or something is said of them that is not said already."""
        shapes = dict(enumerate(_result_shapes(function))) if self.outputs else {}
        return any(
            change.steps
            or position not in shapes
            or shape_of(shapes[position]) != change.outside.shape
            for position, change in self.outputs.items()
        )

    def around(self, inner: Order, results: int) -> Order:
        """Returns the order of one wrapper that does what this one does around another.

        Args:
            inner: The order of the other, which converts nothing but may state shapes of results.
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
            {**inner.outputs, **{outputs[at]: each for at, each in self.outputs.items()}},
            {inner.arguments[position]: value for position, value in self.bound.items()},
            {inner.arguments[one]: inner.arguments[other] for one, other in self.rows_of.items()},
            tuple(inner.arguments[position] for position in self.relaxed),
            {inner.arguments[position]: key for position, key in self.input_keys.items()},
            {outputs[position]: key for position, key in self.output_keys.items()},
        )


def build(
    name: str,
    order: Order,
    function: protos.FunctionDef,
    functions: Functions,
    op_defs: OpDefs,
) -> protos.FunctionDef:
    """Returns the wrapper.

    Args:
        name: The wrapper's name.
        order: What its arguments and results are.
        function: The function that it calls.
        functions: Receives the functions that conversions call.
        op_defs: Where the ops of conversions are looked up.
    """
    inner = function.signature
    wrapper = protos.FunctionDef()
    wrapper.signature.name = name
    wrapper.signature.is_stateful = inner.is_stateful
    if "_construction_context" in function.attr:
        wrapper.attr["_construction_context"].CopyFrom(function.attr["_construction_context"])
    body = FunctionBody(wrapper, functions, op_defs)
    _take(body, order, function)
    call = _call(body, function, _arguments(body, order, function), op_defs)
    shapes = list(_result_shapes(function))
    for position in order.results:
        result, shape = inner.output_arg[position], shapes[position]
        dtype, tensor = result.type, f"{call}:output:{position}"
        if position in order.outputs:
            change = order.outputs[position]
            tensor = build_steps(body, change.steps, tensor, change.inside)
            dtype, shape = change.outside.dtype, shape_proto(change.outside.shape)
        key = order.output_keys.get(position, result.name)
        body.add_result(normalized_name(key), tensor, dtype, shape)
    if inner.is_stateful:
        # Side effects happen even if no result is asked for.
        wrapper.signature.control_output.append(call)
        wrapper.control_ret[call] = call
    return wrapper


def _take(body: FunctionBody, order: Order, function: protos.FunctionDef) -> None:
    """Adds the arguments of the wrapper, and what is stated of them."""
    wrapper, inner = body.function, function.signature
    stated = function.attr[INPUT_SHAPES].list.shape if INPUT_SHAPES in function.attr else ()
    if len(stated) != len(inner.input_arg):
        stated = ()
    for new_position, position in enumerate(order.arguments):
        argument = wrapper.signature.input_arg.add()
        argument.CopyFrom(inner.input_arg[position])
        if position in function.arg_attr:
            wrapper.arg_attr[new_position].CopyFrom(function.arg_attr[position])
        if position in function.resource_arg_unique_id:
            wrapper.resource_arg_unique_id[new_position] = function.resource_arg_unique_id[position]
        if stated:
            wrapper.attr[INPUT_SHAPES].list.shape.add().CopyFrom(stated[position])
        if position in order.input_keys:
            key = order.input_keys[position]
            argument.name = normalized_name(key)
            wrapper.arg_attr[new_position].attr["_user_specified_name"].s = key.encode()
        argument.name = body.fresh_name(argument.name)
        if position in order.inputs:
            outside = order.inputs[position].outside
            argument.type = outside.dtype
            shape = shape_proto(outside.shape)
            shapes = wrapper.arg_attr[new_position].attr[OUTPUT_SHAPES].list
            del shapes.shape[:]
            shapes.shape.append(shape)
            if stated:
                wrapper.attr[INPUT_SHAPES].list.shape[new_position].CopyFrom(shape)


def _arguments(body: FunctionBody, order: Order, function: protos.FunctionDef) -> list[str]:
    """Adds what computes the arguments of the function that is called, and returns them."""
    taken = body.function.signature.input_arg
    names = {old: argument.name for old, argument in zip(order.arguments, taken, strict=True)}
    inner = [argument.name for argument in function.signature.input_arg]
    arguments = [names.get(position, name) for position, name in enumerate(inner)]
    for position, name in enumerate(inner):
        if position in order.bound and position not in order.rows_of:
            arguments[position] = constant(body, name, order.bound[position])
        elif position in order.inputs:
            change = order.inputs[position]
            arguments[position] = build_steps(
                body, change.steps, arguments[position], change.outside
            )
    for position, batch in order.rows_of.items():
        row, type_ = order.bound[position], _argument_type(batch, order, function)
        arguments[position] = repeated_row(body, inner[position], row, arguments[batch], type_)
    return arguments


def _argument_type(position: int, order: Order, function: protos.FunctionDef) -> TensorType:
    """Returns the type of what the function is passed for an argument, as far as it is known."""
    if position in order.inputs:
        return order.inputs[position].inside
    return TensorType(function.signature.input_arg[position].type, None)


def _call(
    body: FunctionBody, function: protos.FunctionDef, arguments: list[str], op_defs: OpDefs
) -> str:
    """Adds the call of the function, and returns the name of the node."""
    inner = function.signature
    node = body.function.node_def.add(name=body.fresh_name("call"), input=arguments)
    node.op = "StatefulPartitionedCall" if inner.is_stateful else "PartitionedCall"
    for name in ("config_proto", "executor_type"):
        if attribute := _attribute_of_call(function, name):
            node.attr[name].CopyFrom(attribute)
    node.attr[OUTPUT_SHAPES].list.shape.extend(_result_shapes(function))
    node.attr["f"].func.name = inner.name
    node.attr["Tin"].list.type.extend(argument.type for argument in inner.input_arg)
    node.attr["Tout"].list.type.extend(result.type for result in inner.output_arg)
    op_defs.strip_defaults(node)
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
        node_name = producer(function.ret[result.name])
        shapes = stated_shapes(nodes[node_name]) if node_name in nodes else []
        position = output_number(function.ret[result.name]) if len(shapes) > 1 else 0
        # Numbers count within a named output; only calls have a single one that is a list.
        stated = len(shapes) == 1 or (shapes and nodes[node_name].op in CALL_OPS)
        yield shape_proto(shapes[position] if stated else None)


def is_wrapper(name: str) -> bool:
    """Whether a function has the name of a wrapper."""
    return _NAME_PATTERN.fullmatch(name) is not None


def order_of(wrapper: protos.FunctionDef, functions: Functions) -> Order | None:
    """Returns the order of a wrapper that `build` made and that converts nothing, or None.

    It may say more, or less, of its results than the function does. What sigpb 0.1.0 made is
    understood too, whose results are those of the call.
    """
    calls = [node for node in wrapper.node_def if node.op in CALL_OPS]
    passed = {node.name: node for node in wrapper.node_def if node.op == "Identity"}
    others = len(wrapper.node_def) - len(passed)
    if not is_wrapper(wrapper.signature.name) or len(calls) != 1 or others != 1:
        return None
    call, inner = calls[0], functions.get(calls[0].attr["f"].func.name)
    if inner is None:
        return None
    arguments = {name: position for position, name in enumerate(call.input)}
    results, shapes, stated = [], list(_result_shapes(inner)), {}
    for result in wrapper.signature.output_arg:
        tensor = wrapper.ret[result.name]
        identity = passed.get(producer(tensor))
        if identity is not None:
            tensor = identity.input[0]
        number = output_number(tensor)
        if producer(tensor) != call.name or number >= len(shapes):
            return None
        if identity is not None and (own := stated_shape(identity)) != shape_of(shapes[number]):
            type_ = TensorType(result.type, own)
            stated[number] = Conversion(type_, type_, (), ("state",), ())
        results.append(number)
    if any(argument.name not in arguments for argument in wrapper.signature.input_arg):
        return None
    order = Order(
        inner.signature.name,
        tuple(arguments[argument.name] for argument in wrapper.signature.input_arg),
        tuple(results),
        outputs=stated,
    )
    refined = any(
        _shapes(wrapper, new) != _shapes(inner, old) for new, old in enumerate(order.arguments)
    )
    return None if refined else order


def _shapes(function: protos.FunctionDef, position: int) -> list[protos.TensorShapeProto]:
    """Returns the shapes that a function states of an argument: one, or none."""
    attributes = function.arg_attr[position].attr if position in function.arg_attr else {}
    return [*attributes[OUTPUT_SHAPES].list.shape] if OUTPUT_SHAPES in attributes else []
