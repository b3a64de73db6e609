"""Whatever request a store fails at, or a process is killed at, models are old or new."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import pytest

from sigpb.batch.job import Job, Mode, Task
from sigpb.batch.patch_model import patch_model
from sigpb.batch.rollback import roll_back
from sigpb.remote import store as stores
from sigpb.saved_model import history
from tests.batch.repositories import HISTORY, job
from tests.patches import contents as files_of

from .proxy import Fault, Proxy
from .stores import contents, fs, own_objects, upload, without_history

MODES: tuple[Mode, ...] = ("in_place", "new_version")
OPERATIONS = ("find", "ls", "cat_file", "get_file", "put_file", "pipe_file", "cp_file", "rm_file")

each_mode = pytest.mark.parametrize("mode", MODES)


class Killed(BaseException):
    """The process ended."""


@dataclass
class Faults:
    """What becomes of operations of a file system, from one of them on.

    Attributes:
        kind: ``before`` or ``after`` the n-th operation is done it fails, and no other one does;
            or the store is ``down`` from then on; or the process is ``killed`` then.
        at: The number of the operation.
        count: How many there were.
    """

    kind: Literal["before", "after", "down", "killed"] = "before"
    at: int = sys.maxsize
    count: int = 0

    def act(self, call: Callable[[], Any]) -> Any:
        self.count += 1
        if self.count < self.at or (self.count > self.at and self.kind in ("before", "after")):
            return call()
        if self.kind == "killed":
            raise Killed
        if self.kind == "after":
            call()
        raise PermissionError("token=hunter2 is no longer valid")


@pytest.fixture
def faults(memory: str, monkeypatch: pytest.MonkeyPatch) -> Faults:
    found = Faults()
    files, inside = fs(memory), threading.local()

    def failing(original: Callable[..., Any]) -> Callable[..., Any]:
        def operation(*arguments: Any, **options: Any) -> Any:
            if getattr(inside, "count", 0):  # One operation is made of others.
                return original(*arguments, **options)
            inside.count = 1
            try:
                return found.act(lambda: original(*arguments, **options))
            finally:
                inside.count = 0

        return operation

    for name in OPERATIONS:
        monkeypatch.setattr(files, name, failing(getattr(files, name)))
    return found


class Place:
    """A model in a store, and where a patched copy of it goes."""

    def __init__(self, source: Path, root: str, mode: Mode) -> None:
        self.source, self.root = source, root
        self.model = f"{root}/m/1"
        self.output = self.model if mode == "in_place" else f"{root}/m/2"
        self.job: Job = job(mode=mode)
        self.task = Task(self.model, "m/1", None if mode == "in_place" else self.output)
        self.old = files_of(source)
        self.create()
        assert patch_model(self.job, self.task).outcome == "patched"
        self.new = without_history(self.output)
        assert self.new.keys() == self.old.keys()
        assert self.new["saved_model.pb"] != self.old["saved_model.pb"]

    def create(self) -> None:
        for name in fs(self.root).find(self.root):
            fs(self.root).rm_file(name)
        upload(self.source, self.root, "m/1")

    def check(self) -> None:
        """Makes sure that who loads the model gets the old or the new one, whole."""
        for url in {self.model, self.output}:
            found = {name: data for name, data in contents(url).items() if ".sigpb-" not in name}
            if "saved_model.pb" not in found:
                assert url == self.output != self.model
                continue
            record = found.pop(HISTORY, None)
            which = self.old if found["saved_model.pb"] == self.old["saved_model.pb"] else self.new
            if self.output != self.model:
                assert which is (self.old if url == self.model else self.new)
                assert found == which
            else:  # What describes the proto may be missing, but never describes another one.
                assert found.items() <= which.items()
                assert found.keys() >= {name for name in which if name.startswith("variables/")}
                assert record is None or which is self.new

    def is_old(self) -> bool:
        return contents(self.root) == {f"m/1/{name}": data for name, data in self.old.items()}

    def resume(self) -> None:
        outcome = patch_model(self.job, replace(self.task, interrupted=True))
        assert outcome.outcome == "patched", outcome.reason
        assert without_history(self.output) == self.new
        assert len(history.records_in(contents(self.output)[HISTORY])) == 1
        left = own_objects(self.root)
        assert all(".sigpb-backup-batch/" in name for name in left)
        assert bool(left) == (self.output == self.model)


@pytest.fixture
def place(model: Path, memory: str, mode: Mode) -> Place:
    return Place(model, memory, mode)


def failing(place: Place, faults: Faults, kind: Any) -> Iterator[str]:
    """Has the model patched with a fault at every operation there is; yields the reasons."""
    at = 0
    while True:
        at += 1
        vars(faults).update(kind=kind, at=sys.maxsize, count=0)
        place.create()
        vars(faults).update(kind=kind, at=at, count=0)
        try:
            outcome = patch_model(place.job, place.task)
            reason = "" if outcome.outcome == "patched" else f"{outcome.outcome}: {outcome.reason}"
        except Killed:
            reason = "killed"
        met = faults.count >= at
        vars(faults).update(kind=kind, at=sys.maxsize, count=0)
        if not met:
            assert reason == ""
            assert at > 15
            return
        yield reason


@each_mode
@pytest.mark.parametrize("kind", ["before", "after", "down", "killed"])
def test_every_operation(place: Place, faults: Faults, kind: str) -> None:
    reasons = set()
    for reason in failing(place, faults, kind):
        place.check()
        if kind == "before" and reason:
            assert place.is_old()
        assert "hunter2" not in reason
        if kind != "killed" and reason:
            assert reason.startswith("failed: Could not ")
        reasons.add(reason)
        place.resume()
    assert reasons == {"killed"} if kind == "killed" else len(reasons) > 5


@each_mode
@pytest.mark.parametrize("kind", ["down", "killed"])
def test_rollback(place: Place, faults: Faults, kind: str) -> None:
    outcomes = set()
    for _ in failing(place, faults, kind):
        outcomes.add(roll_back(place.job, place.task, None, [str(place.root)]).outcome)
        assert place.is_old()
    assert outcomes == {"unchanged", "rolled_back"}


@each_mode
@pytest.mark.parametrize("kind", ["down", "killed"])
def test_killed_rollback(place: Place, faults: Faults, kind: Any) -> None:
    at = 0
    met = True
    while met:
        at += 1
        place.create()
        done = patch_model(place.job, place.task)
        vars(faults).update(kind=kind, at=at, count=0)
        try:
            outcome = roll_back(place.job, place.task, done, [str(place.root)]).outcome
        except Killed:
            outcome = "failed"
        met = faults.count >= at
        vars(faults).update(at=sys.maxsize, count=0)
        assert met or outcome == "rolled_back"
        place.check()
        assert roll_back(place.job, place.task, done, [str(place.root)]).outcome in (
            "unchanged",
            "rolled_back",
        )
        assert place.is_old()
    assert at > 5


@pytest.mark.parametrize("mode", ["in_place"])
def test_changed_by_somebody_else(place: Place, faults: Faults) -> None:
    found = set()
    for _ in failing(place, faults, "killed"):
        fs(place.root).pipe_file(f"{place.model}/saved_model.pb", b"\x12\x00")
        outcome = patch_model(place.job, replace(place.task, interrupted=True))
        found.add(outcome.reason)
        assert outcome.outcome in ("failed", "refused")
        assert contents(place.model)["saved_model.pb"] == b"\x12\x00"
    assert any("was changed by somebody else" in reason for reason in found)


@each_mode
@pytest.mark.parametrize("operation", ["get_file", "cp_file"])
def test_changed_while_it_is_patched(
    place: Place, monkeypatch: pytest.MonkeyPatch, operation: str
) -> None:
    place.create()
    files = fs(place.root)
    original = getattr(files, operation)

    def change_then(*arguments: Any, **options: Any) -> Any:
        monkeypatch.setattr(files, operation, original)
        done = original(*arguments, **options)
        files.pipe_file(f"{place.model}/saved_model.pb", place.old["saved_model.pb"] + b"\x08\x01")
        return done

    monkeypatch.setattr(files, operation, change_then)

    outcome = patch_model(place.job, place.task)

    assert outcome.outcome == "failed"
    assert "saved_model.pb was changed, replaced or removed since it was read" in outcome.reason
    changed = place.old | {"saved_model.pb": place.old["saved_model.pb"] + b"\x08\x01"}
    assert contents(place.root) == {f"m/1/{name}": data for name, data in changed.items()}


@pytest.mark.parametrize(
    ("mode", "fault", "is_down", "stride"),
    [
        ("in_place", "answer lost", True, 1),
        ("in_place", "503", False, 4),
        ("new_version", "answer lost", False, 4),
        ("new_version", "cut", True, 1),
    ],
)
def test_every_request_to_s3(
    s3: str,
    proxy: Proxy,
    model: Path,
    mode: Mode,
    fault: Fault,
    is_down: bool,
    stride: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import s3fs

    monkeypatch.setattr(s3fs.S3FileSystem, "retries", 1)
    monkeypatch.setattr(stores, "_WAITS", ())
    place = Place(model, s3, mode)
    failed = 0
    for at in range(1, sys.maxsize, stride):
        place.create()
        proxy.reset(_failing_from(at, fault, is_down))
        outcome = patch_model(place.job, place.task)
        met = len(proxy.requests) >= at
        proxy.reset()
        place.check()
        if not met:
            assert outcome.outcome == "patched"
            break
        failed += outcome.outcome == "failed"
        assert not any(word in outcome.reason for word in ("secret", "AKIA", "fault in sigpb"))
        place.resume()
    assert failed > 15 or not is_down  # The client itself makes up for single failures.


def _failing_from(at: int, fault: Fault, is_down: bool) -> Callable[[int], Fault | None]:
    return lambda number: fault if number == at or (is_down and number > at) else None


@pytest.mark.parametrize("fault", ["cut", "answer lost", "503"])
def test_single_failures_do_no_harm(s3: str, proxy: Proxy, model: Path, fault: Fault) -> None:
    place = Place(model, s3, "new_version")
    place.create()
    proxy.reset(lambda number: fault if number % 6 == 5 else None)

    outcome = patch_model(place.job, place.task)

    assert outcome.outcome == "patched", outcome.reason
    proxy.reset()
    assert without_history(place.output) == place.new
    assert own_objects(place.root) == []
