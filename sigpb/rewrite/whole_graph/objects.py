"""What of an object graph can go: functions, and constants that only these take.

Nodes are referred to by position: by each other, and by ``keras_metadata.pb`` beside the model. So
none is removed. What stays of one that goes is an object without anything in it, which
`tf.saved_model.load` makes and forgets.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator

from sigpb import protos

_ROOT = 0

# What does nothing unless something reaches it. All else counts as reached: a resource, for
# instance, is initialised whoever takes it (``Loader.__init__`` in saved_model/load.py).
_PASSIVE = {"bare_concrete_function", "captured_tensor", "constant", "function"}

GENERIC = protos.SavedUserObject(
    identifier="_generic_user_object",
    version=protos.VersionDef(producer=1, min_consumer=1),
)
"""An object of no class in particular, to which loaders give its children as attributes."""


def unreached(graph: protos.SavedObjectGraph, needed: Collection[str]) -> set[int]:
    """Returns the positions of functions and constants that nothing reaches from the root.

    Args:
        graph: The object graph.
        needed: Concrete functions that are needed, whether a node names them or not.
    """
    roots = [
        position
        for position, node in enumerate(graph.nodes)
        if position == _ROOT or not _is_passive(node)
    ]
    roots += (each for name in needed for each in captured(graph, name))
    reached, waiting = set[int](), roots
    while waiting:
        position = waiting.pop()
        if position not in reached and 0 <= position < len(graph.nodes):
            reached.add(position)
            waiting += needed_by(graph.nodes[position], graph)
    return set(range(len(graph.nodes))) - reached


def without(graph: protos.SavedObjectGraph, positions: set[int]) -> protos.SavedObjectGraph:
    """Returns a copy in which the nodes at some positions hold nothing."""
    after = protos.SavedObjectGraph()
    after.CopyFrom(graph)
    for position in positions:
        after.nodes[position].CopyFrom(protos.SavedObject(user_object=GENERIC))
    return after


def named_functions(graph: protos.SavedObjectGraph, gone: Collection[int]) -> set[str]:
    """Returns the concrete functions that nodes name, but for those at some positions."""
    nodes = (node for position, node in enumerate(graph.nodes) if position not in gone)
    return {name for node in nodes for name in functions_of(node)}


def operations(graph: protos.SavedObjectGraph, gone: Collection[int]) -> set[str]:
    """Returns the nodes of the top level that constants are read from (``_operation_attributes``).

    Args:
        graph: The object graph.
        gone: The positions of objects that do not count.
    """
    nodes = (node for position, node in enumerate(graph.nodes) if position not in gone)
    return {node.constant.operation for node in nodes if node.HasField("constant")}


def _is_passive(node: protos.SavedObject) -> bool:
    kind = node.WhichOneof("kind")
    return kind in _PASSIVE and not node.registered_name and not node.registered_saver


def functions_of(node: protos.SavedObject) -> Iterator[str]:
    """Yields the concrete functions that a node of an object graph names."""
    kind = node.WhichOneof("kind")
    if kind == "function":
        yield from node.function.concrete_functions
    elif kind == "bare_concrete_function":
        yield node.bare_concrete_function.concrete_function_name
    elif kind == "captured_tensor":
        yield node.captured_tensor.concrete_function


def needed_by(node: protos.SavedObject, graph: protos.SavedObjectGraph) -> Iterator[int]:
    """Yields the positions of the nodes that a node of the graph needs."""
    for reference in (*node.children, *node.dependencies):
        yield reference.node_id
    for slot in node.slot_variables:
        yield slot.original_variable_node_id
        yield slot.slot_variable_node_id
    for saveable in node.saveable_objects.values():
        yield saveable.save_function
        yield saveable.restore_function
    for name in functions_of(node):
        yield from captured(graph, name)


def captured(graph: protos.SavedObjectGraph, function: str) -> Iterable[int]:
    """Returns the positions of what a concrete function captures."""
    functions = graph.concrete_functions
    return functions[function].bound_inputs if function in functions else ()
