"""Writes interfaces: every view of a MetaGraph's signatures, in step."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sigpb import protos
from sigpb.graph.top_level import TopLevelGraph
from sigpb.rewrite import meta_info, object_graph, signature_defs
from sigpb.rewrite.interface import Interfaces
from sigpb.rewrite.restoration import remove_leftovers
from sigpb.rewrite.session_graph import splice
from sigpb.saved_model.model import MetaGraph
from sigpb.tf.called_functions import called_functions
from sigpb.tf.tensor_types import tensor_names
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


def commit(interfaces: Interfaces, edits: Edits) -> Committed:
    """Adds to `edits` what brings a MetaGraph in line with what its signatures are to be.

    Raises:
        PatchError: With all that the graph is in the way of.
    """
    parts = interfaces.parts.fork()
    graph, library = parts.top, parts.library

    spliced = {ref: each for ref, each in interfaces.signatures.items() if each.is_spliced}
    endpoints = {ref: splice(interfaces, each, graph) for ref, each in spliced.items()}
    meta_info.rewrite_tags(edits, interfaces)
    signature_defs.rewrite_collections(edits, interfaces, endpoints)
    signature_defs_after = signature_defs.rewrite(edits, interfaces, endpoints)
    leftovers = [each.restored.leftovers for each in spliced.values() if each.restored]
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
    after = object_graph.rewrite(edits, interfaces, library, parts.op_defs)
    functions = called_functions(graph.changed_nodes)
    functions |= set(after.concrete_functions if after else ())
    unused = set[str]()
    if leftovers:
        before = interfaces.meta_graph.object_graph
        given_up = set(before.proto.concrete_functions) - functions if before else set[str]()
        given_up |= called_functions(graph.removed_nodes)
        unused = library.remove_unused(given_up - functions, graph.removed_spans)
        unused |= {node.op for node in graph.removed_nodes}
    ops = {node.op for node in graph.changed_nodes} | library.rewrite(edits, functions)
    if spliced:
        graph.rewrite(edits)
        unused -= {node.op for node in graph.kept_nodes()} if unused else set()
        unused = {op for op in unused if not library.mentions_op(op)}
        meta_info.rewrite_ops(edits, interfaces.meta_graph.message, ops, unused - ops)
    unchecked = (clause for each in spliced.values() for clause in each.unchecked)
    return Committed(
        interfaces.tags,
        signature_defs_after,
        after,
        graph if graph.is_changed else None,
        tuple(dict.fromkeys(unchecked)),
        tuple(warning for each in spliced.values() for warning in each.warnings),
    )
