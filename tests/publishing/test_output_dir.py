from __future__ import annotations

from pathlib import Path

import pytest

from sigpb.errors import UsageError
from sigpb.publishing.publish import check_output_dir, publish_copy

from .directories import snapshot


def check_fails(model: Path, output: Path) -> str:
    with pytest.raises(UsageError) as error:
        check_output_dir(model, output)
    with pytest.raises(UsageError):
        publish_copy(model, output, {})
    return str(error.value)


def test_output_dir_may_be_missing_or_empty(model: Path, output: Path) -> None:
    check_output_dir(model, output / "a" / "b")
    output.mkdir()
    check_output_dir(model, output)


def test_output_dir_must_be_empty(model: Path, output: Path) -> None:
    output.mkdir()
    (output / ".hidden").touch()
    assert f"{output} is not empty" in check_fails(model, output)


def test_output_dir_must_not_be_a_file(model: Path, output: Path) -> None:
    output.write_bytes(b"precious")
    assert f"{output} is a file" in check_fails(model, output)
    assert output.read_bytes() == b"precious"


@pytest.mark.parametrize("target", ["missing", "empty"])
def test_output_dir_must_not_be_a_link(model: Path, output: Path, target: str) -> None:
    (output.parent / "empty").mkdir()
    output.symlink_to(target)
    assert f"{output} is a symbolic link" in check_fails(model, output)


def test_output_dir_must_not_be_a_mount_point(
    model: Path, output: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    output.mkdir()
    monkeypatch.setattr(Path, "is_mount", lambda path: path == output)
    assert "is a mount point" in check_fails(model, output)


def test_output_dir_must_not_be_the_model(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "link").symlink_to(model)
    monkeypatch.chdir(model)
    for spelt in (model, tmp_path / "link", model / "assets" / "..", Path()):
        assert "is the model itself" in check_fails(model, spelt)


def test_output_dir_must_not_be_inside_the_model(model: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(model)
    for spelt in (model / "2", model / "a" / "b", tmp_path / "link" / "2"):
        assert "lies inside the model" in check_fails(model, spelt)


def test_output_dir_must_not_contain_the_model(model: Path) -> None:
    for spelt in (model.parent, model.parent.parent):
        assert "lies inside the output directory" in check_fails(model, spelt)


def test_output_dir_may_begin_with_the_name_of_the_model(model: Path) -> None:
    publish_copy(model, model.with_name("12"), {})
    assert snapshot(model.with_name("12")) == snapshot(model)
