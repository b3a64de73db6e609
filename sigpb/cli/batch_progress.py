"""What `sigpb batch` shows while it runs, and at the end."""

from __future__ import annotations

import signal
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from sigpb.batch.job import VERDICTS, Outcome, Verdict
from sigpb.cli import terminal
from sigpb.visible_text import visible

# Seconds between two lines of progress where there is no terminal, and two pictures where there is.
_INTERVAL = 10.0
_BLINK = 0.1

# So many groups of models are told of by themselves.
_GROUPS = 10

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM)
"""What has a batch stop."""

_COLOURS: Mapping[Verdict, str] = {"patched": "green", "refused": "yellow", "failed": "red"}
"""The outcomes of which each model has a line."""


class Progress:
    """Prints a line for each model of note, and now and then how far it is.

    Args:
        total: How many models there are.
        dry_run: Whether nothing is written.
        quiet: Whether standard output is for something else.
    """

    def __init__(self, total: int, *, dry_run: bool, quiet: bool) -> None:
        self._total = total
        self._dry_run = dry_run
        self._quiet = quiet
        self._done: Counter[str] = Counter()
        self._started = self._said = 0.0

    def end(self) -> None:
        """Takes away what is not to stay."""

    def count(self, outcome: Outcome) -> Outcome:
        """Takes notice of a model that is done, whenever its line comes; returns it."""
        self._done[outcome.outcome] += 1
        now = time.monotonic()
        if self._done.total() == 1:  # A pipeline says nothing for long, and then everything.
            self._started = self._said = now
        elif now - self._said > self._interval or self._done.total() == self._total:
            self._said = now
            self._tell_progress(self._done.total() / max(now - self._started, 1e-6))
        return outcome

    def tell(self, outcome: Outcome) -> None:
        """Prints the line of a model, if it has one."""
        if outcome.outcome in _COLOURS and not self._quiet:
            self._print(_line(outcome, self._dry_run), _COLOURS[outcome.outcome])

    _interval = _INTERVAL

    def _tell_progress(self, rate: float) -> None:
        done = self._done.total()
        if not self._quiet and done < self._total:
            left = _time((self._total - done) / rate)
            terminal.say(f"{done} of {self._total}, {rate:.0f} a second, {left} left")

    def _print(self, line: str, colour: str) -> None:
        terminal.say(line)


class _Bar(Progress):
    """Shows how far it is in a bar, below the lines.

    Args:
        total: How many models there are.
        dry_run: Whether nothing is written.
        quiet: Whether standard output is for something else.
        show: The terminal.
    """

    _interval = _BLINK

    def __init__(self, total: int, show: IO[str], *, dry_run: bool, quiet: bool) -> None:
        from rich.console import Console
        from rich.progress import (
            BarColumn,
            MofNCompleteColumn,
            TextColumn,
            TimeRemainingColumn,
        )
        from rich.progress import Progress as Bar

        super().__init__(total, dry_run=dry_run, quiet=quiet)
        columns = (
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[rate]:.0f}/s"),
            TimeRemainingColumn(),
            TextColumn("{task.fields[counts]}"),
        )
        console = Console(file=show, highlight=False, markup=False, soft_wrap=True)
        # Without a thread: this process starts others.
        self._bar = Bar(*columns, console=console, auto_refresh=False, transient=True)
        self._task = self._bar.add_task("", total=total, rate=0.0, counts="")

        self._bar.start()

    def end(self) -> None:
        """Removes the bar."""
        self._bar.stop()

    def _tell_progress(self, rate: float) -> None:
        counts = ", ".join(
            f"{self._done[each]} {_word(each, self._dry_run)}"
            for each in VERDICTS
            if self._done[each]
        )
        self._bar.update(self._task, completed=self._done.total(), rate=rate, counts=counts)
        self._bar.refresh()

    def _print(self, line: str, colour: str) -> None:
        from rich.text import Text

        outcome, gap, rest = visible(line).partition("  ")
        self._bar.console.print(Text.assemble((outcome, colour), gap, rest))


def progress(total: int, *, dry_run: bool, quiet: bool) -> Progress:
    """Returns what shows how far a batch is: a bar on a terminal, a line now and then in a pipe.

    Args:
        total: How many models there are.
        dry_run: Whether nothing is written.
        quiet: Whether standard output is for something else.
    """
    show = sys.stderr if quiet else sys.stdout
    if show.isatty():
        return _Bar(total, show, dry_run=dry_run, quiet=quiet)
    return Progress(total, dry_run=dry_run, quiet=quiet)


def _time(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def _line(outcome: Outcome, dry_run: bool) -> str:
    output = outcome.output
    to = f" → {shown(output)}" if output is not None and output != outcome.model else ""
    reason = f": {outcome.reason}" if outcome.reason else ""
    return f"{_label(outcome.outcome, dry_run)}  {shown(outcome.model)}{to}{reason}"


def _word(outcome: str, dry_run: bool) -> str:
    return "would be patched" if dry_run and outcome == "patched" else outcome


def _label(outcome: str, dry_run: bool) -> str:
    """Returns what an outcome is called, in a column."""
    width = max(len(_word(each, dry_run)) for each in VERDICTS)
    return _word(outcome, dry_run).ljust(width)


def shown(path: str) -> str:
    """Returns a path as people write it: relative to where they are, if it is below that."""
    here = f"{Path.cwd()}/"
    return path.removeprefix(here) if len(path) > len(here) else path


@dataclass
class Summary:
    """What became of all models.

    Attributes:
        dry_run: Whether nothing was written.
        counts: How many models had which outcome.
        edits: How many models had the same edits in a dry run, by the text of these.
        reasons: For each outcome but those that have lines, how many models had which reason.
    """

    dry_run: bool
    counts: Counter[str] = field(default_factory=Counter)
    edits: Counter[tuple[str, ...]] = field(default_factory=Counter)
    reasons: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))

    def add(self, outcome: Outcome) -> None:
        """Takes notice of a model."""
        self.counts[outcome.outcome] += 1
        if outcome.outcome == "patched" and outcome.planned is not None:
            self.edits[outcome.planned[1]] += 1
        elif outcome.outcome not in _COLOURS and outcome.reason:
            self.reasons[outcome.outcome][outcome.reason] += 1

    def print(self, left: int, details: Mapping[str, Any]) -> None:
        """Prints the summary as text.

        Args:
            left: How many models nothing was done to, since the batch was stopped.
            details: The journal, the report and so on, by name.
        """
        terminal.say(*self._groups())
        rows = [(each, self.counts[each]) for each in VERDICTS] + ([("left", left)] if left else [])
        labelled = [(_label(name, self.dry_run), count) for name, count in rows]
        if sys.stdout.isatty():
            _print_table(labelled)
        else:
            terminal.say(*(f"{label}  {count}" for label, count in labelled))
        for name, value in details.items():
            if value not in (None, 0):
                terminal.say(f"{name}: {value}")
        if self.dry_run:
            terminal.say("dry run: nothing was changed")

    def json(self, left: int, details: Mapping[str, Any], models: Sequence[Any]) -> dict[str, Any]:
        """Returns the summary as JSON values, which docs/json.md describes.

        Args:
            left: As for `print`.
            details: As for `print`.
            models: The models one by one.
        """
        outcomes = {verdict: self.counts[verdict] for verdict in VERDICTS}
        first = {"dry_run": self.dry_run, "outcomes": outcomes, "left": left}
        return {**first, **details, "models": models}

    def _groups(self) -> Iterator[str]:
        """Yields what is said of several models at once, about most of them first."""
        for edits, count in self.edits.most_common(_GROUPS):
            yield f"{count} model{'s' * (count != 1)}:"
            yield from edits
        if len(self.edits) > _GROUPS:
            yield _others(self.edits, "have other edits; --format=json has them")
        for outcome, reasons in self.reasons.items():
            for reason, count in reasons.most_common(_GROUPS):
                yield f"{count} {outcome}: {reason}"
            if len(reasons) > _GROUPS:
                yield _others(reasons, f"are {outcome} for other reasons; --format=json has them")


def _others(groups: Counter[Any], what: str) -> str:
    count = groups.total() - sum(count for _, count in groups.most_common(_GROUPS))
    return f"{count} more {what}"


def _print_table(rows: list[tuple[str, int]]) -> None:
    from rich.table import Table

    table = Table("outcome", "models")
    table.columns[1].justify = "right"
    for name, count in rows:
        table.add_row(name.rstrip(), str(count))
    terminal.say_table(table)


def confirm(left: int) -> bool:
    """Asks whether to go on after the first models; no terminal and Ctrl-C mean no."""
    if not sys.stdin.isatty():
        return False
    terminal.say(f"The first models came out well. Type 'yes' to go on with the other {left}:")
    handlers = {each: signal.signal(each, signal.default_int_handler) for each in STOP_SIGNALS}
    try:
        return sys.stdin.readline().strip().lower() in ("y", "yes")
    except KeyboardInterrupt:  # Another handler would have the line read on.
        return False
    finally:
        for each, handler in handlers.items():
            signal.signal(each, handler)
