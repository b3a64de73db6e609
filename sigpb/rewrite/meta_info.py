"""Writes the `meta_info_def` of a MetaGraph: tags, and definitions of the ops of its graph."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from sigpb import protos
from sigpb.rewrite.interface import Interfaces
from sigpb.saved_model.deterministic_bytes import deterministic_bytes
from sigpb.tf.op_defs import tensorflow_op_def
from sigpb.wire import Edits, Field, Message, length_delimited

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
    edits: Edits, meta_graph: Message, ops: Iterable[str], unused: Collection[str] = ()
) -> None:
    """Adds the definitions of ops to the list, which TensorFlow keeps sorted, and removes others.

    A MetaGraph without a list gets none, and an op that TensorFlow does not define, such as a
    function, has no place in it (tensorflow/python/framework/meta_graph.py).

    Args:
        edits: Receives the additions.
        meta_graph: The MetaGraphDef.
        ops: The ops that the edited graph uses; those in the list already are left alone.
        unused: Ops that it used, and does not use any more.
    """
    op_list = meta_graph.find(_META_INFO, _STRIPPED_OPS)
    if op_list is None:
        return
    fields = {_name(op_list.message(field)): field for field in op_list.fields(_OP)}
    for op in fields.keys() & set(unused):
        edits.delete(op_list, fields[op])
    for op in sorted(set(ops) - set(fields)):
        op_def = tensorflow_op_def(op)
        if op_def is not None:
            encoded = length_delimited(_OP, deterministic_bytes(op_def))
            edits.insert(op_list, _place(op, fields, op_list.end), encoded)


def _place(op: str, fields: dict[str, Field], end: int) -> int:
    """The start of the first op that sorts after a new one, or the end of the list."""
    return next((field.start for name, field in fields.items() if name > op), end)


def _name(op_def: Message) -> str:
    name = op_def.last(_NAME)
    return op_def.text(name) if name else ""
