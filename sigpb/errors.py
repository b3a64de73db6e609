"""The errors of sigpb: one base class, one subclass for each kind of failure.

Each kind carries the exit code of the command line. Messages are complete sentences for the
person at the shell: what is wrong, where, what exists instead, what to do next.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Sequence

from sigpb.visible_text import natural, visible_lines


class SigpbError(Exception):
    """Base class of every error that sigpb raises on purpose."""

    exit_code = 4

    @property
    def lines(self) -> tuple[str, ...]:
        """The message line by line; a line break in one of them is part of a name."""
        return (super().__str__() or type(self).__name__,)

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
    """A model is not run, since it touches files, other machines or code that are not its own."""

    exit_code = 2


class ModelUnreadable(SigpbError):
    """There is no SavedModel at the path, or its bytes cannot be understood.

    Attributes:
        is_located: Whether the message names the model.
    """

    exit_code = 3
    is_located = False


class EnvironmentFailure(SigpbError):
    """The file system, or something else around sigpb, failed or is in the way."""

    exit_code = 4


MOST_LISTED = 10
"""How many names a message lists, so that one of a signature with 150 inputs can be read."""

_CLOSE = 3
"""How many names that are close to a wrong one come before the others."""


def did_you_mean(
    wrong: str, known: Iterable[str], *, most: int = MOST_LISTED, listed_by: str = ""
) -> str:
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
        if isinstance(error, PatchError):
            error.problems = tuple(str(renamed(problem)) for problem in error.problems)
        raise


def listed(names: Sequence[str], limit: int = 5) -> str:
    """Writes names as ``'a', 'b' and 3 more``.

    Args:
        names: The names.
        limit: How many are written at most.
    """
    more = f" and {len(names) - limit} more" if len(names) > limit else ""
    return ", ".join(map(repr, names[:limit])) + more
