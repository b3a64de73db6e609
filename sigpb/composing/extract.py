"""A part with only some of its signatures, and with no more than these need, under all loaders.

First it is found out what they need: nodes, functions, objects, and what lives in a session, each
of which may need more of the others. Then the initializers, the saver, collections and objects are
restricted to that. What nothing names any more is pruned as from any model.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace

from sigpb import protos
from sigpb.checkpoint.objects import restricted, values_of
from sigpb.composing.extracting.collections import restrict_collections, variable_nodes
from sigpb.composing.extracting.effects import Effects
from sigpb.composing.extracting.initializers import Initializers
from sigpb.composing.extracting.objects import Objects
from sigpb.composing.extracting.saver import restored_keys, restrict_saver, write_objects
from sigpb.composing.part import Part
from sigpb.composing.sharing import Resource, resource_of
from sigpb.errors import PatchError, did_you_mean
from sigpb.rewrite.graph_parts import GraphParts
from sigpb.rewrite.whole_graph.prune import prune, rewrite
from sigpb.rewrite.whole_graph.reach import Reach
from sigpb.saved_model.deterministic_bytes import deterministic_bytes
from sigpb.saved_model.model import INTERNAL_PREFIX, MetaGraph
from sigpb.tf.load_ops import INIT_SIGNATURE
from sigpb.tf.tensor_names import producer
from sigpb.tf.tensor_types import tensor_names
from sigpb.wire import Edits, Message, assemble


def extracted(part: Part, signatures: Collection[str]) -> Part:
    """Returns a part with only some of its signatures, and what they need.

    Args:
        part: The part.
        signatures: The keys of the signatures.

    Raises:
        PatchError: If a signature does not exist, or if it cannot be determined what the saver
            restores; if a signature names a tensor that the graph does not have.
    """
    known = [key for key in part.meta_graph.signature_def if not key.startswith(INTERNAL_PREFIX)]
    if unknown := [key for key in signatures if key not in known]:
        raise PatchError(
            [f"there is no signature {key!r}; {did_you_mean(key, known)}." for key in unknown]
        )
    _require_tensors(part.meta_graph, signatures)
    meta_graph = protos.MetaGraphDef()
    meta_graph.CopyFrom(part.meta_graph)
    for key in part.meta_graph.signature_def:
        if key not in signatures and key != INIT_SIGNATURE:
            del meta_graph.signature_def[key]
    needed = _Needed(meta_graph, signatures)
    needed.grow()
    needed.restrict_objects(needed.restrict_assets())
    tracked, values = part.objects, set[str]()
    has_objects = meta_graph.HasField("object_graph_def")
    if tracked is not None:
        tracked = restricted(tracked, part.variables.keys(), meta_graph.object_graph_def)
    if tracked is not None and has_objects:
        values |= values_of(tracked, part.variables)
    restrict_saver(meta_graph, needed.resources, tracked, values)
    needed.initializers.restrict(meta_graph, needed.reach.nodes)
    restrict_collections(meta_graph.collection_def, needed.effects.top.nodes, needed.reach.nodes)
    meta_graph = _pruned(meta_graph)
    keys = restored_keys(meta_graph)
    if tracked is not None and not has_objects:
        # Beside values of TensorFlow 1, those of a part of TensorFlow 2 that was put in.
        tracked = restricted(tracked, keys, meta_graph.object_graph_def)
        write_objects(meta_graph, tracked)
    keys |= values
    names = {asset.filename for asset in meta_graph.asset_file_def}
    return replace(
        part,
        meta_graph=meta_graph,
        variables={key: stored for key, stored in part.variables.items() if key in keys},
        assets={name: file for name, file in part.assets.items() if name in names},
        objects=tracked,
    )


def _require_tensors(meta_graph: protos.MetaGraphDef, signatures: Collection[str]) -> None:
    """Makes sure that signatures name tensors of nodes that the graph has."""
    nodes = {node.name for node in meta_graph.graph_def.node}
    problems = [
        f"the {side} {name!r} of the signature {key!r} is the tensor {tensor!r}, and the graph has "
        "no such node."
        for key in signatures
        for side, infos in (
            ("input", meta_graph.signature_def[key].inputs),
            ("output", meta_graph.signature_def[key].outputs),
        )
        for name, info in sorted(infos.items())
        for tensor in tensor_names(info)
        if producer(tensor) not in nodes
    ]
    if problems:
        raise PatchError(problems)


class _Needed:
    """What the signatures of a MetaGraph need.

    Attributes:
        reach: The nodes of the top level, and the functions.
        resources: What lives in a session.
        objects: The positions of objects.
    """

    def __init__(self, meta_graph: protos.MetaGraphDef, signatures: Collection[str]) -> None:
        self._meta_graph, self._signatures = meta_graph, signatures
        self.effects = Effects(meta_graph)
        self.initializers = Initializers(meta_graph, self.effects)
        self.reach = Reach(GraphParts(_in_memory(meta_graph)))
        self.resources: set[Resource] = set()
        self.objects: set[int] = set()
        self._of_objects = Objects(meta_graph.object_graph_def, signatures, self.effects)

    def grow(self) -> None:
        """Finds what is needed, until nothing more is."""
        signatures = (self._meta_graph.signature_def[key] for key in self._signatures)
        infos = [
            info
            for signature in signatures
            for info in (*signature.inputs.values(), *signature.outputs.values())
        ]
        self.reach.add(producer(name) for info in infos for name in tensor_names(info))
        before: tuple[int, ...] = ()
        while before != self._extent():
            before = self._extent()
            self._grow()

    def _extent(self) -> tuple[int, ...]:
        reach = self.reach
        return len(reach.nodes), len(reach.functions), len(self.resources), len(self.objects)

    def _grow(self) -> None:
        nodes, collections = self.effects.top.nodes, self._meta_graph.collection_def
        made = (resource_of(nodes[name]) for name in self.reach.nodes)
        self.resources |= {each for each in made if each}
        self.resources |= self.effects.made_in(self.reach.functions)
        self.objects = self._of_objects.needed(self.reach.functions, self.resources)
        self.reach.add(
            self._of_objects.operations(self.objects), self._of_objects.functions(self.objects)
        )
        self.reach.add(self.initializers.needed(self.resources))
        self.reach.add(variable_nodes(collections, nodes, self.reach.nodes))
        assets = self._meta_graph.asset_file_def
        places = self._of_objects.assets(self.objects)
        named = (assets[at].tensor_info for at in places if 0 <= at < len(assets))
        self.reach.add(producer(name) for info in named for name in tensor_names(info))

    def restrict_assets(self) -> dict[int, int]:
        """Leaves out asset files; returns the positions of those left by those that they had."""
        before = protos.MetaGraphDef(asset_file_def=self._meta_graph.asset_file_def).asset_file_def
        kept = [
            at
            for at, asset in enumerate(before)
            if any(producer(each) in self.reach.nodes for each in tensor_names(asset.tensor_info))
        ]
        self._meta_graph.ClearField("asset_file_def")
        self._meta_graph.asset_file_def.extend(before[at] for at in kept)
        return {old: new for new, old in enumerate(kept)}

    def restrict_objects(self, assets: Mapping[int, int]) -> None:
        """Leaves out objects that are not needed."""
        if self._meta_graph.HasField("object_graph_def"):
            graph = self._of_objects.restricted(self.objects, self.reach.functions, assets)
            self._meta_graph.object_graph_def.CopyFrom(graph)


def _in_memory(meta_graph: protos.MetaGraphDef) -> MetaGraph:
    return MetaGraph(Message.root(deterministic_bytes(meta_graph)))


def _pruned(meta_graph: protos.MetaGraphDef) -> protos.MetaGraphDef:
    """Returns a MetaGraph without what nothing needs."""
    before = _in_memory(meta_graph)
    edits = Edits(before.message.buffer)
    rewrite(edits, before, prune(before))
    after = protos.MetaGraphDef.FromString(assemble(edits.pieces(), before.message.buffer))
    after.graph_def.ClearField("debug_info")  # Its traces are those of nodes and functions.
    bodies = [after.graph_def.node, *(each.node_def for each in after.graph_def.library.function)]
    used = {node.op for nodes in bodies for node in nodes}
    ops = after.meta_info_def.stripped_op_list.op
    for at in reversed(range(len(ops))):
        if ops[at].name not in used:
            del ops[at]
    return after
