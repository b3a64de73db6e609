"""Renaming an input in models of growing size, against what one would do instead."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from .bench import Bench
from .processes import Command
from .rows import Row

ROUNDS = 3

SIZES = (1, 8, 64)
"""The sizes of the constants in the models, in MiB."""

RENAME = "sigpb patch, --output_dir"
OTHERS = {
    "cp": "cp && sync",
    "parse": "parse, serialise",
    "wrap": "load, wrap, save",
}


def rows(bench: Bench) -> Iterator[Row]:
    """Measures whole processes. A row is named after the size of the model's files in bytes."""
    for model in (bench.models.small(), *map(bench.models.constants, SIZES)):
        usages = bench.runner.alternate(bench.rounds, **_commands(bench, model))
        size = sum(file.stat().st_size for file in model.rglob("*") if file.is_file())
        for name, title in OTHERS.items():
            yield Row(f"rename in {size:,} bytes", usages["sigpb"].time, title, usages[name].time)


def _commands(bench: Bench, model: Path) -> dict[str, Command]:
    runner, output = bench.runner, bench.output
    source, target = model / "saved_model.pb", output
    copy = 'cp -r "$0" "$1" && sync "$1"/* "$1"/*/*'
    return {
        "sigpb": runner.sigpb(
            "patch", model, "--output_dir", output, "--rename_input=x=image", prepare=bench.clear
        ),
        "cp": Command(("sh", "-c", copy, model, target), bench.clear),
        "parse": runner.child("parse_serialise", source, target, prepare=bench.clear),
        "wrap": runner.child("load_wrap_save", model, target, "x=image", prepare=bench.clear),
    }
