"""The assets of a part beside those of a MetaGraph."""

from __future__ import annotations

from pathlib import Path

import pytest

from sigpb import protos
from sigpb.composing.part import Part
from sigpb.errors import PatchError
from sigpb.publishing.changes import WholeFile
from tests.composing.absorbed_models import Model, meta_graph

_ASSET = 'tensor_info {{ name: "{}:0" }} filename: "words.txt"'
_GRAPH = "graph_def { versions { producer: 100 } }"


def _field(tensor: str) -> str:
    return f"asset_file_def {{ {_ASSET.format(tensor)} }} {_GRAPH}"


def _collection(tensor: str) -> str:
    asset = f"[type.googleapis.com/tensorflow.AssetFileDef] {{ {_ASSET.format(tensor)} }}"
    any_list = f"any_list {{ value {{ {asset} }} }}"
    return f'collection_def {{ key: "saved_model_assets" value {{ {any_list} }} }} {_GRAPH}'


def _written(directory: Path, content: str) -> Path:
    file = directory / "assets" / "words.txt"
    file.parent.mkdir(parents=True)
    file.write_text(content)
    return file


def _part(tmp_path: Path, content: str) -> Part:
    file = _written(tmp_path / "other", content)
    return Part(meta_graph(_field("s/x")), tmp_path / "other", {}, {"words.txt": file})


def _packed(merged: protos.MetaGraphDef) -> list[protos.AssetFileDef]:
    values = merged.collection_def["saved_model_assets"].any_list.value
    return [protos.AssetFileDef.FromString(each.value) for each in values]


@pytest.mark.parametrize("others", ["same", "other"])
def test_files_of_one_name_are_shared_if_they_are_equal(tmp_path: Path, others: str) -> None:
    model = Model(tmp_path / "model", _field("x"))
    _written(model.directory, "same")
    part = _part(tmp_path, others)
    merged, composed = model.absorb(part)
    name = "words.txt" if others == "same" else "words_1.txt"
    files = {each.tensor_info.name: each.filename for each in merged.asset_file_def}
    assert files == {"x:0": "words.txt", "s/x:0": name}
    added = {} if others == "same" else {"assets/words_1.txt": WholeFile(part.assets["words.txt"])}
    assert composed.files == added


def test_a_model_of_tensorflow_1_has_them_where_it_looks(tmp_path: Path) -> None:
    model = Model(tmp_path / "model", _collection("x"))
    _written(model.directory, "a")
    merged, _ = model.absorb(_part(tmp_path, "b"))
    assert not merged.asset_file_def, "loaders would not look into the collection any more"
    files = {each.tensor_info.name: each.filename for each in _packed(merged)}
    assert files == {"x:0": "words.txt", "s/x:0": "words_1.txt"}


def test_a_model_with_assets_in_both_places_gets_them_in_both(tmp_path: Path) -> None:
    model = Model(tmp_path / "model", f"{_field('x')} {_collection('x').removesuffix(_GRAPH)}")
    merged, composed = model.absorb(_part(tmp_path, "b"))
    assert list(merged.asset_file_def) == _packed(merged)
    assert len(merged.asset_file_def) == 2
    assert list(composed.files) == ["assets/words.txt"], "the model lacks the file"


def test_a_file_that_is_missing_is_refused(tmp_path: Path) -> None:
    part = _part(tmp_path, "b")
    part.assets["words.txt"].unlink()
    with pytest.raises(PatchError, match=r"words\.txt: there is no such file"):
        Model(tmp_path / "model", _field("x")).absorb(part)
