"""The function that `tf.saved_model.load` calls for a signature whose endpoints change."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from types import MappingProxyType

from sigpb import protos
from sigpb.errors import ModelUnreadable, PatchError
from sigpb.graph.function_outputs import InnerTensor, find_in, results_of, with_results
from sigpb.op_defs import OpDefs
from sigpb.rewrite.boundary import Added, Boundary, tensor_type
from sigpb.rewrite.draft import SignatureDraft
from sigpb.rewrite.function_library import FunctionLibrary
from sigpb.rewrite.wrapper_function import Order
from sigpb.saved_model.endpoint_keys import argument_name
from sigpb.tensor_types import tensor_names

# Which of the tensors of a sparse one holds its values, in the order of a function's results
# (tensorflow/python/framework/sparse_tensor.py).
_VALUES = 1


def order_of(
    function: protos.FunctionDef,
    argument_keywords: Sequence[str],
    captured: int,
    signature_def: protos.SignatureDef,
    signature: SignatureDraft,
    boundary: Boundary,
) -> Order:
    """Returns how the sorted new keys correspond to a function's arguments and results.

    Args:
        function: The function.
        argument_keywords: The keys of its arguments, in their order.
        captured: How many captured inputs follow these.
        signature_def: The signature as it is.
        signature: What it is to be.
        boundary: How its values are converted.

    Raises:
        ModelUnreadable: The function does not take, or return, so many.
    """
    arguments = {key: position for position, key in enumerate(argument_keywords)}
    kept = sorted(signature.kept("input"), key=lambda end: argument_name(end.key))
    first, last = len(arguments), len(arguments) + captured
    results, count = {}, 0
    for source in sorted(signature.outputs):
        start, count = count, count + len(tensor_names(signature_def.outputs[source]))
        results[source] = range(start, count)
    _check_counts(function.signature, last, count)
    by_key = {end.key: results[end.source] for end in signature.kept("output")}
    for position, each in enumerate(boundary.added, len(function.signature.output_arg)):
        by_key[each.key] = range(position, position + 1)
    outputs = {
        results[key][_VALUES if signature_def.outputs[key].HasField("coo_sparse") else 0]: change
        for key, change in boundary.outputs.items()
    }
    # What is added has the shape that its function states, unless the batch size changes.
    stated = [each for each in boundary.added if each.conversion.kinds or boundary.inputs]
    outputs |= {by_key[each.key][0]: each.conversion for each in stated}
    return Order(
        function.signature.name,
        (*(arguments[end.source] for end in kept), *range(first, last)),
        tuple(position for _, positions in sorted(by_key.items()) for position in positions),
        {
            arguments[key]: change
            for key, change in boundary.inputs.items()
            if change.steps or key not in boundary.batch.relaxed
        },
        outputs,
        {
            arguments[end.source]: end.bound
            for end in signature.inputs.values()
            if end.bound is not None
        },
        {
            arguments[end.source]: arguments[end.rows_of]
            for end in signature.inputs.values()
            if end.rows_of is not None
        },
        tuple(arguments[key] for key in boundary.batch.relaxed),
        {arguments[end.source]: end.key for end in kept},
        {position: key for key, positions in by_key.items() for position in positions},
    )


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
    order: Order,
    boundary: Boundary,
    library: FunctionLibrary,
    op_defs: OpDefs,
    arguments: Mapping[int, tuple[str, protos.TensorInfo]] = MappingProxyType({}),
) -> Order:
    """Returns an order of a function that has the results to add, and takes any batch size.

    Args:
        order: The order of the function as it is.
        boundary: What the function is to take and return.
        library: The functions of the model; receives variants.
        op_defs: The ops of the model.
        arguments: The key of each argument of the signature and what that says of it, by its
            position in the function's. Functions of TensorFlow 1.15 to 2.2 do not say it.

    Raises:
        PatchError: If there can be no such function.
    """
    if not boundary.added and not boundary.batch.relaxed:
        return order
    function = function_of(order.function, library)
    if boundary.added:
        tensors = [_inner(function, each, library, op_defs) for each in boundary.added]
        function = with_results(function, tensors, library, op_defs)
    if boundary.batch.relaxed:
        from sigpb.graph.batch_dimension import BatchError, relax_function

        beside = [i for i, (key, _) in arguments.items() if key in boundary.batch.beside]
        axes = dict.fromkeys((*order.relaxed, *beside), 0)
        shapes = {i: tensor_type(info).shape for i, (_, info) in arguments.items()}
        try:
            function, _ = relax_function(function, axes, boundary.batch.before, library, shapes)
        except BatchError as error:
            raise PatchError(error.problems) from error
    return dataclasses.replace(order, function=library.add_variant(function))


def _inner(
    function: protos.FunctionDef, added: Added, library: FunctionLibrary, op_defs: OpDefs
) -> InnerTensor:
    """Finds the tensor of an output that is added in the function or in those that it calls."""
    caller, result = function.signature.name, added.result
    where = f"output {added.key!r} cannot be added: tf.saved_model.load calls {caller!r}"
    if result is None:
        found = find_in(added.name, caller, library, op_defs)
        what = f"in which there are {len(found)} tensors {added.name!r}"
    else:
        found = results_of(result.function, result.number, result.type, caller, library)
        what = f"which calls {result.function!r}, whose result it is, {len(found)} times"
    if len(found) != 1:
        raise PatchError(f"{where}, {what}.")
    return found[0]
