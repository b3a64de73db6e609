"""Two batches on one repository in a store."""

from __future__ import annotations

import contextlib
import json
import re
import threading
from pathlib import Path
from typing import Any

import pytest

from sigpb.batch import locks
from sigpb.batch.locks import journal_locked, locked
from sigpb.errors import EnvironmentFailure

from .proxy import failing_from, faults_at
from .servers import Server
from .stores import contents, each_store, fs

pytestmark = pytest.mark.stores

LOCK = ".sigpb-batch-lock"


def entered(directory: str, batch: str) -> bool:
    """Takes a lock and gives it back; returns whether it was to be had."""
    try:
        with locked([directory], batch):
            return True
    except EnvironmentFailure:
        return False


@pytest.mark.parametrize(
    ("first", "second", "is_free"),
    [
        ("a", "a", False),
        ("a", "a/b", False),
        ("a/b", "a", False),
        ("a/b", "a/c", True),
        ("a", "ab", True),
    ],
)
def test_directories(memory: str, first: str, second: str, is_free: bool) -> None:
    with locked([f"{memory}/{first}"], "one"):
        expected = contextlib.nullcontext() if is_free else pytest.raises(EnvironmentFailure)
        with expected, locked([f"{memory}/{second}"], "two"):
            pass
        assert list(contents(memory)) == [f"{first}/{LOCK}"]
    with locked([f"{memory}/{second}"], "two"):
        pass
    assert contents(memory) == {}


def test_message(memory: str) -> None:
    with locked([memory], "one"):
        holder = json.loads(contents(memory)[LOCK])
        with pytest.raises(EnvironmentFailure) as raised, locked([memory], "two"):
            pass
    said = str(raised.value)
    for value in ("one", holder["host"], str(holder["pid"]), holder["time"], f"{memory}/{LOCK}"):
        assert value in said
    assert "--resume" in said
    assert "remove that object" in said


def test_lock_of_a_killed_run_is_taken_over(memory: str) -> None:
    with locked([memory], "one"):
        kept = contents(memory)[LOCK]
    fs(memory).pipe_file(f"{memory}/{LOCK}", kept)

    with pytest.raises(EnvironmentFailure), locked([memory], "two"):
        pass
    with locked([memory], "one"):
        assert contents(memory)[LOCK] != kept
    assert contents(memory) == {}


def test_foreign_lock(memory: str) -> None:
    fs(memory).pipe_file(f"{memory}/{LOCK}", b"[]")
    with pytest.raises(EnvironmentFailure, match="no batch of this version"), locked([memory], "1"):
        pass
    assert contents(memory) == {LOCK: b"[]"}


@each_store
def test_at_most_one_at_once(server: Server) -> None:
    url = server.url
    inside, most, refused, entered = 0, 0, 0, 0
    guard, barrier = threading.Lock(), threading.Barrier(6)

    def attempt(number: int) -> None:
        nonlocal inside, most, refused, entered
        directory = (url, f"{url}/a", f"{url}/a/b")[number % 3]
        barrier.wait()
        try:
            with locked([directory], f"batch {number}"):
                with guard:
                    inside += 1
                    entered += 1
                    most = max(most, inside)
                barrier_of_all.wait(20)
                with guard:
                    inside -= 1
        except EnvironmentFailure:
            with guard:
                refused += 1
            with contextlib.suppress(threading.BrokenBarrierError):
                barrier_of_all.wait(20)

    barrier_of_all = threading.Barrier(6)
    threads: list[Any] = [threading.Thread(target=attempt, args=(n,)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most <= 1
    assert entered + refused == 6
    assert contents(url) == {}


@pytest.mark.usefixtures("impatient")
@each_store
def test_failing_requests(server: Server, record_property: Any) -> None:
    directory, requests = f"{server.url}/a", server.requests
    assert entered(directory, "one")
    faults = faults_at(range(1, len(requests.seen) + 1), server.pace)
    record_property("faults", len(faults))
    for at, fault, lasts in faults:
        requests.reset(failing_from(at, fault, lasts))
        got = entered(directory, "one")
        requests.reset()

        left = server.read()
        assert list(left) in ([], [f"models/a/{LOCK}"])
        assert not left or got or lasts, (at, fault)
        assert entered(directory, "two") == (not left)
        assert server.read() == left
        assert entered(directory, "one")
        assert server.read() == {}


@pytest.mark.usefixtures("impatient")
@each_store
@pytest.mark.parametrize("theirs", ["a", "a/b", "a/b/c"])
def test_failing_requests_let_no_other_batch_in(
    server: Server, theirs: str, record_property: Any
) -> None:
    directory, requests = f"{server.url}/a/b", server.requests
    with locked([f"{server.url}/{theirs}"], "one"):
        held = server.read()
        requests.reset()
        assert not entered(directory, "two")
        count = len(requests.seen)
        faults = faults_at(range(1, count + 1), server.pace)
        record_property("faults", len(faults))
        for at, fault, lasts in faults:
            server.write(held)
            requests.reset(failing_from(at, fault, lasts))
            assert not entered(directory, "two"), (at, fault, lasts)
            requests.reset()
            assert held.items() <= server.read().items()
            # The last three give back what was taken.
            assert server.read() == held or lasts or at > count - 3, (at, fault)
    assert server.read().keys() <= {f"models/a/b/{LOCK}"}


@each_store
def test_directory_above_may_be_unreadable(server: Server) -> None:
    seen, denied = server.requests.seen, re.compile(rf"models(/|%2F){LOCK}")
    server.requests.reset(lambda number: "403" if denied.search(seen[-1][1]) else None)

    assert entered(f"{server.url}/a", "one")

    assert any(denied.search(path) for _, path in seen)
    assert server.read() == {}


@each_store
def test_killed(server: Server) -> None:
    directory, states = f"{server.url}/a", [server.read()]
    server.requests.reset(watch=lambda: states.append(server.read()))
    assert entered(directory, "one")
    server.requests.reset()
    assert {len(state) for state in states} == {0, 1}
    for state in states:
        server.write(state)
        assert entered(directory, "two") == (not state)
        assert entered(directory, "one")
        assert server.read() == {}


def test_journal(memory: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(locks, "_PATIENCE", 0.0)
    journal = tmp_path / "journal"
    journal.touch()
    with journal_locked(journal, [memory]):
        with pytest.raises(EnvironmentFailure), journal_locked(journal, [memory]):
            pass
        with journal_locked(journal, [str(tmp_path)]) as held:
            assert held == ()
