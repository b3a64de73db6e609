"""The types of tensors as `signature_def` declares them, and as the graph and functions do."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sigpb import protos
from sigpb.linting.linted_model import LintedEndpoint, LintedGraph
from sigpb.tf.endpoint_keys import argument_name
from sigpb.tf.stated_shapes import argument_shape
from sigpb.tf.tensor_types import TensorType, encoding_of, shape_of, value_dtype

_INT64 = protos.DataType.Value("DT_INT64")


@dataclass(frozen=True)
class TypeComparison:
    """A tensor of a signature, and what two places of the model say of its type.

    Attributes:
        endpoint: The input or output.
        tensor: How findings name the tensor.
        declared: The type in `signature_def`.
        actual: The type in the graph; the dtype is 0, or the shape None, where it is not known.
    """

    endpoint: LintedEndpoint
    tensor: str
    declared: TensorType
    actual: TensorType


def comparisons(graph: LintedGraph) -> Iterator[TypeComparison]:
    """Yields the tensors of all signatures whose types the graph, or a function, knows."""
    for endpoint in graph.endpoints():
        for name, declared in declared_tensors(endpoint.info):
            actual = graph.top_level.type_of(name)
            if actual is not None:
                actual = TensorType(value_dtype(actual.dtype), actual.shape)
                yield TypeComparison(endpoint, f"the tensor {name!r}", declared, actual)
    yield from _of_functions(graph)


def declared_tensors(info: protos.TensorInfo) -> Iterator[tuple[str, TensorType]]:
    """Yields the tensors of an endpoint with their declared types."""
    if info.HasField("composite_tensor"):
        for component in info.composite_tensor.components:
            yield from declared_tensors(component)
    elif info.HasField("coo_sparse"):
        sparse = info.coo_sparse
        yield sparse.values_tensor_name, TensorType(value_dtype(info.dtype), (None,))
        yield sparse.indices_tensor_name, TensorType(_INT64, (None, None))
        yield sparse.dense_shape_tensor_name, TensorType(_INT64, (None,))
    else:
        yield info.name, TensorType(value_dtype(info.dtype), shape_of(info.tensor_shape))


def _of_functions(graph: LintedGraph) -> Iterator[TypeComparison]:
    """Compares signatures with the arguments and results of the functions behind them.

    `tf.saved_model.load` calls these and never looks at the nodes outside of them.
    """
    object_graph = graph.meta_graph.object_graph
    for signature, node_id in object_graph.signature_nodes.items() if object_graph else ():
        if object_graph is None or not object_graph.has_node(node_id):
            continue
        name = object_graph.function_name(node_id)
        function = graph.functions.outline(name)
        if function is None or signature not in graph.signatures:
            continue
        endpoints = {(each.side, each.key): each for each in graph.endpoints_of(signature)}
        captured = len(object_graph.concrete_function(node_id).bound_inputs)
        arguments = sorted(object_graph.argument_keys(node_id), key=argument_name)
        results = object_graph.output_keys(node_id)
        ports = function.signature.input_arg, function.signature.output_arg
        # A composite value takes several ports, and the keys do not say which.
        if len(ports[0]) == len(arguments) + captured:
            for position, key in enumerate(arguments):
                if endpoint := endpoints.get(("input", key)):
                    shape = argument_shape(function.arg_attr, position)
                    actual = TensorType(ports[0][position].type, shape)
                    argument = f"argument {ports[0][position].name!r} of function {name!r}"
                    yield from _compared(endpoint, argument, actual)
        if len(ports[1]) == len(results):
            for port, key in zip(ports[1], results, strict=True):
                if endpoint := endpoints.get(("output", key)):
                    result = f"result {port.name!r} of function {name!r}"
                    yield from _compared(endpoint, result, TensorType(port.type, None))


def _compared(
    endpoint: LintedEndpoint, tensor: str, actual: TensorType
) -> Iterator[TypeComparison]:
    if encoding_of(endpoint.info) == "dense":
        ((_, declared),) = declared_tensors(endpoint.info)
        yield TypeComparison(endpoint, tensor, declared, actual)
