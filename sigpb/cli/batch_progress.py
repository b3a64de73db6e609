"""What `sigpb batch` shows while it runs, and at the end."""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from sigpb.batch.job import VERDICTS, Outcome
from sigpb.cli import terminal
from sigpb.visible_text import visible

# Seconds between two lines of progress where there is no terminal.
_INTERVAL = 10.0

_BAD = ("refused", "failed")


def told(outcomes: Iterable[Outcome], *, quiet: bool) -> Iterator[Outcome]:
    """Yields outcomes that are known from the start, and prints those that were refused or failed.

    Args:
        outcomes: What became of models.
        quiet: Whether standard output is for something else.
    """
    for outcome in outcomes:
        if not quiet and outcome.outcome in _BAD:
            terminal.say(_line(outcome))
        yield outcome


def followed(outcomes: Iterable[Outcome], total: int, *, quiet: bool) -> Iterator[Outcome]:
    """Yields outcomes, and shows how far it is: a bar on a terminal, a line now and then in a pipe.

    Args:
        outcomes: What became of models.
        total: How many models there are.
        quiet: Whether standard output is for something else.
    """
    show = sys.stderr if quiet else sys.stdout
    follow = _bar if show.isatty() else _lines
    return follow(outcomes, total, show)


def _lines(outcomes: Iterable[Outcome], total: int, show: Any) -> Iterator[Outcome]:
    started = said = 0.0
    for done, outcome in enumerate(outcomes, 1):
        if show is sys.stdout and outcome.outcome != "unchanged":
            terminal.say(_line(outcome))
        now = time.monotonic()
        if done == 1:  # A pipeline says nothing for long, and then everything.
            started = said = now
        if now - said > _INTERVAL and show is sys.stdout:
            said = now
            rate = done / (now - started)
            left = _time((total - done) / rate)
            terminal.say(f"{done} of {total}, {rate:.0f} a second, {left} left")
        yield outcome


def _time(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def _bar(outcomes: Iterable[Outcome], total: int, show: Any) -> Iterator[Outcome]:
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )
    from rich.text import Text

    console = Console(file=show, highlight=False, markup=False, soft_wrap=True)
    counts: Counter[str] = Counter()
    columns = (
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]:.0f}/s"),
        TimeRemainingColumn(),
        TextColumn("{task.fields[counts]}"),
    )
    # Without a thread: this process starts others.
    with Progress(*columns, console=console, auto_refresh=False, transient=True) as progress:
        task = progress.add_task("", total=total, rate=0.0, counts="")
        started = shown = time.monotonic()
        for done, outcome in enumerate(outcomes, 1):
            counts[outcome.outcome] += 1
            if outcome.outcome in _BAD:
                progress.console.print(Text(visible(_line(outcome))))
            now = time.monotonic()
            if now - shown > 0.1 or done == total:
                shown = now
                rate = done / (now - started)
                progress.update(task, completed=done, rate=rate, counts=counts_text(counts))
                progress.refresh()
            yield outcome


def _line(outcome: Outcome) -> str:
    output = outcome.output
    to = f" → {shown(output)}" if output is not None and output != outcome.model else ""
    reason = f": {outcome.reason}" if outcome.reason else ""
    return f"{outcome.outcome:<9}  {shown(outcome.model)}{to}{reason}"


def shown(path: str) -> str:
    """Returns a path as people write it: relative to where they are, if it is below that."""
    here = f"{Path.cwd()}/"
    return path.removeprefix(here) if len(path) > len(here) else path


def counts_text(counts: Counter[str]) -> str:
    """Returns for instance ``2 patched, 1 failed``."""
    return ", ".join(f"{counts[each]} {each}" for each in VERDICTS if counts[each]) or "nothing"


def print_summary(
    counts: Counter[str],
    left: int,
    details: dict[str, Any],
    *,
    models: Sequence[Mapping[str, Any]] | None,
    dry_run: bool,
) -> None:
    """Prints what became of all models.

    Args:
        counts: How many models had which outcome.
        left: How many models nothing was done to, since the batch was stopped.
        details: The journal, the report and so on, by name.
        models: The models one by one, to print JSON (docs/json.md describes it); None for text.
        dry_run: Whether nothing was written.
    """
    if models is not None:
        numbers = {verdict: counts[verdict] for verdict in VERDICTS}
        summary = {
            "dry_run": dry_run,
            "outcomes": numbers,
            "left": left,
            **details,
            "models": models,
        }
        terminal.say_json(summary)
        return
    rows = [(each, counts[each]) for each in VERDICTS] + ([("left", left)] if left else [])
    if sys.stdout.isatty():
        _print_table(rows)
    else:
        terminal.say(*(f"{name:<9}  {count}" for name, count in rows))
    for name, value in details.items():
        if value not in (None, 0):
            terminal.say(f"{name}: {value}")
    if dry_run:
        terminal.say("dry run: nothing was changed")


def _print_table(rows: list[tuple[str, int]]) -> None:
    from rich.table import Table

    table = Table("outcome", "models")
    table.columns[1].justify = "right"
    for name, count in rows:
        table.add_row(name, str(count))
    terminal.say_table(table)


def confirm(left: int) -> bool:
    """Asks whether to go on after the first models; where there is no terminal, that is a no."""
    if not sys.stdin.isatty():
        return False
    terminal.say(f"The first models came out well. Type 'yes' to go on with the other {left}:")
    return sys.stdin.readline().strip().lower() in ("y", "yes")
