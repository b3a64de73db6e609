"""The scripts, run by the shells that there are."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.command_line import ENVIRONMENT, run

MODEL = Path(__file__).parents[3] / "proto_fixtures" / "tf2_many"

# Calls the function for the line, as a shell does for Tab, and prints what it proposes.
_DRIVERS = {
    "bash": r"""
        COMP_WORDBREAKS=$' \t\n"\'><=;|&(:'
        for COMP_LINE in "$@"; do
            COMP_POINT=${#COMP_LINE}
            _sigpb
            (IFS=' '; echo "${COMPREPLY[*]}")
        done""",
    "zsh": r"""
        compadd() { print -rn -- "${(P@)@[-1]} " }
        for line in "$@"; do
            words=(${(z)line}) CURRENT=$#words PREFIX=$words[-1]
            _sigpb
            print
        done""",
    "fish": r"""
        for line in $argv
            echo (complete -C $line | string replace -r '\t.*' '')
        end""",
}
_BEFORE = {"zsh": "compdef() { : }\n"}


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with the sigpb that is tested."""
    directory = tmp_path_factory.mktemp("bin")
    program = directory / "sigpb"
    call = "from sigpb.cli.main import run; run()"
    program.write_text(f"#!/bin/sh\nexec {shlex.quote(sys.executable)} -c '{call}' \"$@\"\n")
    program.chmod(0o755)
    return directory


@pytest.mark.parametrize("shell", _DRIVERS)
def test_what_a_shell_proposes(programs: Path, shell: str) -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"there is no {shell}")
    script = f"{_BEFORE.get(shell, '')}{run('completion', shell).out}\n{_DRIVERS[shell]}"
    options = {"bash": ["--norc"], "zsh": ["-f"], "fish": ["--no-config"]}[shell]
    separator = [] if shell == "fish" else [shell]
    done = subprocess.run(
        [
            *(shell, *options, "-c", script, *separator),
            *("sigpb pat", f"sigpb patch {MODEL} --rename_input="),
            *(f"sigpb plan {MODEL} --input-dtype=a=ui", "sigpb show /no/such/place/"),
        ],
        env={**ENVIRONMENT, "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=True,
    )
    commands, keys, dtypes, nothing = done.stdout.splitlines()
    start, dashed = ("", "") if shell == "bash" else ("--rename_input=", "--input-dtype=a=")
    assert commands.split() == ["patch"]
    assert keys.split() == [f"{start}{key}=" for key in "abcd"]
    assert dtypes.split() == [f"{dashed}uint{bits}" for bits in (2, 4, 8, 16, 32, 64)]
    assert (nothing.strip(), done.stderr) == ("", "")


def test_refused() -> None:
    assert "did you mean 'bash'? There are 'bash', 'fish', 'zsh'." in run("completion", "bsh").err
    assert run("completion").code == 2
