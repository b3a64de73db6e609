from __future__ import annotations

import errno
import fcntl
import os
import shutil
import socket
import stat
import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from sigpb.errors import EnvironmentFailure
from sigpb.publishing import new_files, publish
from sigpb.publishing.publish import (
    FileState,
    SplicedFile,
    publish_copy,
    publish_in_place,
)
from sigpb.wire.edits import SourceRange
from sigpb.wire.write import write_pieces

from .directories import DATA, FINGERPRINT, MAIN, WARM_UP, create_model, in_place, refuse, snapshot


@pytest.mark.parametrize("code", [errno.EBUSY, errno.EPERM])
def test_a_proto_that_cannot_be_exchanged(
    model: Path, code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So it is where something is mounted on it, or where it is immutable; it cannot be linked."""
    before, link, move = snapshot(model), os.link, Path.replace

    def link_others(source: Path, target: Path, **options: Any) -> None:
        if source.name == MAIN:
            raise OSError(errno.EPERM, os.strerror(errno.EPERM))
        link(source, target, **options)

    def move_others(source: Path, target: Path) -> Path:
        if target == model / MAIN:
            raise OSError(code, os.strerror(code))
        return move(source, target)

    monkeypatch.setattr(os, "link", link_others)
    monkeypatch.setattr(Path, "replace", move_others)
    with pytest.raises(EnvironmentFailure, match="The model is as it was"):
        in_place(model, {MAIN: b"new proto", FINGERPRINT: b"new", WARM_UP: None, "added": b"new"})
    assert snapshot(model) == before


class TestFailureOfACopy:
    def copy_fails(self, model: Path, output: Path, **options: Any) -> str:
        """Checks that nothing is left of a copy, and returns the error's message."""
        before, around = snapshot(model), snapshot(output.parent)
        with pytest.raises(EnvironmentFailure) as error:
            publish_copy(model, output, {MAIN: b"new proto"}, **options)
        assert snapshot(model) == before
        assert snapshot(output.parent) == around
        return str(error.value)

    @pytest.mark.parametrize("kind", ["a named pipe", "a socket"])
    def test_names_what_is_no_file(
        self, model: Path, output: Path, kind: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        if kind == "a socket":
            monkeypatch.chdir(model / "assets")  # The path of a socket must be short.
            with socket.socket(socket.AF_UNIX) as listening:
                listening.bind("odd")
        else:
            os.mkfifo(model / "assets" / "odd")
        with pytest.raises(EnvironmentFailure, match=f"{model}/assets/odd is {kind}"):
            publish_copy(model, output, {})
        assert list(output.parent.iterdir()) == []

    def test_says_that_the_disk_is_full(
        self, model: Path, output: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(os, "write", refuse(errno.ENOSPC))
        message = self.copy_fails(model, output)
        assert f"Could not write the patched model to {output}" in message
        assert "No space left on device" in message
        assert "Nothing was left behind" in message

    def test_says_that_the_parent_cannot_be_written_to(
        self, model: Path, output: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(Path, "mkdir", refuse(errno.EROFS))
        assert "Read-only file system" in self.copy_fails(model, output)

    def test_says_that_the_parent_is_a_file(self, model: Path, output: Path) -> None:
        output.write_bytes(b"precious")
        with pytest.raises(EnvironmentFailure, match="Not a directory"):
            publish_copy(model, output / "2", {})
        assert output.read_bytes() == b"precious"

    def test_removes_the_parents_that_it_created(
        self, model: Path, output: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(Path, "rename", refuse(errno.EIO))
        with pytest.raises(EnvironmentFailure, match="Input/output error"):
            publish_copy(model, output / "a" / "b", {})
        assert list(output.parent.iterdir()) == []

    @pytest.mark.parametrize("obstacle", ["file", "directory", "link"])
    def test_leaves_what_appeared_meanwhile(
        self, model: Path, output: Path, monkeypatch: pytest.MonkeyPatch, obstacle: str
    ) -> None:
        def finish_late(*arguments: Any) -> None:
            if obstacle == "file":
                output.write_bytes(b"precious")
            elif obstacle == "link":
                output.symlink_to(model)
            else:
                shutil.copytree(model, output)

        monkeypatch.setattr(publish, "finish_directories", finish_late)
        with pytest.raises(EnvironmentFailure, match=f"{output} came into being"):
            publish_copy(model, output, {MAIN: b"new proto"})
        assert [path.name for path in output.parent.iterdir()] == ["2"]
        if obstacle != "link":
            content = output if obstacle == "file" else output / MAIN
            assert content.read_bytes() in (b"precious", b"old proto")

    @pytest.mark.parametrize("changed", [DATA, "spliced"])
    @pytest.mark.parametrize("size", [5, 100_000])
    def test_notices_files_that_change(
        self,
        model: Path,
        output: Path,
        monkeypatch: pytest.MonkeyPatch,
        changed: str,
        size: int,
    ) -> None:
        if changed == DATA:
            source, content = model / DATA, None
            copy = new_files._copy_data

            def copy_then_change(*arguments: Any) -> None:
                copy(*arguments)
                os.truncate(source, size)

            monkeypatch.setattr(new_files, "_copy_data", copy_then_change)
        else:
            source = output.with_name("source")
            source.write_bytes(b"0123456789")
            content = SplicedFile((SourceRange(0, 10),), source)

            def write_then_change(*arguments: Any) -> None:
                write_pieces(*arguments)
                os.truncate(source, size)

            monkeypatch.setattr(new_files, "write_pieces", write_then_change)
        with pytest.raises(EnvironmentFailure, match=f"{source} changed while it was being copied"):
            publish_copy(model, output, {} if content is None else {MAIN: content})
        assert not output.exists()

    def test_refuses_another_main_proto_than_expected(self, model: Path, output: Path) -> None:
        expected = FileState.of(model / MAIN)
        publish_copy(model, output, {}, expected=expected)
        os.utime(model / MAIN, ns=(1, 1))
        message = self.copy_fails(model, output.with_name("3"), expected=expected)
        assert f"{model / MAIN} was changed" in message

    def test_says_that_there_is_no_model(self, tmp_path: Path, output: Path) -> None:
        with pytest.raises(EnvironmentFailure, match="No such file or directory"):
            publish_copy(tmp_path / "missing", output, {})
        assert not output.exists()


class TestFailureInPlace:
    @pytest.fixture(autouse=True)
    def unchanged(self, model: Path) -> Iterator[None]:
        before = snapshot(model)
        yield
        assert snapshot(model) == before

    @pytest.mark.parametrize("name", [MAIN, FINGERPRINT, "variables"])
    def test_refuses_links_out_of_the_model(self, model: Path, name: str) -> None:
        outside = model.with_name("outside")
        (model / name).rename(outside)
        (model / name).symlink_to(outside)
        key = f"{name}/variables.index" if name == "variables" else name
        with pytest.raises(EnvironmentFailure, match=r"outside the model.*cp -rL") as error:
            in_place(model, {MAIN: b"new proto", key: b"new"})
        assert f"{model / key} leads to {outside}" in str(error.value)
        (model / name).unlink()
        outside.rename(model / name)

    def test_refuses_directories(self, model: Path) -> None:
        with pytest.raises(EnvironmentFailure, match="it is a directory"):
            in_place(model, {MAIN: b"new proto", "assets": None})

    @pytest.mark.parametrize("missing", [False, True])
    def test_refuses_another_main_proto_than_expected(self, model: Path, missing: bool) -> None:
        expected = FileState.of(model / MAIN)
        old = (model / MAIN).rename(model.with_name("old"))
        if not missing:
            shutil.copy2(old, model / MAIN)
        with pytest.raises(EnvironmentFailure, match="changed, replaced or removed"):
            publish_in_place(model, {MAIN: b"new proto"}, expected=expected)
        old.replace(model / MAIN)

    def test_refuses_a_text_proto_that_was_overtaken(self, model: Path) -> None:
        binary = (model / MAIN).rename(model.with_name("binary"))
        (model / "saved_model.pbtxt").write_bytes(b"old text")
        expected = FileState.of(model / "saved_model.pbtxt")
        binary.rename(model / MAIN)
        with pytest.raises(EnvironmentFailure, match=MAIN):
            publish_in_place(model, {"saved_model.pbtxt": b"new text"}, expected=expected)
        (model / "saved_model.pbtxt").unlink()

    def test_waits_for_nobody(self, model: Path) -> None:
        directory = os.open(model, os.O_RDONLY)
        fcntl.flock(directory, fcntl.LOCK_EX)
        with pytest.raises(EnvironmentFailure, match="Another process is patching"):
            in_place(model, {MAIN: b"new proto"})
        os.close(directory)

    def test_says_that_the_disk_is_full(self, model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(os, "write", refuse(errno.ENOSPC))
        with pytest.raises(EnvironmentFailure, match="No space left on device") as error:
            in_place(model, {MAIN: b"new proto", "a/b/added": b"more"})
        assert f"Could not patch {model} in place" in str(error.value)
        assert "The model is as it was" in str(error.value)

    @pytest.mark.parametrize("name", [MAIN, FINGERPRINT])
    def test_undoes_a_failure_half_way(
        self, model: Path, monkeypatch: pytest.MonkeyPatch, name: str
    ) -> None:
        replace = Path.replace

        def fail_once(path: Path, target: Path) -> Path:
            if target.name == name:
                monkeypatch.setattr(Path, "replace", replace)
                raise OSError(errno.EIO, os.strerror(errno.EIO), str(path), None, str(target))
            return replace(path, target)

        monkeypatch.setattr(Path, "replace", fail_once)
        with pytest.raises(EnvironmentFailure, match=r"Input/output error.*The model is as it was"):
            in_place(model, {MAIN: b"new", FINGERPRINT: b"new", WARM_UP: None, "a/b": b"new"})

    def test_has_nothing_to_undo_if_the_first_step_fails(
        self, model: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        unlink = Path.unlink

        def fail_for_fingerprint(path: Path, missing_ok: bool = False) -> None:
            if path.name == FINGERPRINT:
                raise OSError(errno.EIO, os.strerror(errno.EIO), str(path))
            unlink(path, missing_ok)

        monkeypatch.setattr(Path, "unlink", fail_for_fingerprint)
        with pytest.raises(EnvironmentFailure, match=r"Input/output error.*The model is as it was"):
            in_place(model, {MAIN: b"new", FINGERPRINT: b"new"})


def test_failure_to_put_back_names_the_state_and_the_backup(
    model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Path, "replace", refuse(errno.EROFS))
    with pytest.raises(EnvironmentFailure) as error:
        in_place(model, {MAIN: b"new proto", FINGERPRINT: b"new fingerprint"}, backup=False)
    backup = model / ".sigpb-backup-0001"
    assert "Putting back what was there failed too: Read-only file system" in str(error.value)
    assert "saved_model.pb is the old one, and loads" in str(error.value)
    assert f"may be missing: fingerprint.pb. What was there is in {backup}" in str(error.value)
    assert (model / MAIN).read_bytes() == b"old proto"
    assert (backup / FINGERPRINT).read_bytes() == b"old fingerprint"
    assert list(model.rglob(".sigpb-tmp-*")) == []


class TestOrdinaryUser:
    """What root cannot find out, as nothing is denied to it."""

    @pytest.fixture
    def place(self) -> Iterator[Path]:
        directory = Path(tempfile.mkdtemp(prefix="sigpb-test-"))  # tmp_path is root's alone
        yield directory
        new_files.remove_tree(directory)

    def run(self, place: Path, function: Callable[[], object]) -> None:
        """Calls a function in a child process that is not root's."""
        pid = os.fork()
        if pid == 0:
            status = 1
            try:
                if os.geteuid() == 0:
                    os.chown(place, 65534, 65534)
                    os.setgid(65534)
                    os.setuid(65534)
                function()
                status = 0
            finally:
                os._exit(status)
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0

    def test_copies_a_read_only_model(self, place: Path) -> None:
        model, output = place / "model", place / "output"

        def copy() -> None:
            (model / "variables").mkdir(parents=True)
            for name in (MAIN, "variables/variables.index"):
                (model / name).write_bytes(b"old")
                (model / name).chmod(0o400)
            (model / "variables").chmod(0o500)
            model.chmod(0o500)
            publish_copy(model, output, {MAIN: b"new"})

        self.run(place, copy)
        assert (output / MAIN).read_bytes() == b"new"
        assert stat.S_IMODE(output.stat().st_mode) == 0o500
        assert snapshot(output).keys() == snapshot(model).keys()

    def test_removes_the_stage_of_a_read_only_model(self, place: Path) -> None:
        model, output = place / "model", place / "output"

        def fail_to_copy() -> None:
            (model / "variables").mkdir(parents=True)
            (model / MAIN).write_bytes(b"old")
            (model / "variables" / "variables.index").write_bytes(b"old")
            (model / "variables").chmod(0o500)
            model.chmod(0o500)
            state = FileState(0, 0, 0)
            with pytest.raises(EnvironmentFailure, match="changed, replaced"):
                publish_copy(model, output, {MAIN: b"new"}, expected=state)

        self.run(place, fail_to_copy)
        assert [path.name for path in place.iterdir()] == ["model"]

    def test_need_not_be_able_to_list_the_parent(self, place: Path) -> None:
        model, parent = place / "model", place / "parent"

        def copy() -> None:
            create_model(model)
            parent.mkdir()
            parent.chmod(0o300)
            publish_copy(model, parent / "1", {MAIN: b"new"})

        self.run(place, copy)
        assert (parent / "1" / MAIN).read_bytes() == b"new"

    @pytest.mark.parametrize("denied", ["source", "parent", "in place"])
    def test_is_told_what_is_denied(self, place: Path, denied: str) -> None:
        model, parent = place / "model", place / "parent"

        def be_denied() -> None:
            parent.mkdir()
            (model / "variables").mkdir(parents=True)
            (model / MAIN).write_bytes(b"old")
            attempt: Callable[[], object] = partial(publish_copy, model, parent / "1", {})
            if denied == "in place":
                attempt = partial(in_place, model, {MAIN: b"new"})
            if denied == "source":
                (model / "variables").chmod(0o000)
            else:
                (parent if denied == "parent" else model).chmod(0o500)
            with pytest.raises(EnvironmentFailure, match=r"Permission denied \(/.*permissions"):
                attempt()

        self.run(place, be_denied)
        assert list(parent.iterdir()) == []
        assert (model / MAIN).read_bytes() == b"old"
        assert {path.name for path in model.iterdir()} == {MAIN, "variables"}
