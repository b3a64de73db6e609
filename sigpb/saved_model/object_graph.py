"""The signatures in a SavedObjectGraph, which is what `tf.saved_model.load` reads.

Node 0's child ``signatures`` is the signature map; each of its children is named after a signature
and leads to a bare concrete function (tensorflow/python/saved_model/signature_serialization.py).
"""

from __future__ import annotations

import re
from functools import cached_property
from typing import Literal, TypeAlias

from sigpb import protos
from sigpb.tf.endpoint_keys import argument_name
from sigpb.tf.tensor_types import TensorType, shape_of

_SideAndKey: TypeAlias = 'tuple[Literal["input", "output"], str]'

_ROOT = 0
SIGNATURES = "signatures"
"""The name of the child of the root that has the signatures."""

_SIGNATURE_MAP = "signature_map"

# The end of the keys of variables in checkpoints of objects, and how names on the way are spelled
# (tensorflow/python/trackable/trackable_utils.py, base.py).
_VALUE = "/.ATTRIBUTES/VARIABLE_VALUE"
_ESCAPED = re.compile(r"\.(.)")


class ObjectGraph:
    """Where the signatures are in a SavedObjectGraph.

    Attributes:
        proto: The graph. Its nodes are referred to by position and so never removed.
        signature_map: Position of the node whose children are the signatures; None if there is no
            such node.
    """

    def __init__(self, proto: protos.SavedObjectGraph) -> None:
        self.proto = proto
        self.signature_map = _find_signature_map(proto)

    @cached_property
    def signature_nodes(self) -> dict[str, int]:
        """The position of each signature's node by the signature's key. Not to be changed."""
        if self.signature_map is None:
            return {}
        children = self.proto.nodes[self.signature_map].children
        return {child.local_name: child.node_id for child in children}

    @cached_property
    def _places(self) -> dict[tuple[int, str], int]:
        """The positions of nodes by those of their parents and their names in these."""
        return {
            (number, child.local_name): child.node_id
            for number, node in enumerate(self.proto.nodes)
            for child in node.children
        }

    def place_of_variable(self, key: str) -> int | None:
        """Returns the position of the variable that has a key in the checkpoint, or None."""
        if not key.endswith(_VALUE):
            return None
        place: int | None = _ROOT
        for part in key.removesuffix(_VALUE).split("/"):
            name = _ESCAPED.sub(lambda match: "/" if match[1] == "S" else match[1], part)
            place = self._places.get((place, name)) if place is not None else None
        return place

    def function_name(self, node_id: int) -> str:
        """Returns the name of the concrete function that a signature's node names."""
        return self.proto.nodes[node_id].bare_concrete_function.concrete_function_name

    def argument_keys(self, node_id: int) -> list[str]:
        """Returns the input keys of a signature in the order of its function's arguments."""
        return list(self.proto.nodes[node_id].bare_concrete_function.argument_keywords)

    def has_node(self, node_id: int) -> bool:
        """Whether there is a node at a position."""
        return 0 <= node_id < len(self.proto.nodes)

    def describe(self, place: int) -> str:
        """Returns what a node is, and the shortest way to it, such as ``the variable 'w'``."""
        kind = self.proto.nodes[place].WhichOneof("kind") or "object"
        ways, waiting = {_ROOT: ""}, [_ROOT]
        for each in waiting:
            for child in self.proto.nodes[each].children:
                if child.node_id not in ways and self.has_node(child.node_id):
                    ways[child.node_id] = f"{ways[each]}.{child.local_name}".removeprefix(".")
                    waiting.append(child.node_id)
        return f"the {kind.replace('_', ' ')} {ways.get(place, str(place))!r}"

    def parameter_names(self, node_id: int) -> list[str]:
        """Returns the names of a signature's inputs in its concrete function, sorted."""
        signature = self.concrete_function(node_id).canonicalized_input_signature
        return sorted(
            name
            for arguments in signature.tuple_value.values
            for name in arguments.dict_value.fields
        )

    def output_keys(self, node_id: int) -> list[str]:
        """Returns the output keys of a signature in the order of its function's results."""
        function = self.concrete_function(node_id)
        return sorted(function.output_signature.dict_value.fields)

    def endpoint_types(self, node_id: int) -> dict[_SideAndKey, TensorType]:
        """Returns the types of a signature's dense inputs and outputs by their sides and keys."""
        function = self.concrete_function(node_id)
        parameters = {
            name: value
            for arguments in function.canonicalized_input_signature.tuple_value.values
            for name, value in arguments.dict_value.fields.items()
        }
        values: dict[_SideAndKey, protos.StructuredValue] = {}
        for key in self.argument_keys(node_id):
            if value := parameters.get(key, parameters.get(argument_name(key))):
                values["input", key] = value
        for key, value in sorted(function.output_signature.dict_value.fields.items()):
            values["output", key] = value
        return {
            end: TensorType(value.tensor_spec_value.dtype, shape_of(value.tensor_spec_value.shape))
            for end, value in values.items()
            if value.HasField("tensor_spec_value")
        }

    def concrete_function(self, node_id: int) -> protos.SavedConcreteFunction:
        """Returns the concrete function that a signature's node names; an empty one if none."""
        name = self.function_name(node_id)
        if name in self.proto.concrete_functions:
            return self.proto.concrete_functions[name]
        return protos.SavedConcreteFunction()


def takes_positions(signature: protos.SavedBareConcreteFunction) -> bool:
    """Whether a signature can be called with all its inputs by position.

    TensorFlow's exporter allows that for one input, whose order is not ambiguous
    (tensorflow/python/saved_model/signature_serialization.py).
    """
    return signature.allowed_positional_arguments >= len(signature.argument_keywords)


def new_signature_map() -> protos.SavedObject:
    """Returns an object for signatures that has none yet."""
    node = protos.SavedObject()
    node.user_object.identifier = _SIGNATURE_MAP
    node.user_object.version.producer = node.user_object.version.min_consumer = 1
    return node


def _find_signature_map(proto: protos.SavedObjectGraph) -> int | None:
    if not proto.nodes:
        return None
    for child in proto.nodes[_ROOT].children:
        if child.local_name == SIGNATURES and 0 <= child.node_id < len(proto.nodes):
            node = proto.nodes[child.node_id]
            if node.user_object.identifier == _SIGNATURE_MAP:
                return child.node_id
    return None
