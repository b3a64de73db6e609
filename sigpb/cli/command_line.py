"""The command line as a command gets it: which command is meant, its flags and its arguments.

Flags are those of absl, but their names may be written with dashes, they may stand before the
command, and files of flags are read as all other files are.
"""

from __future__ import annotations

import importlib
import pkgutil
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from types import ModuleType

from absl import flags

from sigpb.cli import commands
from sigpb.errors import UsageError, did_you_mean

HELP_FLAGS = frozenset(("h", "?", "help", "helpshort", "helpfull", "helpxml", "version"))
"""The flags that have something printed in place of what a command does."""

COMPLETE = "__complete"
"""With this shells ask what may follow on a command line; no command is called so."""

# The flags of absl.logging, which is imported only if one of them is given.
_LOG_FLAGS = frozenset(
    (
        *("v", "verbosity", "logtostderr", "alsologtostderr"),
        *("log_dir", "stderrthreshold", "showprefixforinfo"),
    )
)

_OF_PYTHON = (
    (r"invalid literal for int\(\) with base 10: .*", "a whole number is expected"),
    (r"could not convert string to float: .*", "a number is expected"),
    (r"\('Non-boolean argument to boolean flag', .*\)", "true or false is expected"),
)


@dataclass(frozen=True)
class Command:
    """A command with its flags.

    Attributes:
        name: Its name.
        module: Its module, see `sigpb.cli.commands`.
        values: Its flags.
    """

    name: str
    module: ModuleType
    values: flags.FlagValues

    @classmethod
    def named(cls, name: str, arguments: Sequence[str] = ()) -> Command:
        """Returns the command of a name.

        Args:
            name: The name.
            arguments: The command line, which may have flags of `absl.logging`.

        Raises:
            UsageError: If there is no such command.
        """
        if name not in command_names():
            raise UsageError(_no_command(name))
        module = importlib.import_module(f"{commands.__name__}.{name}")
        values = flags.FlagValues()  # type: ignore[no-untyped-call]
        module.define_flags(values)
        values.set_gnu_getopt(True)
        if any(name_of(each) in _LOG_FLAGS for each in before_dashes(arguments)):
            from sigpb.cli.log_flags import define_log_flags

            define_log_flags(values)
        return cls(name, module, values)

    def parse(self, arguments: Sequence[str]) -> list[str]:
        """Gives the flags their values.

        Args:
            arguments: What the command line has besides the command, without files of flags.

        Returns:
            The arguments that are no flags.

        Raises:
            UsageError: If there is no such flag, or its value is none.
        """
        written, unknown = self._as_defined(arguments)
        if unknown:
            from sigpb.cli.unknown_flags import explained

            raise UsageError(explained(unknown, self))
        try:
            for flag in map(self.values.__getitem__, self.values):
                flag.allow_overwrite = False  # Of two values one would go without a word.
            positional = self.values([f"sigpb {self.name}", *written])[1:]
        except (flags.Error, ValueError) as error:
            raise UsageError(f"{_plainly(error)}. See 'sigpb {self.name} --help'.") from error
        if "" in positional[getattr(self.module, "TEXTS", 0) :]:
            raise UsageError(
                "An argument is empty, as it is if a variable of the shell is not set. Write . for "
                "the current directory."
            )
        return positional

    def takes_next(self, argument: str) -> bool:
        """Whether an argument is a flag whose value is the next argument."""
        written = name_of(argument)
        if "=" in argument or written == "undefok":
            return "=" not in argument
        return written in self.values and not self.values[written].boolean

    def flag_name(self, written: str) -> str | None:
        """Returns the name of a flag as absl takes it, with ``no`` before it if that is written.

        Args:
            written: What is written, with underscores.

        Returns:
            The name; None if the command has no such flag.
        """
        if written in self.values:
            return written
        bare = written.removeprefix("no").removeprefix("_")
        is_negated = written != bare and bare in self.values and self.values[bare].boolean
        return f"no{bare}" if is_negated else None

    def _as_defined(self, arguments: Sequence[str]) -> tuple[list[str], list[str]]:
        """Returns arguments with the names of flags as they are defined, and unknown flags."""
        found: list[str] = []
        unknown: list[str] = []
        ignored: set[str] = set()
        left = iter(arguments)
        for argument in left:
            written = name_of(argument)
            if argument == "--":
                found += (argument, *left)
            elif not written:
                found.append(argument)
            elif written == "undefok":
                listed = argument.partition("=")[2] if "=" in argument else next(left, "")
                names = {name_of(f"--{each.strip()}") for each in listed.split(",")}
                ignored |= names | {f"no{name}" for name in names}
            elif (name := self.flag_name(written)) is None:
                unknown.append(argument)
            else:
                dashes = argument[: len(argument) - len(argument.lstrip("-"))]
                _, separator, value = argument.partition("=")
                found.append(f"{dashes}{name}{separator}{value}")
                if self.takes_next(argument):
                    found += [each for each in [next(left, None)] if each is not None]
        return found, [each for each in unknown if name_of(each) not in ignored]


def help_flags(arguments: Sequence[str]) -> frozenset[str]:
    """Returns which of `HELP_FLAGS` are given."""
    return HELP_FLAGS & set(map(name_of, before_dashes(arguments)))


def _plainly(error: Exception) -> str:
    """Returns what absl says of a value, where that is Python's, in words for people."""
    text = str(error)
    for pattern, words in _OF_PYTHON:
        text = re.sub(pattern, words, text)
    return text


def command_names() -> list[str]:
    """Returns the names of all commands, sorted."""
    return sorted(module.name for module in pkgutil.iter_modules(commands.__path__))


def name_of(argument: str) -> str:
    """Returns the name of the flag that an argument is, with underscores; empty if it is none."""
    if not argument.startswith("-"):
        return ""
    return argument.partition("=")[0].lstrip("-").replace("-", "_")


def before_dashes(arguments: Sequence[str]) -> Iterator[str]:
    """Yields the arguments up to a ``--``."""
    for argument in arguments:
        if argument == "--":
            return
        yield argument


def split_command(arguments: Sequence[str]) -> tuple[Command, list[str]]:
    """Finds the command, which flags may stand before.

    Args:
        arguments: The command line.

    Returns:
        The command, and all other arguments.

    Raises:
        UsageError: If no command is named, or one that there is not.
    """
    if any(name_of(each) == "flagfile" for each in before_dashes(arguments)):
        from sigpb.cli.flag_files import expanded

        arguments = expanded(arguments)
    if not arguments[0].startswith("-"):
        return Command.named(arguments[0], arguments), list(arguments[1:])
    names = command_names()
    for index, argument in enumerate(before_dashes(arguments)):
        if argument in names:
            command = Command.named(argument, arguments)
            if _first_argument(command, arguments) == index:
                return command, [*arguments[:index], *arguments[index + 1 :]]
    named = [each for each in before_dashes(arguments) if not each.startswith("-")]
    if not named:
        raise UsageError("No command is named; 'sigpb help' lists the commands.")
    import difflib

    # Which arguments are values of flags is not known without a command.
    likeliest = max(named, key=lambda each: bool(difflib.get_close_matches(each, names)))
    raise UsageError(_no_command(likeliest))


def _no_command(name: str) -> str:
    known = did_you_mean(name, command_names(), listed_by="sigpb help")
    return f"There is no command {name!r}; {known}."


def _first_argument(command: Command, arguments: Sequence[str]) -> int:
    """Returns the place of the first argument that is neither a flag nor the value of one."""
    index = 0
    while index < len(arguments) and arguments[index].startswith("-"):
        index += 2 if command.takes_next(arguments[index]) else 1
    return index
