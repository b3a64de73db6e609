"""The function that `tf.saved_model.load` calls for a signature whose endpoints change."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from sigpb import protos
from sigpb.errors import ModelUnreadable, PatchError
from sigpb.graph.function_body import InnerTensor, find_in, results_of, with_results
from sigpb.rewrite.function_library import FunctionLibrary
from sigpb.rewrite.interface import FunctionPorts, Interface, Port
from sigpb.rewrite.wrapper_function import Wrapped
from sigpb.tf.op_defs import OpDefs
from sigpb.tf.tensor_types import tensor_type


def ports_of(
    function: protos.FunctionDef,
    argument_keywords: Sequence[str],
    captured: int,
    interface: Interface,
) -> FunctionPorts:
    """Returns how the function that a signature calls takes its inputs, and returns its outputs.

    Args:
        function: The function.
        argument_keywords: The keys of its arguments, in their order.
        captured: How many captured inputs follow these.
        interface: What the signature is to be. The outputs that are added follow all results.

    Raises:
        ModelUnreadable: The function does not take, or return, so many.
    """
    arguments = {key: position for position, key in enumerate(argument_keywords)}
    first, last = len(arguments), len(arguments) + captured
    results, count = {}, 0
    for source, port in sorted(interface.outputs.items()):
        start, count = count, count + len(port.tensors)
        results[source] = tuple(range(start, count))
    _check_counts(function.signature, last, count)
    added = _added_after(function, interface)
    name = function.signature.name
    return FunctionPorts(name, arguments, tuple(range(first, last)), results, added)


def ports_behind(
    ports: FunctionPorts, wrapped: Wrapped, inner: protos.FunctionDef, interface: Interface
) -> FunctionPorts:
    """Returns how the function that a wrapper calls takes and returns what the wrapper does.

    Args:
        ports: How the wrapper does.
        wrapped: What the wrapper is.
        inner: The function that it calls.
        interface: What the signature is to be.
    """
    return FunctionPorts(
        wrapped.function,
        {key: wrapped.arguments[position] for key, position in ports.arguments.items()},
        tuple(wrapped.arguments[position] for position in ports.captured),
        {
            key: tuple(wrapped.results[position] for position in positions)
            for key, positions in ports.results.items()
        },
        _added_after(inner, interface),
        wrapped.stated,
    )


def _added_after(function: protos.FunctionDef, interface: Interface) -> tuple[int, ...]:
    first = len(function.signature.output_arg)
    return tuple(range(first, first + len(interface.added)))


def _check_counts(signature: protos.OpDef, arguments: int, results: int) -> None:
    actual = len(signature.input_arg), len(signature.output_arg)
    if arguments != actual[0] or results > actual[1]:
        raise ModelUnreadable(
            f"the object graph calls the function {signature.name!r} with {arguments} arguments "
            f"for at least {results} results, but it has {actual[0]} and {actual[1]}"
        )


def function_of(name: str, library: FunctionLibrary) -> protos.FunctionDef:
    """Returns a function that something names.

    Raises:
        ModelUnreadable: The graph does not hold it.
    """
    function = library.get(name)
    if function is None:
        raise ModelUnreadable(
            f"the object graph names the function {name!r}, which the graph does not hold"
        )
    return function


def with_variant(
    ports: FunctionPorts, interface: Interface, library: FunctionLibrary, op_defs: OpDefs
) -> FunctionPorts:
    """Returns the ports of a function that has the results to add, and takes any batch size.

    Args:
        ports: Those of the function as it is.
        interface: What the function is to take and return. The shapes of its inputs are those that
            the signature states; functions of TensorFlow 1.15 to 2.2 do not state them.
        library: The functions of the model; receives variants.
        op_defs: The ops of the model.

    Raises:
        PatchError: If there can be no such function.
    """
    batch = interface.batch
    if not interface.added and not batch.relaxed:
        return ports
    function = function_of(ports.function, library)
    if interface.added:
        tensors = [_inner(function, port, library, op_defs) for port in interface.added]
        function = with_results(function, tensors, library, op_defs)
    if batch.relaxed:
        from sigpb.batch_size.dimension import BatchError, relax_function

        places = ports.arguments
        beside = (position for key, position in places.items() if key in batch.beside)
        axes = dict.fromkeys((*(places[key] for key in batch.relaxed), *beside), 0)
        inputs = interface.inputs
        shapes = {at: tensor_type(inputs[key].info).shape for key, at in places.items()}
        try:
            function, _ = relax_function(function, axes, batch.before, library, shapes)
        except BatchError as error:
            raise PatchError(error.problems) from error
    return replace(ports, function=library.add_variant(function))


def _inner(
    function: protos.FunctionDef, added: Port, library: FunctionLibrary, op_defs: OpDefs
) -> InnerTensor:
    """Finds the tensor of an output that is added in the function or in those that it calls."""
    caller, result = function.signature.name, added.result
    where = f"output {added.key!r} cannot be added: tf.saved_model.load calls {caller!r}"
    if result is None:
        found = find_in(added.tensor or "", caller, library, op_defs)
        what = f"in which there are {len(found)} tensors {added.tensor!r}"
    else:
        found = results_of(result.function, result.number, result.type, caller, library)
        what = f"which calls {result.function!r}, whose result it is, {len(found)} times"
    if len(found) != 1:
        raise PatchError(f"{where}, {what}.")
    return found[0]
