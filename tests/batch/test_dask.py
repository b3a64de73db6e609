"""A batch on a Dask cluster goes on when a worker is killed, and when the batch itself is."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sigpb.batch.journal import read
from sigpb.saved_model import history
from tests.cli.command_line import ENVIRONMENT, run_process
from tests.patches import contents

from .repositories import RENAME, ModelFactory, leftovers, repository, versions
from .test_killed_batch import start

pytestmark = pytest.mark.dask
pytest.importorskip("apache_beam", reason="needs the extra dask")
pytest.importorskip("distributed", reason="needs the extra dask")

COUNT = int(os.environ.get("SIGPB_DASK_MODELS", "400"))


class Cluster:
    """A scheduler and two workers, each a process.

    Attributes:
        workers: The workers.
        options: What tells a pipeline of the cluster.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._file = directory / "scheduler.json"
        shared = directory / "shared"
        shared.mkdir()
        self.options = (
            "--runner=DaskRunner",
            "--",
            f"--dask_scheduler_file={self._file}",
            f"--temp_location={shared}",
        )
        self._scheduler = self._started("dask_scheduler", "--port=0", "--no-dashboard")
        self.workers = [
            self._started("dask_worker", "--no-nanny", "--nthreads=1", "--no-dashboard")
            for _ in range(2)
        ]

    def _started(self, kind: str, *flags: str) -> subprocess.Popen[bytes]:
        code = f"from distributed.cli.{kind} import main; main()"
        return subprocess.Popen(
            [sys.executable, "-c", code, f"--scheduler-file={self._file}", *flags],
            cwd=self._directory,
            env=ENVIRONMENT,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def end(self) -> None:
        for process in (*self.workers, self._scheduler):
            process.kill()
            process.wait()


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    directory = tmp_path / "cluster"
    directory.mkdir()
    cluster = Cluster(directory)
    yield cluster
    cluster.end()


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_worker_and_then_the_batch_are_killed(
    fixture_model: ModelFactory, tmp_path: Path, cluster: Cluster
) -> None:
    names = [f"m{number:04}" for number in range(COUNT)]
    root = repository(fixture_model("tf2_linear"), tmp_path / "r", *versions(names))
    before = contents(root)
    patch, journal = tmp_path / "patch.txtpb", tmp_path / "journal.jsonl"
    patch.write_text(RENAME)

    def patched() -> int:
        return sum(1 for _ in root.glob("*/2"))

    first, second = cluster.workers
    flags = (f"--patch={patch}", "--new_version", f"--journal={journal}")
    process = start("batch", root, *flags, *cluster.options)
    wait_until(lambda: patched() > COUNT // 8)
    first.kill()
    first.wait()
    when_killed = patched()
    wait_until(lambda: patched() > when_killed + COUNT // 8)
    assert process.poll() is None
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert patched() < COUNT

    resume = ("batch", f"--journal={journal}", "--resume", "--format=json", *cluster.options)
    outcome = run_process(*resume, stderr=subprocess.DEVNULL)

    assert (outcome.code, outcome.json["outcomes"]["patched"]) == (0, COUNT)
    assert second.poll() is None
    assert set(read(journal).ended.values()) == {"patched"}
    assert leftovers(root) == []
    assert {len(history.records(root / name / "2")) for name in names} == {1}
    assert sorted(path.name for path in (root / names[0]).iterdir()) == ["1", "2"]
    assert run_process("rollback", journal).code == 0
    assert contents(root) == before
