"""Looking into a saved_model.pb of 1 GiB, against parsing it and printing its signatures."""

from __future__ import annotations

from collections.abc import Iterator

from .bench import Bench
from .rows import Row

ROUNDS = 5

_COMMANDS = {
    "dump of one signature": ("dump", 'signature_def["serving_default"]'),
    "wire --depth=2": ("wire", "--depth=2"),
    "size --by=section": ("size", "--by=section"),
    "size --by=node": ("size", "--by=node"),
    "graph": ("graph", "--signature=serving_default"),
    "grep": ("grep",),
    "trace": ("trace", "x"),
}

_SECONDS, _BYTES = 1.0, 100e6


def rows(bench: Bench) -> Iterator[Row]:
    """Measures whole processes with a warm cache, and memory that is not page cache."""
    model, runner = bench.models.gigabyte(), bench.runner
    commands = {
        what: runner.sigpb(name, *(("serving",) if name == "grep" else ()), model, *flags)
        for what, (name, *flags) in _COMMANDS.items()
    }
    theirs = runner.child("parse_print", model)
    usages = runner.alternate(bench.rounds, theirs=theirs, **commands)
    for what, command in commands.items():
        yield Row(f"{what}: time", usages[what].time, target=_SECONDS)
        yield Row(f"{what}: time", usages[what].time, "parse, print", usages["theirs"].time)
        private = runner.private_memory(3, command)
        yield Row(f"{what}: private memory", private, target=_BYTES)
