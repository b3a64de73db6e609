"""What of a MetaGraph nothing needs, and the MetaGraph without it.

Roots are what loaders and servers feed, fetch or run: the tensors of signatures, initializers among
them, the nodes of the saver, asset files, constants of objects, and what collections name. Of these
only a few do not count, which nothing runs: contexts of loops and branches go with their nodes, and
a MetaGraph that is only served needs no summaries and losses.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from google.protobuf.message import DecodeError

from sigpb import protos
from sigpb.rewrite import metadata
from sigpb.rewrite.graph_parts import GraphParts
from sigpb.rewrite.whole_graph import objects
from sigpb.rewrite.whole_graph.collected_names import named_nodes
from sigpb.rewrite.whole_graph.reach import Reach
from sigpb.saved_model.deterministic_bytes import deterministic_bytes, rewrite_list, rewrite_map
from sigpb.saved_model.model import MetaGraph, parse
from sigpb.tf.tensor_names import producer
from sigpb.tf.tensor_types import tensor_names
from sigpb.wire import Edits, Message, map_entry

_COLLECTIONS = protos.MetaGraphDef.COLLECTION_DEF_FIELD_NUMBER
_SAVER = protos.MetaGraphDef.SAVER_DEF_FIELD_NUMBER
_ASSETS = protos.MetaGraphDef.ASSET_FILE_DEF_FIELD_NUMBER
_META_INFO = protos.MetaGraphDef.META_INFO_DEF_FIELD_NUMBER
_ALIASES = protos.MetaGraphDef.MetaInfoDef.FUNCTION_ALIASES_FIELD_NUMBER
_OBJECT_GRAPH = protos.MetaGraphDef.OBJECT_GRAPH_DEF_FIELD_NUMBER
_OBJECTS = protos.SavedObjectGraph.NODES_FIELD_NUMBER
_CONCRETE_FUNCTIONS = protos.SavedObjectGraph.CONCRETE_FUNCTIONS_FIELD_NUMBER

_SERVED, _TRAINED = "serve", {"train", "eval"}

# Collections of tensors and ops of training (tensorflow/python/framework/ops.py, GraphKeys), which
# nothing runs in a MetaGraph that is only served.
_OF_TRAINING = {
    "activations",
    "biases",
    "losses",
    "regularization_losses",
    "summaries",
    "update_ops",
    "weights",
}

# What importers read a collected variable by whose VariableDef does not name it
# (``_init_from_proto`` in tensorflow/python/ops/resource_variable_ops.py).
_VALUE = "/Read/ReadVariableOp"

_Context: TypeAlias = "protos.CondContextDef | protos.WhileContextDef"

# Importers make contexts again, and fail where a node of one is missing: all of it stays, or none.
_CONTEXTS: Mapping[str, type[_Context]] = {
    "cond_context": protos.CondContextDef,
    "while_context": protos.WhileContextDef,
}


@dataclass
class Pruned:
    """What of a MetaGraph nothing needs.

    Attributes:
        nodes: The nodes of the top level, where they lie in the file.
        functions: The functions.
        gradients: What the library says of the gradients of functions that go.
        objects: The positions of functions and constants in the object graph.
        object_graph: The object graph without them; None if it does not change.
        collections: The collections that change, each with what is left of it; None if nothing is.
        collected: How many elements of collections go.
        ops: The ops that nothing uses any more.
    """

    nodes: dict[str, Message] = field(default_factory=dict)
    functions: dict[str, Message] = field(default_factory=dict)
    gradients: list[Message] = field(default_factory=list)
    objects: set[int] = field(default_factory=set)
    object_graph: protos.SavedObjectGraph | None = None
    collections: dict[str, protos.CollectionDef | None] = field(default_factory=dict)
    collected: int = 0
    ops: set[str] = field(default_factory=set)

    def __bool__(self) -> bool:
        return bool(self.nodes or self.functions or self.objects or self.object_graph)

    def leave(self, key: str, left: protos.CollectionDef | None, gone: int) -> None:
        """Takes elements from a collection, if any go."""
        if gone:
            self.collections[key] = left
            self.collected += gone


def prune(meta_graph: MetaGraph) -> Pruned:
    """Returns what of a MetaGraph nothing needs."""
    return _Pruning(meta_graph).run()


class _Pruning:
    """The work of one call of `prune`."""

    def __init__(self, meta_graph: MetaGraph) -> None:
        self.meta_graph = meta_graph
        self.reach = Reach(GraphParts(meta_graph))
        # Collections of which the elements go with their nodes, by their keys.
        self.of_training = dict[str, list[str]]()
        self.contexts = dict[str, list[tuple[_Context, bytes]]]()

    def run(self) -> Pruned:
        self.reach.add(map(producer, _tensors(self.meta_graph)), _aliased(self.meta_graph))
        unneeded = set[int]()
        if graph := self.meta_graph.object_graph:
            unneeded = self._reach_objects(graph.proto)
        self._reach_collections()
        reach, pruned = self.reach, Pruned(objects=unneeded)
        pruned.nodes = {name: at for name, at in reach.top.items() if name not in reach.nodes}
        pruned.functions = {
            name: at for name, at in reach.library.items() if name not in reach.functions
        }
        pruned.gradients = [
            at
            for at, gradient in reach.gradients()
            if {gradient.gradient_func, getattr(gradient, "function_name", "")}
            & pruned.functions.keys()
        ]
        pruned.ops = reach.ops(pruned.nodes, pruned.functions)
        pruned.ops -= reach.ops(reach.nodes, reach.functions)
        if graph:
            pruned.object_graph = self._object_graph(graph.proto, pruned)
        self._prune_collections(pruned)
        return pruned

    def _reach_objects(self, graph: protos.SavedObjectGraph) -> set[int]:
        """Adds what objects need; returns the positions of those that nothing does."""
        known = -1
        unneeded = set[int]()
        while known != len(self.reach.functions):  # Gradients capture, too, and no object has them.
            known = len(self.reach.functions)
            unneeded = objects.unreached(graph, self.reach.functions)
            self.reach.add(
                objects.operations(graph, unneeded), objects.named_functions(graph, unneeded)
            )
        return unneeded

    def _object_graph(
        self, graph: protos.SavedObjectGraph, pruned: Pruned
    ) -> protos.SavedObjectGraph | None:
        gone = pruned.functions.keys() & set(graph.concrete_functions)
        if not pruned.objects and not gone:
            return None
        after = objects.without(graph, pruned.objects)
        for name in gone:
            del after.concrete_functions[name]
        return after

    def _reach_collections(self) -> None:
        """Adds what collections name, but for those that go with their nodes."""
        for raw_key, at in self.meta_graph.message.entries(_COLLECTIONS):
            key, value = raw_key.decode(errors="replace"), self.meta_graph.message.entry_value(at)
            if value is not None and not self._goes_with_nodes(key, value):
                named = set(named_nodes(value, self.reach.top))
                self.reach.add([*named, *(name + _VALUE for name in named)])
        waiting = [each for found in self.contexts.values() for each in found]
        while needed := [each for each in waiting if self._is_needed(each[0])]:
            waiting = [each for each in waiting if not self._is_needed(each[0])]
            for _, encoded in needed:
                self.reach.add(named_nodes(Message.root(encoded), self.reach.top))

    def _goes_with_nodes(self, key: str, value: Message) -> bool:
        """Whether the elements of a collection go with their nodes; if so, it is kept in mind."""
        tags = self.meta_graph.tags
        of_training = key in _OF_TRAINING and _SERVED in tags and _TRAINED.isdisjoint(tags)
        if not of_training and key not in _CONTEXTS:
            return False
        collection = parse(protos.CollectionDef, value)
        if key in _CONTEXTS and collection.HasField("bytes_list"):
            with contextlib.suppress(DecodeError):  # Somebody else's collection of that name.
                parsed = _CONTEXTS[key].FromString
                self.contexts[key] = [(parsed(each), each) for each in collection.bytes_list.value]
        elif of_training and collection.HasField("node_list"):
            self.of_training[key] = list(collection.node_list.value)
        return key in self.of_training or key in self.contexts

    def _is_needed(self, context: _Context) -> bool:
        """Whether something needs a node inside of a loop or branch."""
        values = context.values_def
        inside = set(values.values) - set(values.external_values)
        return any(producer(value) in self.reach.nodes for value in inside) or any(
            self._is_needed(getattr(nested, nested.WhichOneof("ctxt") or "cond_ctxt"))
            for nested in context.nested_contexts
        )

    def _prune_collections(self, pruned: Pruned) -> None:
        """Takes elements from collections that go with their nodes."""
        for key, before in self.of_training.items():
            names = [name for name in before if producer(name) not in pruned.nodes]
            node_list = protos.CollectionDef.NodeList(value=names)
            left = protos.CollectionDef(node_list=node_list) if names else None
            pruned.leave(key, left, len(before) - len(names))
        for key, contexts in self.contexts.items():
            kept = [encoded for context, encoded in contexts if self._is_needed(context)]
            bytes_list = protos.CollectionDef.BytesList(value=kept)
            left = protos.CollectionDef(bytes_list=bytes_list) if kept else None
            pruned.leave(key, left, len(contexts) - len(kept))


def rewrite(edits: Edits, meta_graph: MetaGraph, pruned: Pruned) -> None:
    """Leaves out of a MetaGraph what nothing needs."""
    for gone in (*pruned.nodes.values(), *pruned.functions.values(), *pruned.gradients):
        edits.delete(gone.parent, gone.enclosing[-1])
    parent = meta_graph.message
    for raw_key, at in parent.entries(_COLLECTIONS):
        key = raw_key.decode(errors="replace")
        if key in pruned.collections:
            after = pruned.collections[key]
            encoded = b"" if after is None else deterministic_bytes(after)
            edits.replace(parent, at, encoded and map_entry(_COLLECTIONS, raw_key, encoded))
    message, graph = parent.find(_OBJECT_GRAPH), meta_graph.object_graph
    if pruned.object_graph is not None and message and graph:
        before, after_graph = graph.proto, pruned.object_graph
        rewrite_list(edits, message, _OBJECTS, before.nodes, after_graph.nodes)
        functions = before.concrete_functions, after_graph.concrete_functions
        rewrite_map(edits, message, _CONCRETE_FUNCTIONS, *functions)
    metadata.rewrite_ops(edits, parent, (), pruned.ops)


def _tensors(meta_graph: MetaGraph) -> Iterator[str]:
    """Yields the tensors and ops that signatures, the saver and assets name."""
    for signature in meta_graph.signatures.values():
        for info in (*signature.inputs.values(), *signature.outputs.values()):
            yield from tensor_names(info)
    if saver := meta_graph.message.find(_SAVER):
        definition = parse(protos.SaverDef, saver)
        yield definition.filename_tensor_name
        yield definition.save_tensor_name
        yield definition.restore_op_name
    for at in meta_graph.message.fields(_ASSETS):
        asset = parse(protos.AssetFileDef, meta_graph.message.message(at))
        yield from tensor_names(asset.tensor_info)


def _aliased(meta_graph: MetaGraph) -> Iterator[str]:
    """Yields the functions that have an alias, by which tools look them up."""
    meta_info = meta_graph.message.find(_META_INFO)
    for key, _ in meta_info.entries(_ALIASES) if meta_info else ():
        yield key.decode(errors="replace")
