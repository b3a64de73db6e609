"""Writes a draft: every view of a MetaGraph's signatures, in step."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sigpb import protos
from sigpb.errors import PatchError
from sigpb.graph.top_level import TopLevelGraph
from sigpb.rewrite import collections, meta_info, object_graph, signature_defs, stripped_ops
from sigpb.rewrite.boundary import Boundary, boundary_of
from sigpb.rewrite.draft import MetaGraphDraft, SignatureRef
from sigpb.rewrite.function_library import called_functions
from sigpb.rewrite.graph_parts import GraphParts
from sigpb.rewrite.session_graph import Endpoints, splice
from sigpb.saved_model.model import MetaGraph
from sigpb.wire import Edits


@dataclass(frozen=True)
class Committed:
    """What a MetaGraph's views are after a commit.

    Attributes:
        tags: The tag-set.
        signature_defs: The whole `signature_def` map.
        object_graph: The SavedObjectGraph; None if there is none.
        graph: The top level of the graph; None if it did not change.
        unchecked: What only a run of the model shows, such as ``what …``.
        warnings: What works but may surprise, in whole sentences.
    """

    tags: tuple[str, ...]
    signature_defs: Mapping[str, protos.SignatureDef]
    object_graph: protos.SavedObjectGraph | None
    graph: TopLevelGraph | None = None
    unchecked: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


def unchanged(meta_graph: MetaGraph) -> Committed:
    """Returns the views of a MetaGraph as they are."""
    graph = meta_graph.object_graph
    return Committed(meta_graph.tags, meta_graph.signatures, graph.proto if graph else None)


def commit(draft: MetaGraphDraft, edits: Edits) -> Committed:
    """Adds to `edits` what brings a MetaGraph in line with a draft.

    Raises:
        PatchError: With all that the graph is in the way of.
    """
    parts = GraphParts(draft.meta_graph)
    graph, library = parts.top, parts.library

    boundaries, endpoints = _splice(draft, parts)
    meta_info.rewrite(edits, draft)
    collections.rewrite(edits, draft)
    signature_defs_after = signature_defs.rewrite(edits, draft, endpoints)
    after = object_graph.rewrite(edits, draft, boundaries, library, parts.op_defs)
    functions = called_functions(graph.changed_nodes)
    functions |= set(after.concrete_functions if after else ())
    ops = {node.op for node in graph.changed_nodes} | library.rewrite(edits, functions)
    if boundaries:
        graph.rewrite(edits)
        stripped_ops.rewrite(edits, draft.meta_graph.message, ops)
    unchecked = (each for boundary in boundaries.values() for each in boundary.unchecked)
    return Committed(
        draft.tags,
        signature_defs_after,
        after,
        graph if graph.changed_nodes else None,
        tuple(dict.fromkeys(unchecked)),
        tuple(each for boundary in boundaries.values() for each in boundary.warnings),
    )


def _splice(
    draft: MetaGraphDraft, parts: GraphParts
) -> tuple[dict[SignatureRef, Boundary], dict[SignatureRef, Endpoints]]:
    """Converts the values of all signatures that ask for it, in the top-level graph."""
    boundaries: dict[SignatureRef, Boundary] = {}
    problems: list[str] = []
    for ref, signature in draft.signatures.items():
        if signature.converted:
            try:
                boundaries[ref] = boundary_of(signature, parts)
            except PatchError as error:
                problems += error.problems
    if problems:
        raise PatchError(problems)
    return boundaries, {
        ref: splice(draft, draft.signatures[ref], boundary, parts.top)
        for ref, boundary in boundaries.items()
    }
