"""A few seconds' worth of what ``python -m tools.fuzz`` does for as long as one likes."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.inspect.salvage.test_salvage import LARGER, SMALL
from tools.fuzz.mutations import MUTATIONS, Mutation, mutate
from tools.fuzz.targets import (
    Failure,
    Target,
    comparing,
    looking,
    patching,
    readers_agree,
    salvaging,
    targets,
    wire,
)

# Each runs many commands.
SLOW = (comparing, looking, patching)


@settings(max_examples=40)
@given(st.integers(0, 2**32), st.sampled_from([SMALL, LARGER]))
def test_damaged_models_are_coped_with(
    tmp_path_factory: pytest.TempPathFactory, seed: int, data: bytes
) -> None:
    damaged, _ = mutate(random.Random(seed), data, SMALL)
    for target in targets():
        if target not in SLOW:
            target(damaged, tmp_path_factory.getbasetemp())


@pytest.mark.parametrize("target", SLOW)
@settings(max_examples=4)
@given(seed=st.integers(0, 2**32))
def test_commands_cope_with_damaged_models(
    tmp_path_factory: pytest.TempPathFactory, target: Target, seed: int
) -> None:
    damaged, _ = mutate(random.Random(seed), SMALL, LARGER)
    target(damaged, tmp_path_factory.mktemp("fuzz"))


def test_a_command_that_fails_is_noticed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("sigpb.cli.commands.size.measure", lambda *_, **__: 1 // 0)
    with pytest.raises(Failure, match="ZeroDivisionError"):
        looking(SMALL, tmp_path)


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.__name__)
def test_mutations_damage(mutation: Mutation) -> None:
    chance = random.Random(0)
    damaged = {mutation(chance, SMALL, LARGER) for _ in range(50)}
    assert len(damaged - {SMALL}) > 20
    for data in (b"", b"\x08\x01"):
        mutation(chance, data, data)


@pytest.mark.parametrize(
    ("broken", "name", "target"),
    [
        (lambda *_: iter(()), "records", wire),
        (lambda *_: [], "scan", readers_agree),
    ],
)
def test_targets_notice(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, broken: object, name: str, target: object
) -> None:
    monkeypatch.setattr(f"tools.fuzz.targets.{name}", broken)
    with pytest.raises(Failure):
        target(SMALL, tmp_path)  # type: ignore[operator]


def test_salvaging_notices_what_cannot_be_shown(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("tools.fuzz.targets._run", lambda *_: (3, "said"))
    salvaging(SMALL, tmp_path)
    with pytest.raises(Failure, match="cannot be shown: said"):
        salvaging(SMALL[:-1], tmp_path)
