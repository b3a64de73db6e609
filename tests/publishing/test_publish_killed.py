"""What is on the disk when publishing is killed, fails or is interrupted at any single step."""

from __future__ import annotations

import dataclasses
import os
import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from sigpb.publishing.durability import Together
from sigpb.publishing.publish import (
    FileState,
    SplicedFile,
    publish_copy,
    publish_in_place,
    put_backup_back,
)
from sigpb.publishing.unfinished import take_back_unfinished
from sigpb.wire.edits import SourceRange

from .steps import (
    DONE,
    FAILED,
    INTERRUPTED,
    KILLED,
    NEVER,
    Place,
    Procedure,
    at_each_step,
    fail_for_good,
    fail_once,
    files,
    interrupt,
    kill,
    run,
)

pytestmark = pytest.mark.killed

MAIN = "saved_model.pb"
OLD = {
    MAIN: b"the old main proto",
    "fingerprint.pb": b"fingerprint of the old main proto",
    "assets.extra/tf_serving_warmup_requests": b"requests for the old main proto",
    "variables/variables.index": b"index",
    "variables/variables.data-00000-of-00001": b"data" * 1000,
}
CHANGED = {
    MAIN: b"the new main proto",
    "fingerprint.pb": b"fingerprint of the new main proto",
    "assets.extra/tf_serving_warmup_requests": b"requests for the new main proto",
}
NEW = {**OLD, **CHANGED}


@dataclasses.dataclass(frozen=True)
class Model(Place):
    """A model of files that are not looked into."""

    def create(self) -> None:
        self.output.parent.mkdir(parents=True)
        for name, content in OLD.items():
            path = self.model / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)

    def copy(self, *, hardlink: bool = False) -> None:
        publish_copy(self.model, self.output, self.changes(), hardlink=hardlink)

    def copy_together(self) -> None:
        durability = Together(lambda: os.fsync(0))
        publish_copy(self.model, self.output, self.changes(), durability=durability)

    def in_place(self, *, backup: bool = True) -> None:
        expected = FileState.of(self.model / MAIN)
        publish_in_place(self.model, self.changes(), expected=expected, backup=backup)

    def changes(self) -> dict[str, bytes | SplicedFile]:
        pieces = (SourceRange(0, 4), b"new", SourceRange(7, len(OLD[MAIN])))
        return {**CHANGED, MAIN: SplicedFile(pieces, self.model / MAIN)}


@dataclasses.dataclass(frozen=True)
class Patched(Model):
    """The same after a patch in place."""

    def create(self) -> None:
        super().create()
        self.in_place()

    def put_back(self) -> None:
        backup = self.model / ".sigpb-backup-0001"
        expected = FileState.of(self.model / MAIN)
        put_backup_back(self.model, backup, CHANGED, expected=expected)


COPIES: dict[str, Procedure] = {
    "copy": lambda place: place.copy(),
    "linked copy": lambda place: place.copy(hardlink=True),
    "copy together with others": lambda place: place.copy_together(),
}
IN_PLACE: dict[str, Procedure] = {
    "in place": lambda place: place.in_place(),
    "in place, no backup": lambda place: place.in_place(backup=False),
}


def assert_consistent(model: dict[str, bytes]) -> None:
    """Checks that a model is the old or the new one, possibly without what describes it."""
    whole = OLD if model[MAIN] == OLD[MAIN] else NEW
    assert model.items() <= whole.items()
    assert whole.keys() - model.keys() <= CHANGED.keys() - {MAIN}


@pytest.mark.parametrize("procedure", COPIES.values(), ids=COPIES)
@pytest.mark.parametrize("act", [kill, fail_for_good])
def test_a_copy_is_complete_or_not_there_at_all(
    tmp_path: Path, procedure: Procedure, act: Callable[[int, int], None]
) -> None:
    outcomes = set()
    for place, outcome, _ in at_each_step(procedure, tmp_path, act, Model):
        outcomes.add((outcome, place.output.exists()))
        assert files(place.model) == OLD
        assert not list(place.model.rglob(".sigpb-*"))
        assert {path.name for path in place.output.parent.iterdir()} - {"1"} == set(
            place.leftovers()
        )
        if not place.output.exists():
            place.copy()
        assert files(place.output) == NEW
    expected = KILLED if act is kill else FAILED
    assert outcomes >= {(expected, False), (expected, True)}


@pytest.mark.parametrize("procedure", IN_PLACE.values(), ids=IN_PLACE)
@pytest.mark.parametrize("act", [kill, fail_for_good])
def test_a_model_patched_in_place_is_old_or_new_at_any_moment(
    tmp_path: Path, procedure: Procedure, act: Callable[[int, int], None]
) -> None:
    found = set()
    for place, outcome, message in at_each_step(procedure, tmp_path, act, Model):
        model = files(place.model)
        assert_consistent(model)
        found.add(model[MAIN])
        if outcome == FAILED:
            stated = {
                "The model is as it was": OLD,
                "saved_model.pb is the old one": OLD,
                "saved_model.pb is the new one": NEW,
            }
            assert [each[MAIN] for words, each in stated.items() if words in message] == [
                model[MAIN]
            ]
            assert model == OLD or "fingerprint.pb" in message
        is_half_done = model not in (OLD, NEW)
        assert take_back_unfinished(place.model) is is_half_done
        model = files(place.model)
        assert model == OLD or (model == NEW and not is_half_done)
        if model == OLD:
            procedure(place)
        assert files(place.model) == NEW
    assert found == {OLD[MAIN], NEW[MAIN]}


def test_a_backup_is_put_back_or_not_at_any_moment(tmp_path: Path) -> None:
    found = set()
    for place, _, _ in at_each_step(Patched.put_back, tmp_path, kill, Patched):
        model = files(place.model)
        assert_consistent(model)
        found.add(model[MAIN])
        is_half_done = model not in (OLD, NEW)
        assert take_back_unfinished(place.model) is is_half_done
        assert files(place.model) == OLD or not is_half_done
        if files(place.model) == NEW:
            place.put_back()
        assert files(place.model) == OLD
    assert found == {OLD[MAIN], NEW[MAIN]}


def test_what_a_killed_process_began_is_taken_back_by_one_that_is_killed_too(
    tmp_path: Path,
) -> None:
    count = 0
    for number, (place, _, _) in enumerate(
        at_each_step(IN_PLACE["in place"], tmp_path, kill, Model)
    ):
        if files(place.model) in (OLD, NEW):
            continue
        for n in range(1, NEVER, 2):
            again = Model(tmp_path / f"{number}-{n}")
            shutil.copytree(place.root, again.root, copy_function=copy_or_link())
            outcome, _ = run(take_back, again, partial(kill, n))
            assert_consistent(files(again.model))
            take_back(again)
            assert (files(again.model), again.leftovers()) == (OLD, [])
            count += 1
            shutil.rmtree(again.root)
            if outcome == DONE:
                break
    assert count > 10


def take_back(place: Place) -> None:
    take_back_unfinished(place.model)


def copy_or_link() -> Callable[[str, str], None]:
    """Returns a function that copies a file once, and links later copies of it to the first."""
    copies: dict[int, str] = {}

    def copy(source: str, target: str) -> None:
        inode = Path(source).stat().st_ino
        if inode in copies:
            os.link(copies[inode], target)
        else:
            shutil.copy2(source, target)
            copies[inode] = target

    return copy


def test_previous_files_are_in_the_backup_whenever_the_model_is_not_the_old_one(
    tmp_path: Path,
) -> None:
    for place, _, _ in at_each_step(IN_PLACE["in place"], tmp_path, kill, Model):
        if files(place.model) != OLD:
            backup = files(place.model / ".sigpb-backup-0001")
            assert backup == {name: OLD[name] for name in CHANGED}


@pytest.mark.parametrize("act", [fail_once, interrupt])
@pytest.mark.parametrize("procedure", COPIES.values(), ids=COPIES)
def test_a_failed_or_interrupted_copy_leaves_nothing_behind(
    tmp_path: Path, procedure: Procedure, act: Callable[[int, int], None]
) -> None:
    outcomes = set()
    for place, outcome, message in at_each_step(procedure, tmp_path, act, Model):
        outcomes.add((outcome, place.output.exists()))
        assert files(place.model) == OLD
        assert place.leftovers() == []
        if place.output.exists():
            assert files(place.output) == NEW
        assert outcome != FAILED or "No space left on device" in message
    assert (FAILED if act is fail_once else INTERRUPTED, False) in outcomes


@pytest.mark.parametrize("act", [fail_once, interrupt])
@pytest.mark.parametrize("procedure", IN_PLACE.values(), ids=IN_PLACE)
def test_a_failed_or_interrupted_patch_in_place_is_undone(
    tmp_path: Path, procedure: Procedure, act: Callable[[int, int], None]
) -> None:
    outcomes = set()
    for place, outcome, message in at_each_step(procedure, tmp_path, act, Model):
        model = files(place.model)
        outcomes.add((outcome, model[MAIN]))
        if model == OLD:
            assert place.leftovers() == []
        else:
            # It can be interrupted after the last step, while it tidies up.
            assert model == NEW
            assert outcome != FAILED
        assert outcome != FAILED or "No space left on device" in message
    assert (FAILED if act is fail_once else INTERRUPTED, OLD[MAIN]) in outcomes
