"""The collections of a MetaGraph of which only some signatures are wanted."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, MutableMapping

from sigpb import protos
from sigpb.composing.scoped_collections import variable_in
from sigpb.rewrite.whole_graph.collected_names import named_nodes
from sigpb.saved_model.model import parse
from sigpb.tf.load_ops import INIT_COLLECTIONS
from sigpb.tf.ops import VARIABLES
from sigpb.tf.tensor_names import producer
from sigpb.wire import Message

# What loaders run, or make again: the first stay as they are, since contexts of loops and branches
# go with their nodes (`sigpb.rewrite.whole_graph.prune`). Others, such as summaries and what other
# tools collect, say nothing of how signatures are computed.
_WHOLE = {*INIT_COLLECTIONS, "cond_context", "while_context"}
_NODES = {"asset_filepaths", "table_initializer"}
_ASSETS = "saved_model_assets"


def variable_nodes(
    collections: Mapping[str, protos.CollectionDef],
    nodes: Mapping[str, protos.NodeDef],
    needed: Collection[str],
) -> Iterator[str]:
    """Yields what collected variables are made of, of those that are needed.

    Importers make the variables again from it, so it belongs to them.
    """
    for collection in collections.values():
        for encoded in collection.bytes_list.value:
            if _variable(encoded, nodes) in needed:
                yield from named_nodes(Message.root(encoded), nodes)


def restrict_collections(
    collections: MutableMapping[str, protos.CollectionDef],
    nodes: Mapping[str, protos.NodeDef],
    needed: Collection[str],
) -> None:
    """Leaves out what signatures do not need.

    Args:
        collections: The collections of a MetaGraph, which are changed.
        nodes: All nodes, by their names.
        needed: The names of those that are needed.
    """
    for key, collection in list(collections.items()):
        if key in _WHOLE:
            continue
        left = protos.CollectionDef()
        if key in _NODES:
            names = collection.node_list.value
            left.node_list.value.extend(name for name in names if producer(name) in needed)
        elif key == _ASSETS:
            for each in collection.any_list.value:
                tensor = parse(protos.AssetFileDef, Message.root(each.value)).tensor_info.name
                if producer(tensor) in needed:
                    left.any_list.value.add().CopyFrom(each)
        else:
            variables = collection.bytes_list.value
            left.bytes_list.value.extend(
                each for each in variables if _variable(each, nodes) in needed
            )
        if left.node_list.value or left.any_list.value or left.bytes_list.value:
            collection.CopyFrom(left)
        else:
            del collections[key]


def _variable(encoded: bytes, nodes: Mapping[str, protos.NodeDef]) -> str | None:
    """Returns the node that an element of a collection is a variable of; None if it is none."""
    variable = variable_in(encoded)
    name = producer(variable.variable_name) if variable else ""
    return name if name in nodes and nodes[name].op in VARIABLES else None
