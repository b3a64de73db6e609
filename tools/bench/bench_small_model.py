"""A small model: looking at it and renaming in it, against saved_model_cli show."""

from __future__ import annotations

from collections.abc import Iterator

from .bench import Bench
from .processes import Command, script_of_environment
from .rows import Row

ROUNDS = 7

_THEIRS = "saved_model_cli show"
_RENAMES = ("--rename_input=x=image", "--rename_output=p=scores")


def rows(bench: Bench) -> Iterator[Row]:
    """Measures whole processes: time and peak memory."""
    model, runner = bench.models.small(), bench.runner
    theirs = script_of_environment("saved_model_cli")
    usages = runner.alternate(
        bench.rounds,
        theirs=Command((theirs, "show", "--dir", model, "--all")),
        show=runner.sigpb("show", model),
        **bench.renames(model, _RENAMES),
    )
    cli = usages["theirs"]
    for what, name in (
        ("sigpb show", "show"),
        ("rename, --output_dir --hardlink", "hardlink"),
        ("rename, --in_place", "in_place"),
    ):
        ours = usages[name]
        yield Row(f"{what}: time", ours.time, _THEIRS, cli.time, 1 / 25)
        yield Row(f"{what}: memory", ours.memory, _THEIRS, cli.memory, 1 / 10)
