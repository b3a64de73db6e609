"""Files that the graph reads when it is loaded."""

from __future__ import annotations

from collections.abc import Iterator

from sigpb import protos
from sigpb.lint.finding import Finding
from sigpb.lint.linted_model import LintedModel
from sigpb.lint.rule import LintRule
from sigpb.saved_model.model import parse
from sigpb.wire import Key, Message

_ASSETS = protos.MetaGraphDef.ASSET_FILE_DEF_FIELD_NUMBER
_COLLECTIONS = protos.MetaGraphDef.COLLECTION_DEF_FIELD_NUMBER
_ASSETS_KEY = "saved_model_assets"
_DIRECTORY = "assets"


class MissingAsset(LintRule):
    """Finds assets that the model lists and that are not there."""

    id = "missing-asset"
    severity = "error"
    explanation = (
        "The model lists a file in 'assets', such as a vocabulary, that is not there. Loaders fail "
        "when they fill the lookup table from it. Copy the directory again, whole, from where the "
        "model was exported to."
    )

    def findings(self, model: LintedModel) -> Iterator[Finding]:
        """Looks for each file once."""
        directory = model.model.directory / _DIRECTORY
        seen = set()
        for graph in model.graphs:
            for asset in _assets(graph.meta_graph.message):
                name = asset.filename
                if name not in seen and not (directory / name).exists():
                    yield self.finding("This asset is not there.", f"{_DIRECTORY}/{name}")
                seen.add(name)


def _assets(meta_graph: Message) -> Iterator[protos.AssetFileDef]:
    """Yields what a MetaGraph says of its assets; older ones do so in a collection.

    See tensorflow/cc/saved_model/loader_util.cc.
    """
    for field in meta_graph.fields(_ASSETS):
        yield parse(protos.AssetFileDef, meta_graph.message(field))
    if collection := meta_graph.find(Key(_COLLECTIONS, _ASSETS_KEY)):
        for packed in parse(protos.CollectionDef, collection).any_list.value:
            yield parse(protos.AssetFileDef, Message.root(packed.value))
