"""What is shown for `sigpb help …`, and for ``--help`` and its like."""

from __future__ import annotations

import importlib
import io
from collections.abc import Iterable, Iterator, Sequence
from types import ModuleType
from typing import Any
from xml.etree import ElementTree

from absl import flags

from sigpb.cli import terminal
from sigpb.cli.command_line import (
    HELP_FLAGS,
    Command,
    command_names,
    help_flags,
    name_of,
    split_command,
)
from sigpb.cli.help import layout, overview, topics
from sigpb.cli.help.command_reference import (
    CommandReference,
    flag_reference,
    flag_table,
    reference,
)
from sigpb.cli.log_flags import general_flags
from sigpb.errors import UsageError, did_you_mean
from sigpb.inspect.styled_text import Line, line

_SEVERAL = "Flags with … may be given several times. "

_MORE = "'sigpb help flags' tells of --flagfile, of dashes in flags, and of logs with -v."


def show(arguments: Sequence[str]) -> None:
    """Prints what a command line asks to be told.

    Args:
        arguments: Nothing for the list of commands; ``help`` with a topic; or a command line with
            flags such as ``--help`` in it.

    Raises:
        UsageError: If there is no such command, or no such topic.
    """
    asked = help_flags(arguments)
    left = [each for each in arguments if name_of(each) not in HELP_FLAGS]
    if left[:1] == ["help"]:
        terminal.write(_on(left[1:], layout.usable(terminal.width())))
    elif "helpxml" in asked:
        terminal.say_document(_xml(_commands(left)))
    elif left:
        width = layout.usable(terminal.width())
        terminal.write(_command_lines(_commands(left), width, full="helpfull" in asked))
    else:
        terminal.write(_overview(layout.usable(terminal.width()), full="helpfull" in asked))


def references() -> Iterator[CommandReference]:
    """Yields what there is to say of all commands, sorted by their names."""
    for name in command_names():
        command = Command.named(name)
        yield reference(name, command.module, command.values)


def flag_page() -> str:
    """Returns what there is to say of all commands and their flags, as a page of Markdown."""
    general = f"## All commands\n\n{flag_table(map(flag_reference, general_flags()))}\n"
    return "\n".join(("# Flag reference\n", *(each.markdown() for each in references()), general))


def _commands(arguments: Sequence[str]) -> list[Command]:
    """Returns the command that a command line names, or all of them if it names none."""
    if all(each.startswith("-") for each in arguments):
        return [Command.named(name) for name in command_names()]
    return [split_command(arguments)[0]]


def _on(topic: Sequence[str], width: int) -> Iterator[Line]:
    """Yields what ``sigpb help`` says on a topic, which may have arguments of its own."""
    if not topic:
        return _overview(width, full=False)
    name, *more = topic[0].replace("_", "-"), *topic[1:]
    known = [each.name for each in overview.entries(topics)]
    if name in known:
        module = importlib.import_module(f"{topics.__name__}.{name.replace('-', '_')}")
        found: Iterator[Line] = module.lines(more, width)
        return found
    if name not in command_names() or more:
        names = [*command_names(), *known]
        raise UsageError(f"There is no help on {' '.join(topic)!r}; {did_you_mean(name, names)}.")
    return _command_lines([Command.named(name)], width, full=False)


def _overview(width: int, *, full: bool) -> Iterator[Line]:
    yield from overview.lines(width)
    if full:
        for command in map(Command.named, command_names()):
            yield line("")
            yield layout.heading(f"sigpb {command.name}".upper())
            yield from reference(command.name, command.module, command.values).lines(width)
        yield from _general_lines(width)


def _command_lines(found: Iterable[Command], width: int, *, full: bool) -> Iterator[Line]:
    said = [reference(each.name, each.module, each.values) for each in found]
    for each in said:
        yield from each.lines(width)
    if full:
        yield from _general_lines(width)
    else:
        yield line("")
        several = any(
            flag.is_repeated for each in said for _, group in each.groups for flag in group
        )
        yield from layout.paragraphs((_SEVERAL if several else "") + _MORE, width)


def _general_lines(width: int) -> Iterator[Line]:
    yield line("")
    yield layout.heading("Flags of all commands:")
    found = map(flag_reference, general_flags())
    yield from layout.terms(((each.usage, each.meaning) for each in found), width)


def _xml(found: Sequence[Command]) -> str:
    """Writes the flags of commands as absl does with ``--helpxml``."""
    root: ElementTree.Element | None = None
    for command in found:
        document = _document(command)
        if root is None:
            root = document
        else:
            root.extend(document.findall("flag"))
    assert root is not None
    is_one = len(found) == 1
    for name, text in (
        ("program", f"sigpb {found[0].name}" if is_one else "sigpb"),
        ("usage", found[0].module.USAGE if is_one else "sigpb COMMAND [ARGUMENTS] [--flags]"),
    ):
        element = root.find(name)
        assert element is not None
        element.text = text
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def _document(command: Command) -> ElementTree.Element:
    """Returns what absl writes, with the module of the command as the file of its flags."""
    values = flags.FlagValues()  # type: ignore[no-untyped-call]
    for flag in (*map(command.values.__getitem__, command.values), *general_flags()):
        _register(values, flag, command.module)
    text = io.StringIO()
    values.write_help_in_xml_format(text)
    return ElementTree.fromstring(text.getvalue())


def _register(values: flags.FlagValues, flag: flags.Flag[Any], module: ModuleType) -> None:
    if flag.name not in values:
        values[flag.name] = flag
        values.register_flag_by_module(module.__name__, flag)
