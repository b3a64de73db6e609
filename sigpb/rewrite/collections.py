"""Writes the collections of a MetaGraph that repeat the names of a signature's endpoints.

TensorFlow Model Analysis keeps the inputs of an EvalSavedModel a second time: a collection
``<prefix>/node`` holds copies of their TensorInfos and ``<prefix>/key``, at the same positions,
their names: ``$Bytes$company`` for the input ``features/company``
(tensorflow_model_analysis/eval_saved_model/encoding.py).
"""

from __future__ import annotations

from collections.abc import Iterator

from sigpb import protos
from sigpb.rewrite.draft import EndpointDraft, MetaGraphDraft
from sigpb.saved_model.deterministic_bytes import deterministic_bytes
from sigpb.saved_model.model import parse
from sigpb.wire import Edits, map_entry

_COLLECTIONS = protos.MetaGraphDef.COLLECTION_DEF_FIELD_NUMBER
_TENSOR_INFO = "type.googleapis.com/tensorflow.TensorInfo"
_ENCODED = "$Bytes$"


def rewrite(edits: Edits, draft: MetaGraphDraft) -> None:
    """Renames endpoints in such collections as a draft renames them."""
    meta_graph = draft.meta_graph.message
    renamed = _renamed_endpoints(draft)
    if not renamed:
        return
    entries = dict(meta_graph.entries(_COLLECTIONS))
    for raw_name, field in entries.items():
        nodes = entries.get(raw_name.removesuffix(b"/key") + b"/node")
        if nodes is None or not raw_name.endswith(b"/key"):
            continue
        value, node_value = meta_graph.entry_value(field), meta_graph.entry_value(nodes)
        if value is None or node_value is None:
            continue
        keys = parse(protos.CollectionDef, value)
        names = keys.bytes_list.value
        before = list(names)
        infos = parse(protos.CollectionDef, node_value).any_list.value
        prefix = raw_name.decode(errors="surrogateescape").rpartition("/")[0].rpartition("/")[2]
        for position, (name, info) in enumerate(zip(before, infos, strict=False)):
            if info.type_url == _TENSOR_INFO:
                endpoints = renamed.get(info.value, [])
                names[position] = _new_name(name, endpoints, f"{prefix}/")
        if list(names) != before:
            encoded = deterministic_bytes(keys)
            edits.replace(meta_graph, field, map_entry(_COLLECTIONS, raw_name, encoded))


def _renamed_endpoints(draft: MetaGraphDraft) -> dict[bytes, list[EndpointDraft]]:
    """Returns the renamed endpoints by their TensorInfos as a packed copy holds them."""
    renamed: dict[bytes, list[EndpointDraft]] = {}
    for info, endpoint in _endpoints(draft):
        if endpoint.renamed:
            packed = info.SerializeToString(deterministic=True)
            renamed.setdefault(packed, []).append(endpoint)
    return renamed


def _endpoints(draft: MetaGraphDraft) -> Iterator[tuple[protos.TensorInfo, EndpointDraft]]:
    for signature in draft.signatures.values():
        if signature.ref.copy_of is None:
            signature_def = draft.meta_graph.signatures[signature.ref.source]
            for key, endpoint in signature.inputs.items():
                yield signature_def.inputs[key], endpoint
            for key, endpoint in signature.outputs.items():
                yield signature_def.outputs[key], endpoint


def _new_name(encoded: bytes, endpoints: list[EndpointDraft], prefix: str) -> bytes:
    """Returns the name of a collection's entry whose TensorInfo is that of renamed endpoints.

    The name is an endpoint's key, or what follows a prefix like ``features/`` in it. A new key
    without that prefix is taken whole; one that has it, in place of a whole one, without it.

    Args:
        encoded: The name.
        endpoints: The endpoints.
        prefix: The prefix that the collection stands for.
    """
    text = encoded.decode(errors="surrogateescape")
    marker = _ENCODED if text.startswith(_ENCODED) else ""
    name = text.removeprefix(marker)
    for endpoint in endpoints:
        if endpoint.source == name:
            key = endpoint.key if name.startswith(prefix) else endpoint.key.removeprefix(prefix)
            return f"{marker}{key}".encode(errors="surrogateescape")
        if name and endpoint.source.endswith("/" + name):
            prefix = endpoint.source.removesuffix(name)
            return f"{marker}{endpoint.key.removeprefix(prefix)}".encode(errors="surrogateescape")
    return encoded
