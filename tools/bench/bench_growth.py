"""How time and memory grow with a model: ten times as much of a thing takes ten times as long.

Time is that of the processor. Memory is what a command takes beyond what it takes for a model with
one of the thing, against the files of the model.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from .bench import Bench
from .growing import KINDS, Files
from .processes import Command, CommandFailed, Samples
from .rows import Row

ROUNDS = 1

_COUNTS = (1_000, 10_000, 100_000)
_RENAME = ("--rename_input=x=image", "--tags=serve")
_OF_ONE = 1


def rows(bench: Bench) -> Iterator[Row]:
    """Measures commands on models with one of a thing, and with more and more of it."""
    for kind in KINDS:
        what, times, base = kind.__name__.replace("_", " "), dict[str, Samples](), {}
        for count in (_OF_ONE, *_COUNTS):
            model, size = _written(kind, count, bench.output)
            for name, command in _commands(bench, model).items():
                try:
                    usage = bench.runner.run(command)
                except CommandFailed:  # A limit is refused.
                    times.pop(name, None)
                    continue
                time = Samples((usage.cpu_seconds,), "s")
                if count == _OF_ONE:
                    base[name] = usage.peak_bytes
                    continue
                title = f"{name}, {count:,} {what}"
                if name in times:
                    yield Row(f"{title}: time", time, f"{count // 10:,}", times[name])
                memory = Samples((float(usage.peak_bytes - base[name]),), "B")
                yield Row(f"{title}: memory", memory, "files", Samples((float(size),), "B"))
                times[name] = time
        bench.clear()


def _written(kind: Callable[[int], Files], count: int, folder: Path) -> tuple[Path, int]:
    """Writes a model, and returns its directory and the bytes that its files take."""
    model, files = folder / f"{kind.__name__}-{count}", kind(count)
    for name, content in files.items():
        file = model / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
    return model, sum(map(len, files.values()))


def _commands(bench: Bench, model: Path) -> dict[str, Command]:
    """Returns the commands to run, one after another: the second writes what later ones read."""
    sigpb, patched = bench.runner.sigpb, model.with_name(f"{model.name}-patched")
    return {
        "show": sigpb("show", model),
        "patch": sigpb("patch", model, "--output_dir", patched, *_RENAME),
        "lint": sigpb("lint", model, answers=(0, 1)),
        "diff": sigpb("diff", model, patched, answers=(0, 1)),
        "infer": sigpb("infer", model, patched, "--tags=serve"),
        "size": sigpb("size", model),
        "graph": sigpb("graph", model, "--tags=serve", "--signature=serving_default"),
        "grep": sigpb("grep", "no such name", model, answers=(1,)),
    }
