"""A MetaGraph's graph in its parts, each of which is read when it is asked for."""

from __future__ import annotations

import copy
from collections.abc import Iterator

from sigpb import protos
from sigpb.graph.top_level import TopLevelGraph
from sigpb.rewrite.function_library import FunctionLibrary
from sigpb.saved_model.model import MetaGraph
from sigpb.tf.op_defs import OpDefs
from sigpb.wire import Message

_GRAPH = protos.MetaGraphDef.GRAPH_DEF_FIELD_NUMBER


class GraphParts:
    """The graph of a MetaGraph.

    Attributes:
        meta_graph: The MetaGraph.
        message: Its GraphDef; an empty one if it has none.
        library: Its functions.
        op_defs: Its ops.
        top: The nodes of its top level.
    """

    def __init__(self, meta_graph: MetaGraph) -> None:
        message = meta_graph.message
        self.meta_graph = meta_graph
        self.message = message.find(_GRAPH) or Message(message.buffer, 0, 0)
        self.library = FunctionLibrary(message, _concrete_functions(meta_graph))
        self.op_defs = OpDefs(lambda: (*meta_graph.op_defs(), *self.library.signatures()))
        self.top = TopLevelGraph(self.message, self.library, self.op_defs)

    def fork(self) -> GraphParts:
        """Returns parts with the same changes, of which more do not concern these.

        What was read is not read again.
        """
        other = copy.copy(self)
        other.library = self.library.fork()
        other.top = self.top.fork(other.library)
        return other


def _concrete_functions(meta_graph: MetaGraph) -> Iterator[str]:
    """Yields the names that the object graph has functions under, in the library or not."""
    if meta_graph.object_graph:
        yield from meta_graph.object_graph.proto.concrete_functions
