"""What endpoints stand for, and what the object graph says of nodes and functions by number."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from sigpb import protos
from sigpb.inspect.names.occurrence import Referent, node_of
from sigpb.inspect.names.parts import Part
from sigpb.inspect.proto_path import FieldPlace
from sigpb.saved_model.object_graph import ObjectGraph
from sigpb.tf.tensor_types import tensor_names


class Origin(NamedTuple):
    """The node and the tensor that an endpoint stands for.

    Attributes:
        node: The node that makes it, or the argument of a function that it is passed as.
        tensor: The output of the node.
        place: The place that says so.
    """

    node: Referent
    tensor: str
    place: FieldPlace


def origins(part: Part, key: str, signature: str | None = None) -> Iterator[Origin]:
    """Yields what a key stands for in the signatures that have it.

    Args:
        part: The MetaGraph.
        key: The key of inputs or outputs.
        signature: Only in the signature of this key.
    """
    for signature_key, signature_def in part.signatures.items():
        if signature in (None, signature_key):
            yield from _in_signature_def(part, signature_key, signature_def, key)
            yield from _in_function(part, signature_key, key)


def _in_signature_def(
    part: Part, signature_key: str, signature_def: protos.SignatureDef, key: str
) -> Iterator[Origin]:
    here = FieldPlace(part.place, "signature_def", signature_key)
    for side, endpoints in (("inputs", signature_def.inputs), ("outputs", signature_def.outputs)):
        if key in endpoints:
            for tensor in tensor_names(endpoints[key]):
                if tensor:
                    node = Referent("node", node_of(tensor))
                    yield Origin(node, tensor, FieldPlace(here, side, key))


def _in_function(part: Part, signature_key: str, key: str) -> Iterator[Origin]:
    """Yields the argument and the result of the function that `tf.saved_model.load` calls."""
    if part.object_graph is None:
        return
    objects = ObjectGraph(part.object_graph)
    position = objects.signature_nodes.get(signature_key)
    if position is None or not objects.has_node(position):
        return
    function = part.functions.get(objects.function_name(position))
    if function is None:
        return
    name = function.signature.name
    here = FieldPlace(FieldPlace(part.place, "object_graph_def"), "nodes", position)
    place = FieldPlace(here, "bare_concrete_function")
    arguments = zip(objects.argument_keys(position), function.signature.input_arg, strict=False)
    for argument_key, argument in arguments:
        if argument_key == key:
            yield Origin(Referent("node", argument.name, name), argument.name, place)
    results = zip(objects.output_keys(position), function.signature.output_arg, strict=False)
    for result_key, result in results:
        if result_key == key and result.name in function.ret:
            tensor = function.ret[result.name]
            yield Origin(Referent("node", node_of(tensor), name), tensor, place)


@dataclass(frozen=True)
class Capture:
    """An input of a function that is bound to an object instead of being passed by callers.

    Attributes:
        argument: The argument of the function.
        place: Where the object stands in the object graph.
        kind: What it is: ``variable``, ``resource``, ``asset``, ``constant``, ….
        name: Its name; empty if it has none.
    """

    argument: str
    place: FieldPlace
    kind: str
    name: str


def captures(part: Part, function: str) -> Iterator[Capture]:
    """Yields the bound inputs of a function, in the order of its arguments, of which they are last.

    Args:
        part: The MetaGraph.
        function: The function's name.
    """
    graph, header = part.object_graph, part.functions.get(function)
    if graph is None or header is None or function not in graph.concrete_functions:
        return
    bound = graph.concrete_functions[function].bound_inputs
    arguments = [argument.name for argument in header.signature.input_arg][-len(bound) :]
    for argument, position in zip(arguments, bound, strict=False):
        if 0 <= position < len(graph.nodes):
            node = graph.nodes[position]
            kind = node.WhichOneof("kind") or ""
            yield Capture(argument, object_place(part, position), kind, _name(part, node, kind))


def objects_of(part: Part, names: Collection[str]) -> Iterator[tuple[int, FieldPlace, str]]:
    """Yields the objects that nodes stand for: variables, constants and assets.

    Args:
        part: The MetaGraph.
        names: The names of the nodes, and the shared names that their resources have.

    Yields:
        The position of each object, and the place and the text that say which node it is.
    """
    for position, node in enumerate(part.object_graph.nodes if part.object_graph else ()):
        kind = node.WhichOneof("kind") or ""
        here = FieldPlace(object_place(part, position), kind)
        if kind == "variable" and node.variable.name in names:
            yield position, FieldPlace(here, "name"), node.variable.name
        elif kind == "constant" and node.constant.operation in names:
            yield position, FieldPlace(here, "operation"), node.constant.operation
        elif kind == "asset":
            index = node.asset.asset_file_def_index
            if 0 <= index < len(part.assets):
                tensor = part.assets[index].tensor_info.name
                if tensor.partition(":")[0] in names:
                    yield position, FieldPlace(here, "asset_file_def_index"), str(index)


def bindings(part: Part, positions: Collection[int]) -> Iterator[tuple[FieldPlace, int]]:
    """Yields where functions are bound to some objects, and the object's position."""
    functions = part.object_graph.concrete_functions if part.object_graph else {}
    for name in sorted(functions):
        here = FieldPlace(FieldPlace(part.place, "object_graph_def"), "concrete_functions", name)
        for number, position in enumerate(functions[name].bound_inputs):
            if position in positions:
                yield FieldPlace(here, "bound_inputs", number), position


def object_place(part: Part, position: int) -> FieldPlace:
    """Returns where an object stands."""
    return FieldPlace(FieldPlace(part.place, "object_graph_def"), "nodes", position)


def _name(part: Part, node: protos.SavedObject, kind: str) -> str:
    if kind == "variable":
        return node.variable.name
    if kind == "constant":
        return node.constant.operation
    if kind == "captured_tensor":
        return node.captured_tensor.name
    index = node.asset.asset_file_def_index
    if kind == "asset" and 0 <= index < len(part.assets):
        return part.assets[index].filename
    return ""
