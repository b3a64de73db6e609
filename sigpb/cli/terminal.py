"""Writing text out: with colours and a pager on a terminal, plainly anywhere else."""

from __future__ import annotations

import contextlib
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator
from typing import IO

from sigpb.inspect.styled_text import Line, plain

# Colours pass, what fits on one screen is not paged, and stays there: as git has it.
_LESS_OPTIONS = "FRX"


def write(lines: Iterable[Line]) -> None:
    """Writes lines to the standard output, one by one: they may be many.

    A terminal gets them in colours, unless ``NO_COLOR`` is set, and through ``$PAGER`` or ``less``
    if there is one; ``PAGER=cat`` and an empty ``PAGER`` turn that off.
    """
    if not sys.stdout.isatty():
        for styled in lines:
            print(plain(styled))
        return
    # Takes longer to import than most commands to run.
    from rich.console import Console
    from rich.text import Text

    with _pager() as out:
        console = Console(file=out, force_terminal=True, highlight=False, soft_wrap=True)
        for styled in lines:
            console.print(Text.assemble(*styled), end="\n")


@contextlib.contextmanager
def _pager() -> Iterator[IO[str]]:
    """Opens the pager; what is written after the reader has left it goes nowhere."""
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
