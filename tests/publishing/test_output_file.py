from __future__ import annotations

import errno
import os
import resource
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from sigpb.errors import EnvironmentFailure, UsageError
from sigpb.publishing import output_file
from sigpb.publishing.output_file import OutputFile, write_text

from .directories import refuse, snapshot


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A file that an earlier run wrote."""
    written = tmp_path / "report.jsonl"
    written.write_text("old")
    written.chmod(0o640)
    return written


def write(file: Path) -> None:
    with OutputFile(file, "Nothing was changed.") as opened:
        opened.write("new ")
        opened.write("text")


def test_a_new_file(tmp_path: Path) -> None:
    write(tmp_path / "new")

    assert (tmp_path / "new").read_text() == "new text"
    assert list(tmp_path.iterdir()) == [tmp_path / "new"]


def test_a_file_is_replaced_and_keeps_its_mode(file: Path) -> None:
    write(file)

    assert snapshot(file.parent) == {"report.jsonl": (0o640, b"new text")}


def test_a_link_is_followed(file: Path, tmp_path: Path) -> None:
    link = tmp_path / "latest"
    link.symlink_to(file.name)

    write(link)

    assert link.is_symlink()
    assert file.read_text() == "new text"


def test_there_is_nothing_before_the_end(file: Path) -> None:
    with OutputFile(file, "") as opened:
        opened.write("new " * 100_000)
        assert file.read_text() == "old"
    assert file.stat().st_size == 400_000


def test_what_is_no_regular_file_is_written_to(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    write(Path(f"/dev/fd/{writing}"))
    os.close(writing)
    with os.fdopen(reading) as pipe:
        assert pipe.read() == "new text"


def test_names_that_are_no_text(tmp_path: Path) -> None:
    write_text(tmp_path / "new", [os.fsdecode(b"\xff")], source=tmp_path)

    assert (tmp_path / "new").read_text() == "\\udcff"


@pytest.mark.parametrize("name", ["saved_model.pb", "saved_model.pbtxt"])
def test_no_proto_of_a_model_is_replaced(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"precious")
    (tmp_path / "link").symlink_to(name)
    before = snapshot(tmp_path)

    for file in (tmp_path / name, tmp_path / "link"):
        with pytest.raises(UsageError, match="is the proto of a model"):
            write(file)

    assert snapshot(tmp_path) == before


def test_what_is_looked_at_is_not_replaced(file: Path, tmp_path: Path) -> None:
    os.link(file, tmp_path / "same")
    before = snapshot(tmp_path)

    with pytest.raises(UsageError, match="is the file to be looked at"):
        write_text(tmp_path / "same", ["new"], source=file)

    assert snapshot(tmp_path) == before


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_an_error_while_it_is_written(file: Path, error: type[BaseException]) -> None:
    before = snapshot(file.parent)

    def write_and_fail() -> None:
        with OutputFile(file, "") as opened:
            opened.write("new")
            raise error

    with pytest.raises(error):
        write_and_fail()

    assert snapshot(file.parent) == before


STEPS = {"open": (Path, "open"), "sync": (os, "fsync"), "rename": (Path, "replace")}
"""What is called on the way, each before the file has its name."""


@pytest.mark.parametrize("step", STEPS)
def test_a_full_disk(file: Path, step: str) -> None:
    before = snapshot(file.parent)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(*STEPS[step], refuse(errno.ENOSPC))
        with pytest.raises(EnvironmentFailure) as error:
            write(file)

    assert f"Could not write {file}: No space left on device" in str(error.value)
    assert "Nothing was changed. Free some space" in str(error.value)
    assert snapshot(file.parent) == before


def with_room_for(size: int, procedure: Callable[[], object]) -> None:
    """Has writing end there; Python ignores the signal, unless it is given back its meaning."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, limits[1]))
    try:
        procedure()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


def write_much(file: Path) -> None:
    with OutputFile(file, "Nothing was changed.") as opened:
        opened.write("new " * 10_000)


def test_text_for_which_there_is_no_room(file: Path) -> None:
    before = snapshot(file.parent)

    with pytest.raises(EnvironmentFailure, match=r"File too large.*Nothing was changed"):
        with_room_for(10_000, lambda: write_much(file))

    assert snapshot(file.parent) == before


@pytest.mark.parametrize("step", [*STEPS, "write"])
def test_a_process_that_is_killed(file: Path, step: str) -> None:
    before = snapshot(file.parent)
    child = os.fork()
    if not child:
        if step == "write":
            signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
            with_room_for(10_000, lambda: write_much(file))
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(*STEPS[step], lambda *_, **__: os.kill(os.getpid(), signal.SIGKILL))
            write(file)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    killed = signal.SIGXFSZ if step == "write" else signal.SIGKILL
    assert os.waitstatus_to_exitcode(status) == -killed

    left = snapshot(file.parent)
    assert {name: left.pop(name) for name in before} == before
    assert all(name.startswith(".sigpb-tmp-") for name in left)


def test_a_file_whose_directory_cannot_be_synced_is_complete(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(output_file, "sync_directory", refuse(errno.EIO))

    with pytest.raises(EnvironmentFailure, match="It is complete by now"):
        write(file)

    assert file.read_text() == "new text"
