"""The assets of a part: files, and the tensors that loaders feed with their paths."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path, PurePosixPath

from sigpb import protos
from sigpb.composing.absorbing.collections import Collections
from sigpb.composing.absorbing.target import Target
from sigpb.errors import PatchError
from sigpb.publishing.changes import Changes, Content, WholeFile
from sigpb.saved_model.deterministic_bytes import append_to_list
from sigpb.saved_model.files import sha256_of

_DIRECTORY = "assets"
_ASSETS = protos.MetaGraphDef.ASSET_FILE_DEF_FIELD_NUMBER
_COLLECTION = "saved_model_assets"
_TYPE_URL = "type.googleapis.com/tensorflow.AssetFileDef"


def count_assets(target: Target) -> int:
    """Returns how many assets the objects of a MetaGraph can refer to."""
    return sum(1 for _ in target.message.fields(_ASSETS))


def merge_assets(
    target: Target,
    collections: Collections,
    assets: Iterable[protos.AssetFileDef],
    names: Mapping[str, str],
) -> None:
    """Has loaders feed the tensors of the assets of a part.

    They look into the collection only if the field is empty (``get_asset_tensors`` in
    tensorflow/python/saved_model/loader_impl.py), and TensorFlow 1 looks into nothing else.

    Args:
        target: The MetaGraph.
        collections: Its collections.
        assets: The assets of the part.
        names: The names that the files of the part get, by those that they have there.
    """
    added = []
    for each in assets:
        asset = protos.AssetFileDef()
        asset.CopyFrom(each)
        asset.filename = names[each.filename]
        added.append(asset)
    if not added:
        return
    in_field = count_assets(target) > 0 or target.meta_graph.has_object_graph
    if in_field:
        append_to_list(target.edits, target.message, _ASSETS, added)
    if not in_field or _COLLECTION in collections:
        packed = protos.CollectionDef()
        for asset in added:
            value = asset.SerializeToString(deterministic=True)
            packed.any_list.value.add(type_url=_TYPE_URL, value=value)
        collections.extend(_COLLECTION, packed)


def placed_files(
    directory: Path, files: Changes, assets: Mapping[str, Path]
) -> tuple[dict[str, str], dict[str, Content]]:
    """Finds names for the files of assets: one of the same name and content is shared.

    Args:
        directory: The directory of the model that they are put into.
        files: What changes there already.
        assets: The files, by their names in the model that they are of.

    Returns:
        The names that they get, by those that they have, and the files that are added.

    Raises:
        PatchError: If some are not there.
    """
    if missing := [file for file in assets.values() if not file.is_file()]:
        raise PatchError([f"{file}: there is no such file; an asset is in it." for file in missing])
    names: dict[str, str] = {}
    added: dict[str, Content] = {}
    for name, file in sorted(assets.items()):
        for candidate in _candidates(name):
            path = f"{_DIRECTORY}/{candidate}"
            present = _present(directory / path, {**files, **added}.get(path))
            if present is None:
                added[path] = WholeFile(file)
            elif not _same(present, file):
                continue
            names[name] = candidate
            break
    return names, added


def _candidates(name: str) -> Iterator[str]:
    """Yields names like that of a file, itself first."""
    yield name
    path = PurePosixPath(name)
    for number in itertools.count(1):
        yield str(path.with_name(f"{path.stem}_{number}{path.suffix}"))


def _present(file: Path, change: Content | None) -> Path | None:
    """Returns the file with the content that a path is to have; None if there is to be none."""
    if isinstance(change, WholeFile):
        return change.source
    assert change is None, "assets are files of models"
    return file if file.exists() else None


def _same(first: Path, second: Path) -> bool:
    return first.stat().st_size == second.stat().st_size and sha256_of(first) == sha256_of(second)
