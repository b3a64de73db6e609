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
from typing import NamedTuple

from sigpb import protos
from sigpb.graph.function_body import FunctionBody, normalized_name
from sigpb.rewrite.interface import FunctionPorts, Interface, Port
from sigpb.rewrite.passing import Surface, passed_in, passed_out
from sigpb.steps.graph_body import GraphBody
from sigpb.tf.called_functions import CALL_OPS, Functions
from sigpb.tf.endpoint_keys import argument_name
from sigpb.tf.op_defs import OpDefs
from sigpb.tf.stated_shapes import INPUT_SHAPES, OUTPUT_SHAPES, stated_shape, stated_shapes
from sigpb.tf.tensor_names import output_number, producer
from sigpb.tf.tensor_types import TensorType, shape_of, shape_proto

STEM = "__inference_signature_wrapper_sigpb"
"""What the names of wrappers begin with, up to their number."""

# Which of the tensors of a sparse one holds its values, in the order of a function's results
# (tensorflow/python/framework/sparse_tensor.py).
_VALUES = 1

# The other one is that of sigpb 0.1.0.
_NAME_PATTERN = re.compile(rf"({STEM}|__inference_sigpb_signature_wrapper)_\d+")


class Wrapped(NamedTuple):
    """What a wrapper that converts nothing does.

    Attributes:
        function: The name of the function that it calls.
        arguments: For each argument of the wrapper, captured inputs too, its position in the
            function's.
        results: For each result of the wrapper, its position in the function's.
        stated: What the wrapper says of results, by their positions in the function's, where the
            function says something else.
    """

    function: str
    arguments: tuple[int, ...]
    results: tuple[int, ...]
    stated: Mapping[int, TensorType]


class _Argument(NamedTuple):
    """An argument of a wrapper: its position in the function's, and the input that it is."""

    position: int
    port: Port | None


class _Outcome(NamedTuple):
    """A result of a wrapper: its position in the function's, and the output that it is.

    Attributes:
        position: The position.
        port: The output.
        is_converted: Whether it is what steps of the output are for: of a sparse one, its values.
        type: What is to be said of it; None for what the function says.
    """

    position: int
    port: Port
    is_converted: bool
    type: TensorType | None


class Wrapper:
    """A function around another one: what a signature calls, or could."""

    def __init__(
        self, interface: Interface, ports: FunctionPorts, function: protos.FunctionDef
    ) -> None:
        """Takes what makes a wrapper.

        Args:
            interface: The signature that it is for.
            ports: How the function that it calls takes and returns that.
            function: That function.
        """
        self._interface, self._ports, self._function = interface, ports, function
        kept = sorted(interface.kept("input"), key=lambda port: argument_name(port.key))
        self._arguments = [_Argument(ports.arguments[port.source], port) for port in kept]
        self._arguments += [_Argument(position, None) for position in ports.captured]
        self._results = list(self._outcomes())
        self._shapes = list(_result_shapes(function))

    def _outcomes(self) -> Iterator[_Outcome]:
        """Yields the results, in their order."""
        interface, ports = self._interface, self._ports
        ends = [(port, ports.results[port.source]) for port in interface.kept("output")]
        ends += [(port, (at,)) for port, at in zip(interface.added, ports.added, strict=True)]
        for port, positions in sorted(ends, key=lambda end: end[0].key):
            converted = _VALUES if port.info.HasField("coo_sparse") else 0
            for number, position in enumerate(positions):
                is_converted = number == converted and self._says_more(port)
                type_ = port.outside if is_converted else ports.stated.get(position)
                yield _Outcome(position, port, is_converted, type_)

    def _says_more(self, port: Port) -> bool:
        """Whether something is to be said of an output.

        What is added has the type that its function states, unless the batch size changes.
        """
        change = port.conversion
        if change is None or port.tensor is None:
            return change is not None
        return bool(change.kinds or self._interface.conversions("input"))

    def restates(self, port: Port) -> bool:
        """Whether an argument is converted, or something else is said of it than the function says.

        The function itself is to take what is only relaxed.
        """
        relaxed, change = self._interface.batch.relaxed, port.conversion
        return change is not None and bool(change.steps or port.source not in relaxed)

    @property
    def is_identity(self) -> bool:
        """Whether it would be the same as the function that it calls."""
        signature = self._function.signature
        arguments = [argument.position for argument in self._arguments]
        results = [result.position for result in self._results]
        return (
            arguments == [*range(len(signature.input_arg))]
            and results == [*range(len(signature.output_arg))]
            and not any(each.port and self.restates(each.port) for each in self._arguments)
            and not any(map(self._changes, self._results))
            and not self._interface.batch.relaxed
        )

    def _changes(self, result: _Outcome) -> bool:
        """Whether a result is converted, or something is said of it that is not said already."""
        if result.type is None:
            return False
        if result.is_converted and result.port.conversion and result.port.conversion.steps:
            return True
        return shape_of(self._shapes[result.position]) != result.type.shape

    def build(self, name: str, functions: Functions, op_defs: OpDefs) -> protos.FunctionDef:
        """Returns the wrapper.

        Args:
            name: Its name.
            functions: Receives the functions that conversions call.
            op_defs: Where the ops of conversions are looked up.
        """
        function, inner = self._function, self._function.signature
        wrapper = protos.FunctionDef()
        wrapper.signature.name = name
        wrapper.signature.is_stateful = inner.is_stateful
        if "_construction_context" in function.attr:
            wrapper.attr["_construction_context"].CopyFrom(function.attr["_construction_context"])
        body = FunctionBody(wrapper, functions, op_defs)
        self._take(body)
        surface = _Body(body, self, self._ports.arguments, inner)
        call = _call(body, function, self._passed(surface), op_defs)
        for position, port, is_converted, type_ in self._results:
            result, shape = inner.output_arg[position], self._shapes[position]
            dtype, tensor = result.type, f"{call}:output:{position}"
            if is_converted:
                tensor = passed_out(port, tensor, surface)
            if type_ is not None:
                dtype, shape = type_.dtype, shape_proto(type_.shape)
            key = port.key if self._ports.named else result.name
            body.add_result(normalized_name(key), tensor, dtype, shape)
        if inner.is_stateful:
            # Side effects happen even if no result is asked for.
            wrapper.signature.control_output.append(call)
            wrapper.control_ret[call] = call
        return wrapper

    def _take(self, body: FunctionBody) -> None:
        """Adds the arguments, and what is stated of them."""
        function, wrapper, inner = self._function, body.function, self._function.signature
        stated = function.attr[INPUT_SHAPES].list.shape if INPUT_SHAPES in function.attr else ()
        if len(stated) != len(inner.input_arg):
            stated = ()
        for number, (position, port) in enumerate(self._arguments):
            argument = wrapper.signature.input_arg.add()
            argument.CopyFrom(inner.input_arg[position])
            if position in function.arg_attr:
                wrapper.arg_attr[number].CopyFrom(function.arg_attr[position])
            if position in function.resource_arg_unique_id:
                shared = function.resource_arg_unique_id[position]
                wrapper.resource_arg_unique_id[number] = shared
            if stated:
                wrapper.attr[INPUT_SHAPES].list.shape.add().CopyFrom(stated[position])
            if port and self._ports.named:
                argument.name = normalized_name(port.key)
                wrapper.arg_attr[number].attr["_user_specified_name"].s = port.key.encode()
            argument.name = body.fresh_name(argument.name)
            if port and self.restates(port):
                argument.type = port.outside.dtype
                shape = shape_proto(port.outside.shape)
                shapes = wrapper.arg_attr[number].attr[OUTPUT_SHAPES].list
                del shapes.shape[:]
                shapes.shape.append(shape)
                if stated:
                    wrapper.attr[INPUT_SHAPES].list.shape[number].CopyFrom(shape)

    def _passed(self, surface: _Body) -> list[str]:
        """Adds what computes the arguments of the function that is called, and returns them."""
        passed = [argument.name for argument in self._function.signature.input_arg]
        for position, name in surface.arguments.items():
            passed[position] = name
        places = self._ports.arguments
        ports = sorted(self._interface.inputs.values(), key=lambda port: places[port.source])
        for source, tensor in passed_in(ports, surface).items():
            passed[places[source]] = tensor
        return passed

    def taken_by(self, wrapper: protos.FunctionDef) -> dict[int, str]:
        """Returns the arguments of the wrapper, by their positions in the function's."""
        names = (argument.name for argument in wrapper.signature.input_arg)
        return {each.position: name for each, name in zip(self._arguments, names, strict=True)}


class _Body(Surface):
    """The body of a wrapper.

    Attributes:
        arguments: The wrapper's arguments, by their positions in the function's.
    """

    def __init__(
        self, body: FunctionBody, wrapper: Wrapper, places: Mapping[str, int], inner: protos.OpDef
    ) -> None:
        self._body, self._wrapper, self._places, self._inner = body, wrapper, places, inner
        self.arguments = wrapper.taken_by(body.function)

    def fed(self, port: Port) -> str:
        """Returns the argument."""
        return self.arguments[self._places[port.source]]

    def taken(self, port: Port) -> str:
        """Returns the argument."""
        return self.fed(port)

    def type_inside(self, port: Port) -> TensorType:
        """Returns the type behind the conversion; of others, the dtype that the function takes."""
        if self._wrapper.restates(port):
            return port.inside
        return TensorType(self._argument(port).type, None)

    def steps_of(self, port: Port) -> GraphBody:
        """Returns the body."""
        return self._body

    def constants(self) -> GraphBody:
        """Returns the body."""
        return self._body

    def constant_name(self, port: Port) -> str:
        """Returns the name of the function's argument."""
        return self._argument(port).name

    def _argument(self, port: Port) -> protos.OpDef.ArgDef:
        return self._inner.input_arg[self._places[port.source]]


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


def wrapped_in(wrapper: protos.FunctionDef, functions: Functions) -> Wrapped | None:
    """Returns what a wrapper does that `build` made and that converts nothing, or None.

    It may say more, or less, of its results than the function does. What sigpb 0.1.0 made is
    understood too, whose results are those of the call.
    """
    inside = call_in(wrapper)
    others = [node for node in wrapper.node_def if node.op != "Identity"]
    inner = functions.get(inside.function) if inside and len(others) == 1 else None
    if inside is None or inner is None:
        return None
    nodes = {node.name: node for node in wrapper.node_def}
    results, shapes, stated = [], list(_result_shapes(inner)), {}
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
    (call,), nodes = calls, {node.name: node for node in wrapper.node_def}

    def behind(tensor: str) -> str:
        """Returns what the first inputs of nodes lead to: the call, an argument or a constant."""
        for _ in nodes:  # Not for ever: in a damaged function they may lead round in a circle.
            name = producer(tensor)
            if name == call.name or name not in nodes or not nodes[name].input:
                break
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
