"""What the key of an endpoint stands for, to session-based loaders and to `tf.saved_model.load`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from sigpb import protos
from sigpb.inspect.names.occurrences import Part, Referent, node_of
from sigpb.inspect.place import Place
from sigpb.saved_model.object_graph import ObjectGraph
from sigpb.tensor_types import tensor_names


class Origin(NamedTuple):
    """What an endpoint stands for.

    Attributes:
        node: The node that makes it, or the argument of a function that it is passed as.
        tensor: The output of the node.
        place: The place that says so.
    """

    node: Referent
    tensor: str
    place: Place


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
    here = Place(part.place, "signature_def", signature_key)
    for side, endpoints in (("inputs", signature_def.inputs), ("outputs", signature_def.outputs)):
        if key in endpoints:
            for tensor in tensor_names(endpoints[key]):
                if tensor:
                    node = Referent("node", node_of(tensor))
                    yield Origin(node, tensor, Place(here, side, key))


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
    here = Place(Place(part.place, "object_graph_def"), "nodes", position)
    place = Place(here, "bare_concrete_function")
    arguments = zip(objects.argument_keys(position), function.signature.input_arg, strict=False)
    for argument_key, argument in arguments:
        if argument_key == key:
            yield Origin(Referent("node", argument.name, name), argument.name, place)
    results = zip(objects.output_keys(position), function.signature.output_arg, strict=False)
    for result_key, result in results:
        if result_key == key and result.name in function.ret:
            tensor = function.ret[result.name]
            yield Origin(Referent("node", node_of(tensor), name), tensor, place)
