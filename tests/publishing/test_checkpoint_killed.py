"""Models whose checkpoint and assets change too, killed or failing at any single step."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import pytest

from sigpb.publishing.changes import Changes
from sigpb.publishing.publish import (
    FileState,
    publish_copy,
    publish_in_place,
    put_backup_back,
)
from sigpb.publishing.restore import restore
from sigpb.publishing.unfinished import take_back_unfinished
from sigpb.saved_model.files import BINARY_NAME, sha256_of

from .composed import CHANGED, NEW, OLD, changes_of, loads_as_before, write_adapter, written
from .steps import Place, at_each_step, fail_for_good, fail_once, files, kill

pytestmark = pytest.mark.killed


@dataclasses.dataclass(frozen=True)
class Grafted(Place):
    """A model that gets variables and an asset of another one."""

    def create(self) -> None:
        self.output.parent.mkdir(parents=True)
        written(self.model, OLD)
        write_adapter(self.root / "adapter")

    def changes(self) -> Changes:
        return changes_of(self.model, self.root / "adapter")

    def copy(self) -> None:
        publish_copy(self.model, self.output, self.changes(), hardlink=True)

    def in_place(self, *, backup: bool | str = True) -> None:
        expected = FileState.of(self.model / BINARY_NAME)
        publish_in_place(self.model, self.changes(), expected=expected, backup=backup)


@dataclasses.dataclass(frozen=True)
class Patched(Grafted):
    """The same after that."""

    def create(self) -> None:
        super().create()
        self.in_place(backup="batch")

    def put_back(self) -> None:
        backup = self.model / ".sigpb-backup-batch"
        put_backup_back(
            self.model, backup, CHANGED, expected=FileState.of(self.model / BINARY_NAME)
        )

    def roll_back(self) -> None:
        old = sha256_of(self.model / ".sigpb-backup-batch" / BINARY_NAME)
        restore(self.model, "batch", CHANGED, digest=old)


def test_a_copy_has_all_or_is_not_there(tmp_path: Path) -> None:
    found = set()
    for place, _, _ in at_each_step(Grafted.copy, tmp_path, kill, Grafted):
        found.add(place.output.exists())
        assert files(place.model) == OLD
        if not place.output.exists():
            place.copy()
        assert files(place.output) == NEW
    assert found == {True, False}


@pytest.mark.sampled(4)
@pytest.mark.parametrize(
    ("act", "backup"), [(kill, True), (kill, False), (fail_once, True), (fail_for_good, True)]
)
def test_loaders_find_all_that_the_old_or_the_new_proto_needs(
    tmp_path: Path, act: Callable[[int, int], None], backup: bool
) -> None:
    def procedure(place: Grafted) -> None:
        place.in_place(backup=backup)

    found = set()
    for place, _, _ in at_each_step(procedure, tmp_path, act, Grafted):
        found.add(loads_as_before(files(place.model)))
        is_half_done = files(place.model) not in (OLD, NEW)
        if act is fail_once:
            assert not is_half_done
        assert take_back_unfinished(place.model) is is_half_done
        model = files(place.model)
        assert model == OLD or (model == NEW and not is_half_done)
        if model == OLD:
            procedure(place)
        assert files(place.model) == NEW
    assert found == {True, False}


@pytest.mark.parametrize("procedure", [Patched.put_back, Patched.roll_back])
def test_a_backup_is_put_back_in_an_order_that_loaders_can_follow(
    tmp_path: Path, procedure: Callable[[Patched], None]
) -> None:
    found = set()
    for place, _, _ in at_each_step(procedure, tmp_path, kill, Patched):
        found.add(loads_as_before(files(place.model)))
        take_back_unfinished(place.model)
        if (place.model / ".sigpb-backup-batch").exists():
            procedure(place)
        assert files(place.model) == OLD
    assert found == {True, False}
