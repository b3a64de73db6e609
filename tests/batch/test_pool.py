from __future__ import annotations

import contextlib
import itertools
import math
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from sigpb.batch import locks
from sigpb.batch.job import Task
from sigpb.batch.locks import locked
from sigpb.batch.pool import Pool, Threads
from sigpb.errors import EnvironmentFailure
from tests.cli.command_line import ENVIRONMENT

from . import work


def tasks(*names: str) -> list[Task]:
    return [Task(f"model{number}", name) for number, name in enumerate(names)]


def test_every_task_is_done_once() -> None:
    with Pool(work.answer, jobs=2, threads=4) as pool:
        outcomes = sorted(pool.run(tasks(*map(str, range(200)))), key=lambda each: int(each.reason))
    assert [outcome.model for outcome in outcomes] == [f"model{number}" for number in range(200)]


def test_it_can_be_run_again() -> None:
    with Pool(work.answer, jobs=1, threads=2) as pool:
        assert list(pool.run([])) == []
        assert len(list(pool.run(tasks("a", "b")))) == 2
        assert len(list(pool.run(tasks("c")))) == 1


@pytest.mark.parametrize("jobs", [1, 2, 3])
def test_processes(jobs: int) -> None:
    with Pool(work.process_id, jobs=jobs, threads=2) as pool:
        processes = {outcome.reason for outcome in pool.run(tasks(*["x"] * 30))}
    assert len(processes) == jobs


@pytest.mark.parametrize(("root", "others_do"), [("/models", False), ("s3://bucket", True)])
def test_threads_compute_by_turns_unless_they_wait_for_a_store(root: str, others_do: bool) -> None:
    given = [Task(f"{root}/{number}", "x") for number in range(12)]
    with Pool(work.who_else_computes, jobs=1, threads=4) as pool:
        reasons = {outcome.reason for outcome in pool.run(given)}
    assert ("others" in reasons) is others_do


def test_few_tasks_take_one_process() -> None:
    with Pool(work.process_id, jobs=4, threads=2) as pool:
        assert len({outcome.reason for outcome in pool.run(tasks("a", "b"))}) == 1


def test_a_process_that_dies_takes_nothing_with_it() -> None:
    names = ["good"] * 20 + ["bad", "bad once"] + ["good"] * 40
    with Pool(work.die_at_bad_ones, jobs=2, threads=4) as pool:
        outcomes = {outcome.model: outcome for outcome in pool.run(tasks(*names))}

    assert len(outcomes) == len(names)
    failed = {
        model: outcome.reason for model, outcome in outcomes.items() if outcome.outcome != "patched"
    }
    assert failed == {"model20": "the process that patched it ended with signal 9."}
    assert outcomes["model21"].reason == "interrupted=True"


def test_a_task_that_takes_too_long_takes_nothing_with_it() -> None:
    names = ["good"] * 20 + ["bad", "bad once"] + ["good"] * 40
    begun = time.monotonic()
    with Pool(work.hang_at_bad_ones, jobs=2, threads=4, timeout=0.5) as pool:
        outcomes = {outcome.model: outcome for outcome in pool.run(tasks(*names))}

    assert time.monotonic() - begun < 60
    assert len(outcomes) == len(names)
    failed = {
        model: outcome.reason for model, outcome in outcomes.items() if outcome.outcome != "patched"
    }
    assert failed.pop("model20") == "it took longer than 0.5 seconds (--model_timeout)."
    # Both may have been begun by one process, before it was killed.
    assert set(failed.values()) <= {"it took longer than 0.5 seconds (--model_timeout)."}
    assert set(failed) <= {"model21"}


def test_a_task_that_takes_too_long_alone_has_failed() -> None:
    with Pool(work.hang_at_bad_ones, jobs=1, threads=1, timeout=0.5) as pool:
        [outcome] = pool._alone(Task("model", "bad"))
    assert outcome.reason == "it took longer than 0.5 seconds (--model_timeout)."


def test_tasks_that_wait_for_their_turn_are_not_late() -> None:
    with Pool(work.process_id, jobs=1, threads=1, timeout=1.0) as pool:
        outcomes = list(pool.run(tasks(*["x"] * 80)))  # Each takes 20 ms.
    assert {outcome.outcome for outcome in outcomes} == {"patched"}


def test_processes_that_hang_are_not_waited_for_at_the_end() -> None:
    with Pool(work.hang_at_bad_ones, jobs=1, threads=1, timeout=0.5) as pool:
        process = pool._start()
        process.connection.send(Task("model", "bad"))
    assert process.process.returncode == -signal.SIGKILL


def test_what_is_begun_is_completed_and_nothing_else_is_begun(tmp_path: Path) -> None:
    release = tmp_path / "release"
    given = [Task(str(tmp_path / f"model{number}"), str(release)) for number in range(20)]
    seen = []
    with Pool(work.wait_for_release, jobs=2, threads=2) as pool:
        outcomes = pool.run(given)
        release.touch()
        seen.append(next(outcomes))
        pool.stop()
        seen += outcomes
        seen += pool.run(given)
    assert {outcome.model for outcome in seen} == {str(path) for path in tmp_path.glob("model*")}
    assert len(seen) < 20


def test_what_takes_too_long_to_stop_is_killed_with_what_it_started(tmp_path: Path) -> None:
    file = tmp_path / "process"
    with Pool(work.start_another_process, jobs=1, threads=1) as pool:

        def stop() -> None:
            wait_for_text(file)
            pool.stop(0.1)

        threading.Thread(target=stop).start()
        assert list(pool.run([Task("model", str(file)), Task("other", str(file))])) == []
        [worker] = [each.process for each in pool._processes]
    assert worker.returncode == -signal.SIGKILL
    assert dies(int(file.read_text()))


def test_a_task_that_takes_too_long_is_killed_with_what_it_started(tmp_path: Path) -> None:
    file = tmp_path / "process"
    with Pool(work.start_another_process, jobs=1, threads=1, timeout=0.5) as pool:
        [outcome] = pool.run([Task("model", str(file))])
    assert outcome.outcome == "failed"
    assert dies(int(file.read_text()))


def wait_for_text(file: Path) -> str:
    while not (file.exists() and file.read_text()):
        time.sleep(0.01)
    return file.read_text()


def dies(process: int) -> bool:
    """Whether a process ends soon; nobody may ask how it ended."""
    deadline = time.monotonic() + 10
    with contextlib.suppress(OSError):
        while Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z":
            if time.monotonic() > deadline:
                return False
            time.sleep(0.01)
    return True


@pytest.mark.parametrize("grace", [math.inf, 0.1])
def test_threads_stop_as_well(tmp_path: Path, grace: float) -> None:
    given = [Task(str(tmp_path / f"model{number}"), str(tmp_path)) for number in range(20)]
    seen: list[str] = []
    with Threads(work.wait_for_release, 2) as threads:
        for outcome in threads.run(itertools.takewhile(lambda _: len(seen) < 2, given)):
            seen.append(outcome.model)
            threads.stop(grace)
    assert 1 <= len(seen) <= 4


def test_threads_that_hang_are_not_waited_for(tmp_path: Path) -> None:
    task = Task(str(tmp_path / "model"), str(tmp_path / "release"))
    with Threads(work.wait_for_release, 1) as threads:
        threads.stop(0.2)
        assert list(threads.run([task])) == []
    (tmp_path / "release").touch()


def test_processes_end_soon_after_the_one_that_started_them_was_killed(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from sigpb.batch.job import Task\n"
        "from sigpb.batch.pool import Pool; from sigpb.batch.locks import locked\n"
        "from tests.batch import work\n"
        "with locked([sys.argv[1]]) as inherited:\n"
        "    task = Task(sys.argv[1] + '/begun', sys.argv[1] + '/never')\n"
        "    list(Pool(work.wait_for_release, jobs=1, threads=1, inherited=inherited).run([task]))"
    )
    parent = subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], env=ENVIRONMENT)
    while not (tmp_path / "begun").exists():
        time.sleep(0.01)
    parent.kill()
    parent.wait()

    deadline = time.monotonic() + 60  # Much more than it takes.
    while time.monotonic() < deadline:
        with contextlib.suppress(EnvironmentFailure), locked([str(tmp_path)]):
            return
    pytest.fail("The lock is still held.")


def test_no_more_tasks_are_taken_than_are_needed() -> None:
    taken = 0

    def some() -> Iterator[Task]:
        nonlocal taken
        for task in tasks(*["x"] * 1000):
            taken += 1
            yield task

    with Pool(work.answer, jobs=1, threads=2) as pool:
        for done, _ in enumerate(pool.run(some())):
            assert taken - done < 20


def test_processes_hold_locks_that_outlast_the_one_that_started_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(locks, "_PATIENCE", 0.1)
    model, release = tmp_path / "begun", tmp_path / "release"
    with locked([str(tmp_path)]) as inherited:
        pool = Pool(work.wait_for_release, jobs=1, threads=1, inherited=inherited)
        process = pool._start()
        process.connection.send(Task(str(model), str(release)))
        while not model.exists():
            time.sleep(0.01)
    with pytest.raises(EnvironmentFailure, match="Another batch is at work in"):  # noqa: SIM117
        with locked([str(tmp_path)]):
            pass
    monkeypatch.undo()
    release.touch()
    process.connection.close()
    with locked([str(tmp_path)]):
        pass
    pool._end(process)
