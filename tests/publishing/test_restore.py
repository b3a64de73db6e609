from __future__ import annotations

from pathlib import Path

import pytest

from sigpb.errors import EnvironmentFailure
from sigpb.publishing.publish import FileState, publish_in_place
from sigpb.publishing.restore import backup_path, remove_stages, restore, withdraw

from .directories import FINGERPRINT, MAIN, WARM_UP, snapshot

CHANGES = {MAIN: b"new", FINGERPRINT: None, WARM_UP: b"new", "sigpb.history.jsonl": b"new"}


def test_restore(model: Path) -> None:
    before = snapshot(model)
    publish_in_place(model, CHANGES, expected=FileState.of(model / MAIN), backup="batch")
    assert backup_path(model, "batch").name == ".sigpb-backup-batch"
    assert snapshot(model) != before

    restore(model, "batch", CHANGES)

    assert snapshot(model) == before


def test_no_backup(model: Path) -> None:
    before = snapshot(model)
    with pytest.raises(EnvironmentFailure, match="there is no such backup"):
        restore(model, "batch", [MAIN])
    assert snapshot(model) == before


def test_a_name_is_taken_once(model: Path) -> None:
    publish_in_place(model, CHANGES, expected=FileState.of(model / MAIN), backup="batch")
    before = snapshot(model)
    with pytest.raises(EnvironmentFailure):
        publish_in_place(
            model, {MAIN: b"newer"}, expected=FileState.of(model / MAIN), backup="batch"
        )
    assert snapshot(model) == before


def test_withdraw(model: Path) -> None:
    withdraw(model)
    assert list(model.parent.iterdir()) == []


def test_stages_of_another_directory_stay(tmp_path: Path) -> None:
    for name in (".sigpb-tmp-2-0a", ".sigpb-tmp-22-0a", "2"):
        (tmp_path / name).mkdir()
    remove_stages(tmp_path / "2")
    assert sorted(path.name for path in tmp_path.iterdir()) == [".sigpb-tmp-22-0a", "2"]
