"""sigpb show of a small model, against a bare process: absl.flags, protobuf, a pool of messages."""

from __future__ import annotations

from collections.abc import Iterator

from .bench import Bench
from .rows import Row

ROUNDS = 25

_THEIRS = "bare process"


def rows(bench: Bench) -> Iterator[Row]:
    """Measures whole processes."""
    model, runner = bench.models.small(), bench.runner
    descriptors = runner.package / "sigpb" / "proto" / "descriptors.binpb"
    usages = runner.alternate(
        bench.rounds,
        bare=runner.child("bare_process", descriptors),
        table=runner.sigpb("show", model),
        json=runner.sigpb("show", model, "--format=json"),
    )
    bare = usages["bare"]
    for form in ("table", "json"):
        ours = usages[form]
        yield Row(f"sigpb show --format={form}: time", ours.time, _THEIRS, bare.time, 2)
        yield Row(f"sigpb show --format={form}: memory", ours.memory, _THEIRS, bare.memory)
