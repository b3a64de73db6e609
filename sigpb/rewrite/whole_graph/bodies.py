"""The nodes of a graph and of its functions, where they lie in the file."""

from __future__ import annotations

from collections.abc import Iterator

from sigpb import protos
from sigpb.rewrite.graph_parts import FunctionLibrary
from sigpb.wire import Message

_GRAPH = protos.MetaGraphDef.GRAPH_DEF_FIELD_NUMBER
_NODE = protos.GraphDef.NODE_FIELD_NUMBER
_NODE_DEF = protos.FunctionDef.NODE_DEF_FIELD_NUMBER


def top_level(meta_graph: Message) -> Iterator[Message]:
    """Yields the nodes of the top level of a MetaGraphDef's graph."""
    graph = meta_graph.find(_GRAPH)
    return map(graph.message, graph.fields(_NODE)) if graph else iter(())


def function_nodes(function: Message) -> Iterator[Message]:
    """Yields the nodes of a FunctionDef."""
    return map(function.message, function.fields(_NODE_DEF))


def library_of(meta_graph: Message) -> dict[str, Message]:
    """Returns the functions of a MetaGraphDef by their names."""
    return dict(FunctionLibrary(meta_graph).messages)


def in_order(message: Message, number: int) -> int:
    """Returns where a field goes that a message does not have: its fields are in order."""
    behind = (field.start for field in message.fields() if field.number > number)
    return next(behind, message.end)
