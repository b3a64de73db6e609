from __future__ import annotations

import errno
import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from sigpb.errors import EnvironmentFailure
from sigpb.publishing import durability
from sigpb.publishing.durability import EACH_FILE, TURN, EachFile, Together, together
from sigpb.publishing.publish import publish_copy

from .directories import snapshot


class Disk:
    """What a file system was told, as threads would see it."""

    def __init__(self) -> None:
        self.written: list[int] = []
        self.kept: set[int] = set()
        self.times = 0

    def sync(self) -> None:
        written = list(self.written)
        time.sleep(0.002)
        self.kept.update(written)
        self.times += 1


def test_what_a_thread_wrote_is_on_the_disk_when_it_goes_on() -> None:
    disk = Disk()
    group = Together(disk.sync)

    def write(number: int) -> bool:
        with TURN:
            disk.written.append(number)
            group.settle()
            return number in disk.kept

    with ThreadPoolExecutor(16) as pool:
        assert all(pool.map(write, range(400)))
    assert disk.times < 100  # Of waits that threads have in common there are few.


@pytest.mark.parametrize("waits", ["settle", "wrote"])
def test_one_thread_computes_at_a_time(waits: str, monkeypatch: pytest.MonkeyPatch) -> None:
    waiting = threading.Barrier(8)  # All wait for the disk at a time.
    monkeypatch.setattr(os, "fsync", lambda fd: waiting.wait(10))
    group = Together(lambda: time.sleep(0.001)) if waits == "settle" else EACH_FILE
    computing, most = 0, 0

    def compute() -> None:
        nonlocal computing, most
        computing += 1
        most = max(most, computing)
        time.sleep(0.001)
        computing -= 1

    def write(number: int) -> None:
        with TURN:
            compute()
            group.wrote(number)
            group.settle()
            compute()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(write, range(64)))
    assert most == 1


def test_who_does_not_take_turns_is_not_kept_from_anything() -> None:
    with TURN, ThreadPoolExecutor(1) as pool:
        pool.submit(EACH_FILE.settle).result(10)
        pool.submit(Together(lambda: None).settle).result(10)


def test_after_a_failure_nothing_is_taken_to_be_on_the_disk() -> None:
    failures = iter([OSError(errno.EIO, os.strerror(errno.EIO))])

    def sync() -> None:
        for failure in failures:
            raise failure

    group = Together(sync)
    for _ in range(2):  # The kernel tells of it once.
        with pytest.raises(OSError, match=os.strerror(errno.EIO)):
            group.settle()


def test_a_copy_is_brought_to_the_disk_before_and_after_it_appears(
    model: Path, output: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    appeared = []
    group = Together(lambda: appeared.append(output.exists()))

    def unwanted(fd: int) -> None:
        raise AssertionError("synced by itself")

    monkeypatch.setattr(os, "fsync", unwanted)
    publish_copy(model, output, {"new": b"content"}, durability=group)
    assert appeared == [False, True]
    assert (output / "new").read_bytes() == b"content"
    expected = snapshot(model)
    assert {name: each for name, each in snapshot(output).items() if name != "new"} == expected


def test_a_copy_that_does_not_get_to_the_disk_does_not_appear(model: Path, output: Path) -> None:
    def sync() -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    said = f"Could not write the patched model .*{os.strerror(errno.EIO)}.*Nothing was left behind"
    with pytest.raises(EnvironmentFailure, match=said):
        publish_copy(model, output, {}, durability=Together(sync))
    assert list(output.parent.iterdir()) == []


@pytest.fixture
def system(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """What this machine is said to be; to be changed."""
    said = {"sysname": "Linux", "release": "5.15.0-1", "kind": "ext4"}

    class Names:
        @property
        def sysname(self) -> str:
            return said["sysname"]

        @property
        def release(self) -> str:
            return said["release"]

    monkeypatch.setattr(os, "uname", Names)
    monkeypatch.setattr(durability, "_mounts", lambda: (("/", said["kind"]),))
    monkeypatch.setattr(durability, "_groups", {})
    return said


@pytest.mark.skipif(os.uname().sysname != "Linux", reason="only Linux has syncfs")
def test_threads_share_a_wait_where_it_is_known_to_be_enough(
    system: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "other").mkdir()
    group = together(tmp_path)
    assert isinstance(group, Together)
    assert together(tmp_path / "other") is group
    group.settle()


@pytest.mark.parametrize(
    ("what", "value"),
    [
        ("sysname", "Darwin"),
        ("release", "5.7.19"),
        ("release", "4.19.0"),
        ("release", "unknown"),
        ("kind", "nfs4"),
        ("kind", "overlay"),
        ("kind", "fuse.sshfs"),
    ],
)
def test_each_file_is_synced_elsewhere(
    system: dict[str, str], tmp_path: Path, what: str, value: str
) -> None:
    system[what] = value
    assert together(tmp_path) is EACH_FILE


def test_the_innermost_mount_counts(
    system: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mounts = (("/", "ext4"), (str(tmp_path), "nfs"), (f"{tmp_path}x", "ext4"))
    monkeypatch.setattr(durability, "_mounts", lambda: mounts)
    assert together(tmp_path) is EACH_FILE


def test_each_file_by_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[int] = []
    monkeypatch.setattr(os, "fsync", synced.append)
    held = EachFile()
    held.wrote(7)
    held.settle()
    assert synced == [7]
