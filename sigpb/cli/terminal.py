"""Writing text out: with colours and a pager on a terminal, plainly anywhere else.

Everything that the commands print goes through here, so that no name of a model is more than a name
to a terminal. Text comes line by line: a line break inside a line is one inside a name.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterable, Iterator
from typing import IO, TYPE_CHECKING, Any

from sigpb.errors import EnvironmentFailure
from sigpb.visible_text import json_text, visible

if TYPE_CHECKING:
    from rich.console import RenderableType

    from sigpb.inspect.styled_text import Line

# Colours pass, what fits on one screen is not paged, and stays there: as git has it.
_LESS_OPTIONS = "FRX"

_WIDTH_OF_FILES = 80


def say(*lines: str) -> None:
    """Prints lines of text."""
    for line in lines:
        print(visible(line))


def warn(*lines: str) -> None:
    """Prints lines to the standard error, behind what was printed before."""
    with contextlib.suppress(OSError, ValueError, EnvironmentFailure):
        sys.stdout.flush()
    for line in lines:
        print(f"sigpb: {visible(line)}", file=sys.stderr)


def say_json(value: Any) -> None:
    """Prints a JSON value."""
    print(json_text(value))


def say_document(text: str) -> None:
    """Prints text with line breaks of its own, whose names `sigpb.visible_text` has written."""
    print(text, end="")


def say_table(table: RenderableType) -> None:
    """Prints a table that is drawn by `rich`; cells are visible text.

    It folds what is wider than the terminal, but for lines that say they are not to be wrapped.
    """
    from rich.console import Console

    console = Console(highlight=False)
    with console.capture() as text:  # rich would end the process itself if nobody reads on.
        console.print(table, crop=False)
    print(text.get(), end="")


def width() -> int:
    """Returns how many columns a line of the standard output has: 80 if that is no terminal."""
    import shutil

    if not sys.stdout.isatty():
        return _WIDTH_OF_FILES
    # What shutil asks itself is closed: the console script puts another stream in its place.
    size = shutil.get_terminal_size(fallback=os.get_terminal_size(sys.stdout.fileno()))
    return size.columns or _WIDTH_OF_FILES


def write(lines: Iterable[Line]) -> None:
    """Writes lines to the standard output, one by one: they may be many.

    A terminal gets them in colours, unless ``NO_COLOR`` is set, and through ``$PAGER`` or ``less``
    if there is one; ``PAGER=cat`` and an empty ``PAGER`` turn that off.
    """
    if not sys.stdout.isatty():
        from sigpb.inspect.styled_text import plain

        for styled in lines:
            print(plain(styled))
        return
    # Takes longer to import than most commands to run.
    from rich.console import Console
    from rich.text import Text

    with _pager() as out:
        console = Console(file=out, force_terminal=True, highlight=False, soft_wrap=True)
        for styled in lines:
            console.print(Text.assemble(*((visible(text), style) for text, style in styled)))


@contextlib.contextmanager
def _pager() -> Iterator[IO[str]]:
    """Opens the pager; what is written after the reader has left it goes nowhere."""
    import shlex
    import shutil
    import subprocess

    command = shlex.split(os.environ.get("PAGER", "less"))
    if not command or command == ["cat"] or not shutil.which(command[0]):
        yield sys.stdout
        return
    sys.stdout.flush()
    environment = {"LESS": _LESS_OPTIONS, **os.environ}
    pager = subprocess.Popen(
        command, stdin=subprocess.PIPE, env=environment, text=True, encoding="utf-8"
    )
    assert pager.stdin is not None
    try:
        with contextlib.suppress(BrokenPipeError), pager.stdin as out:
            yield out
    finally:
        pager.wait()
