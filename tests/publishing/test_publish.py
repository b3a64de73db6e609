from __future__ import annotations

import errno
import fcntl
import os
import shutil
import stat
import sys
from pathlib import Path

import pytest

from sigpb.errors import EnvironmentFailure
from sigpb.publishing import new_files
from sigpb.publishing.changes import ADDED_NAME
from sigpb.publishing.exchange import added_files
from sigpb.publishing.publish import (
    FileState,
    SplicedFile,
    publish_copy,
    publish_in_place,
)
from sigpb.wire.edits import SourceRange

from .directories import DATA, FINGERPRINT, MAIN, WARM_UP, in_place, refuse, snapshot


class TestCopy:
    def test_has_the_changes_and_is_otherwise_the_same(self, model: Path, output: Path) -> None:
        before = snapshot(model)
        publish_copy(model, output, {MAIN: b"new proto", FINGERPRINT: None, "a/b/new": b"more"})
        after = snapshot(output)
        assert after.pop("a/b/new")[1] == b"more"
        assert {path: after.pop(path)[1] for path in ("a", "a/b")} == {"a": None, "a/b": None}
        del before[FINGERPRINT]
        assert after == {**before, MAIN: (before[MAIN][0], b"new proto")}
        assert [path.name for path in output.parent.iterdir()] == ["2"]

    def test_without_changes_is_the_same(self, model: Path, output: Path) -> None:
        publish_copy(model, output, {})
        assert snapshot(output) == snapshot(model)

    def test_splices_files(self, model: Path, output: Path) -> None:
        data = SplicedFile((SourceRange(2, 5), b"--", SourceRange(0, 1)), model / DATA)
        empty = SplicedFile((b"all new",), model / "assets" / "nothing")
        empty.source.touch()
        publish_copy(model, output, {DATA: data, "assets/nothing": empty})
        assert (output / DATA).read_bytes() == b"\x02\x03\x04--\x00"
        assert (output / "assets" / "nothing").read_bytes() == b"all new"

    def test_keeps_modes_and_times(self, model: Path, output: Path) -> None:
        modes = {MAIN: 0o440, DATA: 0o604, "variables": 0o550, "assets": 0o2750, ".": 0o711}
        for path, mode in modes.items():
            (model / path).chmod(mode)
        for path in (DATA, "variables", "assets/empty"):
            os.utime(model / path, ns=(1, 1_234_567_890))
        publish_copy(model, output, {MAIN: b"new proto"})
        assert {path: stat.S_IMODE((output / path).stat().st_mode) for path in modes} == modes
        for path in (DATA, "variables", "assets/empty"):
            assert (output / path).stat().st_mtime_ns == 1_234_567_890
        assert (output / MAIN).stat().st_mtime_ns > 1_234_567_890

    def test_links_on_request(self, model: Path, output: Path) -> None:
        publish_copy(model, output, {MAIN: b"new proto"}, hardlink=True)
        assert (output / DATA).samefile(model / DATA)
        assert not (output / MAIN).samefile(model / MAIN)
        assert (model / MAIN).read_bytes() == b"old proto"

    @pytest.mark.parametrize("code", [errno.EXDEV, errno.EPERM, errno.EMLINK])
    def test_copies_what_cannot_be_linked(
        self, model: Path, output: Path, monkeypatch: pytest.MonkeyPatch, code: int
    ) -> None:
        monkeypatch.setattr(os, "link", refuse(code))
        publish_copy(model, output, {}, hardlink=True)
        assert snapshot(output) == snapshot(model)
        assert not (output / DATA).samefile(model / DATA)

    def test_shares_data_where_the_file_system_can(
        self, model: Path, output: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def clone(target: int, request: int, source: int) -> None:
            os.write(target, b"clone of " + os.pread(source, 5, 0))

        monkeypatch.setattr(fcntl, "ioctl", clone)
        publish_copy(model, output, {DATA: None})
        assert (output / MAIN).read_bytes() == b"clone of old p"

    @pytest.mark.parametrize("copied", [0, 5])
    def test_copies_by_itself_what_the_kernel_does_not(
        self, model: Path, output: Path, monkeypatch: pytest.MonkeyPatch, copied: int
    ) -> None:
        def copy_some(source: int, target: int, count: int) -> int:
            if os.lseek(source, 0, os.SEEK_CUR) >= copied:
                raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))
            return os.write(target, os.read(source, copied))

        monkeypatch.setattr(os, "copy_file_range", copy_some, raising=False)
        monkeypatch.setattr(new_files, "_CHUNK_SIZE", 1000)
        publish_copy(model, output, {})
        assert snapshot(output) == snapshot(model)

    def test_leaves_out_what_earlier_runs_left(self, model: Path, output: Path) -> None:
        before = snapshot(model)
        (model / ".sigpb-tmp-saved_model.pb-0123").write_bytes(b"half")
        (model / "assets" / ".sigpb-tmp-x-4567").write_bytes(b"half")
        (model / ".sigpb-backup-0001").mkdir()
        (model / ".sigpb-backup-0001" / MAIN).write_bytes(b"older proto")
        publish_copy(model, output, {})
        assert snapshot(output) == before

    def test_takes_names_that_are_no_unicode_or_long(self, model: Path, output: Path) -> None:
        raw = os.fsdecode(b"\xff\xfe")
        (model / raw).write_bytes(b"content")
        output = output.with_name("語" * 80)
        publish_copy(model, output, {})
        assert (output / raw).read_bytes() == b"content"

    def test_replaces_an_empty_directory(self, model: Path, output: Path) -> None:
        output.mkdir()
        publish_copy(model, output, {})
        assert snapshot(output) == snapshot(model)

    def test_creates_missing_parents(self, model: Path, output: Path) -> None:
        publish_copy(model, output / "a" / "b", {})
        assert snapshot(output / "a" / "b") == snapshot(model)

    def test_is_on_the_disk_before_it_appears(
        self, model: Path, output: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        synced: set[int] = set()
        monkeypatch.setattr(os, "fsync", lambda fd: synced.add(os.fstat(fd).st_ino))
        rename = Path.rename

        def rename_synced(stage: Path, target: Path) -> Path:
            assert {path.stat().st_ino for path in (stage, *stage.rglob("*"))} <= synced
            return rename(stage, target)

        monkeypatch.setattr(Path, "rename", rename_synced)
        publish_copy(model, output, {MAIN: b"new proto", "a/b": b"more"})
        assert output.parent.stat().st_ino in synced

    def test_takes_links_to_the_directories(self, model: Path, output: Path) -> None:
        (output.parent / "current").symlink_to(model)
        (output.parent / "elsewhere").symlink_to(output.parent)
        publish_copy(output.parent / "current", output.parent / "elsewhere" / "2", {MAIN: b"new"})
        assert (output / MAIN).read_bytes() == b"new"
        assert not output.is_symlink()


class TestInPlace:
    def test_changes_what_it_should(self, model: Path) -> None:
        (model / MAIN).chmod(0o440)
        before = snapshot(model)
        changes = {MAIN: b"new proto", FINGERPRINT: b"new fingerprint", WARM_UP: None}
        backup = in_place(model, changes, backup=False)
        del before[WARM_UP]
        before[MAIN] = 0o440, b"new proto"
        before[FINGERPRINT] = before[FINGERPRINT][0], b"new fingerprint"
        assert snapshot(model) == before
        assert backup is None

    def test_keeps_what_it_changes(self, model: Path) -> None:
        before, inode = snapshot(model), (model / MAIN).stat().st_ino
        changes = {MAIN: b"new proto", FINGERPRINT: None, WARM_UP: b"new", "assets/added": b"more"}
        backup = in_place(model, changes)
        assert backup == model / ".sigpb-backup-0001"
        assert added_files(backup) == {"assets/added"}
        (backup / ADDED_NAME).unlink()
        assert snapshot(backup) == {
            path: before[path] for path in (MAIN, FINGERPRINT, WARM_UP, "assets.extra")
        }
        assert (backup / MAIN).stat().st_ino == inode

    def test_can_be_undone_from_the_backup(self, model: Path) -> None:
        before = snapshot(model)
        backup = in_place(model, {MAIN: b"new proto", FINGERPRINT: None, WARM_UP: b"new"})
        assert backup is not None
        shutil.copytree(backup, model, dirs_exist_ok=True)
        shutil.rmtree(backup)
        assert snapshot(model) == before

    def test_copies_to_the_backup_what_cannot_be_linked(
        self, model: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(os, "link", refuse(errno.EPERM))
        (model / "link").symlink_to(MAIN)
        backup = in_place(model, {MAIN: b"new proto", "link": None})
        assert backup is not None
        assert (backup / MAIN).read_bytes() == b"old proto"
        assert str((backup / "link").readlink()) == MAIN

    def test_numbers_backups(self, model: Path) -> None:
        (model / ".sigpb-backup-0007").mkdir()
        (model / ".sigpb-backup-mine").mkdir()
        for number in (8, 9):
            assert in_place(model, {MAIN: b"%d" % number}) == model / f".sigpb-backup-000{number}"

    def test_adds_files_in_new_directories(self, model: Path) -> None:
        in_place(model, {MAIN: b"new proto", "a/b/added": b"more"}, backup=False)
        assert (model / "a" / "b" / "added").read_bytes() == b"more"

    def test_does_not_write_to_files_shared_with_a_copy(self, model: Path, output: Path) -> None:
        publish_copy(model, output, {}, hardlink=True)
        in_place(output, {MAIN: b"new proto"})
        assert (model / MAIN).read_bytes() == b"old proto"

    def test_takes_a_splice_of_the_file_that_it_replaces(self, model: Path) -> None:
        spliced = SplicedFile((b"new", SourceRange(3, 9)), model / MAIN)
        in_place(model, {MAIN: spliced})
        assert (model / MAIN).read_bytes() == b"new proto"

    def test_takes_text_protos(self, model: Path) -> None:
        (model / MAIN).rename(model / "saved_model.pbtxt")
        expected = FileState.of(model / "saved_model.pbtxt")
        publish_in_place(model, {"saved_model.pbtxt": b"new"}, expected=expected)
        assert (model / "saved_model.pbtxt").read_bytes() == b"new"

    def test_takes_a_link_to_the_model_and_in_the_model(self, model: Path) -> None:
        (model / MAIN).rename(model / "variables" / "proto")
        (model / MAIN).symlink_to("variables/proto")
        link = model.with_name("current")
        link.symlink_to(model)
        backup = in_place(link, {MAIN: b"new proto"})
        assert (model / MAIN).is_symlink()
        assert (model / "variables" / "proto").read_bytes() == b"new proto"
        assert (model / ".sigpb-backup-0001" / "variables" / "proto").read_bytes() == b"old proto"
        assert backup == model / ".sigpb-backup-0001"

    @pytest.mark.skipif(sys.platform != "linux", reason="Only Linux has these calls.")
    def test_keeps_extended_attributes(self, model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Access control lists are such attributes: system.posix_acl_access."""
        attributes = {"user.owner": b"serving", "system.posix_acl_access": b"acl"}
        inherited = {"user.owner": b"nobody", "user.inherited": b"x"}
        changed: dict[str, bytes | None] = {}

        def get(path: Path, name: str) -> bytes:
            return (attributes if path.name == MAIN else inherited)[name]

        monkeypatch.setattr(
            os, "listxattr", lambda path: list(attributes if path.name == MAIN else inherited)
        )
        monkeypatch.setattr(os, "getxattr", get)
        monkeypatch.setattr(os, "setxattr", lambda path, *item: changed.update([item]))
        monkeypatch.setattr(os, "removexattr", lambda path, name: changed.update({name: None}))
        in_place(model, {MAIN: b"new proto"})
        assert changed == {**attributes, "user.inherited": None}

    @pytest.mark.skipif(sys.platform != "linux", reason="Only Linux has these calls.")
    def test_leaves_out_only_attributes_that_take_more_rights(
        self, model: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        names = ["security.ima"]
        monkeypatch.setattr(os, "listxattr", lambda path: names if path.name == MAIN else [])
        monkeypatch.setattr(os, "getxattr", lambda path, name: b"x")
        monkeypatch.setattr(os, "setxattr", refuse(errno.EPERM))
        in_place(model, {MAIN: b"new proto"})
        before = snapshot(model)
        names.append("system.posix_acl_access")
        with pytest.raises(EnvironmentFailure, match="The model is as it was"):
            in_place(model, {MAIN: b"newer proto"})
        assert snapshot(model) == before

    def test_keeps_the_owner(self, model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        owners = []
        monkeypatch.setattr(os, "chown", lambda path, *owner: owners.append(owner))
        in_place(model, {MAIN: b"new proto"})
        assert owners == [((model / MAIN).stat().st_uid, (model / MAIN).stat().st_gid)]
