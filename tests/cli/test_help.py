"""The help texts. ``SIGPB_REGENERATE_GOLDENS=1`` writes them to ``goldens/``."""

from __future__ import annotations

import os
import pkgutil
import re
from pathlib import Path
from xml.etree import ElementTree

import pytest
from absl import flags

from sigpb.cli import commands
from sigpb.cli.arguments import define_path
from sigpb.cli.command_line import Command
from sigpb.cli.help import command_reference, layout, overview, pages, topics
from sigpb.inspect.styled_text import plain
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


@pytest.mark.parametrize("arguments", [["-h"], ["-help"], ["--helpshort"], ["help"]])
def test_help_of_sigpb_lists_the_commands(arguments: list[str]) -> None:
    assert run(*arguments) == run("--help")
    assert "\nPatch a model:\n" in run(*arguments).out
    assert "  patch        Patches " in run(*arguments).out
    assert "  show         Shows " in run(*arguments).out


def test_every_command_and_topic_has_its_place() -> None:
    assert {each.task for each in overview.entries(commands)} <= set(overview.TASKS)
    assert all(each.summary.endswith(".") for each in overview.entries(topics))


@pytest.mark.parametrize("flag", ["--help", "-h", "-help", "-?", "--helpshort"])
def test_help_of_a_command_comes_before_anything_else(flag: str) -> None:
    assert run("patch", "no_such_model", "--no_such_flag", flag) == run("patch", "--help")
    assert run("--dry-run", flag, "patch") == run("patch", "--help")
    assert run("grep", "--", flag).code == 2


def test_full_help_has_the_flags_of_all_commands_too() -> None:
    short, full = run("show", "--help").out, run("show", "--helpfull").out
    assert full.startswith(short.rpartition("\n\n")[0])
    assert "--alsologtostderr" in full
    assert "--alsologtostderr" not in short
    assert "\n\n'sigpb help flags' tells of --flagfile, of dashes in flags, " in short
    assert "\n\nFlags with … may be given several times. " in run("patch", "--help").out
    assert "-v, --verbosity=N" in full


def test_full_help_of_sigpb_has_all_commands() -> None:
    full = run("--helpfull").out
    assert full.startswith(run("--help").out)
    for command in COMMANDS:
        text, _, _ = run(command, "--help").out.rpartition("\n\n")
        assert f"\nSIGPB {command.upper()}\n{text}\n" in full


def test_xml_is_that_of_absl() -> None:
    root = ElementTree.fromstring(run("size", "--helpxml").out)
    assert root.tag == "AllFlags"
    assert root.findtext("program") == "sigpb size"
    assert (root.findtext("usage") or "").startswith("sigpb size PATH")
    (by,) = (flag for flag in root.findall("flag") if flag.findtext("name") == "by")
    assert by.findtext("file") == "sigpb.cli.commands.size"
    assert (by.findtext("default"), by.findtext("type")) == ("section", "string enum")
    values = [value.text for value in by.findall("enum_value")]
    assert values == ["section", "op", "function", "scope", "node"]
    assert "verbosity" in [flag.findtext("name") for flag in root.findall("flag")]


def test_xml_of_all_commands() -> None:
    root = ElementTree.fromstring(run("--helpxml").out)
    files = {flag.findtext("file") for flag in root.findall("flag")}
    assert files >= {f"sigpb.cli.commands.{command}" for command in COMMANDS}


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_three_examples(command: str) -> None:
    found = Command.named(command)
    assert len(found.module.EXAMPLES) == 3
    text = run(command, "--help").out
    for line, words in found.module.EXAMPLES:
        assert line.startswith(f"sigpb {command} ")
        assert words.endswith(".")
        assert f"\n  # {words}\n" in text


@pytest.mark.parametrize("command", COMMANDS)
def test_every_flag_is_explained(command: str) -> None:
    values = Command.named(command).values
    text = run(command, "--help").out
    _, _, listed = text.rpartition("\nExamples:\n")
    for name in {values[name].name for name in values}:
        assert len(re.findall(rf"^  (?:-\w, )?--(?:\[no\])?{name}\b", listed, re.MULTILINE)) == 1
    usage, _, _ = text.partition("\nUsage:\n")[2].partition("\n\n")
    named = {re.sub(r"\W.*", "", word) for word in re.findall(r"--([a-z]\S*)", usage)}
    assert {name.removeprefix("no") for name in named} <= {*values, "OPTION"}


@pytest.mark.parametrize("columns", [40, 60, 100, 200])
def test_fits_the_terminal(columns: int) -> None:
    for command in map(Command.named, COMMANDS):
        found = command_reference.reference(command.name, command.module, command.values)
        for line in map(plain, found.lines(layout.usable(columns))):
            assert len(line) <= columns or " " not in line.strip(" \\#"), line
    for line in map(plain, overview.lines(layout.usable(columns))):
        assert len(line) <= columns


def test_flag_reference() -> None:
    values = flags.FlagValues()  # type: ignore[no-untyped-call]
    flags.DEFINE_multi_string("rename", [], "OLD=NEW: renames it.", flag_values=values)
    flags.DEFINE_bool("backup", True, "Keep the files.", short_name="b", flag_values=values)
    flags.DEFINE_integer("limit", 30, "How many.", lower_bound=0, flag_values=values)
    flags.DEFINE_enum("by", "op", ["op", "node"], "What to sum up.", flag_values=values)
    define_path("output", "Where to.", values)
    found = {name: command_reference.flag_reference(values[name]) for name in values}
    assert {name: (each.usage, each.meaning) for name, each in found.items()} == {
        "rename": ("--rename=OLD=NEW…", "Renames it."),
        "backup": ("-b, --[no]backup", "Keep the files. [default: on]"),
        "b": ("-b, --[no]backup", "Keep the files. [default: on]"),
        "limit": ("--limit=N", "How many. [a non-negative integer; default: 30]"),
        "by": ("--by=op|node", "What to sum up. [default: op]"),
        "output": ("--output=PATH", "Where to."),
    }


def test_page_of_flags() -> None:
    page = pages.flag_page()
    assert page.startswith("# Flag reference\n\n## sigpb apply\n")
    assert [line[9:] for line in page.splitlines() if line.startswith("## sigpb ")] == COMMANDS
    assert "| `--drop_output=KEY…` | Removes an output from the signature. |\n" in page
    assert "| `--by=section\\|op\\|function\\|scope\\|node` | " in page


def test_help_on_a_command() -> None:
    assert run("help", "show") == run("show", "--help")


def test_help_on_steps() -> None:
    outcome = run("help", "steps")
    assert (outcome.code, outcome.err) == (0, "")
    assert outcome.out.startswith(
        "Steps are what happens to a value between a client and the model"
    )
    for step in references():
        assert f"\n\n{step.usage}\n  " in outcome.out


def test_help_on_a_topic_in_another_spelling() -> None:
    assert run("help", "exit_codes") == run("help", "exit-codes")


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
    to, a string: The name of the dtype wanted.
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
