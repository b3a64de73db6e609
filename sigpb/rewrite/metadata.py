"""Writes what of a MetaGraph is neither graph nor objects: signatures, collections, and meta info.

Session-based loaders read `signature_def`. TensorFlow Model Analysis keeps the inputs of an
EvalSavedModel a second time: a collection ``<prefix>/node`` holds copies of their TensorInfos and
``<prefix>/key``, at the same positions, their names: ``$Bytes$company`` for the input
``features/company`` (tensorflow_model_analysis/eval_saved_model/encoding.py). Every loader selects
a MetaGraph by the tags in `meta_info_def`, beside which are definitions of the graph's ops.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from typing import NamedTuple

from sigpb import protos
from sigpb.rewrite.draft import Interfaces
from sigpb.rewrite.interface import Interface, SignatureRef
from sigpb.rewrite.port import Port
from sigpb.saved_model.deterministic_bytes import deterministic_bytes
from sigpb.saved_model.model import parse
from sigpb.wire import Edits, Field, Message, length_delimited, map_entry

_NUMBER = protos.MetaGraphDef.SIGNATURE_DEF_FIELD_NUMBER


class Endpoints(NamedTuple):
    """The TensorInfos of a signature, by the keys that its endpoints have in the model.

    Attributes:
        inputs: Those of the inputs that change.
        outputs: Those of the outputs that change.
        added: Those of the outputs that are added, by their keys.
        added_inputs: Those of the inputs that are added, by their keys.
    """

    inputs: Mapping[str, protos.TensorInfo] = {}
    outputs: Mapping[str, protos.TensorInfo] = {}
    added: Mapping[str, protos.TensorInfo] = {}
    added_inputs: Mapping[str, protos.TensorInfo] = {}


def rewrite_signature_defs(
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
    created = {key: after[SignatureRef(key)] for key in meta_graph.created}
    insert_signature_defs(edits, meta_graph.message, created)
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


def insert_signature_defs(
    edits: Edits, meta_graph: Message, signatures: Mapping[str, protos.SignatureDef]
) -> None:
    """Adds signatures behind those that a MetaGraphDef has.

    Args:
        edits: Receives them.
        meta_graph: The MetaGraphDef.
        signatures: What to add, by keys that are free.
    """
    end = _end_of_signatures(meta_graph)
    for key, signature in sorted(signatures.items()):
        edits.insert(meta_graph, end, _entry(key, signature))


def _end_of_signatures(meta_graph: Message) -> int:
    """Returns where new entries of `signature_def` go: fields stay in the order of numbers."""
    fields = [field for field in meta_graph.fields() if field.number <= _NUMBER]
    return fields[-1].end if fields else meta_graph.start


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
        after.inputs[end.key].CopyFrom(endpoints.inputs.get(end.source, end.info))
        if end.default is not None:
            after.defaults[end.key].CopyFrom(end.default)
        elif end.source in before.defaults:
            after.defaults[end.key].CopyFrom(before.defaults[end.source])
    for end in signature.kept("output"):
        after.outputs[end.key].CopyFrom(endpoints.outputs.get(end.source, end.info))
    for infos, added in (
        (after.inputs, endpoints.added_inputs),
        (after.outputs, endpoints.added),
    ):
        for key, info in added.items():
            infos[key].CopyFrom(info)
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
    renamed: dict[bytes, list[Port]] = defaultdict(list)
    for ref, signature in interfaces.signatures.items():
        after = endpoints.get(ref, Endpoints())
        sides = ((signature.inputs, after.inputs), (signature.outputs, after.outputs))
        for ports, now in sides if ref.copy_of is None else ():
            for key, port in ports.items():
                if port.renamed:
                    for info in (port.info, now.get(key, port.info)):
                        renamed[info.SerializeToString(deterministic=True)].append(port)
    return renamed


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


_META_INFO = protos.MetaGraphDef.META_INFO_DEF_FIELD_NUMBER
_TAGS = protos.MetaGraphDef.MetaInfoDef.TAGS_FIELD_NUMBER


def rewrite_tags(edits: Edits, interfaces: Interfaces) -> None:
    """Brings the tag-set in line with interfaces."""
    if interfaces.tags == interfaces.meta_graph.tags:
        return
    tags = b"".join(length_delimited(_TAGS, tag.encode()) for tag in interfaces.tags)
    meta_graph = interfaces.meta_graph.message
    meta_info = meta_graph.find(_META_INFO)
    if meta_info is None:
        edits.insert(meta_graph, meta_graph.start, length_delimited(_META_INFO, tags))
        return
    fields = list(meta_info.fields(_TAGS))
    edits.insert(meta_info, fields[0].start if fields else meta_info.end, tags)
    for field in fields:
        edits.delete(meta_info, field)


_META_INFO = protos.MetaGraphDef.META_INFO_DEF_FIELD_NUMBER
_STRIPPED_OPS = protos.MetaGraphDef.MetaInfoDef.STRIPPED_OP_LIST_FIELD_NUMBER
_OP = protos.OpList.OP_FIELD_NUMBER
_NAME = protos.OpDef.NAME_FIELD_NUMBER


def rewrite_ops(
    edits: Edits,
    meta_graph: Message,
    ops: Iterable[str],
    unused: Collection[str] = (),
    defined: Mapping[str, protos.OpDef] | None = None,
) -> None:
    """Adds the definitions of ops to the list, which TensorFlow keeps sorted, and removes others.

    A MetaGraph without a list gets none, and an op that TensorFlow does not define, such as a
    function, has no place in it (tensorflow/python/framework/meta_graph.py).

    Args:
        edits: Receives the additions.
        meta_graph: The MetaGraphDef.
        ops: The ops that the edited graph uses; those in the list already are left alone.
        unused: Ops that it used, and does not use any more.
        defined: Definitions by op that come before those of this TensorFlow.
    """
    from sigpb.tf.op_defs import tensorflow_op_def

    op_list = meta_graph.find(_META_INFO, _STRIPPED_OPS)
    if op_list is None:
        return
    fields = {_name(op_list.message(field)): field for field in op_list.fields(_OP)}
    for op in fields.keys() & set(unused):
        edits.delete(op_list, fields[op])
    for op in sorted(set(ops) - set(fields)):
        op_def = (defined or {}).get(op) or tensorflow_op_def(op)
        if op_def is not None:
            encoded = length_delimited(_OP, deterministic_bytes(op_def))
            edits.insert(op_list, _place(op, fields, op_list.end), encoded)


def _place(op: str, fields: dict[str, Field], end: int) -> int:
    """The start of the first op that sorts after a new one, or the end of the list."""
    return next((field.start for name, field in fields.items() if name > op), end)


def _name(op_def: Message) -> str:
    name = op_def.last(_NAME)
    return op_def.text(name) if name else ""
