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

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from sigpb import protos
from sigpb.graphs.function_body import FunctionBody, normalized_name
from sigpb.rewrite.passing import Surface, passed_in, passed_out
from sigpb.rewrite.port import Port
from sigpb.rewrite.signature_function import Wrapped, Wrapper, is_wrapper
from sigpb.steps.graph_body import GraphBody
from sigpb.tf.called_functions import CALL_OPS, Functions, nodes_by_name
from sigpb.tf.op_defs import OpDefs
from sigpb.tf.stated_shapes import INPUT_SHAPES, OUTPUT_SHAPES, stated_shape, stated_shapes
from sigpb.tf.tensor_names import output_number, producer
from sigpb.tf.tensor_types import TensorType, shape_of, shape_proto


def written(
    wrapper: Wrapper, name: str, functions: Functions, op_defs: OpDefs
) -> protos.FunctionDef:
    """Returns a wrapper as a function: see `Wrapper.build`."""
    function, inner = wrapper.function, wrapper.function.signature
    made = protos.FunctionDef()
    made.signature.name = name
    made.signature.is_stateful = inner.is_stateful
    if "_construction_context" in function.attr:
        made.attr["_construction_context"].CopyFrom(function.attr["_construction_context"])
    body = FunctionBody(made, functions, op_defs)
    shapes = result_shapes(function)
    _take(wrapper, body)
    surface = _Body(body, wrapper)
    name = call(body, function, surface.passed(), op_defs, "call")
    for position, port, is_converted, type_ in wrapper.results:
        if position is None:
            result_name, dtype, shape = "", 0, shape_proto(None)
            tensor = surface.sent[port.made_of("input") or ""]
        else:
            result, shape = inner.output_arg[position], shapes[position]
            result_name, dtype, tensor = result.name, result.type, f"{name}:output:{position}"
        if is_converted:
            tensor = passed_out(port, tensor, surface)
        if type_ is not None:
            dtype, shape = type_.dtype, shape_proto(type_.shape)
        key = port.key if wrapper.ports.named or position is None else result_name
        body.add_result(normalized_name(key), tensor, dtype, shape)
    if inner.is_stateful:
        # Side effects happen even if no result is asked for.
        made.signature.control_output.append(name)
        made.control_ret[name] = name
    return made


def _take(wrapper: Wrapper, body: FunctionBody) -> None:
    """Adds the arguments, and what is stated of them."""
    function, made, inner = wrapper.function, body.function, wrapper.function.signature
    stated = function.attr[INPUT_SHAPES].list.shape if INPUT_SHAPES in function.attr else ()
    if len(stated) != len(inner.input_arg):
        stated = ()
    for number, (position, port) in enumerate(wrapper.arguments):
        argument = made.signature.input_arg.add()
        if stated:
            made.attr[INPUT_SHAPES].list.shape.add()
        if position is not None:
            argument.CopyFrom(inner.input_arg[position])
            if position in function.arg_attr:
                made.arg_attr[number].CopyFrom(function.arg_attr[position])
            if position in function.resource_arg_unique_id:
                shared = function.resource_arg_unique_id[position]
                made.resource_arg_unique_id[number] = shared
            if stated:
                made.attr[INPUT_SHAPES].list.shape[number].CopyFrom(stated[position])
        if port and (wrapper.ports.named or position is None):
            argument.name = normalized_name(port.key)
            made.arg_attr[number].attr["_user_specified_name"].s = port.key.encode()
        argument.name = body.fresh_name(argument.name)
        if port and (position is None or wrapper.restates(port)):
            argument.type = port.outside.dtype
            shape = shape_proto(port.outside.shape)
            shapes = made.arg_attr[number].attr[OUTPUT_SHAPES].list
            del shapes.shape[:]
            shapes.shape.append(shape)
            if stated:
                made.attr[INPUT_SHAPES].list.shape[number].CopyFrom(shape)


class _Body(Surface):
    """The body of a wrapper.

    Attributes:
        arguments: The wrapper's arguments, by their positions in the function's.
        sent: The wrapper's arguments, by the keys of inputs in the model.
    """

    def __init__(self, body: FunctionBody, wrapper: Wrapper) -> None:
        super().__init__(body)
        self._wrapper = wrapper
        self._places, self._inner = wrapper.ports.arguments, wrapper.function.signature
        names = (argument.name for argument in body.function.signature.input_arg)
        pairs = [*zip(wrapper.arguments, names, strict=True)]
        self.arguments = {each.position: name for each, name in pairs if each.position is not None}
        self.sent = {each.port.source: name for each, name in pairs if each.port}

    def passed(self) -> list[str]:
        """Adds what computes the arguments of the function that is called, and returns them."""
        passed = [argument.name for argument in self._inner.input_arg]
        for position, name in self.arguments.items():
            passed[position] = name
        inputs = self._wrapper.interface.inputs.values()
        taken = (port for port in inputs if port.source in self._places)
        ports = sorted(taken, key=lambda port: self._places[port.source])
        for source, tensor in passed_in(ports, self, self._wrapper.interface).items():
            passed[self._places[source]] = tensor
        return passed

    def fed(self, port: Port) -> str:
        """Returns the argument."""
        return self.sent[port.source]

    def type_inside(self, port: Port) -> TensorType:
        """Returns the type behind the conversion; of others, the dtype that the function takes."""
        if self._wrapper.restates(port):
            return port.inside
        return TensorType(self._argument(port).type, None)

    def constant_name(self, port: Port) -> str:
        """Returns the name of the function's argument."""
        return self._argument(port).name

    def _argument(self, port: Port) -> protos.OpDef.ArgDef:
        return self._inner.input_arg[self._places[port.source]]


def call(
    body: GraphBody,
    function: protos.FunctionDef,
    arguments: Sequence[str],
    op_defs: OpDefs,
    name: str | None = None,
) -> str:
    """Adds a call of a function.

    Args:
        body: Where to.
        function: The function.
        arguments: What it takes, as the body spells it.
        op_defs: Where the op is looked up.
        name: What the node is called, unless something else has that name; as its op if left out.

    Returns:
        The name of the node.
    """
    inner = function.signature
    op = "StatefulPartitionedCall" if inner.is_stateful else "PartitionedCall"
    node = protos.NodeDef(name=body.fresh_name(name or op), op=op, input=arguments)
    for each in ("config_proto", "executor_type"):
        if attribute := _attribute_of_call(function, each):
            node.attr[each].CopyFrom(attribute)
    node.attr[OUTPUT_SHAPES].list.shape.extend(result_shapes(function))
    node.attr["f"].func.name = inner.name
    node.attr["Tin"].list.type.extend(argument.type for argument in inner.input_arg)
    node.attr["Tout"].list.type.extend(result.type for result in inner.output_arg)
    op_defs.strip_defaults(node)
    body.append(node)
    return node.name


def _attribute_of_call(function: protos.FunctionDef, name: str) -> protos.AttrValue | None:
    """Finds how a function itself calls others, such as with soft placement of devices."""
    for node in function.node_def:
        if node.op in CALL_OPS and name in node.attr:
            return node.attr[name]
    return None


def result_shapes(function: protos.FunctionDef) -> list[protos.TensorShapeProto]:
    """Returns the shapes of a function's results as far as its nodes state them."""
    nodes, found = nodes_by_name(function.node_def), []
    for result in function.signature.output_arg:
        node_name = producer(function.ret[result.name])
        shapes = stated_shapes(nodes[node_name]) if node_name in nodes else []
        position = output_number(function.ret[result.name]) if len(shapes) > 1 else 0
        # Numbers count within a named output; only calls have a single one that is a list.
        stated = len(shapes) == 1 or (shapes and nodes[node_name].op in CALL_OPS)
        found.append(shape_proto(shapes[position] if stated else None))
    return found


def unwrapped(wrapper: protos.FunctionDef, functions: Functions) -> Wrapped | None:
    """Returns what a function with the name of a wrapper does: see `wrapped_in`."""
    inside = call_in(wrapper)
    others = [node for node in wrapper.node_def if node.op != "Identity"]
    inner = functions.get(inside.function) if inside and len(others) == 1 else None
    if inside is None or inner is None:
        return None
    nodes = nodes_by_name(wrapper.node_def)
    results, shapes, stated = [], result_shapes(inner), {}
    for position, result in enumerate(wrapper.signature.output_arg):
        number = inside.results.get(position, len(shapes))
        if number >= len(shapes):
            return None
        node = nodes[producer(wrapper.ret[result.name])]
        if node.op == "Identity" and (own := stated_shape(node)) != shape_of(shapes[number]):
            stated[number] = TensorType(result.type, own)
        results.append(number)
    if len(inside.arguments) < len(wrapper.signature.input_arg):
        return None
    arguments = tuple(inside.arguments[new] for new in range(len(wrapper.signature.input_arg)))
    if any(_shapes(wrapper, new) != _shapes(inner, old) for new, old in enumerate(arguments)):
        return None
    return Wrapped(inner.signature.name, arguments, tuple(results), stated)


class WrapperCall(NamedTuple):
    """The call in a wrapper, and how the wrapper's arguments and results belong to it.

    Attributes:
        function: The name of the function that is called.
        arguments: For each argument of the wrapper that is passed on, by its position, its
            position in the function's.
        results: For each result of the wrapper that comes from the call, by its position, its
            position in the function's.
    """

    function: str
    arguments: Mapping[int, int]
    results: Mapping[int, int]


def call_in(wrapper: protos.FunctionDef) -> WrapperCall | None:
    """Reads a wrapper back, also one that converts; None if the function is no wrapper."""
    calls = [node for node in wrapper.node_def if node.op in CALL_OPS]
    if not is_wrapper(wrapper.signature.name) or len(calls) != 1:
        return None
    (call,), nodes = calls, nodes_by_name(wrapper.node_def)

    def behind(tensor: str) -> str:
        """Returns what the first inputs of nodes lead to: the call, an argument or a constant."""
        for _ in nodes:  # Not for ever: in a damaged function they may lead round in a circle.
            name = producer(tensor)
            if name == call.name or name not in nodes or not nodes[name].input:
                break
            if nodes[name].op == "ParseExampleV2":
                break  # What it takes is none of the inputs that it returns.
            tensor = nodes[name].input[0]
        return tensor

    taken = {behind(tensor): position for position, tensor in enumerate(call.input)}
    names = [argument.name for argument in wrapper.signature.input_arg]
    returned = [behind(wrapper.ret[result.name]) for result in wrapper.signature.output_arg]
    return WrapperCall(
        call.attr["f"].func.name,
        {position: taken[name] for position, name in enumerate(names) if name in taken},
        {
            position: output_number(tensor)
            for position, tensor in enumerate(returned)
            if producer(tensor) == call.name
        },
    )


def _shapes(function: protos.FunctionDef, position: int) -> list[protos.TensorShapeProto]:
    """Returns the shapes that a function states of an argument: one, or none."""
    attributes = function.arg_attr[position].attr if position in function.arg_attr else {}
    return [*attributes[OUTPUT_SHAPES].list.shape] if OUTPUT_SHAPES in attributes else []
