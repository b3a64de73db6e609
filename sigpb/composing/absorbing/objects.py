"""The objects of a part in the object graph of a MetaGraph.

Objects are referred to by their positions (tensorflow/core/protobuf/saved_object_graph.proto), so
those of the part come behind those that there are.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from sigpb import protos
from sigpb.composing.absorbing.target import Target
from sigpb.saved_model.deterministic_bytes import deterministic_bytes
from sigpb.saved_model.model import parse
from sigpb.saved_model.object_graph import SIGNATURES, ObjectGraph, new_signature_map
from sigpb.wire import Field, Message, length_delimited, map_entry

_OBJECTS = protos.MetaGraphDef.OBJECT_GRAPH_DEF_FIELD_NUMBER
_NODES = protos.SavedObjectGraph.NODES_FIELD_NUMBER
_FUNCTIONS = protos.SavedObjectGraph.CONCRETE_FUNCTIONS_FIELD_NUMBER
_ROOT = 0

# What the identifiers of Keras' objects begin with. Keras makes them anew of metadata that it finds
# by their positions (tensorflow/python/keras/saving/saved_model/constants.py).
_OF_KERAS = "_tf_keras_"
_PLAIN = "_generic_user_object"

# Objects whose children are items with numbers, in place of attributes
# (tensorflow/python/trackable/data_structures.py).
_LISTS = ("trackable_list_wrapper", "trackable_tuple_wrapper")


def problems(target: Target, name: str) -> Iterator[str]:
    """Says why the root of a MetaGraph's objects can have no child of a name."""
    message = target.message.find(_OBJECTS)
    nodes = list(message.fields(_NODES)) if message else []
    if not message or not nodes:
        yield "its object graph has no root"
        return
    root = parse(protos.SavedObject, message.message(nodes[_ROOT]))
    if any(child.local_name == name for child in root.children):
        yield f"the root of its object graph already has a child {name!r}"
    if root.user_object.identifier in _LISTS:
        yield f"the root of its object graph is a list ({root.user_object.identifier})"


def add_objects(
    target: Target,
    objects: protos.SavedObjectGraph,
    name: str,
    signatures: Mapping[str, str],
    assets: int,
) -> None:
    """Adds the objects of a part.

    Args:
        target: The MetaGraph, which has an object graph with a root.
        objects: The objects of the part.
        name: As which child of that root the root of the part appears.
        signatures: The keys that signatures of the part get, by those that they have there.
        assets: How many assets the MetaGraph has in front of those of the part.
    """
    message = target.message.find(_OBJECTS)
    assert message is not None
    fields = list(message.fields(_NODES))
    added: list[protos.SavedObject] = []
    root = parse(protos.SavedObject, message.message(fields[_ROOT]))
    place = next((each.node_id for each in root.children if each.local_name == SIGNATURES), None)
    if place is None:
        signature_map = new_signature_map()
        root.children.add(local_name=SIGNATURES, node_id=len(fields))
        added.append(signature_map)
    else:
        signature_map = parse(protos.SavedObject, message.message(fields[place]))
    functions = ObjectGraph(objects).signature_nodes
    order = _order(objects, [functions[key] for key in signatures])
    first = len(fields) + len(added)
    places = {number: first + position for position, number in enumerate(order)}
    root.children.add(local_name=name, node_id=places[_ROOT])
    for key, new_key in sorted(signatures.items(), key=lambda pair: pair[1]):
        signature_map.children.add(local_name=new_key, node_id=places[functions[key]])
    _replace(target, message, fields[_ROOT], root)
    if place is not None:
        _replace(target, message, fields[place], signature_map)
    added += [_moved(objects.nodes[number], places, assets) for number in order]
    encoded = (length_delimited(_NODES, deterministic_bytes(node)) for node in added)
    target.edits.insert(message, fields[-1].end, b"".join(encoded))
    for key, function in sorted(objects.concrete_functions.items()):
        value = protos.SavedConcreteFunction()
        value.CopyFrom(function)
        value.bound_inputs[:] = [places[number] for number in function.bound_inputs]
        entry = map_entry(_FUNCTIONS, key.encode(), deterministic_bytes(value))
        target.edits.insert(message, message.end, entry)


def _order(objects: protos.SavedObjectGraph, wanted: Collection[int]) -> list[int]:
    """Returns which objects are added, in their order: the functions of signatures are the last.

    The map of signatures goes, and with it those that nothing else refers to and are not wanted.
    """
    graph = ObjectGraph(objects)
    place, of_signatures = graph.signature_map, {*graph.signature_nodes.values()}
    referred = {
        number
        for holder, node in enumerate(objects.nodes)
        if holder != place
        for number in _referred(node, without_signatures=holder == _ROOT)
    }
    for function in objects.concrete_functions.values():
        referred.update(function.bound_inputs)
    gone = set[int]()
    if place is not None and place not in referred:
        gone = {place, *of_signatures} - referred
    others = [number for number in range(len(objects.nodes)) if number not in gone]
    return [*others, *sorted(gone & set(wanted))]


def _referred(node: protos.SavedObject, *, without_signatures: bool) -> Iterator[int]:
    """Yields the numbers of the objects that an object refers to."""
    for child in (*node.children, *node.dependencies):
        if not (without_signatures and child.local_name == SIGNATURES):
            yield child.node_id
    for slot in node.slot_variables:
        yield from (slot.original_variable_node_id, slot.slot_variable_node_id)
    for saveable in node.saveable_objects.values():
        yield from (saveable.save_function, saveable.restore_function)


def _moved(node: protos.SavedObject, places: Mapping[int, int], assets: int) -> protos.SavedObject:
    """Returns an object as it is among those of the MetaGraph."""
    moved = protos.SavedObject()
    moved.CopyFrom(node)
    for references in (moved.children, moved.dependencies):
        kept = [each for each in references if each.node_id in places]
        del references[:]
        for each in kept:
            references.add(local_name=each.local_name, node_id=places[each.node_id])
    for slot in moved.slot_variables:
        slot.original_variable_node_id = places[slot.original_variable_node_id]
        slot.slot_variable_node_id = places[slot.slot_variable_node_id]
    for saveable in moved.saveable_objects.values():
        saveable.save_function = places[saveable.save_function]
        saveable.restore_function = places[saveable.restore_function]
    if moved.HasField("asset"):
        moved.asset.asset_file_def_index += assets
    if moved.user_object.identifier.startswith(_OF_KERAS):
        moved.user_object.identifier = _PLAIN
        moved.user_object.metadata = ""
    return moved


def _replace(target: Target, message: Message, field: Field, node: protos.SavedObject) -> None:
    target.edits.replace(message, field, length_delimited(_NODES, deterministic_bytes(node)))
