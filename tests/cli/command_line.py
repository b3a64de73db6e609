"""Runs the command line as a shell does, in this process or in one of its own."""

from __future__ import annotations

import contextlib
import io
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sigpb
from sigpb.cli.main import main

ENVIRONMENT = {**os.environ, "PYTHONPATH": str(Path(sigpb.__file__).parents[1])}


@dataclass(frozen=True)
class Outcome:
    """The exit code of a command, and what it printed."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


def run(*arguments: str | Path) -> Outcome:
    """Runs sigpb in this process."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = main([str(argument) for argument in arguments])
    return _checked(Outcome(code, out.getvalue(), err.getvalue()))


def run_process(
    *arguments: str | Path, environment: dict[str, str] | None = None, **options: Any
) -> Outcome:
    """Runs sigpb in a process of its own.

    Args:
        *arguments: The arguments of sigpb.
        environment: Variables to set.
        **options: More arguments of `subprocess.run`.
    """
    done = subprocess.run(
        [sys.executable, "-c", "from sigpb.cli.main import run; run()", *map(str, arguments)],
        env=ENVIRONMENT | (environment or {}),
        check=False,
        **{"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options},
    )
    out, err = ((stream or b"").decode(errors="replace") for stream in (done.stdout, done.stderr))
    return _checked(Outcome(done.returncode, out, err))


def _checked(outcome: Outcome) -> Outcome:
    # Whatever it is given, sigpb says what is wrong with that, and in lines of its own.
    assert "fault in sigpb" not in outcome.err, outcome.err
    assert all(line.startswith("sigpb: ") for line in outcome.err.splitlines()), outcome.err
    return outcome
