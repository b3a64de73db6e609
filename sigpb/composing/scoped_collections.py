"""The collections of a MetaGraph whose nodes have other names.

Anybody may register a collection of any message. So every text in a message of it, at any depth,
that is the name of a node or of a tensor is renamed, as it counts as one when nodes are pruned
(`sigpb.rewrite.whole_graph.collected_names`).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TypeAlias

from google.protobuf.message import DecodeError

from sigpb import protos
from sigpb.saved_model.model import parse
from sigpb.tf.tensor_names import producer
from sigpb.wire import Edits, Message, WireError, WireType, assemble, length_delimited

# How deep protobuf's own parsers allow messages to be nested.
_MAX_DEPTH = 100

_Context: TypeAlias = "protos.CondContextDef | protos.WhileContextDef"
_CONTEXTS: Mapping[str, type[_Context]] = {
    "cond_context": protos.CondContextDef,
    "while_context": protos.WhileContextDef,
}

# tensorflow/python/framework/ops.py, GraphKeys
_OF_VARIABLES = {
    "local_variables",
    "metric_variables",
    "model_variables",
    "moving_average_variables",
    "trainable_variables",
    "variables",
}

_ASSET_FILE = "type.googleapis.com/tensorflow.AssetFileDef"


def scope_collections(
    collections: Mapping[str, protos.CollectionDef], scope: str, nodes: Collection[str]
) -> None:
    """Renames the nodes and the frames of loops that collections name.

    Args:
        collections: The collections, by their keys.
        scope: What the new names begin with, before a slash.
        nodes: The names of all nodes, as they were.
    """
    for key, collection in collections.items():
        kind = collection.WhichOneof("kind")
        if kind == "node_list":
            names = collection.node_list.value
            names[:] = [_scoped_text(name, scope, nodes) for name in names]
        elif kind == "bytes_list":
            messages = collection.bytes_list.value
            messages[:] = [_scoped_message(each, scope, nodes) for each in messages]
            if key in _OF_VARIABLES:
                messages[:] = [_with_slice(each, scope) for each in messages]
            if key in _CONTEXTS:
                messages[:] = [_with_frames(_CONTEXTS[key], each, scope) for each in messages]
        elif kind == "any_list":
            for element in collection.any_list.value:
                if element.type_url == _ASSET_FILE:  # A file may have the name of a node.
                    asset = parse(protos.AssetFileDef, Message.root(element.value))
                    asset.tensor_info.name = _scoped_text(asset.tensor_info.name, scope, nodes)
                    element.value = asset.SerializeToString(deterministic=True)
                else:
                    element.value = _scoped_message(element.value, scope, nodes)


def _scoped_text(text: str, scope: str, nodes: Collection[str]) -> str:
    name = producer(text)
    return text.replace(name, f"{scope}/{name}", 1) if name in nodes else text


def _scoped_message(
    encoded: bytes, scope: str, nodes: Collection[str], depth: int = _MAX_DEPTH
) -> bytes:
    """Returns a message with other names of nodes in it; what is no message as it is."""
    message = Message.root(encoded)
    try:
        fields = [field for field in message.fields() if field.wire_type == WireType.LEN]
    except WireError:
        return encoded
    edits = Edits(encoded)
    for field in fields if depth else ():
        before = message.message(field).content()
        after = _scoped_content(bytes(before), scope, nodes, depth - 1)
        if after != before:
            edits.replace(message, field, length_delimited(field.number, after))
    return assemble(edits.pieces(), encoded) if edits else encoded


def _scoped_content(content: bytes, scope: str, nodes: Collection[str], depth: int) -> bytes:
    try:
        text = content.decode()
    except UnicodeDecodeError:
        return _scoped_message(content, scope, nodes, depth)
    if producer(text) in nodes:
        return _scoped_text(text, scope, nodes).encode()
    return _scoped_message(content, scope, nodes, depth)


def _with_frames(kind: type[_Context], encoded: bytes, scope: str) -> bytes:
    """Returns the context of a loop or branch with the name that its frame has now."""
    try:
        context = kind.FromString(encoded)
    except DecodeError:  # Somebody else's collection of that name.
        return encoded
    waiting: list[_Context] = [context]
    while waiting:
        each = waiting.pop()
        each.context_name = f"{scope}/{each.context_name}"
        for nested in each.nested_contexts:
            waiting.append(getattr(nested, nested.WhichOneof("ctxt") or "cond_ctxt"))
    return context.SerializeToString(deterministic=True)


def _with_slice(encoded: bytes, scope: str) -> bytes:
    """Returns a variable which, if it is a slice, has the name that the whole has now.

    That is no node, but the key of the whole in the checkpoint.
    """
    variable = variable_in(encoded)
    if variable is None or not variable.HasField("save_slice_info_def"):
        return encoded
    whole = variable.save_slice_info_def
    if not whole.full_name.startswith(f"{scope}/"):
        whole.full_name = f"{scope}/{whole.full_name}"
    return variable.SerializeToString(deterministic=True)


def variable_in(encoded: bytes) -> protos.VariableDef | None:
    """Returns the variable that an element of a collection is; None if it is none."""
    try:
        return protos.VariableDef.FromString(encoded)
    except DecodeError:
        return None
