"""The page of results, ``docs/benchmarks.md``, and its picture."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from . import bench_sizes
from .rows import Row

Results = Mapping[str, tuple[str, Sequence[Row]]]
"""By the name of a benchmark, what it says of itself, and its rows."""

_HEAD = """\
# Benchmarks

Written by `python -m tools.bench --write=docs`. A figure is the median of whole processes, with the
least and the most in brackets; what is compared ran by turns. See
[tools/bench](../tools/bench/README.md) for how it is measured, and why targets are missed.
"""

_SIZES = "sizes"
_COLUMNS = ("what", "sigpb", "against", "that", "ratio", "target", "met", "")


def write_page(folder: Path, environment: Mapping[str, Any], results: Results) -> None:
    """Writes the page, and the picture if the benchmark of sizes is among the results.

    Args:
        folder: Where ``benchmarks.md`` and ``benchmarks.svg`` go.
        environment: What the figures depend on.
        results: What was measured.
    """
    if _SIZES in results:
        _draw(folder / "benchmarks.svg", results[_SIZES][1])
    (folder / "benchmarks.md").write_text("\n".join(_lines(environment, results)), "utf-8")


def _lines(environment: Mapping[str, Any], results: Results) -> Iterator[str]:
    yield _HEAD
    yield ", ".join(f"{key} {value}" for key, value in environment.items()) + ".\n"
    if _SIZES in results:
        yield "![Time of a rename against the size of the model](benchmarks.svg)\n"
    for name, (text, rows) in results.items():
        yield f"## {name}\n\n{text}\n"
        yield f"| {' | '.join(_COLUMNS)} |\n|{'---|' * len(_COLUMNS)}"
        yield from (f"| {' | '.join(row.cells())} |" for row in rows)
        yield ""


def _draw(file: Path, rows: Sequence[Row]) -> None:
    """Draws time against size, both on a scale of powers."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 4.2), layout="constrained")
    axes = figure.subplots()
    for title in bench_sizes.OTHERS.values():
        against = [row for row in rows if row.against == title]
        sizes = [_size(row) for row in against]
        if not axes.lines:
            ours = [row.ours.median for row in against]
            axes.loglog(sizes, ours, marker="o", linewidth=2.5, label=bench_sizes.RENAME)
        times = [row.theirs.median for row in against if row.theirs]
        axes.loglog(sizes, times, marker=".", linestyle="--", label=title)
    axes.set(xlabel="size of the model in bytes", ylabel="seconds", title="Renaming an input")
    axes.grid(alpha=0.3)
    axes.legend()
    figure.savefig(file, metadata={"Date": None})


def _size(row: Row) -> int:
    return int("".join(filter(str.isdigit, row.what)))
