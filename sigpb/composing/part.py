"""A MetaGraph with all that belongs to it, in memory."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from sigpb import protos
from sigpb.checkpoint.checkpoint import Checkpoint
from sigpb.errors import ModelUnreadable
from sigpb.saved_model.model import SavedModel, parse
from sigpb.wire import Message

_ASSETS = "saved_model_assets"


@dataclass(frozen=True)
class Part:
    """A MetaGraph, and which of its model's files belong to it.

    Attributes:
        meta_graph: The MetaGraph. Not to be changed: a function that makes another part of this one
            copies it first.
        directory: The directory of the model that it is of.
        variables: The keys, in the checkpoint of that directory, of the tensors that belong to it,
            by the keys that they have in this part. Tensors that are stored in slices have one key;
            the object graph of the checkpoint is none of them.
        assets: The files of assets, by the names that ``asset_file_def`` has for them.
        objects: The object graph of that checkpoint, with the keys that tensors have in this part;
            None if the checkpoint has none.
    """

    meta_graph: protos.MetaGraphDef
    directory: Path
    variables: Mapping[str, str]
    assets: Mapping[str, Path]
    objects: protos.TrackableObjectGraph | None = None

    @classmethod
    def of(cls, model: SavedModel, index: int) -> Part:
        """Returns a MetaGraph of a model, whole.

        Args:
            model: The model.
            index: The position of the MetaGraph.

        Raises:
            ModelUnreadable: If the MetaGraph, or the checkpoint's index or tracked objects, cannot
                be read.
            EnvironmentFailure: If a file of the checkpoint cannot be read for another reason.
        """
        meta_graph = parse(protos.MetaGraphDef, model.meta_graphs[index].message)
        _state_assets(meta_graph)
        checkpoint = Checkpoint.of_model(model.directory)
        return cls(
            meta_graph,
            model.directory,
            {key: key for key in checkpoint.keys} if checkpoint else {},
            _asset_files(meta_graph, model.directory / "assets"),
            checkpoint.objects() if checkpoint else None,
        )


def _asset_files(meta_graph: protos.MetaGraphDef, directory: Path) -> dict[str, Path]:
    """Returns the files of the assets of a MetaGraph by their names.

    Raises:
        ModelUnreadable: If a name leads out of the directory, and so perhaps to somebody's file.
    """
    names = [asset.filename for asset in meta_graph.asset_file_def]
    for name in names:
        if not name or Path(name).is_absolute() or ".." in Path(name).parts:
            raise ModelUnreadable(f"the asset {name!r} is no file in {directory}.")
    return {name: directory / name for name in names}


def _state_assets(meta_graph: protos.MetaGraphDef) -> None:
    """States the assets of a MetaGraph where loaders look first.

    They look into the collection only if there are none (``get_asset_tensors`` in
    tensorflow/python/saved_model/loader_impl.py), so those of an old model would be lost beside
    those of a new one.
    """
    if not meta_graph.asset_file_def and _ASSETS in meta_graph.collection_def:
        for each in meta_graph.collection_def[_ASSETS].any_list.value:
            meta_graph.asset_file_def.append(parse(protos.AssetFileDef, Message.root(each.value)))
