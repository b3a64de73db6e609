"""The objects that a checkpoint tracks: a graph from which loaders learn what values are of what.

Loaders walk this graph and the model's own from the roots, and match objects by the names that
their parents have for them, not by their numbers: ``CheckpointPosition`` in
tensorflow/python/checkpoint/restore.py. That in C++, which MLIR's importer uses too, refuses a
child that the model does not have: ``RecurseObjectsToRestore`` in
tensorflow/cc/saved_model/bundle_v2.cc.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import islice

from sigpb import protos
from sigpb.errors import PatchError

_ROOT = 0


def merged(
    base: protos.TrackableObjectGraph, other: protos.TrackableObjectGraph, child_name: str
) -> protos.TrackableObjectGraph:
    """Returns a graph with the objects of another one after its own.

    Args:
        base: The graph.
        other: The other one. Its keys are to be those of the checkpoint that both are for.
        child_name: The name that the root has for the other root.

    Raises:
        PatchError: If the root has a child of this name.
    """
    graph = protos.TrackableObjectGraph()
    graph.CopyFrom(base)
    root, shift = graph.nodes[_ROOT], len(base.nodes)
    if child_name in (child.local_name for child in root.children):
        raise PatchError(f"The checkpoint tracks a child {child_name!r} of the root already.")
    root.children.add(node_id=shift + _ROOT, local_name=child_name)
    if root.HasField("has_checkpoint_values"):
        root.has_checkpoint_values.value |= any(map(_has_values, other.nodes))
    for node in other.nodes:
        moved = graph.nodes.add()
        moved.CopyFrom(node)
        for child in moved.children:
            child.node_id += shift
        for slot in moved.slot_variables:
            slot.original_variable_node_id += shift
            slot.slot_variable_node_id += shift
    return graph


def restricted(
    objects: protos.TrackableObjectGraph, keys: Collection[str], saved: protos.SavedObjectGraph
) -> protos.TrackableObjectGraph:
    """Returns a graph with only those objects that have certain values, or that lead to them.

    Args:
        objects: The graph.
        keys: The keys of the values, as the checkpoint has them.
        saved: The objects of the model that the checkpoint is to be for. What a path leads to that
            these do not have is left out. A model of TensorFlow 1 has none, and anything is kept.

    Raises:
        PatchError: If the model has an object that is saved by a registered saver: its values are
            in files that only that saver knows.
    """
    reached = _reached(objects, saved)
    ordered = sorted(keys)
    values = {
        number: [each for each in node.attributes if has_tensors(each.checkpoint_key, ordered)]
        for number, node in enumerate(objects.nodes)
    }
    slots = {
        number: [
            slot
            for slot in objects.nodes[number].slot_variables
            if slot.original_variable_node_id in reached
            and values[slot.original_variable_node_id]
            and values[slot.slot_variable_node_id]
        ]
        for number in reached
    }
    kept = _leading(reached, {each for each in reached if values[each] or slots[each]})
    kept |= {_ROOT, *(slot.slot_variable_node_id for each in kept for slot in slots[each])}
    numbers = {old: new for new, old in enumerate(sorted(kept))}
    graph = protos.TrackableObjectGraph()
    for old in numbers:
        node = graph.nodes.add()
        node.CopyFrom(objects.nodes[old])
        for field in ("children", "attributes", "slot_variables"):
            node.ClearField(field)
        node.attributes.extend(values[old])
        for name, child in reached.get(old, {}).items():
            if child in numbers:
                node.children.add(node_id=numbers[child], local_name=name)
        for slot in slots.get(old, ()):
            node.slot_variables.add(
                original_variable_node_id=numbers[slot.original_variable_node_id],
                slot_name=slot.slot_name,
                slot_variable_node_id=numbers[slot.slot_variable_node_id],
            )
        if node.HasField("has_checkpoint_values"):
            node.has_checkpoint_values.value = len(numbers) > 1 or bool(values[old])
    return graph


def has_tensors(attribute: str, keys: Sequence[str]) -> bool:
    """Whether a value of an object is stored.

    Most are one tensor. Others are several, whose keys begin with the one that is tracked, as do
    ``…/.ATTRIBUTES/table-keys`` and ``…/.ATTRIBUTES/table-values`` of a table that training fills.

    Args:
        attribute: The ``checkpoint_key`` of the attribute.
        keys: The keys of all tensors, sorted.
    """
    for key in islice(keys, bisect_left(keys, attribute), None):
        if not key.startswith(attribute):
            return False
        if "/" not in key[len(attribute) :]:
            return True
    return False


def values_of(objects: protos.TrackableObjectGraph, keys: Iterable[str]) -> set[str]:
    """Returns the keys of the tensors that are values of tracked objects: see `has_tensors`.

    Args:
        objects: The objects.
        keys: The keys of all tensors.
    """
    attributes: dict[str, set[str]] = {}
    for node in objects.nodes:
        for each in node.attributes:
            parent, _, name = each.checkpoint_key.rpartition("/")
            attributes.setdefault(parent, set()).add(name)
    split = ((key, *key.rpartition("/")) for key in keys)
    return {
        key
        for key, parent, _, name in split
        if any(map(name.startswith, attributes.get(parent, ())))
    }


def _reached(
    objects: protos.TrackableObjectGraph, saved: protos.SavedObjectGraph
) -> dict[int, dict[str, int]]:
    """Walks both graphs from the roots.

    Returns:
        The children by their names, of each tracked object that the model has.
    """
    reached: dict[int, dict[str, int]] = {}
    waiting, pairs = [_ROOT], {_ROOT: _ROOT}
    for number in waiting:
        node = objects.nodes[number]
        if node.HasField("registered_saver"):
            raise PatchError(
                f"The object {node.registered_saver.object_name!r} is saved by the registered "
                f"saver {node.registered_saver.name!r}, whose files are not known."
            )
        known = saved.nodes[pairs[number]] if saved.nodes else node
        places = {each.local_name: each.node_id for each in known.children}
        reached[number] = {
            each.local_name: each.node_id for each in node.children if each.local_name in places
        }
        for name, child in reached[number].items():
            if child not in pairs:
                pairs[child] = places[name]
                waiting.append(child)
    return reached


def _leading(children: Mapping[int, Mapping[str, int]], wanted: Iterable[int]) -> set[int]:
    """Returns the objects that are wanted or lead to one, of those whose children are given."""
    parents: dict[int, list[int]] = {}
    for number, names in children.items():
        for child in names.values():
            parents.setdefault(child, []).append(number)
    waiting = list(wanted)
    leading = set(waiting)
    for number in waiting:
        new = {*parents.get(number, ())} - leading
        leading |= new
        waiting += new
    return leading


def _has_values(node: protos.TrackableObjectGraph.TrackableObject) -> bool:
    return bool(node.attributes or node.slot_variables or node.HasField("registered_saver"))
