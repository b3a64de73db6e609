"""Renaming in an export of ResNet50, against loading it, wrapping its function and saving it."""

from __future__ import annotations

from collections.abc import Iterator

from .bench import Bench
from .rows import Row

ROUNDS = 5

_THEIRS = "load, wrap, save"
_RENAMES = ("inputs=image", "output_0=scores")
_FLAGS = ("--rename_input=inputs=image", "--rename_output=output_0=scores")


def rows(bench: Bench) -> Iterator[Row]:
    """Measures whole processes: time and peak memory."""
    model, runner = bench.models.resnet50(), bench.runner
    usages = runner.alternate(
        bench.rounds,
        theirs=runner.child("load_wrap_save", model, bench.output, *_RENAMES, prepare=bench.clear),
        **bench.renames(model, _FLAGS),
    )
    resaved = usages["theirs"]
    for what, name in (
        ("rename, --output_dir --hardlink", "hardlink"),
        ("rename, --in_place", "in_place"),
    ):
        ours = usages[name]
        yield Row(f"{what}: time", ours.time, _THEIRS, resaved.time, 1 / 60)
        yield Row(f"{what}: memory", ours.memory, _THEIRS, resaved.memory, 1 / 15)
