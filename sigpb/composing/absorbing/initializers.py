"""What a session runs once variables are restored: of the MetaGraph, and then of a part."""

from __future__ import annotations

from collections.abc import Mapping

from sigpb import protos
from sigpb.composing.absorbing.collections import Collections
from sigpb.composing.absorbing.target import Target
from sigpb.rewrite.metadata import insert_signature_defs
from sigpb.saved_model.deterministic_bytes import deterministic_bytes
from sigpb.tf.load_ops import INIT_COLLECTIONS, INIT_SIGNATURE
from sigpb.tf.tensor_names import producer
from sigpb.wire import map_entry

_SIGNATURES = protos.MetaGraphDef.SIGNATURE_DEF_FIELD_NUMBER

# What is run where no op is named (`Scaffold.default_local_init_op` in
# tensorflow/python/training/monitored_session.py, `_EagerSavedModelLoader.load` in
# tensorflow/python/saved_model/load_v1_in_v2.py).
_TABLES, _LOCAL_VARIABLES = "table_initializer", "local_variables"


def merge_initializers(target: Target, collections: Collections, part: protos.MetaGraphDef) -> None:
    """Has sessions run the initializers of a part behind those of the MetaGraph.

    If both have some, a node in the scope of the part waits for those: its control inputs are first
    those that the MetaGraph had.

    Args:
        target: The MetaGraph.
        collections: Its collections, before those of the part are added.
        part: The part.
    """
    signatures = target.meta_graph.signatures
    own, own_op = run_when_loaded(signatures, collections)
    others, other_op = run_when_loaded(part.signature_def, part.collection_def)
    if not others or not (own_op or other_op):
        return
    run = other_op
    if own or not other_op:
        waited = [f"^{producer(name)}" for name in (*own, *others)]
        node = protos.NodeDef(name=target.scope.fresh_name("init"), op="NoOp")
        node.input.extend(dict.fromkeys(waited))
        target.scope.append(node)
        run = node.name
    places = [name for name in INIT_COLLECTIONS if name in collections]
    if INIT_SIGNATURE in signatures or target.meta_graph.has_object_graph:
        _name_in_signature(target, run)
    for name in places or INIT_COLLECTIONS[:1]:
        collection = protos.CollectionDef()
        collection.node_list.value.append(run)
        collections.put(name, collection)


def run_when_loaded(
    signatures: Mapping[str, protos.SignatureDef], collections: Mapping[str, protos.CollectionDef]
) -> tuple[list[str], str]:
    """Returns what is run, and the op that stands for it if there is one.

    The order of places is that of loaders (``get_init_op`` in
    tensorflow/python/saved_model/loader_impl.py, ``GetInitOp`` in
    tensorflow/cc/saved_model/loader_util.cc).
    """
    if INIT_SIGNATURE in signatures:
        found = [info.name for info in signatures[INIT_SIGNATURE].outputs.values()]
        return found, found[0]
    for name in INIT_COLLECTIONS:
        if name in collections and (found := list(collections[name].node_list.value)):
            return found, found[0]
    found = []
    if _LOCAL_VARIABLES in collections:
        encoded = collections[_LOCAL_VARIABLES].bytes_list.value
        found += [protos.VariableDef.FromString(each).initializer_name for each in encoded]
    if _TABLES in collections:
        found += collections[_TABLES].node_list.value
    return found, ""


def _name_in_signature(target: Target, op: str) -> None:
    """Has the signature that names the init op name another one."""
    signature = protos.SignatureDef()
    signature.outputs[INIT_SIGNATURE].name = op
    signature.outputs[INIT_SIGNATURE].tensor_shape.unknown_rank = True
    entries = dict(target.message.entries(_SIGNATURES))
    field = entries.get(INIT_SIGNATURE.encode())
    if field is None:
        insert_signature_defs(target.edits, target.message, {INIT_SIGNATURE: signature})
        return
    entry = map_entry(_SIGNATURES, INIT_SIGNATURE.encode(), deterministic_bytes(signature))
    target.edits.replace(target.message, field, entry)
