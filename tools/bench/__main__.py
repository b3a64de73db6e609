"""The command line: see README.md."""

from __future__ import annotations

import argparse
import compileall
import contextlib
import json
import os
import platform
import shutil
import sys
import tempfile
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

import sigpb

from . import bench
from .bench import Bench
from .models import Models
from .page import write_page
from .processes import CommandFailed, Runner, Unavailable
from .rows import Row

_COLUMNS = ("what", "ours", "against", "theirs", "ours / theirs", "target", "met", "")


def main() -> None:
    """Runs the benchmarks that are named, or all, and prints what they measured."""
    arguments = _parse_arguments()
    environment = _environment()
    if arguments.format == "table":
        print(", ".join(f"{key} {value}" for key, value in environment.items()))
    results, measured = [], {}
    with _folders(arguments.workdir) as (kept, scratch):
        runner = Runner(_compiled_package(scratch))
        for name in arguments.names or bench.names():
            benchmark = bench.load(name)
            print(f"{name} ...", file=sys.stderr)
            folder = scratch / "runs" / name
            folder.mkdir(parents=True)
            rounds = arguments.rounds or benchmark.ROUNDS
            work = Bench(runner, Models(kept, runner), folder, rounds)
            try:
                rows = list(benchmark.rows(work))
            except (CommandFailed, Unavailable) as error:
                sys.exit(f"{name}: {error}")
            shutil.rmtree(folder)
            measured[name] = f"{benchmark.__doc__} {rounds} rounds.", rows
            results.append({"name": name, "rounds": rounds, "rows": [r.to_json() for r in rows]})
            if arguments.format == "table":
                _print_table(f"{name}, {rounds} rounds. {benchmark.__doc__}", rows)
    if arguments.write:
        write_page(arguments.write, environment, measured)
    if arguments.format == "json":
        print(json.dumps({"environment": environment, "benchmarks": results}, indent=2))


def _parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tools.bench", description=bench.__doc__)
    parser.add_argument(
        "names", metavar="NAME", nargs="*", help=f"one of: {', '.join(bench.names())}"
    )
    parser.add_argument("--rounds", type=int, help="how often each command is measured")
    parser.add_argument("--workdir", type=Path, help="where models are, and are kept for next time")
    parser.add_argument("--format", choices=("table", "json"), default="table")
    parser.add_argument("--write", type=Path, help="the folder for a page of the results")
    arguments = parser.parse_args()
    if unknown := set(arguments.names) - set(bench.names()):
        parser.error(f"no such benchmark: {', '.join(sorted(unknown))}")
    return arguments


def _environment() -> dict[str, Any]:
    """Returns what the figures depend on."""
    packages = {}
    for name in ("protobuf", "tensorflow"):
        with contextlib.suppress(PackageNotFoundError):
            packages[name] = version(name)
    return {
        "cores": os.cpu_count(),
        "load": round(os.getloadavg()[0], 2),
        "Python": platform.python_version(),
        **packages,
    }


@contextlib.contextmanager
def _folders(workdir: Path | None) -> Iterator[tuple[Path, Path]]:
    """Yields a folder for models and one for all else; at exit the latter is removed.

    Without a `workdir` both are.
    """
    if workdir is not None:
        workdir.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="sigpb-bench-", dir=workdir) as scratch:
        yield (workdir or Path(scratch)).resolve(), Path(scratch).resolve()


def _compiled_package(folder: Path) -> Path:
    """Copies sigpb and compiles it, as pip does; later changes of the source do not interfere."""
    package = folder / "package"
    source = Path(sigpb.__file__).parent
    shutil.copytree(source, package / "sigpb", ignore=shutil.ignore_patterns("__pycache__"))
    compileall.compile_dir(package, quiet=1)
    return package


def _print_table(title: str, rows: list[Row]) -> None:
    table = Table(*_COLUMNS, title=escape(title), title_justify="left", box=box.SIMPLE_HEAD)
    for row in rows:
        table.add_row(*map(escape, row.cells()))
    Console(width=None if sys.stdout.isatty() else 200, highlight=False).print(table)


if __name__ == "__main__":
    main()
