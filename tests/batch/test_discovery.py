from __future__ import annotations

import os
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from sigpb.batch.discovery import NO_MODEL, Discovery, Entry, LocalFileSystem, discover
from sigpb.batch.selection import Root
from sigpb.batch.versions import LATEST, parse_versions, version_of


def create(root: Path, *paths: str, main: str = "saved_model.pb") -> Path:
    for path in paths:
        (root / path).mkdir(parents=True)
        (root / path / main).touch()
    return root


def found(*roots: Path) -> Discovery:
    return discover([Root(str(root)) for root in roots], LocalFileSystem())


def names(discovery: Discovery) -> list[str]:
    return [model.name for model in discovery.models]


def test_repository(tmp_path: Path) -> None:
    create(tmp_path, "b/1", "a/10", "a/9", "a/x", "c")
    (tmp_path / "no_model" / "1").mkdir(parents=True)
    (tmp_path / "notes.txt").touch()

    discovery = found(tmp_path)

    assert [(each.name, each.version) for each in discovery.models] == [
        ("a/10", 10),
        ("a/9", 9),
        ("a/x", None),
        ("b/1", 1),
        ("c", None),
    ]
    assert discovery.highest[str(tmp_path / "a")] == 10


def test_roots_without_a_model(tmp_path: Path) -> None:
    create(tmp_path, "a/1")
    (tmp_path / "empty" / "1").mkdir(parents=True)
    roots = [tmp_path / name for name in ("a", "empty", "a/1", "none")]

    models = found(*roots).models

    assert [(each.path, each.problem) for each in models] == [
        (str(roots[0] / "1"), None),
        (str(roots[1]), NO_MODEL),
        (str(roots[3]), f"{roots[3]}: No such file or directory."),
    ]


@pytest.mark.parametrize("main", ["saved_model.pb", "saved_model.pbtxt", "saved_model.cpb"])
def test_protos(tmp_path: Path, main: str) -> None:
    assert names(found(create(tmp_path, "1", main=main))) == ["1"]


def test_what_is_in_a_model_or_sigpbs_own_is_passed_over(tmp_path: Path) -> None:
    create(tmp_path, "1", "1/assets/2", "1/.sigpb-backup-0001", ".sigpb-tmp-3-0/3")
    assert names(found(tmp_path)) == ["1"]


def test_root_that_is_a_model(tmp_path: Path) -> None:
    root = create(tmp_path, "7") / "7"
    (model,) = found(root).models
    assert (model.path, model.name, model.version) == (str(root), str(root), None)


def test_each_model_once(tmp_path: Path) -> None:
    create(tmp_path, "a/1", "b/1")
    assert names(found(tmp_path, tmp_path / "a", tmp_path / "b" / "1", tmp_path)) == ["a/1", "b/1"]


class TestLinks:
    def test_loops(self, tmp_path: Path) -> None:
        create(tmp_path, "root/a/1")
        for name, target in (("loop", "."), ("up", ".."), ("a/top", "../.."), ("self", "self")):
            (tmp_path / "root" / name).symlink_to(target)
        (tmp_path / "root" / "a" / "to_root").symlink_to(tmp_path / "root")
        (tmp_path / "root" / "a" / "everything").symlink_to("/")

        assert names(found(tmp_path / "root")) == ["a/1"]

    def test_a_model_is_found_at_its_own_place(self, tmp_path: Path) -> None:
        create(tmp_path, "z/1")
        (tmp_path / "a").symlink_to("z")
        (tmp_path / "latest").symlink_to("z/1")
        assert names(found(tmp_path)) == ["z/1"]

    def test_a_model_elsewhere_is_found_through_a_link(self, tmp_path: Path) -> None:
        create(tmp_path, "store/5/1", "root/a/1")
        (tmp_path / "root" / "b").symlink_to("../store/5")
        (tmp_path / "root" / "c").symlink_to("../store/5/1")
        assert names(found(tmp_path / "root")) == ["a/1", "b/1"]

    def test_root_that_is_a_link(self, tmp_path: Path) -> None:
        create(tmp_path, "root/a/1")
        (tmp_path / "link").symlink_to("root")
        assert names(found(tmp_path / "link")) == ["a/1"]

    def test_dangling(self, tmp_path: Path) -> None:
        create(tmp_path, "a/1")
        (tmp_path / "b").symlink_to("nowhere")
        assert names(found(tmp_path)) == ["a/1"]


def test_directory_that_cannot_be_read(tmp_path: Path) -> None:
    class Files(LocalFileSystem):
        def entries(self, directory: str) -> Sequence[Entry]:
            if directory.endswith("secret"):
                raise PermissionError(13, "Permission denied")
            return super().entries(directory)

    create(tmp_path, "a/1", "secret/1")
    models = discover([Root(str(tmp_path))], Files()).models
    assert [(each.name, each.problem) for each in models] == [
        ("a/1", None),
        ("secret", f"{tmp_path}/secret: Permission denied."),
    ]


def test_root_that_does_not_exist(tmp_path: Path) -> None:
    (model,) = found(tmp_path / "absent").models
    assert model.problem == f"{tmp_path}/absent: No such file or directory."


@pytest.mark.parametrize(
    ("versions", "passed_over"),
    [
        ("latest", ["a/1", "a/2"]),
        ("latest:2", ["a/1"]),
        ("all", []),
        ("2", ["a/1", "a/3", "b/1"]),
        ("1, 3", ["a/2"]),
    ],
)
def test_versions(tmp_path: Path, versions: str, passed_over: list[str]) -> None:
    create(tmp_path, "a/1", "a/2", "a/3", "a/canary", "b/1", "c")

    others = found(tmp_path).passed_over([parse_versions(versions)])

    assert [os.path.relpath(path, tmp_path) for path in others] == passed_over


def test_latest_is_a_model(tmp_path: Path) -> None:
    create(tmp_path, "a/1")
    (tmp_path / "a" / "2").mkdir()  # It is just being uploaded.
    discovery = found(tmp_path)
    assert discovery.passed_over([LATEST]) == {}
    assert discovery.highest == {str(tmp_path / "a"): 2}


class Simulated:
    """Models of two versions each, without a disk."""

    def __init__(self, count: int) -> None:
        self._top = [Entry(f"m{number}", True) for number in range(count)]

    def entries(self, directory: str) -> Sequence[Entry]:
        parts = directory.count("/")
        if parts == 1:
            return self._top
        return (
            [Entry("1", True), Entry("2", True)] if parts == 2 else [Entry("saved_model.pb", False)]
        )

    def real_path(self, path: str) -> str:
        return path


def test_discovery_is_linear() -> None:
    def seconds(count: int) -> float:
        files = Simulated(count)
        started = time.process_time()
        discovery = discover([Root("/root")], files)
        assert len(discovery.models) == 2 * count
        assert len(discovery.passed_over([LATEST])) == count
        return time.process_time() - started

    seconds(1000)
    assert seconds(20_000) < 25 * max(seconds(2000), 0.01)


@pytest.mark.parametrize(
    ("name", "version"),
    [
        ("0", 0),
        ("0007", 7),
        (str(2**63 - 1), 2**63 - 1),
        ("0" * 30 + "1", 1),
        (str(2**63), None),
        ("9" * 5000, None),
        ("-1", None),
        ("1.5", None),
        ("\u0663", None),
        ("", None),
    ],
)
def test_versions_are_what_tensorflow_serving_takes_for_them(
    name: str, version: int | None
) -> None:
    assert version_of(name) == version
