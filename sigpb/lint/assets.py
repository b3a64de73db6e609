"""The files that a MetaGraph lists as its assets, and the tensors that loaders give their paths."""

from __future__ import annotations

from collections.abc import Iterator

from sigpb import protos
from sigpb.saved_model.model import parse
from sigpb.wire import Key, Message

_ASSETS = protos.MetaGraphDef.ASSET_FILE_DEF_FIELD_NUMBER
_COLLECTIONS = protos.MetaGraphDef.COLLECTION_DEF_FIELD_NUMBER
_ASSETS_KEY = "saved_model_assets"

DIRECTORY = "assets"
"""Where a model has them."""


def assets_of(meta_graph: Message) -> Iterator[protos.AssetFileDef]:
    """Yields what a MetaGraph says of its assets; older ones do so in a collection.

    See tensorflow/cc/saved_model/loader_util.cc.
    """
    for field in meta_graph.fields(_ASSETS):
        yield parse(protos.AssetFileDef, meta_graph.message(field))
    if collection := meta_graph.find(Key(_COLLECTIONS, _ASSETS_KEY)):
        for packed in parse(protos.CollectionDef, collection).any_list.value:
            yield parse(protos.AssetFileDef, Message.root(packed.value))


def leads_out(asset: protos.AssetFileDef) -> bool:
    """Whether an asset is a file outside of the model.

    Loaders in Python join paths with `os.path.join`, which takes an absolute one as it is.
    """
    return asset.filename.startswith("/") or ".." in asset.filename.split("/")
