"""What `sigpb help` says: the commands by what they are for, and where to read on."""

from __future__ import annotations

import ast
import pkgutil
from collections.abc import Iterator
from dataclasses import dataclass
from types import ModuleType

from sigpb.cli import commands
from sigpb.cli.help import layout, topics
from sigpb.inspect.styled_text import Line, Span, line

TASKS = (
    "Look at a model",
    "Patch a model",
    "Patch a repository of models",
    "Compose models",
    "Check models",
    "Write patches",
    "Look into files, and save damaged ones",
    "Set up the shell",
)
"""What commands are for, in the order of the list; others follow."""

_OTHER_TASK = "More"

_COLUMN = 15  # Where all summaries begin.

_SUMMARY = "sigpb patches and shows the signatures of TensorFlow SavedModels, without TensorFlow."

_USAGE = "sigpb COMMAND [ARGUMENTS] [--flags]"

_FIRST_STEPS = (
    ("sigpb show MODEL", "See what a model takes and returns."),
    ("sigpb patch MODEL --rename_input=x=image --dry_run", "See what a patch would do."),
    ("sigpb patch MODEL --rename_input=x=image --in_place", "Do it, and keep a backup."),
)

_EXIT_CODES = (
    "Exit codes: 0 done, 1 the answer is no, 2 refused, 3 the model cannot be read, 4 the "
    "environment."
)


@dataclass(frozen=True)
class Entry:
    """A command or a topic in the list.

    Attributes:
        name: Its name.
        summary: What it does, or is about, in a sentence.
        task: What it is for.
    """

    name: str
    summary: str
    task: str


def entries(package: ModuleType) -> Iterator[Entry]:
    """Yields the modules of a package without importing them, sorted by their names."""
    for module in sorted(pkgutil.iter_modules(package.__path__)):
        tree = ast.parse(pkgutil.get_data(package.__name__, f"{module.name}.py") or b"")
        summary = (ast.get_docstring(tree) or "").partition("\n")[0]
        constants = {
            target.id: node.value.value
            for node in tree.body
            if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)
            for target in node.targets
            if isinstance(target, ast.Name)
        }
        task = str(constants.get("TASK", _OTHER_TASK))
        yield Entry(module.name.replace("_", "-"), summary, task)


def lines(width: int) -> Iterator[Line]:
    """Yields the text.

    Args:
        width: The columns of a line.
    """
    yield from layout.paragraphs(_SUMMARY, width)
    yield line("")
    yield line("  ", Span(_USAGE, "cyan"))
    yield line("")
    yield from layout.examples(_FIRST_STEPS, width)
    found = list(entries(commands))
    for task in dict.fromkeys((*TASKS, *(each.task for each in found))):
        yield from _section(task, [each for each in found if each.task == task], width)
    yield from _section("Read on with 'sigpb help'", [_COMMAND, *entries(topics)], width)
    yield line("")
    yield from layout.paragraphs(_EXIT_CODES, width)


_COMMAND = Entry("COMMAND", "What a command does, its flags, and examples.", "")


def _section(title: str, found: list[Entry], width: int) -> Iterator[Line]:
    if found:
        yield line("")
        yield layout.heading(f"{title}:")
        items = ((each.name, each.summary) for each in found)
        yield from layout.terms(items, width, _COLUMN)
