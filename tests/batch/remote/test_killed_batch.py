"""A whole batch in a store, and its rollback, that are killed between any two requests.

What is left is the store and the journal. Each run on S3 and Google Cloud Storage starts processes,
so that these have their turn with SIGPB_EVERY_FAULT=1 in the environment only.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from sigpb.batch.job import Mode
from sigpb.batch.journal import is_unfinished
from sigpb.remote.lock import NAME as LOCK
from tests.batch.repositories import RENAME
from tests.cli.command_line import Outcome, run
from tests.patches import contents as files_of

from .interruptions import timeless
from .proxy import EVERY, failing_from
from .servers import Server, State

JOURNAL = Path("journal")

each_mode = pytest.mark.parametrize("mode", ["in_place", "new_version"])
pytestmark = [
    pytest.mark.stores,
    pytest.mark.parametrize(
        "server", ["memory", "s3", "gcs"] if EVERY else ["memory"], indirect=True
    ),
]


@dataclass(frozen=True)
class Left:
    """What a process that was killed has left.

    Attributes:
        state: The store.
        journal: The journal; None if there is none.
    """

    state: State
    journal: bytes | None

    @property
    def without_lock(self) -> tuple[State, bytes | None]:
        models = {name: data for name, data in self.state.items() if name != f"models/{LOCK}"}
        return models, self.journal


@dataclass(frozen=True)
class Batch:
    """A batch on two models."""

    server: Server
    mode: Mode
    old: State

    def begin(self) -> Outcome:
        return run("batch", *self._root, "--patch=patch.txtpb", f"--{self.mode}", "--jobs=1")

    def go_on(self) -> Outcome:
        return run("batch", *self._root, "--resume")

    def take_back(self) -> Outcome:
        return run("rollback", JOURNAL)

    @property
    def _root(self) -> tuple[str, str]:
        return self.server.url, f"--journal={JOURNAL}"

    def look(self) -> Left:
        return Left(self.server.read(), JOURNAL.read_bytes() if JOURNAL.exists() else None)

    def restore(self, left: Left) -> None:
        self.server.write(left.state)
        JOURNAL.unlink(missing_ok=True)
        if left.journal is not None:
            JOURNAL.write_bytes(left.journal)

    def watched(self, run: Any) -> list[Left]:
        """Runs something to its end; returns all that it leaves if it is killed."""
        seen = []
        self.server.requests.reset(watch=lambda: seen.append(self.look()))
        outcome: Outcome = run()
        self.server.requests.reset()
        assert outcome.code == 0, outcome
        return [left for i, left in enumerate([*seen, self.look()]) if not i or left != seen[i - 1]]


@pytest.fixture
def batch(
    server: Server, mode: Mode, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Batch:
    monkeypatch.chdir(tmp_path)
    Path("patch.txtpb").write_text(RENAME)
    files = files_of(model).items()
    old = {f"models/{name}/1/{file}": data for name in "ab" for file, data in files}
    server.write(old)
    return Batch(server, mode, old)


@each_mode
def test_batch(batch: Batch, record_property: Any) -> None:
    killed = batch.watched(batch.begin)
    record_property("killed", f"{len(killed)} states")

    new = batch.server.read()
    locked_only = 0
    for left in killed:
        batch.restore(left)
        if left.journal is None:  # No model was changed yet.
            is_locked = f"models/{LOCK}" in left.state
            assert left.without_lock == (batch.old, None)
            outcome = batch.begin()
            assert outcome.code == (4 if is_locked else 0)
            assert not is_locked or "remove that object" in outcome.err
            locked_only += is_locked
            continue
        outcome = batch.go_on()
        assert outcome.code == 0, outcome
        assert timeless(batch.server.read()) == timeless(new)
        batch.restore(left)
        outcome = batch.take_back()
        assert outcome.code == 0, outcome
        assert batch.server.read() == batch.old
    assert 0 < locked_only < len(killed) / 4


@each_mode
def test_rollback(batch: Batch, record_property: Any) -> None:
    batch.begin()
    killed = batch.watched(batch.take_back)
    record_property("killed", f"{len(killed)} states")

    begun = 0
    for left in killed:
        batch.restore(left)
        if b'"rollback"' in (left.journal or b""):
            begun += 1
            outcome = batch.go_on()
            assert (outcome.code, batch.look().without_lock) == (2, left.without_lock)
            assert "rolled back, at least in part" in outcome.err
        assert batch.take_back().code == 0
        assert batch.server.read() == batch.old
        assert not is_unfinished(JOURNAL)
    assert begun > len(killed) / 2


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("mode", ["in_place"])
def test_failed_rollback_is_to_be_repeated(batch: Batch) -> None:
    batch.begin()
    new, codes = batch.look(), set()
    for at in range(4, 40, 4):
        batch.restore(new)
        batch.server.requests.reset(failing_from(at, "503", lasts=True))
        outcome = batch.take_back()
        batch.server.requests.reset()
        codes.add(outcome.code)
        assert is_unfinished(JOURNAL) == (outcome.code == 1), outcome
        assert batch.take_back().code == 0
        assert batch.server.read() == batch.old
        assert not is_unfinished(JOURNAL)
    assert codes >= {1, 4}  # In the other cases it had not begun.
