"""Twice as much of anything takes twice as many steps, whatever the command.

Steps are calls of functions, and of generators for their next value, which no other process slows.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.command_line import run
from tools.bench.growing import KINDS, Files

pytestmark = pytest.mark.slow

COUNTS = (15, 30, 60)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_twice_as_much(kind: Callable[[int], Files], tmp_path: Path) -> None:
    steps_of(kind, 1, tmp_path / "first")  # What is imported then does not count.
    # A second attempt leaves out what happened once: `re` compiles a pattern again that fell out
    # of its cache, which takes as many calls as a small model.
    growth = growth_of(kind, tmp_path / "1")
    if max(growth.values(), default=0) >= 3:
        growth = growth_of(kind, tmp_path / "2")
    assert max(growth.values(), default=0) < 3, growth


def growth_of(kind: Callable[[int], Files], folder: Path) -> dict[str, float]:
    """Returns how many times more steps the last doubling adds than the one before, by command."""
    steps = {count: steps_of(kind, count, folder / str(count)) for count in COUNTS}
    few, some, many = (steps[count] for count in COUNTS)
    return {
        command: (many[command] - some[command]) / (some[command] - few[command])
        for command in few
        if some[command] - few[command] > COUNTS[0]
    }


def steps_of(kind: Callable[[int], Files], count: int, folder: Path) -> dict[str, int]:
    """Returns how many steps each command takes for a model with so many of a thing."""
    model, patched = folder / "model", folder / "patched"
    for name, content in kind(count).items():
        (model / name).parent.mkdir(parents=True, exist_ok=True)
        (model / name).write_bytes(content)
    rename, cast = folder / "rename.txtpb", folder / "cast.txtpb"
    keys = [f"s{number}" if number else "serving_default" for number in range(count)]
    known = keys if "signatures" in kind.__name__ else keys[:1]
    for file, change in ((rename, 'rename_to: "image"'), (cast, 'dtype: "int32"')):
        endpoint = f'input {{ key: "x" {change} }}'
        file.write_text("".join(f'signature {{ key: "{key}" {endpoint} }}\n' for key in known))
    commands: dict[str, list[str | Path]] = {
        "rename": ["patch", model, f"--patch={rename}", "--tags=serve", f"--output_dir={patched}"],
        "cast": ["patch", model, f"--patch={cast}", "--tags=serve", "--dry_run"],
        "lint": ["lint", model],
        "diff": ["diff", model, patched],
        "infer": ["infer", model, patched, "--tags=serve"],
    }
    return {name: _steps(arguments) for name, arguments in commands.items()}


def _steps(arguments: list[str | Path]) -> int:
    count = 0

    def profile(frame: object, event: str, argument: object) -> None:
        nonlocal count
        count += event == "call"

    # What other tests left must not be finalised meanwhile, which takes steps too.
    gc.collect()
    gc.disable()
    sys.setprofile(profile)
    try:
        outcome = run(*arguments)
    finally:
        sys.setprofile(None)
        gc.enable()
    assert outcome.code in (0, 1), outcome.err
    return count
