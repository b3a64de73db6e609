"""Running sigpb on a damaged model, and what has to be true of every run."""

from __future__ import annotations

import contextlib
import io
import json
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from sigpb.cli.main import main, run_command

EXECUTIONS: Counter[str] = Counter()
"""How often each command was run."""

_EXIT_CODES = range(5)


class Failure(Exception):
    """Something that has to be true is not."""


@dataclass(frozen=True)
class Outcome:
    """The exit code of a command, and what it printed."""

    code: int
    out: str
    err: str


def run(*arguments: str) -> Outcome:
    """Runs sigpb in this process.

    Raises:
        Failure: sigpb fails, or what it prints is not its own, or cannot be seen.
    """
    EXECUTIONS[arguments[0]] += 1
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = main(arguments)
    printed, said = out.getvalue(), err.getvalue()
    if "fault in sigpb" in f"{printed}{said}":
        raise Failure(_about(arguments, f"{printed}{said}")) from _cause(arguments)
    if code not in _EXIT_CODES:
        raise Failure(_about(arguments, f"exit code {code}"))
    for line in f"{printed}\n{said}".split("\n"):
        if not line.isprintable():
            raise Failure(_about(arguments, f"prints {line!r}"))
    if any(not line.startswith("sigpb: ") for line in said.splitlines()):
        raise Failure(_about(arguments, f"says {said!r}"))
    is_json = "--format=json" in arguments and not any("--output=" in each for each in arguments)
    if is_json and (printed or code < 2):
        _require_json(arguments, printed)
    return Outcome(code, printed, said)


def refused_cleanly(directory: Path, *arguments: str) -> bool:
    """Runs sigpb, and makes sure that nothing in a directory changes if it refuses.

    Returns:
        Whether it did what it was asked for.
    """
    before = contents(directory)
    outcome = run(*arguments)
    if outcome.code and contents(directory) != before:
        raise Failure(_about(arguments, f"{outcome}, but files have changed"))
    return outcome.code == 0


def contents(directory: Path) -> dict[str, bytes]:
    """Returns the bytes of all files below a directory; an empty directory has a slash."""
    found = {}
    for path in directory.rglob("*"):
        name = str(path.relative_to(directory))
        if path.is_file():
            found[name] = path.read_bytes()
        else:
            found[f"{name}/"] = b""
    return found


@contextlib.contextmanager
def inside(directory: Path) -> Iterator[None]:
    """Makes a directory the current one, to which relative paths lead."""
    previous = Path.cwd()
    os.chdir(directory)
    try:
        yield
    finally:
        os.chdir(previous)


def _require_json(arguments: Sequence[str], printed: str) -> None:
    try:
        json.loads(printed, parse_constant=_no_constant)
    except ValueError as error:
        raise Failure(_about(arguments, f"prints no JSON: {error}")) from error


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is none of its numbers")


def _about(arguments: Sequence[str], what: str) -> str:
    return f"{' '.join(map(repr, arguments))}: {what}"


def _cause(arguments: Sequence[str]) -> Exception | None:
    """Runs sigpb again, and returns what it ends with before that is put into words."""
    silent = io.StringIO()
    try:
        with contextlib.redirect_stdout(silent), contextlib.redirect_stderr(silent):
            run_command(list(arguments))
    except Exception as error:
        return error
    return None
