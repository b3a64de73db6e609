"""Writes interfaces: every view of a MetaGraph's signatures, in step."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

from sigpb import protos
from sigpb.publishing.changes import Changes
from sigpb.rewrite import metadata, object_graph
from sigpb.rewrite.draft import Interfaces
from sigpb.rewrite.graph_parts import GraphParts
from sigpb.rewrite.interface import SignatureRef
from sigpb.rewrite.metadata import Endpoints
from sigpb.saved_model.model import MetaGraph, SavedModel
from sigpb.tf.called_functions import called_functions
from sigpb.tf.tensor_types import tensor_names
from sigpb.wire import Edits, Piece

if TYPE_CHECKING:
    from sigpb.graphs.top_level import TopLevelGraph


class Committed(NamedTuple):
    """What a MetaGraph's views are after a commit.

    Attributes:
        tags: The tag-set.
        signature_defs: The whole `signature_def` map.
        object_graph: The SavedObjectGraph; None if there is none.
        graph: The top level of the graph; None if it did not change.
        unchecked: What only a run of the model shows: see `Edit.unchecked`.
        warnings: What works but may surprise, in whole sentences.
        is_rewritten: Whether its graph was rewritten as a whole after that.
    """

    tags: tuple[str, ...]
    signature_defs: Mapping[str, protos.SignatureDef]
    object_graph: protos.SavedObjectGraph | None
    graph: TopLevelGraph | None = None
    unchecked: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    is_rewritten: bool = False


def unchanged(meta_graph: MetaGraph) -> Committed:
    """Returns the views of a MetaGraph as they are."""
    graph = meta_graph.object_graph
    return Committed(meta_graph.tags, meta_graph.signatures, graph.proto if graph else None)


class CommittedModel(NamedTuple):
    """What a model is to be.

    Attributes:
        pieces: What its proto is made of.
        committed: The views of its MetaGraphs, by the positions that these have in the model.
        files: What else changes in its directory: its checkpoint and assets.
    """

    pieces: tuple[Piece, ...]
    committed: Mapping[int, Committed]
    files: Changes = {}


def commit_model(model: SavedModel, interfaces: Mapping[int, Interfaces]) -> CommittedModel:
    """Brings a model in line with what the signatures of its MetaGraphs are to be.

    Args:
        model: The model.
        interfaces: The signatures as they are to be of the MetaGraphs that change, by position.

    Raises:
        PatchError: With all that a graph is in the way of.
    """
    edits = Edits(model.buffer)
    committed = {
        index: commit(interfaces[index], edits) if index in interfaces else unchanged(graph)
        for index, graph in enumerate(model.meta_graphs)
    }
    return CommittedModel(edits.pieces(), committed)


def commit(interfaces: Interfaces, edits: Edits) -> Committed:
    """Adds to `edits` what brings a MetaGraph in line with what its signatures are to be.

    Raises:
        PatchError: With all that the graph is in the way of.
    """
    parts = interfaces.parts.fork()
    spliced = {ref: each for ref, each in interfaces.signatures.items() if each.is_spliced}
    endpoints: dict[SignatureRef, Endpoints] = {}
    if spliced:
        from sigpb.rewrite.session_graph import splice

        endpoints = {ref: splice(interfaces, each, parts.top) for ref, each in spliced.items()}
    metadata.rewrite_tags(edits, interfaces)
    metadata.rewrite_collections(edits, interfaces, endpoints)
    signature_defs_after = metadata.rewrite_signature_defs(edits, interfaces, endpoints)
    leftovers = [each.restored.leftovers for each in spliced.values() if each.restored]
    if leftovers:
        from sigpb.rewrite.restoration import remove_leftovers

        infos = (
            info
            for each in signature_defs_after.values()
            for info in (*each.inputs.values(), *each.outputs.values())
        )
        remove_leftovers(
            parts.top,
            frozenset().union(*leftovers),
            [tensor for info in infos for tensor in tensor_names(info)],
        )
    after = object_graph.rewrite(edits, interfaces, parts)
    functions = set(after.concrete_functions if after else ())
    if not spliced:
        parts.library.rewrite(edits, functions)
        return Committed(interfaces.tags, signature_defs_after, after)
    _rewrite_graph(edits, interfaces, parts, functions, is_restored=bool(leftovers))
    unchecked = (clause for each in spliced.values() for clause in each.unchecked)
    return Committed(
        interfaces.tags,
        signature_defs_after,
        after,
        parts.top if parts.top.is_changed else None,
        tuple(dict.fromkeys(unchecked)),
        tuple(warning for each in spliced.values() for warning in each.warnings),
    )


def _rewrite_graph(
    edits: Edits,
    interfaces: Interfaces,
    parts: GraphParts,
    functions: set[str],
    *,
    is_restored: bool,
) -> None:
    """Writes the nodes, functions and ops of a graph that was spliced.

    Args:
        edits: Receives what changes.
        interfaces: The signatures as they are to be.
        parts: The graph.
        functions: Those that the object graph names from now on.
        is_restored: Whether nodes were given up, so that functions and ops may be unused.
    """
    graph, library = parts.top, parts.library
    functions = functions | called_functions(graph.changed_nodes)
    unused = set[str]()
    if is_restored:
        before = interfaces.meta_graph.object_graph
        given_up = set(before.proto.concrete_functions) - functions if before else set[str]()
        given_up |= called_functions(graph.removed_nodes)
        unused = library.remove_unused(given_up - functions, graph.removed_spans, functions)
        unused |= {node.op for node in graph.removed_nodes}
    graph.rewrite(edits)
    ops = {node.op for node in graph.changed_nodes} | library.rewrite(edits, functions)
    unused -= {node.op for node in graph.kept_nodes()} if unused else set()
    unused = {op for op in unused if not library.mentions_op(op)}
    metadata.rewrite_ops(edits, interfaces.meta_graph.message, ops, unused - ops)
