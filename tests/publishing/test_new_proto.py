from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from sigpb.errors import EnvironmentFailure, UsageError
from sigpb.publishing.changes import Content, SplicedFile
from sigpb.publishing.new_proto import check_output_file, publish_directory, publish_file
from sigpb.wire import SourceRange


def directory(output: Path, content: Content) -> None:
    publish_directory(output, "saved_model.pb", content)


def test_a_file_is_made_of_pieces_of_another(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.write_bytes(b"0123456789")
    content = SplicedFile((SourceRange(2, 4), b"new", SourceRange(8, 10)), source)

    publish_file(tmp_path / "a" / "b" / "file", content)
    publish_directory(tmp_path / "model", "saved_model.pb", content)

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
    monkeypatch.setattr("sigpb.publishing.new_proto.check_output_file", lambda _: None)
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

    monkeypatch.setattr("sigpb.publishing.new_proto.check_output_file", lambda _: None)
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
