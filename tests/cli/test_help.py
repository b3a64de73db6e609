"""The help texts. ``SIGPB_REGENERATE_GOLDENS=1`` writes them to ``goldens/``."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.cli.command_line import run

GOLDENS = Path(__file__).with_name("goldens")
COMMANDS = ("apply", "diff", "graph", "infer", "invert", "lint", "patch", "plan", "show", "verify")
REGENERATE = "SIGPB_REGENERATE_GOLDENS" in os.environ


@pytest.mark.parametrize("command", ["", *COMMANDS])
def test_help(command: str) -> None:
    arguments = [*command.split(), "--help"]
    golden = GOLDENS / f"{command or 'sigpb'}.txt"

    outcome = run(*arguments)

    text = f"$ sigpb {' '.join(arguments)}\n{outcome.out}"
    if REGENERATE:
        golden.write_text(text, encoding="utf-8")
    assert text == golden.read_text(encoding="utf-8")
    assert (outcome.code, outcome.err) == (0, "")


@pytest.mark.parametrize("arguments", [["--help"], ["-h"], ["help"]])
def test_help_of_sigpb_lists_the_commands(arguments: list[str]) -> None:
    assert run(*arguments) == run("--help")
    assert "  patch      Patches " in run(*arguments).out
    assert "  show       Shows " in run(*arguments).out


@pytest.mark.parametrize("flag", ["--help", "-h", "-help", "--helpfull"])
def test_help_of_a_command_comes_before_anything_else(flag: str) -> None:
    assert run("patch", "no_such_model", "--no_such_flag", flag) == run("patch", "--help")


def test_help_names_every_flag_of_the_usage_line() -> None:
    text = run("patch", "--help").out
    usage, _, flags = text.partition("Flags:")

    named = {word.strip("[]()…").partition("=")[0] for word in usage.split() if "--" in word}
    listed = {line.split(":")[0].strip() for line in flags.splitlines() if "--" in line}

    assert named <= listed
