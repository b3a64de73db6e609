"""What a benchmark is, and what it works with.

A benchmark is a file ``bench_NAME.py`` with a docstring, a number `ROUNDS` and a function
``rows(bench) -> Iterable[Row]``. It is found by its name.
"""

from __future__ import annotations

import importlib
import os
import pkgutil
import shutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, cast

from .models import Models
from .processes import Command, Runner
from .rows import Row

_PREFIX = "bench_"


@dataclass(frozen=True)
class Bench:
    """What a benchmark works with.

    Attributes:
        runner: Runs commands.
        models: The models to measure.
        scratch: A folder for what commands write, on the same disk as the models.
        rounds: How often each command is to be measured.
    """

    runner: Runner
    models: Models
    scratch: Path
    rounds: int

    @property
    def output(self) -> Path:
        """Where commands are to write models; there is nothing when they start."""
        return self.scratch / "output"

    def clear(self) -> None:
        """Removes the output, and waits until nothing is left to be written to the disk."""
        shutil.rmtree(self.scratch)
        self.scratch.mkdir()
        os.sync()

    def copy(self, model: Path) -> None:
        """Makes the output a copy of a model, with hard links to its files."""
        self.clear()
        shutil.copytree(model, self.output, copy_function=os.link)
        os.sync()

    def renames(self, model: Path, flags: Sequence[str]) -> dict[str, Command]:
        """Returns the commands that patch a model: into a hard-linked copy, and in place."""
        runner, output = self.runner, self.output
        copy = runner.sigpb(
            "patch", model, "--output_dir", output, "--hardlink", *flags, prepare=self.clear
        )
        in_place = runner.sigpb(
            "patch", output, "--in_place", *flags, prepare=lambda: self.copy(model)
        )
        return {"hardlink": copy, "in_place": in_place}


class Benchmark(Protocol):
    """The interface of a benchmark's module."""

    __doc__: str
    ROUNDS: int

    def rows(self, bench: Bench) -> Iterable[Row]:
        """Measures, and returns the rows of the table."""


def names() -> list[str]:
    """Returns the names of all benchmarks."""
    folder = str(Path(__file__).parent)
    modules = (module.name for module in pkgutil.iter_modules([folder]))
    return sorted(name.removeprefix(_PREFIX) for name in modules if name.startswith(_PREFIX))


def load(name: str) -> Benchmark:
    """Returns the benchmark of a name."""
    return cast(Benchmark, importlib.import_module(f"{__package__}.{_PREFIX}{name}"))
