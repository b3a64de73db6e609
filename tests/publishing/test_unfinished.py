"""Exchanges that a killed process announced; `test_publish_killed` has every moment of it."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from sigpb.errors import EnvironmentFailure
from sigpb.publishing.changes import EXCHANGE_NAME
from sigpb.publishing.publish import publish_copy
from sigpb.publishing.unfinished import take_back_unfinished

from .directories import FINGERPRINT, MAIN, Snapshot, in_place, killed_half_way, snapshot


@pytest.fixture
def before(model: Path) -> Snapshot:
    return snapshot(model)


@pytest.fixture
def half_new(model: Path, before: Snapshot) -> Path:
    killed_half_way(lambda: in_place(model, {MAIN: b"new proto", FINGERPRINT: b"new"}))
    return model


def test_changed(half_new: Path, before: Snapshot) -> None:
    assert (half_new / MAIN).read_bytes() == b"new proto"
    assert not (half_new / FINGERPRINT).exists()
    assert take_back_unfinished(half_new)
    assert snapshot(half_new) == before


def test_unchanged(model: Path, before: Snapshot) -> None:
    assert not take_back_unfinished(model)
    assert snapshot(model) == before


def test_an_announcement_that_was_cut_off_goes(model: Path, before: Snapshot) -> None:
    (model / EXCHANGE_NAME).write_bytes(b'{"backup": ".sigpb-ba')
    assert not take_back_unfinished(model)
    assert snapshot(model) == before


def test_nobody_goes_on_before(half_new: Path, tmp_path: Path) -> None:
    changed = snapshot(half_new)
    with pytest.raises(EnvironmentFailure, match="takes back what was begun"):
        in_place(half_new, {MAIN: b"newer"})
    with pytest.raises(EnvironmentFailure, match="takes back what was begun"):
        publish_copy(half_new, tmp_path / "copy", {})
    assert snapshot(half_new) == changed
    assert not (tmp_path / "copy").exists()


def write_another_proto(model: Path) -> None:
    (model / MAIN).write_bytes(b"somebody else's")


def lose_the_proto(model: Path) -> None:
    (model / ".sigpb-backup-0001" / MAIN).unlink()


def damage_the_fingerprint(model: Path) -> None:
    (model / ".sigpb-backup-0001" / FINGERPRINT).write_bytes(b"x")


def name_the_backup(name: str) -> Callable[[Path], None]:
    def change(model: Path) -> None:
        content = json.loads((model / EXCHANGE_NAME).read_bytes())
        (model / EXCHANGE_NAME).write_text(json.dumps(content | {"backup": name}))

    return change


def name_a_file(name: str) -> Callable[[Path], None]:
    def change(model: Path) -> None:
        content = json.loads((model / EXCHANGE_NAME).read_bytes())
        content["files"][name] = {"old": None, "new": [1, 1]}
        (model / EXCHANGE_NAME).write_text(json.dumps(content))

    return change


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (write_another_proto, "was changed by somebody else"),
        (lose_the_proto, "does not hold the files as they were any more: saved_model.pb"),
        (damage_the_fingerprint, "does not hold the files as they were any more: fingerprint.pb"),
        (name_the_backup("../../1"), "names files outside the model"),
        (name_the_backup("/etc"), "names files outside the model"),
        (name_a_file("../victim"), "names files outside the model"),
    ],
)
def test_refused(half_new: Path, change: Callable[[Path], None], message: str) -> None:
    change(half_new)
    changed = snapshot(half_new)
    with pytest.raises(EnvironmentFailure, match=message):
        take_back_unfinished(half_new)
    assert snapshot(half_new) == changed


def test_a_pipe_in_its_place_is_refused(model: Path) -> None:
    os.mkfifo(model / EXCHANGE_NAME)
    with pytest.raises(EnvironmentFailure, match="not a regular file"):
        take_back_unfinished(model)
