from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from sigpb.errors import EnvironmentFailure, UsageError
from sigpb.publishing.changes import Content, SplicedFile
from sigpb.publishing.new_output import (
    check_output_dir,
    check_output_file,
    publish_directory,
    publish_file,
)
from sigpb.publishing.publish import publish_copy
from sigpb.wire import SourceRange

from .directories import snapshot


def directory(output: Path, content: Content) -> None:
    publish_directory(output, {"saved_model.pb": content})


def test_a_file_is_made_of_pieces_of_another(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.write_bytes(b"0123456789")
    content = SplicedFile((SourceRange(2, 4), b"new", SourceRange(8, 10)), source)

    publish_file(tmp_path / "a" / "b" / "file", content)
    publish_directory(tmp_path / "model", {"saved_model.pb": content})

    assert (tmp_path / "a" / "b" / "file").read_bytes() == b"23new89"
    assert (tmp_path / "model" / "saved_model.pb").read_bytes() == b"23new89"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "model", "source"]


@pytest.mark.parametrize("kind", ["file", "directory", "dangling link"])
def test_a_file_never_replaces_anything(tmp_path: Path, kind: str) -> None:
    output = tmp_path / "out"
    if kind == "file":
        output.write_bytes(b"mine")
    elif kind == "directory":
        output.mkdir()
    else:
        output.symlink_to("nowhere")

    with pytest.raises(UsageError, match="exists"):
        publish_file(output, b"new")

    assert list(tmp_path.iterdir()) == [output]


@pytest.mark.parametrize("publish", [publish_file, directory])
def test_what_came_into_being_meanwhile_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, publish: Callable[[Path, Content], None]
) -> None:
    output = tmp_path / "out"
    monkeypatch.setattr("sigpb.publishing.new_output.check_output_file", lambda _: None)
    output.mkdir()
    (output / "mine").touch()

    with pytest.raises(EnvironmentFailure, match="came into being"):
        publish(output, b"new")

    assert [path.name for path in output.iterdir()] == ["mine"]
    assert list(tmp_path.iterdir()) == [output]


def test_without_hard_links_a_file_is_renamed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_links(*_: object) -> None:
        raise OSError(errno.EPERM, "no links")

    monkeypatch.setattr(os, "link", no_links)
    publish_file(tmp_path / "out", b"new")
    assert (tmp_path / "out").read_bytes() == b"new"

    monkeypatch.setattr("sigpb.publishing.new_output.check_output_file", lambda _: None)
    with pytest.raises(EnvironmentFailure, match="came into being"):
        publish_file(tmp_path / "out", b"newer")
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


@pytest.mark.parametrize("publish", [publish_file, directory])
def test_a_failure_leaves_nothing(tmp_path: Path, publish: Callable[[Path, Content], None]) -> None:
    content = SplicedFile((SourceRange(0, 5),), tmp_path / "missing")

    with pytest.raises(EnvironmentFailure, match="Nothing was left behind"):
        publish(tmp_path / "new" / "out", content)

    assert list(tmp_path.iterdir()) == []


def test_check_says_nothing_of_what_is_free(tmp_path: Path) -> None:
    check_output_file(tmp_path / "out")


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
