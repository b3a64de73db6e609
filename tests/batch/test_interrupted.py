"""A model whose patching was killed at any single step is done, or put back, all the same."""

from __future__ import annotations

import os
import shutil
import signal
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from sigpb.batch.interrupted import left_behind
from sigpb.batch.job import Job, Mode, Task
from sigpb.batch.patch_model import patch_model
from sigpb.batch.rollback import roll_back
from sigpb.patching.patch_file import parse_text
from sigpb.saved_model import history
from tests.patches import contents
from tests.publishing.steps import before_each_change

from .repositories import HISTORY, RENAME, ModelFactory, job, leftovers, without_history

pytestmark = pytest.mark.killed

MODES: tuple[Mode, ...] = ("in_place", "new_version")

each_mode = pytest.mark.parametrize("mode", MODES)


def in_child(work: Callable[[], object], kill_at: int) -> int | None:
    """Does something in a child process that is killed before its n-th change of the disk.

    Returns:
        None if it was killed; else the number of its changes.
    """
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        count = 0

        def act() -> None:
            nonlocal count
            count += 1
            if count == kill_at:
                os.kill(os.getpid(), signal.SIGKILL)

        before_each_change(act)
        work()
        changes, kill_at = count, 0
        os.write(writing, str(changes).encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as file:
        said = file.read()
    os.waitpid(pid, 0)
    return int(said) if said else None


class Place:
    """A model, and where a patched copy of it goes."""

    def __init__(self, source: Path, root: Path, mode: Mode, patch: str = RENAME) -> None:
        self.source, self.root, self.mode = source, root, mode
        self.model = root / "model" / "1"
        self.output = self.model if mode == "in_place" else root / "model" / "2"
        self.job: Job = job(patch, mode=mode)
        output = None if mode == "in_place" else str(self.output)
        self.task = Task(str(self.model), "model/1", output)

    def create(self) -> None:
        shutil.rmtree(self.root, ignore_errors=True)
        shutil.copytree(self.source, self.model)

    def killed(self, work: Callable[[], object] | None = None, every: int = 1) -> Iterator[int]:
        """Has the model patched and killed at every n-th step there is; yields the steps."""
        work = work or (lambda: patch_model(self.job, self.task))
        self.create()
        changes = in_child(work, sys.maxsize)
        assert changes is not None
        for step in range(1, changes + 1, every):
            self.create()
            assert in_child(work, step) is None or step == changes
            yield step


@pytest.fixture
def place(fixture_model: ModelFactory, tmp_path: Path, mode: Mode) -> Place:
    return Place(fixture_model("tf2_warmup"), tmp_path / "repository", mode)


@pytest.fixture
def patched(place: Place) -> dict[str, bytes]:
    """What is to become of the model."""
    place.create()
    assert patch_model(place.job, place.task).outcome == "patched"
    return without_history(place.output)


@each_mode
def test_resume(place: Place, patched: dict[str, bytes]) -> None:
    before = without_history(place.source)
    steps = 0
    for steps in place.killed():  # noqa: B007
        outcome = patch_model(place.job, replace(place.task, interrupted=True))

        assert outcome.outcome == "patched", outcome.reason
        assert without_history(place.output) == patched
        assert without_history(place.model) == (before if place.mode != "in_place" else patched)
        assert len(history.records(place.output)) == 1
        assert leftovers(place.root) == []
    assert steps > 15


@each_mode
def test_rollback(place: Place) -> None:
    before = contents(place.source)
    outcomes = set()
    for _ in place.killed():
        outcomes.add(roll_back(place.job, place.task, None, [str(place.root)]).outcome)

        assert contents(place.model) == before
        assert [path.name for path in place.model.parent.iterdir()] == ["1"]
    assert outcomes == {"unchanged", "rolled_back"}


def test_adapters(fixture_model: ModelFactory, tmp_path: Path) -> None:
    adapters = [fixture_model(name) for name in ("tokenize", "calibrate")]
    sides = zip(("before", "after"), adapters, strict=True)
    beside = " ".join(f'{side} {{ model: "{adapter}" }}' for side, adapter in sides)
    patch = f'signature {{ key: "serving_default" {beside} }}'
    place = Place(fixture_model("reviews"), tmp_path / "repository", "in_place", patch)
    before = contents(place.source)
    place.create()
    assert patch_model(place.job, place.task).outcome == "patched"
    patched = without_history(place.model)
    assert set(patched) - set(before) > {"assets/vocabulary.txt"}
    outcomes = set[str]()
    for step in place.killed(every=3):
        if step % 2:
            outcomes.add(patch_model(place.job, replace(place.task, interrupted=True)).outcome)
            assert without_history(place.model) == patched
        else:
            outcomes.add(roll_back(place.job, place.task, None, [str(place.root)]).outcome)
            assert contents(place.model) == before
        assert leftovers(place.root) == []
    assert outcomes == {"patched", "unchanged", "rolled_back"}


@each_mode
def test_killed_rollback(place: Place) -> None:
    before = contents(place.source)
    place.create()
    done = patch_model(place.job, place.task)

    def patch_then_roll_back() -> None:
        roll_back(place.job, place.task, done, [str(place.root)])

    step = 0
    while True:
        step += 1
        place.create()
        done = patch_model(place.job, place.task)
        finished = in_child(patch_then_roll_back, step) is not None
        assert roll_back(place.job, place.task, done, [str(place.root)]).outcome in (
            "unchanged",
            "rolled_back",
        )
        assert contents(place.model) == before
        if place.mode == "new_version":
            assert not place.output.exists()
        if finished:
            break
    assert step > 3


@pytest.mark.parametrize("mode", ["in_place"])
def test_changed_by_somebody_else(place: Place) -> None:
    refused = 0
    for _ in place.killed():
        (place.model / "saved_model.pb").write_bytes(b"\x12\x00")
        outcome = patch_model(place.job, replace(place.task, interrupted=True))
        refused += "was changed by somebody else" in outcome.reason
        assert outcome.outcome in ("failed", "refused")
        assert (place.model / "saved_model.pb").read_bytes() == b"\x12\x00"
    assert refused > 3


@pytest.mark.parametrize("mode", ["in_place"])
def test_what_is_complete_is_left_alone(place: Place) -> None:
    place.create()
    done = patch_model(place.job, place.task)
    record = (place.model / HISTORY).read_bytes()

    left = left_behind(place.job, place.task, parse_text(RENAME))
    assert left is not None
    assert left.is_complete
    again = patch_model(place.job, replace(place.task, interrupted=True))

    assert replace(again, seconds=done.seconds) == done
    assert (place.model / HISTORY).read_bytes() == record
