"""A few seconds' worth of what ``python -m tools.fuzz`` does for as long as one likes."""

from __future__ import annotations

import contextlib
import json
import random
import shutil
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Protocol

import pytest
from google.protobuf.message import DecodeError
from hypothesis import given, settings
from hypothesis import strategies as st

from sigpb import protos
from sigpb.cli import main as cli
from sigpb.saved_model.model import open_model
from tests.inspect.test_salvage import LARGER, SMALL
from tools.fuzz import command_line, command_targets, damage
from tools.fuzz.command_line import Failure
from tools.fuzz.command_targets import (
    comparing,
    fixing,
    patching,
    repository,
    undoing,
)
from tools.fuzz.file_targets import beside, recorded
from tools.fuzz.json_values import change_json
from tools.fuzz.mutations import MUTATIONS, Mutation, mutate
from tools.fuzz.places import paths_by_kind, somewhere
from tools.fuzz.structure import change_message, is_text, write_as_text
from tools.fuzz.targets import (
    BYTE_TARGETS,
    COMMAND_TARGETS,
    FILE_TARGETS,
    Target,
    dump,
    readers_agree,
    salvaging,
    wire,
)

Broken = Callable[..., object]


def try_some(target: Target, scratch: Path, data: bytes = b"") -> None:
    for seed in range(12):
        target(data + bytes([seed]), scratch)
        shutil.rmtree(scratch)


def _is_json(lines: bytes) -> bool:
    try:
        for line in lines.splitlines():
            json.loads(line)
    except (ValueError, RecursionError):
        return False
    return True


class Answer(Protocol):
    """What `answer` gives a test."""

    def __call__(
        self, command: str, code: int, *, where: str = "", writes: Path | None = None
    ) -> None:
        """Has a command end with a code if its last argument holds a text; it may write a file."""


@pytest.fixture
def answer(monkeypatch: pytest.MonkeyPatch) -> Answer:
    """Makes commands answer otherwise."""

    def answer(command: str, code: int, *, where: str = "", writes: Path | None = None) -> None:
        def main(arguments: Sequence[str]) -> int:
            if arguments[0] != command or where not in arguments[-1]:
                return cli.main(arguments)
            if writes is not None:
                writes.write_text(str(time.monotonic_ns()))
            print("{}")
            print("sigpb: it is said", file=sys.stderr)
            return code

        monkeypatch.setattr("tools.fuzz.command_line.main", main)
        monkeypatch.setattr(command_targets, "_RUNS", 12)

    return answer


@settings(max_examples=5)
@given(st.integers(0, 2**32), st.sampled_from([SMALL, LARGER]))
def test_damaged_models_are_coped_with(
    tmp_path_factory: pytest.TempPathFactory, seed: int, data: bytes
) -> None:
    damaged, _ = mutate(random.Random(seed), data, SMALL)
    for target in BYTE_TARGETS:
        target(damaged, tmp_path_factory.mktemp("fuzz"))


@pytest.mark.parametrize("target", [*COMMAND_TARGETS, *FILE_TARGETS])
@settings(max_examples=2)
@given(seed=st.integers(0, 2**32))
def test_commands_cope_with_damaged_models(
    tmp_path_factory: pytest.TempPathFactory, target: Target, seed: int
) -> None:
    damaged, _ = mutate(random.Random(seed), SMALL, LARGER)
    target(damaged, tmp_path_factory.mktemp("fuzz"))


class TestMutations:
    @pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.__name__)
    def test_they_damage(self, mutation: Mutation) -> None:
        damaged = {mutation(random.Random(seed), SMALL, LARGER) for seed in range(50)}
        assert len(damaged - {SMALL}) > (0 if mutation is write_as_text else 20)
        for data in (b"", b"\x08\x01", b"\xff"):
            mutation(random.Random(0), data, data)

    def test_a_seed_makes_the_same_file_again(self) -> None:
        for seed in range(20):
            first, second = (mutate(random.Random(seed), LARGER, SMALL) for _ in range(2))
            assert first == second

    def test_changed_messages_get_past_the_parser(self) -> None:
        parsed = 0
        for seed in range(100):
            try:
                protos.SavedModel.FromString(change_message(random.Random(seed), LARGER, SMALL))
            except DecodeError:
                continue
            parsed += 1
        assert 75 < parsed < 100  # Some hold text that is not UTF-8.

    def test_every_kind_of_message_is_changed(self) -> None:
        model, paths = (
            protos.SavedModel.FromString(LARGER),
            paths_by_kind(protos.SavedModel, LARGER),
        )
        chance = random.Random(0)
        places = [somewhere(chance, model, paths) for _ in range(2000)]
        assert {place.message.DESCRIPTOR.full_name for place in places} | {
            "tensorflow.NoneValue"  # It holds nothing.
        } >= set(paths)

    def test_messages_that_are_gone_are_not_looked_for(self) -> None:
        model, paths = protos.SavedModel(), paths_by_kind(protos.SavedModel, LARGER)
        model.meta_graphs.add().signature_def["x"].method_name = "m"
        for seed in range(50):
            assert somewhere(random.Random(seed), model, paths).message.IsInitialized()

    def test_text_is_read_as_the_model_that_it_was(self, tmp_path: Path) -> None:
        small = protos.SavedModel.FromString(SMALL)
        del small.meta_graphs[0].meta_info_def.stripped_op_list.op[:]
        data = small.SerializeToString(deterministic=True)
        text = write_as_text(random.Random(0), data, data)
        assert (is_text(text), is_text(data), is_text(SMALL)) == (True, False, False)
        with open_model(command_targets.model_of(text, tmp_path / "model")) as model:
            assert protos.SavedModel.FromString(bytes(model.buffer)) == small

    def test_json_is_changed_in_place(self) -> None:
        text = b'{"a": [1, {"b": "c"}]}\n{"d": null}\n'
        changed = {change_json(random.Random(seed), text, ["more"]) for seed in range(200)}
        assert len(changed) > 100
        assert any(b'"more"' in each for each in changed)
        assert any(b"[[[[" in each for each in changed)
        assert sum(not _is_json(each) for each in changed) < 50


class TestEveryRun:
    def test_a_fault_has_its_cause(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        monkeypatch.setattr("sigpb.cli.commands.size.measure", lambda *_, **__: 1 // 0)
        model = command_targets.model_of(SMALL, tmp_path / "model")
        with pytest.raises(Failure, match=f"'size' '{model}': .*ZeroDivisionError") as caught:
            command_line.run("size", model)
        assert isinstance(caught.value.__cause__, ZeroDivisionError)

    @pytest.mark.parametrize(
        ("broken", "said"),
        [
            (lambda _: 7, "exit code 7"),
            (lambda _: print("\x1b"), "prints '.x1b'"),
            (lambda _: print('{"x": NaN}'), "prints no JSON: NaN"),
            (lambda _: print("y"), "prints no JSON"),
        ],
    )
    def test_what_is_printed(
        self, monkeypatch: pytest.MonkeyPatch, broken: Broken, said: str
    ) -> None:
        monkeypatch.setattr("tools.fuzz.command_line.main", lambda given: broken(given) or 0)
        with pytest.raises(Failure, match=f"'x' '--format=json': {said}"):
            command_line.run("x", "--format=json")

    def test_what_is_said(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def main(given: object) -> int:
            print("sigpb: no\npatched", file=sys.stderr)
            return 2

        monkeypatch.setattr("tools.fuzz.command_line.main", main)
        with pytest.raises(Failure, match=r"says 'sigpb: no\\npatched"):
            command_line.run("x")

    def test_what_is_refused_changes_nothing(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        def main(given: object) -> int:
            (tmp_path / "new").mkdir()
            return 2

        assert not command_line.refused_cleanly(tmp_path, "patch", "nowhere", "--in_place")
        monkeypatch.setattr("tools.fuzz.command_line.main", main)
        with pytest.raises(Failure, match="but files have changed"):
            command_line.refused_cleanly(tmp_path, "patch", "nowhere", "--in_place")


class TestTargetsNotice:
    @pytest.mark.parametrize(
        ("broken", "name", "target"),
        [
            (lambda *_: iter(()), "wire_records", wire),
            (lambda *_: [], "scan", readers_agree),
            (lambda *_: 1 // 0, "main", dump),
        ],
    )
    def test_wrong_results(
        self,
        monkeypatch: pytest.MonkeyPatch,
        tmp_path: Path,
        broken: Broken,
        name: str,
        target: Target,
    ) -> None:
        where = "command_line" if name == "main" else "targets"
        monkeypatch.setattr(f"tools.fuzz.{where}.{name}", broken)
        with pytest.raises((Failure, ZeroDivisionError)):
            target(SMALL, tmp_path)

    def test_a_model_that_differs_from_itself(self, answer: Answer, tmp_path: Path) -> None:
        answer("diff", 1)
        with pytest.raises(Failure, match="a model differs from itself"):
            comparing(SMALL, tmp_path)

    @pytest.mark.parametrize("reader", ["show", "lint", "diff"])
    def test_a_patched_model_that_cannot_be_read(
        self, answer: Answer, tmp_path: Path, reader: str
    ) -> None:
        answer(reader, 3, where="new")
        with pytest.raises(Failure, match=f"'{reader}'.*: sigpb: it is said"):
            try_some(patching, tmp_path / "scratch", SMALL + b"\x78")

    @pytest.mark.parametrize(
        ("name", "broken", "said"),
        [
            ("contents", lambda _: object(), "is done, and is done again"),
            ("_stated", lambda model: model, "infer finds another patch than"),
            ("_stated", lambda model: Path(model).name == "model", "is not undone by"),
        ],
    )
    def test_a_patch_that_is_not_what_it_should_be(
        self,
        monkeypatch: pytest.MonkeyPatch,
        tmp_path: Path,
        name: str,
        broken: Broken,
        said: str,
    ) -> None:
        monkeypatch.setattr(command_targets, name, broken)
        with pytest.raises(Failure, match=said):
            try_some(undoing, tmp_path / "scratch", SMALL + b"\x78")

    def test_a_fix_that_fails(self, answer: Answer, tmp_path: Path) -> None:
        answer("lint", 2, writes=tmp_path / "a" / "file")
        with pytest.raises(Failure, match="but files have changed"):
            fixing(SMALL, tmp_path / "a")
        answer("lint", 1, writes=tmp_path / "b" / "file")
        with pytest.raises(Failure, match="something was left to fix"):
            fixing(SMALL, tmp_path / "b")

    def test_a_rehearsal_that_writes(self, answer: Answer, tmp_path: Path) -> None:
        answer("batch", 0, writes=tmp_path / "models" / "file")
        with pytest.raises(Failure, match=r"batch --dry_run .* has changed files"):
            repository(SMALL, tmp_path)

    def test_a_batch_that_is_not_undone(self, answer: Answer, tmp_path: Path) -> None:
        answer("rollback", 1)
        with pytest.raises(Failure, match="rollback of batch "):
            repository(SMALL, tmp_path)

    def test_what_is_salvaged_and_cannot_be_shown(self, answer: Answer, tmp_path: Path) -> None:
        answer("show", 3)
        whole, part = tmp_path / "whole", tmp_path / "part"
        for scratch in (whole, part):
            scratch.mkdir()
        salvaging(SMALL, whole)
        with pytest.raises(Failure, match="cannot be shown: sigpb: it is said"):
            salvaging(SMALL[:-1], part)

    @pytest.mark.parametrize(
        ("file", "said"),
        [
            ("outside/saved_model.pb", "rollback has changed .*, which is none of its models"),
            ("models/b/saved_model.pb", "rollback has lost .*models/b/saved_model.pb"),
        ],
    )
    def test_a_rollback_that_writes(
        self, answer: Answer, tmp_path: Path, file: str, said: str
    ) -> None:
        scratch = tmp_path / "scratch"
        answer("rollback", 0, writes=scratch / file)
        with pytest.raises(Failure, match=said):
            try_some(recorded, scratch)

    def test_a_refused_patch_that_writes(self, answer: Answer, tmp_path: Path) -> None:
        scratch = tmp_path / "scratch"
        answer("patch", 2, where="=other", writes=scratch / "model" / "file")
        with pytest.raises(Failure, match="but files have changed"):
            try_some(beside, scratch)


def _greedy(data: bytes, scratch: Path) -> None:
    bytearray(600 << 20)[:: 1 << 12] = bytes(600 << 8)


class TestDamage:
    def test_what_fails_is_kept(
        self,
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
        tmp_path: Path,
    ) -> None:
        def failing(data: bytes, scratch: Path) -> None:
            command_line.run("show", str(scratch / "none"))
            raise Failure(f"{scratch}: wrong")

        monkeypatch.setattr(damage, "models", lambda: [SMALL, LARGER])
        monkeypatch.setattr(damage, "COMMAND_TARGETS", (failing,))
        assert damage.damage(0.5, 7, tmp_path / "found") == 1
        told = capsys.readouterr().out
        (kept,) = (tmp_path / "found").glob("7-1-failing")
        assert "Failure: " in kept.with_suffix(".txt").read_text()
        assert f"failing fails on {kept}: " in told
        assert told.splitlines()[-1].split(" of failing: ")[1].startswith("test_fuzz.py")
        assert damage.reproduce(kept) == 1
        monkeypatch.setattr(damage, "COMMAND_TARGETS", ())
        assert damage.reproduce(kept) == 0

    def test_time_and_memory_are_limited(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        def endless(data: bytes, scratch: Path) -> None:
            while True:
                with contextlib.suppress(Exception):
                    sum(range(1000))

        monkeypatch.setattr(damage, "_MAX_SECONDS", 0.1)
        assert "takes longer than 0.1 seconds" in damage.fault_of(endless, SMALL)
        # In a fresh process: in this one, earlier tests may have taken more at their highest.
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as fresh:
            assert "MiB for" in fresh.submit(damage.fault_of, _greedy, SMALL).result()
