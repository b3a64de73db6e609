"""Tensors of a loaded graph by their names, also those inside the functions that it calls.

TensorFlow's own importer puts the body of a function beside its call, so that what is found does
not depend on how sigpb makes a tensor a result of a function.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sigpb.tf.called_functions import CALL_OPS

Graph = Any
Tensor = Any
Path = tuple[str, ...]


def tensor_in(graph: Graph, name: str, fetched: Iterable[Tensor]) -> Tensor:
    """Returns a tensor; one inside a function is computed from what the function is called with.

    Args:
        graph: The graph; receives the bodies of functions on the way.
        name: The tensor's name, such as ``pool/Mean:0``.
        fetched: The tensors by which the calls are found: those that compute them.

    Raises:
        LookupError: There is none, or more than one at the same depth.
    """
    node, _, output = name.partition(":")
    try:
        return graph.get_tensor_by_name(f"{node}:{output or 0}")
    except (KeyError, ValueError):
        calls = [operation for operation in _needed(fetched) if operation.type in CALL_OPS]
    functions = {each.signature.name: each for each in graph.as_graph_def().library.function}
    found = _paths(node, calls, functions)
    if len(found) != 1:
        raise LookupError(f"the old model has {len(found)} tensors {name!r}")
    operation = graph.get_operation_by_name(found[0][0])
    for inner in found[0][1:]:
        operation = _beside(graph, operation, functions).get(inner)
    return operation.outputs[int(output or 0)]


def _needed(fetched: Iterable[Tensor]) -> list[Any]:
    found: dict[str, Any] = {}
    waiting = [tensor.op for tensor in fetched]
    while waiting:
        operation = waiting.pop()
        if operation.name not in found:
            found[operation.name] = operation
            waiting += [*(tensor.op for tensor in operation.inputs), *operation.control_inputs]
    return list(found.values())


def _paths(node: str, calls: Iterable[Any], functions: Mapping[str, Any]) -> list[Path]:
    """Returns the calls that lead to the nodes of a name that are the least deep, and the node."""
    level: list[tuple[Path, Path]] = [((call.name,), (call.get_attr("f").name,)) for call in calls]
    while level:
        found, deeper = list[Path](), list[tuple[Path, Path]]()
        for path, names in level:
            for each in functions[names[-1]].node_def if names[-1] in functions else ():
                if each.name == node:
                    found.append((*path, node))
                elif each.op in CALL_OPS and (called := each.attr["f"].func.name) not in names:
                    deeper.append(((*path, each.name), (*names, called)))
        if found:
            return found
        level = deeper
    return []


def _beside(graph: Graph, call: Any, functions: Mapping[str, Any]) -> dict[str, Any]:
    """Puts the body of the function that is called into the graph; returns it by its names."""
    import tensorflow as tf
    from tensorflow.python.framework import function_def_to_graph

    function = functions[call.get_attr("f").name]
    with graph.as_default():
        body, _ = function_def_to_graph.function_def_to_graph_def(function)
        arguments = (f"{each.name}:0" for each in function.signature.input_arg)
        names = [node.name for node in body.node]
        operations = tf.import_graph_def(
            body,
            dict(zip(arguments, call.inputs, strict=True)),
            return_elements=names,
            name=f"{call.name}/beside",
        )
    return dict(zip(names, operations, strict=True))
