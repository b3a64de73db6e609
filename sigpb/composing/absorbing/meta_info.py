"""What a MetaGraph says of the ops and the functions that its graph uses."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sigpb import protos
from sigpb.composing.absorbing.target import Target
from sigpb.rewrite.metadata import rewrite_ops
from sigpb.saved_model.deterministic_bytes import deterministic_bytes
from sigpb.tf.op_defs import tensorflow_op_def
from sigpb.wire import length_delimited, map_entry

_INFO = protos.MetaGraphDef.META_INFO_DEF_FIELD_NUMBER
_OPS = protos.MetaGraphDef.MetaInfoDef.STRIPPED_OP_LIST_FIELD_NUMBER
_STRIPPED = protos.MetaGraphDef.MetaInfoDef.STRIPPED_DEFAULT_ATTRS_FIELD_NUMBER
_ALIASES = protos.MetaGraphDef.MetaInfoDef.FUNCTION_ALIASES_FIELD_NUMBER
_OP = protos.OpList.OP_FIELD_NUMBER


def problems(target: Target, info: protos.MetaGraphDef.MetaInfoDef) -> Iterator[str]:
    """Says which ops two MetaGraphs define in different ways.

    TensorFlow's own are loaded as the TensorFlow that loads them defines them.
    """
    own = {op_def.name: op_def for op_def in target.meta_graph.op_defs()}
    for op_def in info.stripped_op_list.op:
        if op_def.name not in own or tensorflow_op_def(op_def.name) is not None:
            continue
        if _without_words(op_def) != _without_words(own[op_def.name]):
            yield f"it defines the op {op_def.name!r} in another way"


def _without_words(op_def: protos.OpDef) -> bytes:
    bare = protos.OpDef()
    bare.CopyFrom(op_def)
    bare.summary = bare.description = ""
    for argument in (*bare.input_arg, *bare.output_arg):
        argument.description = ""
    for attribute in bare.attr:
        attribute.description = ""
    return bare.SerializeToString(deterministic=True)


def merge_meta_info(
    target: Target, info: protos.MetaGraphDef.MetaInfoDef, graph: protos.GraphDef
) -> None:
    """Adds the ops and the aliases of functions of a part.

    Args:
        target: The MetaGraph, with the nodes that it is to have.
        info: What the part says.
        graph: The graph of the part.
    """
    message = target.message.find(_INFO)
    if message is None:
        return
    nodes = (*target.top.changed_nodes, *_in_functions(graph))
    defined = {op_def.name: op_def for op_def in info.stripped_op_list.op}
    rewrite_ops(target.edits, target.message, {node.op for node in nodes}, defined=defined)
    _widen(target, info.stripped_op_list.op)
    stripped = message.last(_STRIPPED)
    if stripped is not None and not info.stripped_default_attrs:
        target.edits.delete(message, stripped)
    for name, alias in sorted(info.function_aliases.items()):
        encoded = map_entry(_ALIASES, name.encode(), alias.encode())
        target.edits.insert(message, message.end, encoded)


def _in_functions(graph: protos.GraphDef) -> Iterator[protos.NodeDef]:
    return (node for function in graph.library.function for node in function.node_def)


def _widen(target: Target, op_defs: Sequence[protos.OpDef]) -> None:
    """Has each definition in the list name the attributes that nodes of the part may have.

    By it an older TensorFlow knows which of them are as they would be without it
    (``_RemoveDefaultAttrs`` in tensorflow/python/framework/importer.py).
    """
    message = target.message.find(_INFO, _OPS)
    if message is None:
        return
    others = {op_def.name: op_def for op_def in op_defs}
    fields = message.fields(_OP)
    for own, field in zip(target.meta_graph.op_defs(), fields, strict=True):
        other = others.get(own.name)
        if other and {each.name for each in own.attr} < {each.name for each in other.attr}:
            encoded = length_delimited(_OP, deterministic_bytes(other))
            target.edits.replace(message, field, encoded)
