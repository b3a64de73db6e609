"""What a session runs once variables are restored, for what is needed only."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from sigpb import protos
from sigpb.composing.extracting.effects import Effects, is_group
from sigpb.composing.sharing import Resource
from sigpb.tf.load_ops import INIT_COLLECTIONS, INIT_SIGNATURE
from sigpb.tf.tensor_names import producer
from sigpb.tf.tensor_types import tensor_names


def init_ops(meta_graph: protos.MetaGraphDef) -> list[str]:
    """Returns the nodes that are to be run once variables are restored."""
    signatures, collections = meta_graph.signature_def, meta_graph.collection_def
    found = list[str]()
    if INIT_SIGNATURE in signatures:
        found += (
            name
            for info in signatures[INIT_SIGNATURE].outputs.values()
            for name in tensor_names(info)
        )
    for key in INIT_COLLECTIONS:
        found += collections[key].node_list.value if key in collections else ()
    return list(dict.fromkeys(map(producer, found)))


class Initializers:
    """The nodes that are run once variables are restored, each by itself.

    Attributes:
        changed: What each of them may change, by its name; nothing if that is not known.
    """

    def __init__(self, meta_graph: protos.MetaGraphDef, effects: Effects) -> None:
        self._effects = effects
        self._ops = init_ops(meta_graph)
        nodes = effects.top.nodes
        self._groups = [*self._groups_of(self._ops)]
        waited = {name for group in self._groups for name in _waited(nodes[group])}
        single = {*waited, *self._ops} - set(self._groups)
        self.changed = {
            name: effects.changed(effects.top, nodes[name]) for name in single & nodes.keys()
        }

    def needed(self, resources: Collection[Resource]) -> set[str]:
        """Returns those that are to be run where some resources are needed."""
        return {
            name
            for name, changed in self.changed.items()
            if not changed or not changed.isdisjoint(resources)
        }

    def restrict(self, meta_graph: protos.MetaGraphDef, needed: Collection[str]) -> None:
        """Has only some of them be run; MetaGraph and effects are those that it was made of."""
        gone = self.changed.keys() - set(needed)
        for group in self._groups:
            node = self._effects.top.nodes[group]
            inputs = [each for each in node.input if producer(each) not in gone]
            del node.input[:]
            node.input.extend(inputs)
        if INIT_SIGNATURE in meta_graph.signature_def and not gone.isdisjoint(self._ops):
            del meta_graph.signature_def[INIT_SIGNATURE]
        for key in INIT_COLLECTIONS:
            if key in meta_graph.collection_def:
                listed = meta_graph.collection_def[key].node_list.value
                listed[:] = [name for name in listed if producer(name) not in gone]
                if not listed:
                    del meta_graph.collection_def[key]

    def _groups_of(self, names: Collection[str]) -> Iterator[str]:
        """Yields the nodes that only wait for others, of some and of those they wait for."""
        nodes, waiting, seen = self._effects.top.nodes, list(names), set[str]()
        while waiting:
            name = waiting.pop()
            if name in nodes and name not in seen and is_group(nodes[name]):
                seen.add(name)
                waiting += _waited(nodes[name])
                yield name


def _waited(node: protos.NodeDef) -> list[str]:
    return [producer(each) for each in node.input]
