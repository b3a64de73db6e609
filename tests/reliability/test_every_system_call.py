"""Whatever system call of a writing command fails, or is its last, no model is lost.

Each command is run once for each of its system calls and each fault. By default some of these
cases are tried, the same ones each time; with ``SIGPB_EVERY_FAULT=1`` in the environment all are.
"""

from __future__ import annotations

import dataclasses
import errno
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sigpb.checkpoint.checkpoint import OBJECTS_KEY, Checkpoint
from sigpb.publishing.changes import Role
from sigpb.saved_model.files import CHECKPOINT_INDEX
from tests.batch.repositories import ModelFactory

from .commands import COMMANDS, Command, State, create, leftovers, run, run_traced, state
from .system_calls import MOVES_BYTES, Call, Fault, is_supported

pytestmark = [
    pytest.mark.killed,
    pytest.mark.skipif(
        not is_supported(),
        reason="system calls cannot be traced here: that takes x86-64 Linux, and ptrace",
    ),
]

SAMPLE = 10

INTERRUPTIBLE = {"openat", "close", "flock", "fsync", "ioctl", *MOVES_BYTES}
NEEDS_SPACE = {
    "copy_file_range",
    "fsync",
    "ftruncate",
    "linkat",
    "mkdir",
    "openat",
    "rename",
    "sendfile",
    "symlink",
    "write",
}


@dataclasses.dataclass(frozen=True)
class Trouble:
    """A fault, and the calls that it may strike.

    Attributes:
        fault: What becomes of the call.
        strikes: Whether a call can fail so.
        lasts: Whether all such calls from this one on fail, or only this one.
    """

    fault: Fault
    strikes: Callable[[Call], bool] = lambda call: True
    lasts: bool = False


TROUBLES = {
    "killed": Trouble(Fault("kill")),
    "EIO": Trouble(Fault("error", errno.EIO)),
    "EIO for good": Trouble(Fault("error", errno.EIO), lasts=True),
    "EPERM": Trouble(Fault("error", errno.EPERM)),
    "EINTR": Trouble(Fault("error", errno.EINTR), lambda call: call.name in INTERRUPTIBLE),
    "half": Trouble(Fault("short"), lambda call: call.name in MOVES_BYTES),
    "disk full": Trouble(
        Fault("error", errno.ENOSPC), lambda call: call.name in NEEDS_SPACE, lasts=True
    ),
}


@pytest.mark.parametrize("name", COMMANDS)
def test_no_fault_loses_a_model(name: str, fixture_model: ModelFactory, tmp_path: Path) -> None:
    command, template, root = COMMANDS[name], tmp_path / "template", tmp_path / "case"
    root.mkdir()
    create(root, fixture_model, command)
    shutil.copytree(root, template, symlinks=True)
    old, calls = state(root), list[Call]()
    code, text = run_traced(root, command.arguments, lambda number, call: calls.append(call))
    assert code == 0, text
    new, failures = state(root), list[str]()
    for number, trouble in _cases(calls):
        shutil.rmtree(root)
        shutil.copytree(template, root, symlinks=True)
        outcome = run_traced(root, command.arguments, _striking(TROUBLES[trouble], number))
        try:
            _check(root, command, TROUBLES[trouble], outcome, old, new)
        except AssertionError as error:
            call = calls[number - 1]
            failures.append(
                f"{trouble} at {number}, {call.name} of {call.path}: {outcome}, {error}"
            )
    assert not failures, "\n".join([f"{len(failures)} failures", *failures])


def _cases(calls: list[Call]) -> Iterator[tuple[int, str]]:
    cases = [
        (number, name)
        for number, call in enumerate(calls, 1)
        for name, trouble in TROUBLES.items()
        if trouble.strikes(call)
    ]
    step = 1 if os.environ.get("SIGPB_EVERY_FAULT") else max(1, len(cases) // SAMPLE)
    yield from cases[:: step + (step % len(TROUBLES) == 0)]


def _striking(trouble: Trouble, at: int) -> Callable[[int, Call], Fault | None]:
    def decide(number: int, call: Call) -> Fault | None:
        is_struck = number == at or (trouble.lasts and number > at)
        return trouble.fault if is_struck and trouble.strikes(call) else None

    return decide


def _check(
    root: Path,
    command: Command,
    trouble: Trouble,
    outcome: tuple[int, str],
    old: State,
    new: State,
) -> None:
    code, text = outcome
    found = state(root)
    assert "Traceback" not in text
    assert "fault in sigpb itself" not in text
    if code == 0:
        assert found == new
        return
    assert code == (-9 if trouble.fault.kind == "kill" else max(1, code))
    assert all(_is_old_or_new(path, found, old, new) for path in _models(old, new))
    if code > 0:
        assert text
        if not trouble.lasts:
            assert leftovers(root) == []
    if found != new:
        is_begun = command.again and (root / "journal.jsonl").exists()
        again, text = run(root, command.again if is_begun else command.arguments)
        if is_begun and again == 1:  # A model was refused, which is not tried again.
            (root / "journal.jsonl").unlink()
            again, text = run(root, command.anew or command.arguments)
        assert again == 0, text
        assert state(root) == new


def _models(old: State, new: State) -> set[str]:
    return {str(Path(path).parent) for path in {**old, **new} if path.endswith("saved_model.pb")}


def _is_old_or_new(model: str, found: State, old: State, new: State) -> bool:
    """Whether a model is the old or the new one, possibly without what describes it.

    It may have variables and assets besides, which its proto does not ask for.
    """

    def files(of: State) -> State:
        inside = f"{model}/"
        return {path.removeprefix(inside): of[path] for path in of if path.startswith(inside)}

    now = files(found)
    for whole in (files(old), files(new)):
        if now.get("saved_model.pb") == whole.get("saved_model.pb"):
            needed, there = _needed(whole), _needed(now)
            beside = {name: data for name, data in now.items() if not Role.of(name).is_loaded}
            return needed.items() <= there.items() and beside.items() <= whole.items()
    return False


def _needed(files: State) -> State:
    """The values of variables, and the assets, of a model."""
    assets = {name: data for name, data in files.items() if name.startswith("assets/")}
    checkpoint = Checkpoint.of_model(Path(), files) if CHECKPOINT_INDEX in files else None
    if checkpoint is None:
        return assets
    for key, each in checkpoint.index.tensors.items():
        if key != OBJECTS_KEY and not each.is_sliced:
            shard = checkpoint.shards[each.shard]
            assert isinstance(shard, bytes), f"the shard with {key} is missing"
            assets[key] = shard[each.offset : each.offset + each.size]
    return assets
