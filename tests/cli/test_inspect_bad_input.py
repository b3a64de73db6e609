"""Files that are damaged, in front of the commands that look into models."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.command_line import run

ModelFactory = Callable[..., Path]

COMMANDS: tuple[tuple[str, list[str]], ...] = (
    ("size", ["--by=section"]),
    ("size", ["--by=node"]),
    ("size", ["--format=html"]),
    ("trace", ["x"]),
    ("grep", ["x"]),
)


def outcomes(model: Path) -> set[int]:
    """The exit codes of the commands, each of which says what is wrong in lines of its own."""
    codes = set()
    for command, flags in COMMANDS:
        arguments = [*flags, str(model)] if command == "grep" else [str(model), *flags]
        codes.add(run(command, *arguments).code)
    return codes


@pytest.mark.parametrize("name", ["tf1_eval", "tf2_image"])
def test_flipped_bits(fixture_model: ModelFactory, name: str) -> None:
    file = fixture_model(name) / "saved_model.pb"
    content = file.read_bytes()
    for seed in range(60):
        damaged, chance = bytearray(content), random.Random(seed)
        for _ in range(chance.choice([1, 3, 30])):
            damaged[chance.randrange(len(damaged))] ^= 1 << chance.randrange(8)
        file.write_bytes(bytes(damaged))
        assert outcomes(file) <= {0, 1, 2, 3}


def test_truncated(fixture_model: ModelFactory) -> None:
    file = fixture_model("tf2_linear") / "saved_model.pb"
    content = file.read_bytes()
    for size in range(1, len(content), len(content) // 20):
        file.write_bytes(content[:size])
        assert outcomes(file) == {3}


@pytest.mark.parametrize(
    "content",
    [b"", b"\n", b"\x00" * 100, b"\xff" * 100, b"\x12\xff\xff\xff\xff\x0f", b"\x0b" * 1000],
    ids=repr,
)
def test_no_model(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "file.pb"
    file.write_bytes(content)
    assert outcomes(file) == {3}


def test_empty_directory(tmp_path: Path) -> None:
    assert outcomes(tmp_path) == {3}
