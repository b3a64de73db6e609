"""Writes the `signature_def` map of a MetaGraph: what session-based loaders read."""

from __future__ import annotations

from sigpb import protos
from sigpb.rewrite.draft import MetaGraphDraft, SignatureDraft
from sigpb.wire import Edits, map_entry

_NUMBER = protos.MetaGraphDef.SIGNATURE_DEF_FIELD_NUMBER


def rewrite(edits: Edits, draft: MetaGraphDraft) -> None:
    """Brings `signature_def` in line with a draft.

    A renamed entry keeps its place in the file, and a copy follows its original; entries that do
    not change are not touched.
    """
    meta_graph = draft.meta_graph.message
    for raw_key, field in meta_graph.entries(_NUMBER):
        for signature in draft.signatures.values():
            if signature.ref.source.encode() != raw_key:
                continue
            if signature.ref.copy_of is not None:
                edits.insert(meta_graph, field.end, _entry(draft, signature))
            elif signature.dropped:
                edits.delete(meta_graph, field)
            elif signature.changed:
                edits.replace(meta_graph, field, _entry(draft, signature))


def signature_def_of(draft: MetaGraphDraft, signature: SignatureDraft) -> protos.SignatureDef:
    """Returns the SignatureDef that a signature is to have."""
    before = draft.meta_graph.signatures[signature.ref.source]
    after = protos.SignatureDef()
    after.CopyFrom(before)
    after.method_name = signature.method_name
    for side in (after.inputs, after.outputs, after.defaults):
        side.clear()
    for endpoint in signature.kept("input"):
        after.inputs[endpoint.key].CopyFrom(before.inputs[endpoint.source])
        if endpoint.source in before.defaults:
            after.defaults[endpoint.key].CopyFrom(before.defaults[endpoint.source])
    for endpoint in signature.kept("output"):
        after.outputs[endpoint.key].CopyFrom(before.outputs[endpoint.source])
    return after


def signature_defs_of(draft: MetaGraphDraft) -> dict[str, protos.SignatureDef]:
    """Returns the whole map as it is to be, TensorFlow's internal signatures among them."""
    meta_graph = draft.meta_graph
    kept = set(meta_graph.signatures) - set(meta_graph.user_signatures)
    after = {key: meta_graph.signatures[key] for key in kept}
    after.update({item.key: signature_def_of(draft, item) for item in draft.kept()})
    return after


def _entry(draft: MetaGraphDraft, signature: SignatureDraft) -> bytes:
    value = signature_def_of(draft, signature).SerializeToString(deterministic=True)
    return map_entry(_NUMBER, signature.key.encode(), value)
