"""Ten times as much of everything takes about ten times as long, and memory in proportion."""

from __future__ import annotations

from collections.abc import Iterator

from .bench import Bench
from .growing import KINDS
from .rows import Row

ROUNDS = 1

_COUNT = 1_000
_TIMES = 10
# Starting Python makes the smaller model slower than it should be, and others use the machine.
_MOST = 12.0


def rows(bench: Bench) -> Iterator[Row]:
    """Measures commands on models with a number of one thing, and with ten times as many."""
    for kind in KINDS:
        models = []
        for count in (_COUNT, _COUNT * _TIMES):
            model = bench.output / f"{kind.__name__}-{count}"
            model.mkdir(parents=True)
            model.joinpath("saved_model.pb").write_bytes(kind(count).SerializeToString())
            patched = model.with_name(f"{model.name}-patched")
            rename = ("--rename_input=x=image", "--tags=serve")
            bench.runner.run(bench.runner.sigpb("patch", model, "--output_dir", patched, *rename))
            models.append(
                {
                    "show": bench.runner.sigpb("show", model),
                    "patch": bench.runner.sigpb("patch", model, "--dry_run", *rename),
                    "infer": bench.runner.sigpb("infer", model, patched, "--tags=serve"),
                }
            )
        for name, small in models[0].items():
            usages = bench.runner.alternate(bench.rounds, small=small, large=models[1][name])
            large = usages["large"]
            what = f"{name}, {kind.__name__.replace('_', ' ')}: {_COUNT * _TIMES:,}"
            yield Row(f"{what}, time", large.time, f"{_COUNT:,}", usages["small"].time, _MOST)
            yield Row(f"{what}, memory", large.memory, f"{_COUNT:,}", usages["small"].memory)
