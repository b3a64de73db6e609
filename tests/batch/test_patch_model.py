from __future__ import annotations

import errno
import os
import pickle
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from sigpb.batch.job import Outcome, Task
from sigpb.batch.patch_model import patch_model
from sigpb.patching.apply import changes_of

from .repositories import ModelFactory, is_patched, job, leftovers, repository, without_history


@pytest.fixture
def model(fixture_model: ModelFactory, tmp_path: Path) -> Path:
    target = tmp_path / "repository" / "model" / "3"
    shutil.copytree(fixture_model("tf2_linear"), target)
    return target


def task(model: Path, output: Path | None = None) -> Task:
    return Task(str(model), "model/3", str(output) if output else None)


def test_patched_then_unchanged(model: Path) -> None:
    first, second = patch_model(job(), task(model)), patch_model(job(), task(model))

    assert (first.outcome, first.reason, first.output) == ("patched", "", str(model))
    assert is_patched(model)
    assert first.files == ("fingerprint.pb", "saved_model.pb", "sigpb.history.jsonl")
    assert (second.outcome, second.output) == ("unchanged", None)
    assert second.input_digest == first.output_digest != first.input_digest
    assert second.input_bytes == first.output_bytes == (model / "saved_model.pb").stat().st_size


def test_everything_can_be_pickled(model: Path) -> None:
    outcome = patch_model(
        pickle.loads(pickle.dumps(job())), pickle.loads(pickle.dumps(task(model)))
    )
    assert pickle.loads(pickle.dumps(outcome)) == outcome
    assert Outcome.from_json(outcome.to_json()) == outcome


def test_next_version(model: Path) -> None:
    before = without_history(model)

    outcome = patch_model(job(mode="new_version"), task(model, model.with_name("4")))

    assert (outcome.outcome, outcome.output) == ("patched", str(model.with_name("4")))
    assert is_patched(model.with_name("4"))
    assert without_history(model) == before


def test_next_version_that_was_made_before(model: Path) -> None:
    patch_model(job(mode="new_version"), task(model, model.with_name("4")))

    again = patch_model(job(mode="new_version"), task(model, model.with_name("5")))

    assert (again.outcome, again.reason) == ("unchanged", "version 4 is this one, patched")
    assert not model.with_name("5").exists()


@pytest.mark.parametrize("mode", ["new_version", "output_root"])
def test_something_else_is_at_the_place(model: Path, mode: str) -> None:
    output = model.with_name("4")
    output.mkdir()
    (output / "saved_model.pb").write_bytes(b"something else")

    outcome = patch_model(job(mode=mode), task(model, output))  # type: ignore[arg-type]

    assert outcome.outcome == "failed"
    assert outcome.reason == f"{output} is there already, and it is something else."
    assert (output / "saved_model.pb").read_bytes() == b"something else"


def test_another_tree(model: Path, tmp_path: Path) -> None:
    output = tmp_path / "mirror" / "model" / "3"

    first = patch_model(job(mode="output_root"), task(model, output))
    second = patch_model(job(mode="output_root"), task(model, output))

    assert (first.outcome, first.output) == ("patched", str(output))
    assert (second.outcome, second.output) == ("unchanged", None)
    assert second.reason == f"{output} is it, patched"


def test_another_tree_holds_unchanged_models_too(model: Path, tmp_path: Path) -> None:
    output = tmp_path / "mirror" / "3"

    outcome = patch_model(job("", mode="output_root"), task(model, output))

    assert (outcome.outcome, outcome.output) == ("unchanged", str(output))
    assert without_history(output) == without_history(model)


def test_skipped(model: Path) -> None:
    patch = 'only { has_signature: "absent" }'
    outcome = patch_model(job(patch), task(model))
    assert (outcome.outcome, outcome.reason) == ("skipped", "it has no signature 'absent'")


def test_refused(model: Path) -> None:
    outcome = patch_model(job('signature { key: "absent" drop: true }'), task(model))
    assert outcome.outcome == "refused"
    assert outcome.reason.startswith("there is no signature 'absent'; ")


@pytest.mark.parametrize("content", [b"", b"\x0a\xff", b"no model at all"])
def test_broken(model: Path, content: bytes) -> None:
    (model / "saved_model.pb").write_bytes(content)

    outcome = patch_model(job(), task(model))

    assert outcome.outcome == "failed"
    assert str(model) in outcome.reason
    assert (model / "saved_model.pb").read_bytes() == content


def test_fault_of_sigpb_itself(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sigpb.batch.patch_model.plan_patch", lambda model, patch: 1 / 0)
    outcome = patch_model(job(), task(model))
    assert outcome.outcome == "failed"
    assert outcome.reason == "a fault in sigpb itself: ZeroDivisionError: division by zero"


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EACCES, errno.EROFS, errno.EIO])
@pytest.mark.parametrize("output", [None, "4"])
def test_what_the_file_system_refuses(
    model: Path, monkeypatch: pytest.MonkeyPatch, code: int, output: str | None
) -> None:
    before = without_history(model)

    def refuse(fd: int, data: bytes) -> int:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, "write", refuse)
    mode = "in_place" if output is None else "new_version"
    target = None if output is None else model.with_name(output)
    outcome = patch_model(job(mode=mode), task(model, target))  # type: ignore[arg-type]
    monkeypatch.undo()

    assert outcome.outcome == "failed"
    assert os.strerror(code) in outcome.reason
    assert without_history(model) == before
    assert leftovers(model.parent) == []
    assert [path.name for path in model.parent.iterdir()] == ["3"]


def test_replaced_meanwhile(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:

    def replaced(*arguments: object, **options: object) -> object:
        changes = changes_of(*arguments, **options)  # type: ignore[arg-type]
        (model / "new").write_bytes((model / "saved_model.pb").read_bytes())
        (model / "new").rename(model / "saved_model.pb")
        return changes

    monkeypatch.setattr("sigpb.batch.patch_model.changes_of", replaced)
    outcome = patch_model(job(), task(model))

    assert outcome.outcome == "failed"
    assert "was changed, replaced or removed since it was read" in outcome.reason
    assert not is_patched(model)


def test_read_only_files(model: Path) -> None:
    for path in model.rglob("*"):
        if path.is_file():
            path.chmod(0o444)

    assert patch_model(job(), task(model)).outcome == "patched"
    assert (model / "saved_model.pb").stat().st_mode & 0o777 == 0o444


def test_permission_denied(fixture_model: ModelFactory, tmp_path: Path) -> None:
    repository(fixture_model("tf2_linear"), tmp_path, "a/1", "b/1", "c/1")
    patch_model(job(), task(tmp_path / "c" / "1"))  # So that all modules are there.
    for path in (*(tmp_path / "a").rglob("*"), *(tmp_path / "b").rglob("*")):
        if os.getuid() == 0:
            os.chown(path, NOBODY, NOBODY)
    (tmp_path / "b" / "1").chmod(0o555)
    for directory in (tmp_path, *tmp_path.parents) if os.getuid() == 0 else ():
        directory.chmod(directory.stat().st_mode | 0o055)
    before = without_history(tmp_path / "b" / "1")

    outcomes = as_nobody(lambda name: patch_model(job(), task(tmp_path / name / "1")), "a", "b")

    assert [outcome.outcome for outcome in outcomes] == ["patched", "failed"]
    assert "Permission denied" in outcomes[1].reason
    assert without_history(tmp_path / "b" / "1") == before
    assert leftovers(tmp_path) == []


NOBODY = 65534


def as_nobody(work: Callable[[str], Outcome], *names: str) -> list[Outcome]:
    """Does something in a child process that permissions apply to, even if this one is root's."""
    reading, writing = os.pipe()
    if (pid := os.fork()) == 0:
        if os.getuid() == 0:
            os.setresuid(NOBODY, NOBODY, NOBODY)
        with os.fdopen(writing, "wb") as file:
            pickle.dump([work(name) for name in names], file)
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as file:
        outcomes: list[Outcome] = pickle.load(file)
    os.waitpid(pid, 0)
    return outcomes


class TestPlan:
    def test_dry_run(self, model: Path) -> None:
        before = without_history(model)

        outcome = patch_model(job(dry_run=True), task(model))

        assert outcome.outcome == "patched"
        assert outcome.planned is not None
        digests, edits = outcome.planned
        assert set(digests) == {"saved_model.pb", "fingerprint.pb"}
        assert any("image" in edit for edit in edits)
        assert without_history(model) == before

    def test_carried_out(self, model: Path) -> None:
        planned = patch_model(job(dry_run=True), task(model)).planned
        assert planned is not None
        wanted = replace(task(model), digests=planned[0], edits=planned[1])
        assert patch_model(job(), wanted).outcome == "patched"

    @pytest.mark.parametrize("changed", ["saved_model.pb", "fingerprint.pb"])
    def test_changed_since(self, model: Path, changed: str) -> None:
        planned = patch_model(job(dry_run=True), task(model)).planned
        assert planned is not None
        (model / changed).write_bytes((model / changed).read_bytes() + b"\x7a\x00")
        before = without_history(model)

        wanted = replace(task(model), digests=planned[0], edits=planned[1])
        outcome = patch_model(job(), wanted)

        assert outcome.outcome == "refused"
        assert f"{changed} changed since the plan was made" in outcome.reason
        assert without_history(model) == before
