"""The names in a SavedObjectGraph: of objects, variables, functions and their arguments."""

from __future__ import annotations

from collections.abc import Iterator

from sigpb import protos
from sigpb.inspect.names.occurrences.occurrence import Occurrence, Role
from sigpb.inspect.names.occurrences.structures import in_structure
from sigpb.inspect.place import Place


def in_object_graph(graph: protos.SavedObjectGraph, place: Place) -> Iterator[Occurrence]:
    """Yields the names in a SavedObjectGraph."""
    for position, node in enumerate(graph.nodes):
        yield from _in_object(node, Place(place, "nodes", position))
    for name in sorted(graph.concrete_functions):
        here = Place(place, "concrete_functions", name)
        function = graph.concrete_functions[name]
        yield Occurrence(Role.CONCRETE_FUNCTION, name, here)
        for field in ("canonicalized_input_signature", "output_signature"):
            yield from in_structure(getattr(function, field), Place(here, field))


def _in_object(node: protos.SavedObject, here: Place) -> Iterator[Occurrence]:
    for field in ("children", "dependencies"):
        for child in getattr(node, field):
            yield Occurrence(Role.CHILD, child.local_name, Place(here, field, child.local_name))
    for position, slot in enumerate(node.slot_variables):
        where = Place(Place(here, "slot_variables", position), "slot_name")
        yield Occurrence(Role.CHILD, slot.slot_name, where)
    for name in sorted(node.saveable_objects):
        yield Occurrence(Role.OBJECT, name, Place(here, "saveable_objects", name))
    for field in ("registered_name", "registered_saver"):
        if name := getattr(node, field):
            yield Occurrence(Role.OBJECT, name, Place(here, field))
    kind = node.WhichOneof("kind")
    if kind is not None:
        yield from _in_kind(node, kind, Place(here, kind))


def _in_kind(node: protos.SavedObject, kind: str, here: Place) -> Iterator[Occurrence]:
    if kind == "user_object":
        yield Occurrence(Role.OBJECT, node.user_object.identifier, Place(here, "identifier"))
    elif kind == "variable":
        yield from _in_variable(node.variable, here)
    elif kind == "constant":
        yield Occurrence(Role.CONSTANT, node.constant.operation, Place(here, "operation"))
    elif kind == "captured_tensor":
        tensor = node.captured_tensor
        function = tensor.concrete_function
        yield Occurrence(Role.CAPTURED_TENSOR, tensor.name, Place(here, "name"), function)
        yield Occurrence(Role.CONCRETE_FUNCTION, function, Place(here, "concrete_function"))
    elif kind == "function":
        for position, name in enumerate(node.function.concrete_functions):
            where = Place(here, "concrete_functions", position)
            yield Occurrence(Role.CONCRETE_FUNCTION, name, where)
        yield from _in_spec(node.function.function_spec, Place(here, "function_spec"))
    elif kind == "bare_concrete_function":
        bare = node.bare_concrete_function
        where = Place(here, "concrete_function_name")
        yield Occurrence(Role.CONCRETE_FUNCTION, bare.concrete_function_name, where)
        for position, keyword in enumerate(bare.argument_keywords):
            yield Occurrence(Role.ENDPOINT, keyword, Place(here, "argument_keywords", position))
        yield from _in_spec(bare.function_spec, Place(here, "function_spec"))


def _in_variable(variable: protos.SavedVariable, here: Place) -> Iterator[Occurrence]:
    yield Occurrence(Role.VARIABLE, variable.name, Place(here, "name"))
    field = "experimental_distributed_variable_components"
    for position, component in enumerate(getattr(variable, field)):
        yield from _in_variable(component, Place(here, field, position))


def _in_spec(spec: protos.FunctionSpec, here: Place) -> Iterator[Occurrence]:
    for field in ("fullargspec", "input_signature"):
        yield from in_structure(getattr(spec, field), Place(here, field))
