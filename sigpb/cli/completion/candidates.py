"""What may follow on a command line."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from absl import flags

from sigpb.cli.arguments import PathParser, parse_tags
from sigpb.cli.command_line import Command, name_of, split_command
from sigpb.cli.completion.model_names import ModelNames
from sigpb.cli.help.command_reference import flag_reference
from sigpb.tf.serving import DEFAULT_SIGNATURE
from sigpb.visible_text import natural

if TYPE_CHECKING:
    from sigpb.rewrite.port import Side

_GENERAL = ("--help", "--version")
# Flags whose value begins with a key that the model is to get.
_NEW_KEY = re.compile(r"(add|create)_|signature_from|output_from_")
_SIDES: tuple[Side, ...] = ("input", "output")
_KEYS = ("KEY", "OLD", "SOURCE")


class Candidate(NamedTuple):
    """A word that may follow; behind one that ends in ``=`` or ``/`` it goes on.

    Attributes:
        text: The whole word.
        meaning: What shells show beside it; it may be empty.
    """

    text: str
    meaning: str = ""


def candidates(words: Sequence[str]) -> list[Candidate]:
    """Returns what the last word of a command line may become.

    Args:
        words: The words after ``sigpb``, without quotes; the last one is not complete.

    Raises:
        SigpbError: If the line, or the model on it, cannot be read.
        OSError: If a file cannot be.
    """
    *before, current = words
    if before[:1] == ["help"]:
        found: Iterable[Candidate] = _topics(before[1:])
    elif all(each.startswith("-") for each in before):
        names = _GENERAL if current.startswith("-") else ()
        found = [*map(Candidate, names), *([] if names else _commands())]
    else:
        command, arguments = split_command(before)
        found = _Line.of(command, arguments).candidates(current)
    return [each for each in found if each.text.startswith(current) and each.text.isprintable()]


def _commands() -> list[Candidate]:
    from sigpb.cli import commands
    from sigpb.cli.help.overview import entries

    return [Candidate("help", "Shows help on a command or a topic."), *_entries(entries(commands))]


def _topics(before: Sequence[str]) -> list[Candidate]:
    if not before:
        from sigpb.cli.help import topics
        from sigpb.cli.help.overview import entries

        return [*_commands()[1:], *_entries(entries(topics))]
    if before[0] == "steps":
        return _steps(ending="")
    return []


def _entries(found: Iterable[Any]) -> Iterator[Candidate]:
    return (Candidate(each.name, each.summary) for each in found)


def _steps(ending: str) -> list[Candidate]:
    from sigpb.steps import step_types

    return [
        Candidate(f"{name}{ending}", (kind.__doc__ or "").partition("\n")[0])
        for name, kind in sorted(step_types().items())
    ]


@dataclass(frozen=True)
class _Line:
    """A command line without its last word.

    Attributes:
        command: The command.
        given: The flags that have a value, with it; of those that are on or off, None.
        open: The name of a flag whose value the last word is; None if it is none.
        positional: The arguments that are no flags.
    """

    command: Command
    given: dict[str, str | None]
    open: str | None
    positional: tuple[str, ...]

    @classmethod
    def of(cls, command: Command, arguments: Sequence[str]) -> _Line:
        given: dict[str, str | None] = {}
        positional: list[str] = []
        opened = None
        left = iter(arguments)
        for argument in left:
            name = name_of(argument)
            if not name:
                positional += [argument] if argument != "--" else []
            elif command.takes_next(argument):
                given[name] = next(left, None)
                opened = name if given[name] is None else None
            else:
                _, separator, value = argument.partition("=")
                given[name] = value if separator else None
        return cls(command, given, opened, tuple(positional))

    def candidates(self, current: str) -> Iterable[Candidate]:
        """Returns what the last word may become."""
        if self.open is not None:
            return self._values(self.open, current)
        if not current.startswith("-"):
            return self._arguments(current)
        head, separator, value = current.partition("=")
        if not separator:
            return self._flags(current)
        return (
            Candidate(f"{head}={text}", meaning)
            for text, meaning in self._values(name_of(head), value)
        )

    def _flags(self, current: str) -> Iterator[Candidate]:
        """Yields the flags that may be given, spelled with dashes if the word has one."""
        values = self.command.values
        is_dashed = "-" in current[2:]
        for name in values:
            flag = values[name]
            if name in self.given and not isinstance(flag, flags.MultiFlag):
                continue
            spelled = name.replace("_", "-") if is_dashed else name
            meaning = flag_reference(flag).text
            yield Candidate(f"--{spelled}{'' if flag.boolean else '='}", meaning)
            if flag.boolean and current.startswith("--no"):
                yield Candidate(f"--no{spelled}", f"Not: {meaning}")
        yield Candidate("--help", "Tells of the command.")

    def _values(self, name: str, current: str) -> Iterable[Candidate]:
        """Returns what the value of a flag may become."""
        if name not in self.command.values:
            return _paths(current) if name == "flagfile" else ()
        flag = self.command.values[name]
        if isinstance(flag.parser, flags.EnumParser):
            return map(Candidate, flag.parser.enum_values)
        if flag.boolean:
            return map(Candidate, ("true", "false"))
        if isinstance(flag.parser, PathParser):
            return _paths(current)
        return self._values_of_form(name, flag_reference(flag).value, current)

    def _values_of_form(self, name: str, form: str, current: str) -> Iterable[Candidate]:
        """Returns the same for a flag whose value is of a form such as ``KEY=DTYPE``."""
        first, _, second = form.partition("=")
        key = re.match(r'(?:"(?:[^"\\]|\\.)*"|(?:[^=\\]|\\.)*)=', current)
        if second and key:
            rest = current[key.end() :]
            return (Candidate(key[0] + text, said) for text, said in self._seconds(second, rest))
        if first.startswith("TAG") or name == "tag_set":
            return map(Candidate, self._model().tag_sets())
        if name == "signature_def":
            first, name = "KEY", "signature"
        if first not in _KEYS or _NEW_KEY.match(name):
            return ()
        ending = "=" if second else ""
        return (Candidate(f"{_escaped(each)}{ending}") for each in self._keys(name))

    def _seconds(self, form: str, current: str) -> Iterable[Candidate]:
        """Returns what the part of a value behind the key may become."""
        if form == "DTYPE":
            from sigpb.tf.tensor_types import dtype_names

            return map(Candidate, sorted(dtype_names(), key=natural))
        if form == "STEP":
            return _steps(ending="(") if "(" not in current else ()
        if form in ("INPUT", "OUTPUT"):
            return map(Candidate, self._endpoints("input" if form == "INPUT" else "output"))
        return ()

    def _keys(self, name: str) -> list[str]:
        """Returns the keys of what a flag is for, by the words of its name."""
        words = name.split("_")
        if "signature" in words:
            return self._model().signatures()
        return [key for side in _SIDES if side in words for key in self._endpoints(side)]

    def _endpoints(self, side: Side) -> list[str]:
        signature = self.given.get("signature") or self.given.get("signature_def")
        return self._model().endpoints(side, signature or DEFAULT_SIGNATURE)

    def _model(self) -> ModelNames:
        tags = self.given.get("tags") or self.given.get("tag_set")
        path = next(iter(self.positional), self.given.get("dir")) or ""
        return ModelNames(path, None if tags is None else parse_tags(tags))

    def _arguments(self, current: str) -> Iterable[Candidate]:
        """Returns what an argument that is no flag may become."""
        if self.command.name == "completion":
            return map(Candidate, getattr(self.command.module, "SHELLS", ()))
        if self.command.name == "trace" and len(self.positional) == 1:
            return [Candidate(key) for side in _SIDES for key in self._endpoints(side)]
        return _paths(current)


def _paths(current: str) -> Iterator[Candidate]:
    """Yields the files and directories that begin like a path."""
    folder, base = os.path.split(current)
    written = current[: len(current) - len(base)]
    with os.scandir(Path(folder).expanduser()) as found:
        entries = sorted(found, key=lambda entry: natural(entry.name))
    for entry in entries:
        if entry.name.startswith(base) and (base or not entry.name.startswith(".")):
            yield Candidate(f"{written}{entry.name}{'/' if entry.is_dir() else ''}")


def _escaped(key: str) -> str:
    r"""Returns a key as flags take it: with ``\`` before what is not a part of keys elsewhere."""
    escaped = re.sub(r'[=,\\"]', lambda match: f"\\{match[0]}", key)
    return f'"{key}"' if escaped == key and key.startswith("re:") else escaped
