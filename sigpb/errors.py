"""The errors of sigpb: one base class, one subclass for each kind of failure.

Each kind carries the exit code of the command line. Messages are complete sentences for the
person at the shell: what is wrong, where, what exists instead, what to do next.
"""

from __future__ import annotations

import ast
import contextlib
import copyreg
import functools
import os
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import ParamSpec, TypeVar

from sigpb.visible_text import natural, visible_lines

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")


class SigpbError(Exception):
    """Base class of every error that sigpb raises on purpose. Errors can be pickled.

    Attributes:
        exit_code: What the command line exits with.
        path: The model, or the other file, that it is about: the path or URL as it was given. None
            where there is none.
    """

    exit_code: int = 4
    path: str | None = None

    @property
    def suggestions(self) -> tuple[str, ...]:
        """The names, of those there are, that may have been meant instead of a wrong one."""
        found = _MEANT.finditer("\n".join(self.lines))
        names = (name for each in found for name in _NAME.findall(each[1]))
        return tuple(dict.fromkeys(ast.literal_eval(name) for name in names))

    @property
    def lines(self) -> tuple[str, ...]:
        """The message line by line; a line break in one of them is part of a name."""
        return (super().__str__() or type(self).__name__,)

    def __reduce__(self) -> tuple[object, ...]:
        # Python's own calls __init__ with `args`, which are not always what that takes.
        return copyreg.__newobj__, (type(self), *self.args), self.__dict__  # type: ignore[attr-defined]

    def __str__(self) -> str:
        """Returns the message, with what cannot be seen in names spelled out."""
        return visible_lines(self.lines)


class UsageError(SigpbError):
    """The command line or the arguments of a call make no sense.

    Args:
        message: What makes no sense.
        usage: The command line that was expected, which may have several lines.
    """

    exit_code = 2

    def __init__(self, message: str, usage: str = "") -> None:
        super().__init__(message, usage)

    @property
    def usage(self) -> str:
        """The command line that was expected; empty if the error is about an argument of a call."""
        return str(self.args[1])

    @property
    def lines(self) -> tuple[str, ...]:
        """The message, and the usage line by line."""
        message, usage = self.args
        if not usage:
            return (message,)
        first, *more = usage.split("\n")
        return (f"{message} Usage: {first}", *more)


class PatchError(SigpbError):
    """A patch is malformed, contradicts itself or does not fit the model.

    Attributes:
        problems: Every problem found, one sentence or more each. Nothing was changed.
    """

    exit_code = 2

    def __init__(self, problems: str | Sequence[str]) -> None:
        self.problems = (problems,) if isinstance(problems, str) else tuple(problems)
        super().__init__(problems)

    @property
    def lines(self) -> tuple[str, ...]:
        """The problems."""
        return self.problems


class UnsafeModel(SigpbError):
    """A model is not run, since it touches files, other machines or code that are not its own.

    Attributes:
        ops: The ops that do so, as ``allow_ops`` names them.
    """

    exit_code = 2

    def __init__(self, message: str, ops: Iterable[str] = ()) -> None:
        self.ops = tuple(ops)
        super().__init__(message)


class ModelUnreadable(SigpbError):
    """There is no SavedModel at the path, or its bytes cannot be understood.

    The message names the model where `path` is set.
    """

    exit_code = 3


class EnvironmentFailure(SigpbError):
    """The file system, or something else around sigpb, failed or is in the way."""

    exit_code = 4


# What `did_you_mean` writes of the names that are close, and one of these.
_NAME = re.compile(r"""'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*\"""")
_MEANT = re.compile(
    rf"did you mean ((?:{_NAME.pattern})(?: or (?:{_NAME.pattern}))*)\?", re.IGNORECASE
)


MOST_LISTED = 10
"""How many names a message lists, so that one of a signature with 150 inputs can be read."""

_CLOSE = 3
"""How many names that are close to a wrong one come before the others."""


def did_you_mean(wrong: str, known: Iterable[str], *, most: int = 20, listed_by: str = "") -> str:
    """Says which known names are close to a wrong one, and which there are.

    Args:
        wrong: The name that nothing has.
        known: The names that there are.
        most: How many of them are written at most. Of more, those that are close come first.
        listed_by: The command that lists them all, such as ``sigpb show``.

    Returns:
        A clause that continues a sentence: ``did you mean 'image'? There are 'image', 'x'``.
    """
    import difflib  # here, because it is for those who mistype

    names = sorted(known, key=natural)
    if not names:
        return "there are none"
    lowered: dict[str, list[str]] = {}
    for name in names:
        lowered.setdefault(name.lower(), []).append(name)
    matches = difflib.get_close_matches(wrong.lower(), lowered, n=_CLOSE, cutoff=0.6)
    close = [name for match in matches for name in lowered[match]][:_CLOSE]
    if len(names) > most:
        names = [*close, *(name for name in names if name not in close)]
    there = f"there are {listed(names, most)}"
    if len(names) > most and listed_by:
        there += f"; '{listed_by}' lists them"
    return f"did you mean {close[0]!r}? {there[0].upper()}{there[1:]}" if close else there


@contextlib.contextmanager
def renamed_in_errors(directory: str, name: str) -> Iterator[None]:
    """Has errors name something instead of the temporary directory in which it is looked at."""

    def renamed(value: object) -> object:
        return value.replace(directory, name) if isinstance(value, str) else value

    try:
        yield
    except SigpbError as error:
        error.args = tuple(map(renamed, error.args))
        error.path = error.path and str(renamed(error.path))
        if isinstance(error, PatchError):
            error.problems = tuple(str(renamed(problem)) for problem in error.problems)
        raise


def with_path(function: Callable[Parameters, Result]) -> Callable[Parameters, Result]:
    """Has the errors of a function tell which model they are about: its first argument.

    What was raised for another file, such as that of the patch, says so already.
    """

    @functools.wraps(function)
    def located(*args: Parameters.args, **kwargs: Parameters.kwargs) -> Result:
        try:
            return function(*args, **kwargs)
        except SigpbError as error:
            if error.path is None:
                import inspect  # here, because it is for errors

                given = inspect.signature(function).bind(*args, **kwargs).arguments
                error.path = os.fspath(next(iter(given.values())))
            raise

    return located


def listed(names: Sequence[str], limit: int = 5) -> str:
    """Writes names as ``'a', 'b' and 3 more``.

    Args:
        names: The names.
        limit: How many are written at most.
    """
    more = f" and {len(names) - limit} more" if len(names) > limit else ""
    return ", ".join(map(repr, names[:limit])) + more
