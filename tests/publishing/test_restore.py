from __future__ import annotations

import errno
import hashlib
import itertools
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from sigpb.errors import EnvironmentFailure
from sigpb.publishing.changes import EXCHANGE_NAME
from sigpb.publishing.exchange import locked
from sigpb.publishing.publish import FileState, publish_in_place, put_backup_back
from sigpb.publishing.restore import (
    backup_path,
    remove_leftovers,
    remove_stages,
    restore,
    withdraw,
)

from .directories import FINGERPRINT, MAIN, WARM_UP, snapshot

OLD_DIGEST = hashlib.sha256(b"old proto").hexdigest()
CHANGES = {MAIN: b"new", FINGERPRINT: None, WARM_UP: b"new", "sigpb.history.jsonl": b"new"}


def test_restore(model: Path) -> None:
    before = snapshot(model)
    publish_in_place(model, CHANGES, expected=FileState.of(model / MAIN), backup="batch")
    assert backup_path(model, "batch").name == ".sigpb-backup-batch"
    assert snapshot(model) != before

    restore(model, "batch", CHANGES, digest=OLD_DIGEST, new=["sigpb.history.jsonl"])

    assert snapshot(model) == before


def test_a_file_that_cannot_be_looked_at_is_not_taken_for_a_new_one(
    model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, look = snapshot(model), os.lstat
    failures = 0
    for number in itertools.count(1):
        publish_in_place(model, CHANGES, expected=FileState.of(model / MAIN), backup="batch")
        after, looks = snapshot(model), list[Path]()

        def fail_once(
            path: Path, *, looks: list[Path] = looks, number: int = number, **options: int
        ) -> os.stat_result:
            looks.append(path)
            if len(looks) == number:
                raise PermissionError(errno.EPERM, os.strerror(errno.EPERM), str(path))
            return look(path, **options)

        def put_back() -> None:
            restore(model, "batch", CHANGES, digest=OLD_DIGEST, new=["sigpb.history.jsonl"])

        try:
            with monkeypatch.context() as patch:
                patch.setattr(os, "lstat", fail_once)
                put_back()
        except EnvironmentFailure:
            failures += 1
            assert snapshot(model) in (before, after)
            put_back()
        remove_leftovers(model)
        assert snapshot(model) == before
        if len(looks) < number:
            break
    assert failures > 15


def break_off(kept: Path) -> None:
    (kept / MAIN).unlink()


def damage(kept: Path) -> None:
    with (kept / MAIN).open("ab") as file:
        file.write(b"garbage")


def link_elsewhere(kept: Path) -> None:
    (kept / MAIN).unlink()
    (kept / MAIN).symlink_to("/etc/hostname")


def lose_the_fingerprint(kept: Path) -> None:
    (kept / FINGERPRINT).unlink()


def put_a_pipe(kept: Path) -> None:
    (kept / WARM_UP).unlink()
    os.mkfifo(kept / WARM_UP)


@pytest.mark.parametrize(
    ("harm", "name"),
    [
        (break_off, MAIN),
        (damage, MAIN),
        (link_elsewhere, MAIN),
        (lose_the_fingerprint, FINGERPRINT),
        (put_a_pipe, WARM_UP),
    ],
)
def test_a_backup_that_is_not_what_it_was_changes_nothing(
    model: Path, harm: Callable[[Path], None], name: str
) -> None:
    publish_in_place(model, CHANGES, expected=FileState.of(model / MAIN), backup="batch")
    harm(backup_path(model, "batch"))
    before = states(model)

    with pytest.raises(EnvironmentFailure, match=f"as they were any more: {name}"):
        restore(model, "batch", CHANGES, digest=OLD_DIGEST, new=["sigpb.history.jsonl"])

    assert states(model) == before


def test_a_proto_that_was_put_back_by_hand_stays(model: Path) -> None:
    before = snapshot(model)
    publish_in_place(model, CHANGES, expected=FileState.of(model / MAIN), backup="batch")
    (backup_path(model, "batch") / MAIN).replace(model / MAIN)
    (model / "sigpb.history.jsonl").unlink()

    restore(model, "batch", CHANGES, digest=OLD_DIGEST, new=["sigpb.history.jsonl"])

    assert snapshot(model) == before


def states(directory: Path) -> dict[str, tuple[int, int]]:
    """Every path below a directory, with what tells whether it is another file."""
    return {str(path): (path.lstat().st_ino, path.lstat().st_size) for path in directory.rglob("*")}


def test_no_backup(model: Path) -> None:
    before = snapshot(model)
    with pytest.raises(EnvironmentFailure, match="there is no such backup"):
        restore(model, "batch", [MAIN], digest=OLD_DIGEST)
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


def test_a_backup_is_put_back_and_goes(model: Path) -> None:
    before = snapshot(model)
    kept = publish_in_place(model, CHANGES, expected=FileState.of(model / MAIN))
    assert kept is not None

    put_backup_back(model, kept, CHANGES, expected=FileState.of(model / MAIN))

    assert snapshot(model) == before


def test_a_backup_is_not_put_back_into_what_somebody_else_is_at(model: Path) -> None:
    read = FileState.of(model / MAIN)
    kept = publish_in_place(model, CHANGES, expected=read)
    assert kept is not None
    before, now = snapshot(model), FileState.of(model / MAIN)

    with pytest.raises(EnvironmentFailure, match="was changed, replaced or removed since"):
        put_backup_back(model, kept, CHANGES, expected=read)
    with locked(model), pytest.raises(EnvironmentFailure, match="Another process is patching"):
        put_backup_back(model, kept, CHANGES, expected=now)
    assert snapshot(model) == before
    (model / EXCHANGE_NAME).write_bytes(b"{}")
    with pytest.raises(EnvironmentFailure, match="takes back what was begun"):
        put_backup_back(model, kept, CHANGES, expected=now)
    (model / EXCHANGE_NAME).unlink()
    assert snapshot(model) == before
