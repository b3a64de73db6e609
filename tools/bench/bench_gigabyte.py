"""Renaming in a saved_model.pb of 1 GiB, against cp of that file."""

from __future__ import annotations

from collections.abc import Iterator

from .bench import Bench
from .processes import Command
from .rows import Row

ROUNDS = 7


def rows(bench: Bench) -> Iterator[Row]:
    """Measures time with a warm cache, and memory that is not page cache.

    sigpb returns when the new file is on the disk, cp when it is in the cache: hence also a cp
    that waits for the disk.
    """
    model, runner = bench.models.gigabyte(), bench.runner
    source, target = model / "saved_model.pb", bench.output
    rename = runner.sigpb(
        "patch",
        model,
        "--output_dir",
        target,
        "--hardlink",
        "--rename_input=x=image",
        "--rename_output=p=scores",
        prepare=bench.clear,
    )
    usages = runner.alternate(
        bench.rounds,
        cp=Command(("cp", source, target), bench.clear),
        rename=rename,
        cp_and_sync=Command(("sh", "-c", 'cp "$0" "$1" && sync "$1"', source, target), bench.clear),
    )
    time = usages["rename"].time
    yield Row("rename: time", time, "cp", usages["cp"].time, 1.3)
    yield Row("rename: time", time, "cp && sync", usages["cp_and_sync"].time, 1.3)
    yield Row("rename: private memory", runner.private_memory(3, rename), target=100e6)
