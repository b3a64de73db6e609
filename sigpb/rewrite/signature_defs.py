"""Writes the `signature_def` map of a MetaGraph: what session-based loaders read."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

from sigpb import protos
from sigpb.rewrite.draft import SignatureRef
from sigpb.rewrite.interface import Interface, Interfaces
from sigpb.rewrite.session_graph import Endpoints
from sigpb.saved_model.deterministic_bytes import deterministic_bytes
from sigpb.wire import Edits, map_entry

_NUMBER = protos.MetaGraphDef.SIGNATURE_DEF_FIELD_NUMBER


def rewrite(
    edits: Edits,
    interfaces: Interfaces,
    endpoints: Mapping[SignatureRef, Endpoints] | None = None,
) -> Mapping[str, protos.SignatureDef]:
    """Brings `signature_def` in line with interfaces.

    A renamed entry keeps its place in the file, and a copy follows its original; entries that do
    not change are not touched.

    Args:
        edits: Receives what changes.
        interfaces: The signatures as they are to be.
        endpoints: The new TensorInfos of signatures whose values are converted.

    Returns:
        The whole map as it is to be, TensorFlow's internal signatures among them.
    """
    meta_graph = interfaces.meta_graph
    kept, after = set(meta_graph.signatures), dict[SignatureRef, protos.SignatureDef]()
    by_source: dict[bytes, list[Interface]] = defaultdict(list)
    for ref, signature in interfaces.signatures.items():
        if signature.changed:
            by_source[ref.source.encode()].append(signature)
            if ref.copy_of is None:
                kept.remove(ref.source)
            if not signature.dropped:
                now = (endpoints or {}).get(ref, Endpoints())
                after[ref] = _signature_def(interfaces, signature, now)
    for raw_key, field in meta_graph.message.entries(_NUMBER):
        for signature in by_source.get(raw_key, ()):
            ref = signature.ref
            if ref.copy_of is not None:
                edits.insert(meta_graph.message, field.end, _entry(signature.key, after[ref]))
            elif signature.dropped:
                edits.delete(meta_graph.message, field)
            else:
                edits.replace(meta_graph.message, field, _entry(signature.key, after[ref]))
    made = {interfaces.signatures[ref].key: value for ref, value in after.items()}
    return meta_graph.signatures.only(kept, made)


def _signature_def(
    interfaces: Interfaces, signature: Interface, endpoints: Endpoints
) -> protos.SignatureDef:
    """Returns the SignatureDef that a signature is to have."""
    before = interfaces.meta_graph.signatures[signature.ref.source]
    after = protos.SignatureDef()
    after.CopyFrom(before)
    after.method_name = signature.method_name
    for side in (after.inputs, after.outputs, after.defaults):
        side.clear()
    for end in signature.kept("input"):
        info = endpoints.inputs.get(end.source, before.inputs[end.source])
        after.inputs[end.key].CopyFrom(info)
        if end.default is not None:
            after.defaults[end.key].CopyFrom(end.default)
        elif end.source in before.defaults:
            after.defaults[end.key].CopyFrom(before.defaults[end.source])
    for end in signature.kept("output"):
        info = endpoints.outputs.get(end.source, before.outputs[end.source])
        after.outputs[end.key].CopyFrom(info)
    for key, info in endpoints.added.items():
        after.outputs[key].CopyFrom(info)
    return after


def _entry(key: str, value: protos.SignatureDef) -> bytes:
    return map_entry(_NUMBER, key.encode(), deterministic_bytes(value))
