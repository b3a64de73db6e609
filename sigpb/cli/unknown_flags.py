"""What there is to say of flags that a command does not have."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence

from sigpb.cli.command_line import Command, command_names, name_of
from sigpb.cli.log_flags import general_flags


def explained(arguments: Sequence[str], command: Command) -> str:
    """Says of flags that there are no such ones, and which may be meant.

    Args:
        arguments: The flags as they are written.
        command: The command, which does not have them.
    """
    said = " ".join(_explained(argument, command) for argument in arguments)
    return f"{said} See 'sigpb {command.name} --help'."


def _explained(argument: str, command: Command) -> str:
    name = name_of(argument)
    written = argument.partition("=")[0]
    if " " in written:
        flag, _, value = argument.partition(" ")
        return f"There is no flag {written!r}; a flag and its value are joined: {flag}={value}."
    owners = [f"'sigpb {each}'" for each in command_names() if Command.named(each).flag_name(name)]
    said = f"There is no flag {written}"
    if owners:
        said = f"{written} is a flag of {', '.join(owners)} and not of 'sigpb {command.name}'"
    close = difflib.get_close_matches(name, list(_names(command)), n=1, cutoff=0.7)
    if not close:
        return f"{said}."
    meant = close[0].replace("_", "-") if "-" in written.lstrip("-") else close[0]
    return f"{said}; did you mean --{meant}?"


def _names(command: Command) -> Iterator[str]:
    for flag in (*map(command.values.__getitem__, command.values), *general_flags()):
        yield flag.name
        if flag.boolean:
            yield f"no{flag.name}"
