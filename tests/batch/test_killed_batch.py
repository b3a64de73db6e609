"""A batch that is killed at random moments, and resumed until it is done."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from sigpb.batch.journal import outcomes, read
from sigpb.saved_model import history
from tests.cli.command_line import ENVIRONMENT, run_process
from tests.patches import contents

from .repositories import RENAME, ModelFactory, leftovers, repository, versions, without_history

pytestmark = pytest.mark.killed

COUNT = 150  # More than two processes work on at a time.


def start(
    *arguments: str | Path, before: str = "", stdout: int = subprocess.DEVNULL
) -> subprocess.Popen[bytes]:
    """Starts sigpb, in a process group of its own as a shell does.

    Args:
        *arguments: The arguments of sigpb.
        before: Code that is run first.
        stdout: Where the standard output goes.
    """
    code = f"{before}\nfrom sigpb.cli.main import run; run()"
    return subprocess.Popen(
        [sys.executable, "-c", code, *map(str, arguments)],
        env=ENVIRONMENT,
        stdout=stdout,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def kill(process: subprocess.Popen[bytes], *, workers_too: bool) -> None:
    workers = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    for each in (process.pid, *(map(int, workers) if workers_too else ())):
        os.kill(each, signal.SIGKILL)


def is_done(journal: Path) -> bool:
    return b'"step": "finish"' in journal.read_bytes()


@pytest.mark.parametrize("mode", ["--in_place", "--new_version", "--output_root"])
@pytest.mark.parametrize("workers_too", [False, True])
def test_killed_at_random_moments(
    fixture_model: ModelFactory, tmp_path: Path, mode: str, workers_too: bool
) -> None:
    names = [f"m{number:02}" for number in range(COUNT)]
    source = fixture_model("tf2_warmup")
    root = repository(source, tmp_path / "repository", *versions(names))
    patch = tmp_path / "patch.txtpb"
    patch.write_text(RENAME)
    journal = tmp_path / "journal.jsonl"
    output = tmp_path / "mirror"
    where = [f"{mode}={output}" if mode == "--output_root" else mode]
    shutil.copytree(source, tmp_path / "one" / "1")
    run_process("batch", tmp_path / "one", f"--patch={patch}", "--in_place")
    old, new = without_history(source), without_history(tmp_path / "one" / "1")
    chance = random.Random(COUNT)
    kills = 0
    arguments: list[str | Path] = ["batch", root, f"--patch={patch}", *where]
    for attempt in range(100):
        process = start(*arguments, f"--journal={journal}", "--jobs=2")
        deadline = time.monotonic() + 60
        while not journal.exists() and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.001)
        size = journal.stat().st_size
        while journal.stat().st_size == size and process.poll() is None and attempt % 2:
            time.sleep(0.005)  # Until models are done, every other time.
        time.sleep(chance.uniform(0, 0.05 + attempt / 100))
        if process.poll() is None:
            kills += 1
            kill(process, workers_too=workers_too)
        process.wait()
        arguments = ["batch", "--resume"]
        if is_done(journal):
            break
        for name in names:
            main = (root / name / "1" / "saved_model.pb").read_bytes()
            assert main in (old["saved_model.pb"], new["saved_model.pb"])
            if (made := root / name / "2").exists():
                assert without_history(made) == new
    assert is_done(journal)
    assert kills > 2

    directories = {"--new_version": (root, "2"), "--output_root": (output, "1")}
    where_to, version = directories.get(mode, (root, "1"))
    for name in names:
        assert without_history(where_to / name / version) == new
        assert len(history.records(where_to / name / version)) == 1
        if mode != "--in_place":
            assert contents(root / name / "1") == old
    assert leftovers(tmp_path) == []
    done = [each.model for each in outcomes(journal)]
    assert sorted(done) == sorted(set(done))
    assert set(read(journal).ended.values()) == {"patched"}

    rolled_back = run_process("rollback", journal)
    assert rolled_back.code == 0, rolled_back.out
    for name in names:
        assert contents(root / name / "1") == old
        assert [path.name for path in (root / name).iterdir()] == ["1"]
