"""The variables of an object graph: where their values are stored, and constants in their place."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from sigpb import protos
from sigpb.composing.assignments import StoredValue
from sigpb.composing.part import Part
from sigpb.rewrite.whole_graph import objects
from sigpb.saved_model.object_graph import ObjectGraph
from sigpb.tf.called_functions import called_by

_ROOT = 0
_VALUE = "VARIABLE_VALUE"  # tensorflow/python/trackable/base.py


class VariableObjects:
    """The variables in an object graph.

    Attributes:
        captured: The positions of those that concrete functions capture, each with the functions
            and the numbers of the arguments that it is.
        stored: Where the values of variables are stored, by the positions of the objects.
    """

    def __init__(self, part: Part) -> None:
        self._graph = part.meta_graph.object_graph_def
        self._objects = ObjectGraph(self._graph)
        self.captured: dict[int, list[tuple[str, int]]] = {}
        library = part.meta_graph.graph_def.library.function
        counts = {each.signature.name: len(each.signature.input_arg) for each in library}
        for name, function in self._graph.concrete_functions.items():
            first = counts.get(name, 0) - len(function.bound_inputs)
            for number, place in enumerate(function.bound_inputs):
                if self._is_variable(place):
                    self.captured.setdefault(place, []).append((name, first + number))
        self.stored = (
            self._tracked(part.objects) if part.objects is not None else self._by_path(part)
        )

    def _is_variable(self, place: int) -> bool:
        return self._objects.has_node(place) and self._graph.nodes[place].HasField("variable")

    def _tracked(self, tracked: protos.TrackableObjectGraph) -> dict[int, StoredValue]:
        """Goes through the objects and those of the checkpoint side by side, as loaders do."""
        found: dict[int, StoredValue] = {}
        pairs, waiting = {_ROOT: _ROOT}, [_ROOT] if self._graph.nodes and tracked.nodes else []
        for place in waiting:
            node = tracked.nodes[pairs[place]]
            if self._is_variable(place):
                keys = (each.checkpoint_key for each in node.attributes if each.name == _VALUE)
                found.update((place, StoredValue(key)) for key in keys)
            others = {child.local_name: child.node_id for child in node.children}
            for child in self._graph.nodes[place].children:
                other = others.get(child.local_name, -1)
                new = self._objects.has_node(child.node_id) and child.node_id not in pairs
                if new and 0 <= other < len(tracked.nodes):
                    pairs[child.node_id] = other
                    waiting.append(child.node_id)
        return found

    def _by_path(self, part: Part) -> dict[int, StoredValue]:
        """Takes the way to a variable for its key, as it is unless keys are others in the part."""
        places = ((self._objects.place_of_variable(key), key) for key in part.variables)
        return {place: StoredValue(key) for place, key in places if place is not None}

    def handles(self, nodes: Mapping[str, protos.NodeDef]) -> Iterator[tuple[str, int]]:
        """Yields the nodes that calls outside of functions take for variables that are captured."""
        functions = self._graph.concrete_functions
        for node in nodes.values():
            name = called_by(node)
            if name is not None and name in functions:
                bound = functions[name].bound_inputs
                taken = [each for each in node.input if not each.startswith("^")]
                pairs = zip(taken[len(taken) - len(bound) :], bound, strict=False)
                yield from ((each, place) for each, place in pairs if self._is_variable(place))

    def describe(self, place: int) -> str:
        """Names a variable."""
        return self._objects.describe(place)

    def replace(self, constants: Mapping[int, str]) -> None:
        """Makes captured variables constants, and all other variables objects without anything.

        Args:
            constants: The Consts of the top level that have the values, by the positions.
        """
        variables = {
            place for place, node in enumerate(self._graph.nodes) if node.HasField("variable")
        }
        self._graph.CopyFrom(objects.without(self._graph, variables - constants.keys()))
        for place, operation in constants.items():
            node = self._graph.nodes[place]
            node.constant.operation = operation
        for node in self._graph.nodes:
            kept = [
                each
                for each in node.slot_variables
                if not {each.original_variable_node_id, each.slot_variable_node_id} & variables
            ]
            del node.slot_variables[:]
            node.slot_variables.extend(kept)
