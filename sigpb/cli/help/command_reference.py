"""What there is to say of a command: what it does, its flags in groups, and examples."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from absl import flags

from sigpb.cli.arguments import OUTPUT, PathParser
from sigpb.cli.help import layout
from sigpb.inspect.styled_text import Line, line

_OTHERS = "Flags"

# What absl says of numbers without bounds.
_ANY = ("a number", "an integer")
_VALUE = re.compile(r"([^\sa-z]+): (.*)", re.DOTALL)


@dataclass(frozen=True)
class FlagReference:
    """What there is to say of a flag.

    Attributes:
        name: Its name.
        short_name: Its name of one letter; empty if there is none.
        value: What its value is called, such as ``OLD=NEW`` or ``text|json``; empty of one that is
            on or off. One of those that has a value nevertheless need not have it.
        text: What it means.
        notes: The numbers that it takes, and its default.
        is_bool: Whether it is on or off.
        is_on: Whether it may have to be turned off.
        is_repeated: Whether it may be given several times.
    """

    name: str
    short_name: str
    value: str
    text: str
    notes: tuple[str, ...]
    is_bool: bool
    is_on: bool
    is_repeated: bool

    @property
    def usage(self) -> str:
        """How it is written."""
        short = f"-{self.short_name}, " if self.short_name else ""
        negation = "[no]" if self.is_on else ""
        value = f"={self.value}" if self.value else ""
        value = f"[{value}]" if value and self.is_bool else value
        return f"{short}--{negation}{self.name}{value}{'…' if self.is_repeated else ''}"

    @property
    def meaning(self) -> str:
        """What it means, with its notes."""
        return " ".join([self.text, *([f"[{'; '.join(self.notes)}]"] if self.notes else ())])


@dataclass(frozen=True)
class CommandReference:
    """What there is to say of a command.

    Attributes:
        name: Its name.
        summary: What it does, in a sentence.
        text: What else there is to know, in paragraphs.
        usage: How it is called, a command line each.
        groups: The titles and flags of groups.
        examples: Command lines, and what they do.
    """

    name: str
    summary: str
    text: str
    usage: tuple[str, ...]
    groups: tuple[tuple[str, tuple[FlagReference, ...]], ...]
    examples: tuple[tuple[str, str], ...]

    def lines(self, width: int) -> Iterator[Line]:
        """Yields it as text for a terminal.

        Args:
            width: The columns of a line.
        """
        yield from layout.paragraphs(self.summary, width)
        yield line("")
        yield layout.heading("Usage:")
        for each in self.usage:
            yield from map(line, layout.wrapped(each, width, "  ", "      "))
        if self.text:
            yield line("")
            yield from layout.paragraphs(self.text, width)
        if self.examples:
            yield line("")
            yield layout.heading("Examples:")
            yield from layout.examples(self.examples, width)
        usages = [each.usage for _, members in self.groups for each in members]
        column = layout.column_for(usages, width)
        for title, members in self.groups:
            yield line("")
            yield layout.heading(f"{title}:")
            found = ((each.usage, each.meaning) for each in members)
            yield from layout.terms(found, width, column)

    def markdown(self) -> str:
        """Returns it as a section of a page."""
        examples = "".join(f"# {words}\n{command}\n" for command, words in self.examples)
        parts = [
            f"## sigpb {self.name}",
            layout.as_markdown(self.summary),
            "```text\n" + "\n".join(self.usage) + "\n```",
            *([layout.as_markdown(self.text)] if self.text else ()),
            *([f"```console\n{examples}```"] if examples else ()),
        ]
        for title, members in self.groups:
            parts += [f"### {title}", flag_table(members)]
        return "\n\n".join(parts) + "\n"


def flag_table(members: Iterable[FlagReference]) -> str:
    """Returns flags with their meanings as a table of Markdown."""
    rows = (
        f"| `{_in_cell(each.usage)}` | {layout.as_markdown(each.meaning)} |" for each in members
    )
    return "\n".join(("| flag | meaning |", "|---|---|", *rows))


def _in_cell(code: str) -> str:
    return code.replace("|", r"\|")


def reference(name: str, module: ModuleType, values: flags.FlagValues) -> CommandReference:
    """Returns what there is to say of a command.

    Args:
        name: The command.
        module: Its module, see `sigpb.cli.commands`.
        values: The flags that are to be named.
    """
    summary, _, text = (module.__doc__ or "").strip().partition("\n")
    usage, _, notes = module.USAGE.strip().partition("\n\n")
    return CommandReference(
        name,
        summary,
        "\n\n".join(filter(None, (text.strip(), notes.strip()))),
        tuple(" ".join(each.split()) for each in re.split(r"\n(?=\S)", usage)),
        tuple(_groups(values)),
        tuple(getattr(module, "EXAMPLES", ())),
    )


def _groups(values: flags.FlagValues) -> Iterator[tuple[str, tuple[FlagReference, ...]]]:
    """Yields groups in the order in which they are defined, but what is printed comes last."""
    groups = dict(values.key_flags_by_module_dict())
    grouped = {flag.name for each in groups.values() for flag in each}
    left = [values[name] for name in values if name not in grouped and values[name].name == name]
    others = {_OTHERS: left} if left else {}
    output = {OUTPUT: groups.pop(OUTPUT)} if OUTPUT in groups else {}
    for title, members in {**others, **groups, **output}.items():
        yield title, tuple(map(flag_reference, members))


def flag_reference(flag: flags.Flag[Any]) -> FlagReference:
    """Returns what there is to say of a flag.

    The help of a flag may begin with what its value is called: ``KEY=DTYPE: casts an input``.
    """
    help_text = str(flag.help).partition(";\n    repeat this option")[0]
    if isinstance(flag, flags.EnumFlag):  # absl puts the values in front.
        value, text = "|".join(flag.parser.enum_values), help_text.partition(">: ")[2]
    elif match := _VALUE.fullmatch(help_text):
        value, text = match.groups()
        text = text[:1].upper() + text[1:]
    else:
        value, text = _value_of(flag), help_text
    notes = [
        *([said] if (said := _allowed(flag)) and (value or not flag.boolean) else ()),
        *([f"default: {said}"] if (said := _default_of(flag)) else ()),
    ]
    return FlagReference(
        flag.name,
        flag.short_name or "",
        value,
        text,
        tuple(notes),
        is_bool=bool(flag.boolean),
        is_on=bool(flag.boolean) and flag.default in (True, None),
        is_repeated=isinstance(flag, flags.MultiFlag),
    )


def _allowed(flag: flags.Flag[Any]) -> str:
    """Says which values a flag takes, of those that its spelling does not tell."""
    said = str(flag.parser.syntactic_help)
    return said if said not in _ANY and (_is_number(flag) or flag.boolean) else ""


def _is_number(flag: flags.Flag[Any]) -> bool:
    return isinstance(flag.parser, (flags.IntegerParser, flags.FloatParser))


def _value_of(flag: flags.Flag[Any]) -> str:
    if flag.boolean:
        return ""
    if _is_number(flag):
        return "N" if isinstance(flag.parser, flags.IntegerParser) else "NUMBER"
    if isinstance(flag.parser, PathParser):
        return "PATH"
    return "ITEM,…" if isinstance(flag.parser, flags.ListParser) else "TEXT"


def _default_of(flag: flags.Flag[Any]) -> str:
    if flag.boolean:
        return "on" if flag.default is True else ""
    if isinstance(flag.default, Sequence) and not isinstance(flag.default, str):
        return ", ".join(map(str, flag.default))
    return "" if flag.default is None else str(flag.default)
