"""What the object graph says of nodes and functions by number rather than by name."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from sigpb import protos
from sigpb.inspect.names.occurrences import Part
from sigpb.inspect.place import Place


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
    place: Place
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


def objects_of(part: Part, names: Collection[str]) -> Iterator[tuple[int, Place, str]]:
    """Yields the objects that nodes stand for: variables, constants and assets.

    Args:
        part: The MetaGraph.
        names: The names of the nodes, and the shared names that their resources have.

    Yields:
        The position of each object, and the place and the text that say which node it is.
    """
    for position, node in enumerate(part.object_graph.nodes if part.object_graph else ()):
        kind = node.WhichOneof("kind") or ""
        here = Place(object_place(part, position), kind)
        if kind == "variable" and node.variable.name in names:
            yield position, Place(here, "name"), node.variable.name
        elif kind == "constant" and node.constant.operation in names:
            yield position, Place(here, "operation"), node.constant.operation
        elif kind == "asset":
            index = node.asset.asset_file_def_index
            if 0 <= index < len(part.assets):
                tensor = part.assets[index].tensor_info.name
                if tensor.partition(":")[0] in names:
                    yield position, Place(here, "asset_file_def_index"), str(index)


def bindings(part: Part, positions: Collection[int]) -> Iterator[tuple[Place, int]]:
    """Yields where functions are bound to some objects, and the object's position."""
    functions = part.object_graph.concrete_functions if part.object_graph else {}
    for name in sorted(functions):
        here = Place(Place(part.place, "object_graph_def"), "concrete_functions", name)
        for number, position in enumerate(functions[name].bound_inputs):
            if position in positions:
                yield Place(here, "bound_inputs", number), position


def object_place(part: Part, position: int) -> Place:
    """Returns where an object stands."""
    return Place(Place(part.place, "object_graph_def"), "nodes", position)


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
