"""Writes a draft: every view of a MetaGraph's signatures, in step."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sigpb import protos
from sigpb.errors import PatchError
from sigpb.graph.called_functions import called_functions
from sigpb.graph.top_level import TopLevelGraph
from sigpb.rewrite import collections, meta_info, object_graph, signature_defs, stripped_ops
from sigpb.rewrite.boundary import Boundary, boundary_of
from sigpb.rewrite.draft import MetaGraphDraft, SignatureRef
from sigpb.rewrite.graph_parts import GraphParts
from sigpb.rewrite.restoration import remove_leftovers
from sigpb.rewrite.session_graph import Endpoints, fed_as_before, splice
from sigpb.saved_model.model import MetaGraph
from sigpb.tensor_types import tensor_names
from sigpb.wire import Edits


@dataclass(frozen=True)
class Committed:
    """What a MetaGraph's views are after a commit.

    Attributes:
        tags: The tag-set.
        signature_defs: The whole `signature_def` map.
        object_graph: The SavedObjectGraph; None if there is none.
        graph: The top level of the graph; None if it did not change.
        unchecked: What only a run of the model shows: see `Edit.unchecked`.
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
    collections.rewrite(edits, draft, endpoints)
    signature_defs_after = signature_defs.rewrite(edits, draft, endpoints)
    leftovers = [each.restored.leftovers for each in boundaries.values() if each.restored]
    if leftovers:
        infos = (
            info
            for each in signature_defs_after.values()
            for info in (*each.inputs.values(), *each.outputs.values())
        )
        remove_leftovers(
            graph,
            frozenset().union(*leftovers),
            [tensor for info in infos for tensor in tensor_names(info)],
        )
    after = object_graph.rewrite(edits, draft, boundaries, library, parts.op_defs)
    functions = called_functions(graph.changed_nodes)
    functions |= set(after.concrete_functions if after else ())
    unused = set[str]()
    if leftovers:
        before = draft.meta_graph.object_graph
        given_up = set(before.proto.concrete_functions) - functions if before else set[str]()
        given_up |= called_functions(graph.removed_nodes)
        unused = library.remove_unused(given_up - functions, graph.removed_spans)
        unused |= {node.op for node in graph.removed_nodes}
    ops = {node.op for node in graph.changed_nodes} | library.rewrite(edits, functions)
    if boundaries:
        graph.rewrite(edits)
        unused -= {node.op for node in graph.kept_nodes()} if unused else set()
        unused = {op for op in unused if not library.mentions_op(op)}
        stripped_ops.rewrite(edits, draft.meta_graph.message, ops, unused - ops)
    unchecked = (each for boundary in boundaries.values() for each in boundary.unchecked)
    return Committed(
        draft.tags,
        signature_defs_after,
        after,
        graph if graph.is_changed else None,
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
        if signature.converted or signature.drops_outputs:
            try:
                boundary = boundary_of(signature, parts)
            except PatchError as error:
                problems += error.problems
            else:
                if signature.converted or boundary.restored:
                    boundaries[ref] = boundary
    if problems:
        raise PatchError(problems)
    as_before = fed_as_before(draft) if boundaries else {}
    return boundaries, {
        ref: splice(draft, draft.signatures[ref], boundary, as_before, parts.top)
        for ref, boundary in boundaries.items()
    }
