"""Writes the `signature_def` map of a MetaGraph, and the collections that repeat parts of it.

Session-based loaders read the map. TensorFlow Model Analysis keeps the inputs of an EvalSavedModel
a second time: a collection ``<prefix>/node`` holds copies of their TensorInfos and
``<prefix>/key``, at the same positions, their names: ``$Bytes$company`` for the input
``features/company`` (tensorflow_model_analysis/eval_saved_model/encoding.py).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping

from sigpb import protos
from sigpb.rewrite.draft import SignatureRef
from sigpb.rewrite.interface import Interface, Interfaces, Port
from sigpb.rewrite.session_graph import Endpoints
from sigpb.saved_model.deterministic_bytes import deterministic_bytes
from sigpb.saved_model.model import parse
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


_COLLECTIONS = protos.MetaGraphDef.COLLECTION_DEF_FIELD_NUMBER
_TENSOR_INFO = "type.googleapis.com/tensorflow.TensorInfo"
_ENCODED = "$Bytes$"


def rewrite_collections(
    edits: Edits,
    interfaces: Interfaces,
    endpoints: Mapping[SignatureRef, Endpoints] | None = None,
) -> None:
    """Renames endpoints in such collections as interfaces rename them.

    Args:
        edits: Receives what changes.
        interfaces: The signatures as they are to be.
        endpoints: The new TensorInfos of signatures whose values are converted. Of a signature that
            is to be what it was before earlier patches, the copies are equal to these.
    """
    meta_graph = interfaces.meta_graph.message
    renamed = _renamed_endpoints(interfaces, endpoints or {})
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
                names[position] = _new_name(name, renamed.get(info.value, []), f"{prefix}/")
        if list(names) != before:
            encoded = deterministic_bytes(keys)
            edits.replace(meta_graph, field, map_entry(_COLLECTIONS, raw_name, encoded))


def _renamed_endpoints(
    interfaces: Interfaces, endpoints: Mapping[SignatureRef, Endpoints]
) -> dict[bytes, list[Port]]:
    """Returns the renamed endpoints by their TensorInfos as a packed copy holds them."""
    renamed: dict[bytes, list[Port]] = {}
    for info, endpoint in _endpoints(interfaces, endpoints):
        if endpoint.renamed:
            packed = info.SerializeToString(deterministic=True)
            renamed.setdefault(packed, []).append(endpoint)
    return renamed


def _endpoints(
    interfaces: Interfaces, endpoints: Mapping[SignatureRef, Endpoints]
) -> Iterator[tuple[protos.TensorInfo, Port]]:
    for ref, signature in interfaces.signatures.items():
        if ref.copy_of is None:
            signature_def = interfaces.meta_graph.signatures[ref.source]
            after = endpoints.get(ref, Endpoints())
            for infos in (signature_def.inputs, after.inputs):
                yield from ((infos[key], signature.inputs[key]) for key in infos)
            for infos in (signature_def.outputs, after.outputs):
                yield from ((infos[key], signature.outputs[key]) for key in infos)


def _new_name(encoded: bytes, endpoints: list[Port], prefix: str) -> bytes:
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
