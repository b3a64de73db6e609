"""The object graph of a model of which only some signatures are wanted.

`tf.saved_model.load` makes every object that the graph has, initialises every resource, and looks
in the checkpoint for what the root leads to. So objects that are needed keep all ways to them from
the root, and the objects on these ways become ones of no class: without its other children, what a
class such as those of Keras would be revived from is not there.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping

from sigpb import protos
from sigpb.composing.extracting.effects import Effects
from sigpb.composing.sharing import Resource
from sigpb.errors import ModelUnreadable, PatchError
from sigpb.rewrite.whole_graph.objects import (
    GENERIC,
    captured,
    functions_of,
    named_functions,
    needed_by,
)
from sigpb.saved_model.object_graph import ObjectGraph

_ROOT = 0


class Objects:
    """The objects of a MetaGraph, and which of them some signatures need."""

    def __init__(
        self, graph: protos.SavedObjectGraph, signatures: Collection[str], effects: Effects
    ) -> None:
        self._graph, self._signatures = graph, set(signatures)
        self._objects = ObjectGraph(graph)
        self._wanted = [
            place for key, place in self._objects.signature_nodes.items() if key in self._signatures
        ]
        self._made = {
            place: effects.made_in(
                name for each in self._closure([place]) for name in functions_of(graph.nodes[each])
            )
            for place, node in enumerate(graph.nodes)
            if node.HasField("resource")
        }

    def needed(self, functions: Collection[str], resources: Collection[Resource]) -> set[int]:
        """Returns the positions of the objects that are needed.

        Args:
            functions: Functions that are needed, with what they capture.
            resources: What lives in a session and is needed. An object that makes or fills it is
                needed too, and one of which it is not known what it makes.
        """
        begin = [
            *self._wanted,
            *(each for name in functions for each in captured(self._graph, name)),
        ]
        begin += (
            place
            for place, made in self._made.items()
            if not made or not made.isdisjoint(resources)
        )
        found = self._closure(begin)
        # Objects of a class of TensorFlow's are not needed in part.
        while whole := {each for each in self._ways(found) if self._is_whole(each)} - found:
            found |= self._closure(whole)
        return found

    def functions(self, needed: Collection[int]) -> set[str]:
        """Returns the concrete functions that objects name, and what these are called."""
        return named_functions(self._graph, set(range(len(self._graph.nodes))) - set(needed))

    def operations(self, needed: Collection[int]) -> set[str]:
        """Returns the nodes of the top level that constants are read from."""
        nodes = (self._graph.nodes[place] for place in needed)
        return {node.constant.operation for node in nodes if node.HasField("constant")}

    def assets(self, needed: Collection[int]) -> set[int]:
        """Returns the positions of the asset files that objects are."""
        nodes = (self._graph.nodes[place] for place in needed)
        return {node.asset.asset_file_def_index for node in nodes if node.HasField("asset")}

    def restricted(
        self, needed: Collection[int], functions: Collection[str], assets: Mapping[int, int]
    ) -> protos.SavedObjectGraph:
        """Returns the graph of what is needed, whose objects have other positions.

        Args:
            needed: The positions of the objects.
            functions: The concrete functions that are left.
            assets: The positions that asset files have from now on, by those that they had.

        Raises:
            PatchError: If a variable is an optimizer's, so that only its class would find it.
        """
        signature_map = self._objects.signature_map
        kept = sorted({*needed, *self._ways(needed), _ROOT, signature_map or _ROOT})
        places = {old: new for new, old in enumerate(kept)}
        after = protos.SavedObjectGraph()
        for old in kept:
            node = after.nodes.add()
            node.CopyFrom(self._graph.nodes[old])
            node.ClearField("children")
            node.ClearField("dependencies")
            before = self._graph.nodes[old]
            for name in ("children", "dependencies"):
                for each in getattr(before, name):
                    if each.node_id in places and self._leads(old, each.local_name):
                        getattr(node, name).add(
                            node_id=places[each.node_id], local_name=each.local_name
                        )
            if old in needed:
                for saveable in node.saveable_objects.values():
                    for field in ("save_function", "restore_function"):
                        setattr(saveable, field, _place(places, getattr(saveable, field)))
            elif old != signature_map:
                _generalize(node)
            if node.HasField("asset"):
                node.asset.asset_file_def_index = _place(assets, node.asset.asset_file_def_index)
        for name in functions:
            if name in self._graph.concrete_functions:
                function = after.concrete_functions[name]
                function.CopyFrom(self._graph.concrete_functions[name])
                function.bound_inputs[:] = [_place(places, each) for each in function.bound_inputs]
        return after

    def _closure(self, begin: Iterable[int]) -> set[int]:
        """Returns some objects, and all that they need."""
        return self._reached(begin, lambda place: needed_by(self._graph.nodes[place], self._graph))

    def _reached(self, begin: Iterable[int], following: Callable[[int], Iterable[int]]) -> set[int]:
        found, waiting = set[int](), list(begin)
        while waiting:
            place = waiting.pop()
            if place not in found and self._objects.has_node(place):
                found.add(place)
                waiting += following(place)
        return found

    def _ways(self, needed: Collection[int]) -> set[int]:
        """Returns the objects on the ways from the root to some that savers look for."""
        parents = defaultdict[int, set[int]](set)
        slots = set[int]()
        for place, node in enumerate(self._graph.nodes):
            slots |= {slot.slot_variable_node_id for slot in node.slot_variables}
            for child in node.children if self._is_tracked(place) else ():
                if self._leads(place, child.local_name):
                    parents[child.node_id].add(place)
        tracked = {place for place in needed if self._is_tracked(place)}
        for place in sorted(tracked & slots):
            if _ROOT not in self._reached([place], parents.__getitem__):
                raise PatchError(
                    f"{self._objects.describe(place)} is a slot of an optimizer, which only the "
                    "class of the optimizer finds."
                )
        return self._reached(tracked, parents.__getitem__)

    def _is_tracked(self, place: int) -> bool:
        """Whether savers look for an object on the ways from the root."""
        kind: str | None = self._graph.nodes[place].WhichOneof("kind")
        return kind not in ("bare_concrete_function", "captured_tensor", "constant", "function")

    def _is_whole(self, place: int) -> bool:
        return not self._graph.nodes[place].HasField("user_object")

    def _leads(self, place: int, name: str) -> bool:
        """Whether an object still has a child of some name, if the child is there."""
        return place != self._objects.signature_map or name in self._signatures


def _place(places: Mapping[int, int], before: int) -> int:
    if before not in places:
        raise ModelUnreadable(
            f"its object graph refers to the position {before}, where nothing is."
        )
    return places[before]


def _generalize(node: protos.SavedObject) -> None:
    """Makes an object one of no class, of which nothing but its children is known."""
    children = [*node.children]
    node.Clear()
    node.children.extend(children)
    node.user_object.CopyFrom(GENERIC)
