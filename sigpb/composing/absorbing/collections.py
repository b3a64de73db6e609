"""The collections of a MetaGraph, as they are to be, and what those of a part add to them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from sigpb import protos
from sigpb.composing.absorbing.target import Target
from sigpb.saved_model.deterministic_bytes import deterministic_bytes
from sigpb.saved_model.model import parse
from sigpb.wire import map_entry

_COLLECTIONS = protos.MetaGraphDef.COLLECTION_DEF_FIELD_NUMBER

# What a model has one of, or none, so that the one of a part would stand for all of the model.
# Those of initializers and assets have modules of their own; of the others TensorFlow makes what
# is missing (`Scaffold` in tensorflow/python/training/monitored_session.py).
_ONE_OF_A_MODEL = {
    "global_step",
    "init_op",
    "legacy_init_op",
    "local_init_op",
    "ready_for_local_init_op",
    "ready_op",
    "saved_model_assets",
    "saved_model_main_op",
    "saved_model_train_op",
    "savers",
    "summary_op",
}

# TensorFlow Model Analysis expects those of one model: a label for each feature, one example.
_OF_ONE_MODEL = "evaluation_only/"


class Collections(Mapping[str, protos.CollectionDef]):
    """The collections of a MetaGraph, and what they are to be."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._fields = {
            name.decode(errors="surrogateescape"): field
            for name, field in target.message.entries(_COLLECTIONS)
        }
        self._changed: dict[str, protos.CollectionDef] = {}

    @property
    def is_evaluated(self) -> bool:
        """Whether the MetaGraph is one that TensorFlow Model Analysis loads."""
        return "eval" in self._target.meta_graph.tags

    def __len__(self) -> int:
        return len({**self._fields, **self._changed})

    def __iter__(self) -> Iterator[str]:
        return iter({**self._fields, **self._changed})

    def __getitem__(self, name: str) -> protos.CollectionDef:
        """Returns a collection as it is to be. Not to be changed."""
        if name in self._changed:
            return self._changed[name]
        message = self._target.message.entry_value(self._fields[name])
        return parse(protos.CollectionDef, message) if message else protos.CollectionDef()

    def put(self, name: str, collection: protos.CollectionDef) -> None:
        """Has a collection be another one."""
        self._changed[name] = collection

    def extend(self, name: str, added: protos.CollectionDef) -> None:
        """Adds the elements of a collection behind those that there are."""
        merged = protos.CollectionDef()
        if name in self:
            merged.CopyFrom(self[name])
        merged.MergeFrom(added)
        self.put(name, merged)

    def rewrite(self) -> None:
        """Writes the collections that changed."""
        edits, message = self._target.edits, self._target.message
        for name, collection in sorted(self._changed.items()):
            raw_name = name.encode(errors="surrogateescape")
            entry = map_entry(_COLLECTIONS, raw_name, deterministic_bytes(collection))
            if name in self._fields:
                edits.replace(message, self._fields[name], entry)
            else:
                edits.insert(message, message.end, entry)


def problems(collections: Collections, added: Mapping[str, protos.CollectionDef]) -> Iterator[str]:
    """Says which collections of a part cannot be added to those of a MetaGraph."""
    for name, collection in sorted(added.items()):
        if name in _ONE_OF_A_MODEL or name not in collections:
            continue
        kinds = collections[name].WhichOneof("kind"), collection.WhichOneof("kind")
        if None not in kinds and kinds[0] != kinds[1]:
            yield f"its collection {name!r} is a {kinds[0]}, and the other one is a {kinds[1]}"
        if collections.is_evaluated and name.startswith(_OF_ONE_MODEL):
            yield (
                f"both have the collection {name!r}, which TensorFlow Model Analysis takes for "
                "that of one model; 'sigpb patch --drop' leaves MetaGraphs out"
            )


def add_collections(collections: Collections, added: Mapping[str, protos.CollectionDef]) -> None:
    """Adds the elements of the collections of a part that a model may have several of."""
    for name, collection in added.items():
        is_theirs = name.startswith(_OF_ONE_MODEL) and name in collections
        if name not in _ONE_OF_A_MODEL and not is_theirs:
            collections.extend(name, collection)
