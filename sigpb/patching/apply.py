"""Carries out a plan: from edits to the new content of the model's files."""

from __future__ import annotations

from sigpb import protos
from sigpb.patching import side_files
from sigpb.patching.plan import Plan
from sigpb.patching.side_files import FingerprintMode, WarmupMode
from sigpb.publishing.changes import Changes, Content, SplicedFile
from sigpb.rewrite.commit import commit, unchanged
from sigpb.rewrite.draft import MetaGraphDraft
from sigpb.saved_model.model import SavedModel
from sigpb.wire import Edits, assemble


def changes_of(
    plan: Plan,
    model: SavedModel,
    *,
    fingerprint: FingerprintMode = "recompute",
    warmup: WarmupMode = "refuse",
) -> Changes:
    """Returns the new content of every file that a plan changes.

    Args:
        plan: A plan for `model`.
        model: The model as it is.
        fingerprint: What becomes of a ``fingerprint.pb``.
        warmup: What becomes of warm-up requests that name something the plan changes.

    Raises:
        PatchError: If warm-up requests name something that is changed, or if the changed model
            cannot be fingerprinted.
    """
    if plan.is_empty:
        return {}
    edits = Edits(model.buffer)
    drafts: list[MetaGraphDraft] = []
    committed = [unchanged(graph) for graph in model.meta_graphs]
    for graph_plan in plan.meta_graphs:
        draft = MetaGraphDraft.of(model.meta_graphs[graph_plan.index])
        for edit in graph_plan.edits:
            edit.apply(draft)
        drafts.append(draft)
        committed[graph_plan.index] = commit(draft, edits)
    pieces = edits.pieces()
    main: Content = SplicedFile(pieces, model.file)
    if model.is_text:
        patched = protos.SavedModel.FromString(assemble(pieces, model.buffer))
        main = _text(model, patched)
    return {
        model.file.name: main,
        **side_files.fingerprint(model, pieces, committed[0], fingerprint),
        **side_files.warmup(model.directory, drafts, warmup),
        **side_files.history(model.directory, plan.patch, committed),
    }


def _text(model: SavedModel, patched: protos.SavedModel) -> bytes:
    """Returns a patched model as text, with the contents of an ``Any`` spelled out if they were."""
    from google.protobuf import descriptor_pool, text_format

    spelled_out = b"[type.googleapis.com/" in model.file.read_bytes()
    pool = protos.POOL if spelled_out else descriptor_pool.DescriptorPool()
    return text_format.MessageToString(patched, as_utf8=True, descriptor_pool=pool).encode()
