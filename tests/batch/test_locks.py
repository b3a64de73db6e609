from __future__ import annotations

import contextlib
from pathlib import Path

import pytest

from sigpb.batch import locks
from sigpb.batch.locks import locked
from sigpb.errors import EnvironmentFailure


@pytest.fixture(autouse=True)
def no_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(locks, "_PATIENCE", 0.0)


@pytest.mark.parametrize(
    ("first", "second", "is_free"),
    [
        ("a", "a", False),
        ("a", "a/b", False),
        ("a/b", "a", False),
        ("a/b", "a/c", True),
        ("a", "link", False),
        ("a", "d", True),
    ],
)
def test_directories(tmp_path: Path, first: str, second: str, is_free: bool) -> None:
    for name in ("a/b", "a/c", "d"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "link").symlink_to("a")

    with locked([str(tmp_path / first)]):
        expected = contextlib.nullcontext() if is_free else pytest.raises(EnvironmentFailure)
        with expected, locked([str(tmp_path / second)]):
            pass
    with locked([str(tmp_path / second)]):
        pass


def test_directories_in_each_other_can_be_locked_together(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    with locked([str(tmp_path), str(tmp_path / "a"), str(tmp_path)]):
        pass


def open_files() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


def test_no_file_stays_open(tmp_path: Path) -> None:
    before = open_files()
    with locked([str(tmp_path)]):
        assert open_files() > before
    assert open_files() == before
    assert list(tmp_path.iterdir()) == []
