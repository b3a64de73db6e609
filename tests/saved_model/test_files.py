from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from sigpb.errors import ModelUnreadable
from sigpb.saved_model.files import locate, sha256_of


@pytest.fixture
def model(tmp_path: Path) -> Path:
    directory = tmp_path / "model"
    (directory / "variables").mkdir(parents=True)
    return directory


def reason(path: Path) -> str:
    with pytest.raises(ModelUnreadable) as error:
        locate(path)
    return str(error.value)


@pytest.mark.parametrize("name", ["saved_model.pb", "saved_model.pbtxt"])
def test_finds_the_proto(model: Path, name: str) -> None:
    (model / name).touch()
    assert locate(model) == model / name
    assert locate(model / name) == model / name


def test_follows_links(model: Path) -> None:
    (model / "variables" / "proto").touch()
    (model / "saved_model.pb").symlink_to("variables/proto")
    link = model.with_name("link")
    link.symlink_to(model)
    assert locate(link) == link / "saved_model.pb"


def test_naming_one_of_two_protos_does_not_choose_it(model: Path) -> None:
    (model / "saved_model.pb").touch()
    (model / "saved_model.pbtxt").touch()
    for path in (model, model / "saved_model.pb", model / "saved_model.pbtxt"):
        said = reason(path)
        assert said.startswith(f"{model}: holds both saved_model.pb and saved_model.pbtxt.")
        assert "Remove the one that is out of date." in said


def test_chunked_model(model: Path) -> None:
    (model / "saved_model.cpb").touch()
    for path in (model, model / "saved_model.cpb"):
        said = reason(path)
        assert said.startswith(f"{model}: holds a chunked SavedModel (saved_model.cpb)")
        assert "Export the model again without chunking." in said


def test_chunks_beside_a_whole_proto_do_not_matter(model: Path) -> None:
    (model / "saved_model.cpb").touch()
    (model / "saved_model.pb").touch()
    assert locate(model) == model / "saved_model.pb"


def test_missing_directory(tmp_path: Path) -> None:
    missing = tmp_path / "missing"
    assert reason(missing) == f"{missing}: there is no such directory."
    assert reason(missing / "saved_model.pb").endswith("there is no such directory.")


def test_file_that_is_no_model(tmp_path: Path) -> None:
    file = tmp_path / "model.onnx"
    file.write_bytes(b"\x08\x07")
    said = (
        f"{file}: this is a file, and no SavedModel. Name the directory that holds saved_model.pb."
    )
    assert reason(file) == said


def test_directory_without_a_model(model: Path) -> None:
    (model / "variables").rmdir()
    assert reason(model) == f"{model}: holds no saved_model.pb."
    (model / "saved_model.pb").mkdir()
    assert reason(model) == f"{model}: holds no saved_model.pb."


def test_directory_of_versions(tmp_path: Path) -> None:
    for name in ("1", "2", "notes"):
        (tmp_path / name).mkdir()
    (tmp_path / "1" / "saved_model.pb").touch()
    (tmp_path / "2" / "saved_model.pbtxt").touch()
    said = reason(tmp_path)
    assert said == (
        f"{tmp_path}: holds no saved_model.pb. It holds models in: 1, 2. Name one of these; "
        f"'sigpb show {tmp_path}' lists them."
    )

    for number in range(100, 120):
        (tmp_path / str(number)).mkdir()
        (tmp_path / str(number) / "saved_model.pb").touch()
    assert reason(tmp_path).count(", ") == 10
    assert ", …. Name one" in reason(tmp_path)


@pytest.mark.parametrize("content", [b"", b"a", b"0123456789" * 300_000])
def test_the_digest_of_a_file_is_that_of_its_content(content: bytes, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(content)

    assert sha256_of(file) == hashlib.sha256(content).hexdigest()
