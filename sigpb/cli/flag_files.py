"""Files of flags: ``--flagfile=FILE`` stands for the lines of the file, as absl has it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from sigpb.errors import EnvironmentFailure, UsageError
from sigpb.regular_files import read_text

_NAMES = ("--flagfile", "-flagfile")

_SEE = "See 'sigpb help flags'."


def expanded(arguments: Sequence[str]) -> list[str]:
    """Returns a command line with the lines of files in place of the flags that name them.

    Raises:
        UsageError: If there is no such file, if it is not text, or if it names itself.
        EnvironmentFailure: If it cannot be read.
    """
    return list(_expanded(arguments, ()))


def _expanded(arguments: Sequence[str], within: tuple[str, ...]) -> Iterator[str]:
    left = iter(arguments)
    for argument in left:
        name, separator, file = argument.partition("=")
        if argument == "--":
            yield argument
            yield from left
        elif name not in _NAMES:
            yield argument
        else:
            file = file if separator else next(left, "")
            if not file:
                raise UsageError(f"--flagfile: name the file, as in --flagfile=FILE. {_SEE}")
            yield from _expanded(_lines(str(Path(file).expanduser()), within), (*within, file))


def _lines(file: str, within: tuple[str, ...]) -> list[str]:
    if file in within:
        chain = " in ".join(reversed((*within, file)))
        raise UsageError(f"--flagfile={file}: the file names itself: {chain}. {_SEE}")
    try:
        text = read_text(file)
    except UnicodeDecodeError as error:
        raise UsageError(f"--flagfile={file}: not UTF-8 text: {error}. {_SEE}") from error
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise UsageError(f"--flagfile={file}: {reason}. {_SEE}") from error
    except OSError as error:
        raise EnvironmentFailure(f"--flagfile={file}: {error.strerror}.") from error
    lines = map(str.strip, text.splitlines())
    return [line for line in lines if line and not line.startswith(("#", "//"))]
