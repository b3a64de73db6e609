"""Which tensors outside of functions the objects of an object graph are.

The object graph knows each object by its way from the root, and as what functions capture; the
graph knows it as a node. Neither names the other, but for constants and assets.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property

from sigpb import protos
from sigpb.inspect.graph.flow import Graph
from sigpb.inspect.loading import Loading, RestoredValue
from sigpb.inspect.proto_source import GraphPart
from sigpb.rewrite.graph_parts import GraphParts
from sigpb.saved_model.model import MetaGraph, parse
from sigpb.saved_model.object_graph import ObjectGraph
from sigpb.tf.called_functions import CALL_OPS
from sigpb.tf.load_ops import ASSIGNING
from sigpb.tf.tensor_names import canonical

_ASSETS = protos.MetaGraphDef.ASSET_FILE_DEF_FIELD_NUMBER


def restored_variables(objects: ObjectGraph, values: tuple[RestoredValue, ...]) -> dict[int, str]:
    """Returns the nodes that are restored as variables, by the positions of the objects they are.

    Args:
        objects: The object graph, in which the way to an object is its key in the checkpoint.
        values: What the restore op reads.
    """
    restored: dict[int, str] = {}
    for value in values:
        if value.variable is not None:
            place = objects.place_of_variable(value.key)
            if place is not None:
                restored[place] = value.variable
    return restored


def captured_tensors(objects: ObjectGraph, graph: Graph) -> Iterator[tuple[int, str]]:
    """Yields the objects that functions capture, each with the tensor that a call takes for it.

    Only calls outside of functions count, of functions that the object graph names.
    """
    functions: Mapping[str, protos.SavedConcreteFunction] = objects.proto.concrete_functions
    for record in graph.records.values():
        if record.op not in CALL_OPS:
            continue
        node = graph.node(record.name)
        name = node.attr["f"].func.name if node is not None and "f" in node.attr else ""
        if name in functions and (bound := functions[name].bound_inputs):
            yield from zip(bound, map(canonical, record.tensors[-len(bound) :]), strict=False)


class ObjectTensors:
    """The tensors that stand for the objects of a MetaGraph."""

    def __init__(self, meta_graph: MetaGraph, objects: ObjectGraph) -> None:
        """Takes a MetaGraph, of which nothing is read yet, and its object graph."""
        self._meta_graph, self._objects = meta_graph, objects

    @cached_property
    def _graph(self) -> Graph:
        message = GraphParts(self._meta_graph).message
        return Graph(GraphPart("", message, self._meta_graph))

    @cached_property
    def _restored(self) -> dict[int, str]:
        values = Loading(self._graph, self._meta_graph).values
        return restored_variables(self._objects, values)

    @cached_property
    def _captured(self) -> dict[int, set[str]]:
        found: dict[int, set[str]] = {}
        for place, tensor in captured_tensors(self._objects, self._graph):
            found.setdefault(place, set()).add(tensor)
        return found

    def tensor(self, place: int) -> str | None:
        """Returns the tensor that a function takes which captures an object.

        Args:
            place: The position of the object in the object graph.

        Returns:
            The tensor as nodes spell it; None if it cannot be determined. Of a variable it is the
            handle that the restore op assigns, of an asset its path, read from where the init op
            puts it.
        """
        kind = self._objects.proto.nodes[place].WhichOneof("kind")
        if kind == "variable":
            return self._restored.get(place)
        if kind == "constant":
            name = self._objects.proto.nodes[place].constant.operation
            return name if name in self._graph.records else None
        if kind == "asset":
            return self._asset_path(self._objects.proto.nodes[place].asset.asset_file_def_index)
        if kind == "resource":
            found = self._captured.get(place, set())
            return next(iter(found)) if len(found) == 1 else None
        return None

    def _asset_path(self, index: int) -> str | None:
        """Returns a tensor that is the path of an asset once the init op has run.

        What waits for the assignment would do it again, and wants a path to be fed.
        """
        fields = list(self._meta_graph.message.fields(_ASSETS))
        if index >= len(fields):
            return None
        info = parse(protos.AssetFileDef, self._meta_graph.message.message(fields[index]))
        fed = canonical(info.tensor_info.name)
        records = self._graph.records.values()
        handles = {
            canonical(record.tensors[0])
            for record in records
            if record.op in ASSIGNING and fed in map(canonical, record.tensors[1:])
        }
        for record in records:
            waits = len(record.inputs) > 1
            if record.op == "ReadVariableOp" and not waits and record.inputs[0] in handles:
                return record.name
        return None
