"""The MetaGraph that a part is put into, and what changes in it."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable
from functools import cached_property

from sigpb import protos
from sigpb.graphs.top_level import Scope, TopLevelGraph
from sigpb.rewrite.graph_parts import GraphParts
from sigpb.saved_model.model import MetaGraph
from sigpb.wire import Edits, Message


class Target:
    """A MetaGraph, and the edits that put a part into it.

    Attributes:
        meta_graph: The MetaGraph as it is.
        edits: Receives what changes.
        scope: The scope of the nodes that the part has, and of those that join the two.
    """

    def __init__(self, meta_graph: MetaGraph, edits: Edits, scope: str) -> None:
        self.meta_graph = meta_graph
        self.edits = edits
        self._scope = scope

    @property
    def message(self) -> Message:
        """The MetaGraphDef in the file."""
        return self.meta_graph.message

    @cached_property
    def parts(self) -> GraphParts:
        """The nodes, functions and ops as they are."""
        return GraphParts(self.meta_graph)

    @property
    def top(self) -> TopLevelGraph:
        """The nodes of the top level, and those that are added."""
        return self.parts.top

    @cached_property
    def scope(self) -> Scope:
        """The scope of the part."""
        return Scope(self.top, self._scope)


def scope_of(nodes: Iterable[protos.NodeDef]) -> str:
    """Returns the innermost scope that all nodes are in; an empty string if they share none."""
    scopes = {node.name.rpartition("/")[0] for node in nodes}
    return posixpath.commonpath(scopes) if scopes else ""
