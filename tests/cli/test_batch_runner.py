"""`sigpb batch --runner`: a batch like any other, patched by Apache Beam."""

from __future__ import annotations

import importlib.util
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from sigpb.batch.journal import read
from tests.batch.repositories import NAMES, ModelFactory, leftovers, repository, versions
from tests.batch.test_killed_batch import start
from tests.cli.command_line import Outcome, run, run_process
from tests.cli.test_batch import JOURNAL, batch, outcomes, patched, report
from tests.patches import contents

pytest.importorskip("apache_beam", reason="needs the extra beam")

RUNNER = "--runner=FnApiRunner"
# Without Dask, and with it.
DASK = (
    "DaskRunner needs Dask: pip install 'apache-beam[dask]'."
    if importlib.util.find_spec("distributed") is None
    else "name a directory that this machine and all workers reach"
)
PROCESSES = ("--", "--direct_num_workers=2", "--direct_running_mode=multi_processing")


@pytest.fixture
def root(fixture_model: ModelFactory, tmp_path: Path) -> Path:
    root = repository(fixture_model("tf2_linear"), tmp_path / "r", *versions([*NAMES, "bad"]))
    (root / "bad/1/saved_model.pb").write_bytes(b"\x0a\xff")
    return root


def test_a_batch(root: Path, patch: Path, tmp_path: Path, temporary: Path) -> None:
    before, file = contents(root), tmp_path / "report.jsonl"

    outcome = batch(root, patch, RUNNER, f"--report={file}", "--format=json")

    assert outcome.code == 1
    assert outcomes(outcome) == {"patched": 3, "failed": 1}
    assert (outcome.json["left"], outcome.json["stopped"]) == (0, None)
    assert patched(root) == ["a/1", "b/1", "c/1"]
    assert {model: each["outcome"] for model, each in report(file).items()} == (
        read(root / JOURNAL).ended
    )
    assert list(temporary.iterdir()) == []
    assert leftovers(root) == []

    assert run("rollback", root / JOURNAL).code == 0
    (root / JOURNAL).unlink()
    assert contents(root) == before


def test_several_processes(root: Path, patch: Path) -> None:
    arguments = ("batch", root, f"--patch={patch}", "--new_version", RUNNER, "--format=json")
    outcome = run_process(*arguments, *PROCESSES, stderr=subprocess.DEVNULL)
    assert outcomes(outcome) == {"patched": 3, "failed": 1}
    assert patched(root) == ["a/2", "b/2", "c/2"]


def test_temp_location(root: Path, patch: Path, tmp_path: Path) -> None:
    shared = tmp_path / "shared"
    shared.mkdir()
    assert batch(root, patch, RUNNER, "--", "--temp_location", shared).code == 1
    assert len(patched(root)) == 3
    assert list(shared.iterdir()) == []


def test_pipeline_that_fails(
    root: Path, patch: Path, monkeypatch: pytest.MonkeyPatch, temporary: Path
) -> None:
    from sigpb.batch import beam
    from sigpb.batch.patch_model import patch_model

    def die_after(job: Any, task: Any) -> Any:
        outcome = patch_model(job, task)
        if outcome.outcome == "patched":
            raise RuntimeError("The worker died.")
        return outcome

    monkeypatch.setattr(beam, "patch_model", die_after)
    failed = batch(root, patch, RUNNER)
    monkeypatch.undo()

    assert failed.code == 4
    assert "The pipeline failed, and some models may be patched: The worker died." in failed.err
    assert failed.err.endswith(" Go on with --resume.\n")
    assert len(patched(root)) == 3
    assert list(temporary.iterdir()) == []
    assert "was not finished. Go on with it (--resume)" in batch(root, patch, RUNNER).err

    resumed = run("batch", root, "--resume", RUNNER, "--format=json")

    assert outcomes(resumed) == {"patched": 3, "failed": 1}
    assert run("rollback", root / JOURNAL).code == 0
    assert patched(root) == []


def test_workers_that_reach_no_temp_location(
    root: Path, patch: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from sigpb.batch import pipeline

    monkeypatch.setattr(pipeline, "_run", lambda pipeline: None)
    outcome = batch(root, patch, RUNNER)
    assert outcome.code == 4
    assert "reported no outcome for 4 models" in outcome.err


def test_what_a_worker_that_died_wrote_does_not_count(
    root: Path, patch: Path, monkeypatch: pytest.MonkeyPatch, temporary: Path
) -> None:
    from sigpb.batch import pipeline

    real = pipeline._run

    def run_and_add_files(runnable: Any) -> None:
        real(runnable)
        [whole] = temporary.glob("sigpb-*/outcomes-0-*.jsonl")
        written = whole.read_bytes()
        for suffix, cut in (("0", 5), ("1", -5), ("z", len(written))):
            whole.with_name(f"outcomes-0-{suffix}.jsonl").write_bytes(written[:cut])

    monkeypatch.setattr(pipeline, "_run", run_and_add_files)
    outcome = batch(root, patch, RUNNER, "--format=json")

    assert outcomes(outcome) == {"patched": 3, "failed": 1}
    assert len(outcome.json["models"]) == 4


def test_plan(root: Path, patch: Path, tmp_path: Path) -> None:
    plan = tmp_path / "plan.jsonl"
    batch(root, patch, "--dry_run", f"--plan={plan}")
    (root / "b/1/fingerprint.pb").unlink()

    outcome = run("batch", f"--apply_plan={plan}", RUNNER, "--format=json")

    assert outcomes(outcome) == {"patched": 2, "refused": 1}
    assert patched(root) == ["a/1", "c/1"]


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (
            ["--runner=FnApiRunner", "--max_failures=1"],
            "--runner does not go with --dry_run, nor with --max_failures",
        ),
        (["--runner=FnApiRunner", "--dry_run"], "does not go with --dry_run"),
        (["--runner=Fast"], "Unexpected pipeline runner: Fast. Valid values are"),
        (["--runner=no.such.Runner"], "No module named 'no'"),
        (["--runner=apache_beam.runners.dask.dask_runner.DaskRunner"], DASK),
        (["--runner=DaskRunner"], DASK),
        (["--runner=PortableRunner"], "name a directory that this machine and all workers reach"),
        (
            [RUNNER, "--", "--direct_num_workers=many"],
            "argument --direct_num_workers: invalid int value: 'many'.",
        ),
    ],
)
def test_refused(root: Path, patch: Path, flags: list[str], message: str) -> None:
    outcome: Outcome = batch(root, patch, *flags)
    assert outcome.code == 2
    assert message in outcome.err
    assert patched(root) == []
    assert not (root / JOURNAL).exists()


def test_interrupted(fixture_model: ModelFactory, tmp_path: Path, patch: Path) -> None:
    names = [f"m{number:03}" for number in range(300)]
    root = repository(fixture_model("tf2_linear"), tmp_path / "many", *versions(names))
    process = start("batch", root, f"--patch={patch}", "--in_place", RUNNER)
    while not list(root.glob("*/1/.sigpb-backup-*")) and process.poll() is None:
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)

    assert process.wait() == 4
    assert 0 < len(patched(root)) < 300
    resumed = run("batch", root, "--resume", RUNNER, "--format=json")
    assert outcomes(resumed) == {"patched": 300}
    assert leftovers(root) == []
