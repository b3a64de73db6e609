"""Writes a draft: every view of a MetaGraph's signatures, in step."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sigpb import protos
from sigpb.rewrite import collections, meta_info, object_graph, signature_defs
from sigpb.rewrite.draft import MetaGraphDraft
from sigpb.rewrite.function_library import FunctionLibrary
from sigpb.saved_model.model import MetaGraph
from sigpb.wire import Edits


@dataclass(frozen=True)
class Committed:
    """What a MetaGraph's views are after a commit.

    Attributes:
        tags: The tag-set.
        signature_defs: The whole `signature_def` map.
        object_graph: The SavedObjectGraph; None if there is none.
    """

    tags: tuple[str, ...]
    signature_defs: Mapping[str, protos.SignatureDef]
    object_graph: protos.SavedObjectGraph | None


def unchanged(meta_graph: MetaGraph) -> Committed:
    """Returns the views of a MetaGraph as they are."""
    graph = meta_graph.object_graph
    return Committed(meta_graph.tags, meta_graph.signatures, graph.proto if graph else None)


def commit(draft: MetaGraphDraft, edits: Edits) -> Committed:
    """Adds to `edits` what brings a MetaGraph in line with a draft."""
    library = FunctionLibrary(draft.meta_graph.message)
    meta_info.rewrite(edits, draft)
    collections.rewrite(edits, draft)
    signature_defs.rewrite(edits, draft)
    graph = object_graph.rewrite(edits, draft, library)
    library.rewrite(edits)
    return Committed(draft.tags, signature_defs.signature_defs_of(draft), graph)
