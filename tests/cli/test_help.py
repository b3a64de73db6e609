"""The help texts. ``SIGPB_REGENERATE_GOLDENS=1`` writes them to ``goldens/``."""

from __future__ import annotations

import os
import pkgutil
from pathlib import Path

import pytest

from sigpb.cli import commands
from sigpb.steps.reference import references
from tests.cli.command_line import run

GOLDENS = Path(__file__).with_name("goldens")
COMMANDS = sorted(module.name for module in pkgutil.iter_modules(commands.__path__))
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


def test_help_on_a_command() -> None:
    assert run("help", "show") == run("show", "--help")


def test_help_on_steps() -> None:
    outcome = run("help", "steps")
    assert (outcome.code, outcome.err) == (0, "")
    assert outcome.out.startswith(
        "Steps are what happens to a value between a client and the model"
    )
    for step in references():
        assert f"\n\n{step.plain()}\n" in outcome.out


def test_help_on_some_steps() -> None:
    outcome = run("help", "steps", "threshold", "cast")
    assert (outcome.code, outcome.err) == (0, "")
    assert (
        outcome.out
        == """threshold(value)
  The op GreaterEqual: whether each element is at least some value.
    value, a number: The value, which is rounded to the dtype of the elements.
    For example: float32 [?,3] → threshold(0.5) → bool [?,3]

cast(to)
  The op Cast.
    to, a text: The name of the dtype wanted.
    For example: uint8 [?,224,224,3] → cast('float32') → float32 [?,224,224,3]
"""
    )


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["step"], "There is no help on 'step'; did you mean 'steps'?"),
        (["show", "steps"], "There is no help on 'show steps'; "),
        (["steps", "skale"], "There is no step 'skale'; did you mean 'scale'?"),
    ],
)
def test_help_on_what_there_is_not(arguments: list[str], said: str) -> None:
    outcome = run("help", *arguments)
    assert (outcome.code, outcome.out) == (2, "")
    assert said in outcome.err
