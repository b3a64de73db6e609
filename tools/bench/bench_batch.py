"""A repository of 10,000 small models, against loading, wrapping and saving each of them."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

from .bench import Bench
from .processes import Command, Samples, Usages
from .rows import Row

ROUNDS = 1

_COUNT = 10_000
_FEW = 1_000
_LOOPED = 20

_RENAME = "x=image"
_PATCH = """\
signature { key: "serving_default" input { key: "x" rename_to: "image" } }
"""


def rows(bench: Bench) -> Iterator[Row]:
    """Measures whole batches, processes and all; times are those of one model."""
    model, runner = bench.models.small(), bench.runner
    resave = bench.scratch / "resaved"
    wrap = runner.child("load_wrap_save", model, resave, _RENAME, prepare=_gone(resave))
    alone = _per_model(runner.alternate(2, wrap=wrap)["wrap"], 1)
    loops = [
        runner.run(runner.child("load_wrap_save_many", model, resave, str(count), _RENAME)).seconds
        for count in (_LOOPED, 2 * _LOOPED)
    ]
    looped = Samples(((loops[1] - loops[0]) / _LOOPED,), "s")

    few = _batch(bench, _FEW, "--jobs=1")
    one, again = _batch(bench, _COUNT, "--jobs=1"), _run(bench, "--jobs=1")
    two = _batch(bench, _COUNT, "--jobs=2")
    versions = _batch(bench, _COUNT, "--jobs=2", mode="--new_version")
    theirs, loop = "load, wrap, save, a process each", "the same in one process"
    for what, usages in (
        ("--in_place, 1 process", one),
        ("--in_place, 2 processes", two),
        ("--new_version, 2 processes", versions),
    ):
        yield Row(f"{what}: a model", _per_model(usages, _COUNT), theirs, alone, 1 / 300)
        yield Row(f"{what}: a model", _per_model(usages, _COUNT), loop, looped)
    yield Row("a second run, unchanged", again.time, "the first run", one.time, 1 / 2)
    yield Row("memory, 10,000 models", one.memory, "memory, 1,000 models", few.memory, 1.25)
    many, fewer = _bookkeeping(bench, 100_000), _bookkeeping(bench, 10_000)
    yield Row("find and note 100,000 models", many, "10,000 models", fewer, 12)


def _batch(bench: Bench, count: int, *flags: str, mode: str = "--in_place") -> Usages:
    """Patches a new repository."""
    return _run(bench, *flags, mode=mode, prepare=count)


def _run(bench: Bench, *flags: str, mode: str = "--in_place", prepare: int = 0) -> Usages:
    root, patch = bench.scratch / "repository", bench.scratch / "patch.txtpb"

    def create() -> None:
        shutil.rmtree(root, ignore_errors=True)
        patch.write_text(_PATCH)
        for number in range(prepare):
            target = root / f"model_{number:05}" / "1"
            shutil.copytree(bench.models.small(), target, copy_function=os.link)
        os.sync()

    command = bench.runner.sigpb(
        *("batch", str(root), f"--patch={patch}", mode, *flags),
        prepare=create if prepare else lambda: None,
    )
    return Usages(tuple(bench.runner.run(command) for _ in range(bench.rounds)))


def _bookkeeping(bench: Bench, count: int) -> Samples:
    journal = bench.scratch / "journal.jsonl"
    command: Command = bench.runner.child("batch_bookkeeping", journal, str(count))
    return Usages(tuple(bench.runner.run(command) for _ in range(bench.rounds))).time


def _per_model(usages: Usages, count: int) -> Samples:
    return Samples(tuple(seconds / count for seconds in usages.time.values), "s")


def _gone(directory: Path) -> Callable[[], object]:
    return lambda: shutil.rmtree(directory, ignore_errors=True)
