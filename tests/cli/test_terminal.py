from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios

import pytest
from rich.console import Group
from rich.text import Text

from sigpb.cli import terminal
from sigpb.inspect.styled_text import Span, line
from tests.cli.command_line import ENVIRONMENT

CODE = """
from sigpb.cli import terminal
from sigpb.inspect.styled_text import Span, line
terminal.write(line(Span(f"line {n}", "bold red"), " of [many]") for n in range(COUNT))
"""


def on_terminal(
    count: int = 2, code: str = CODE, columns: int | None = None, **environment: str
) -> str:
    """What a terminal is sent by a process that writes lines to it, or runs other code."""
    ours, theirs = pty.openpty()
    if columns is not None:
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
    process = subprocess.Popen(
        [sys.executable, "-c", code.replace("COUNT", str(count))],
        stdout=theirs,
        stderr=theirs,
        stdin=theirs,
        env={"TERM": "xterm", **ENVIRONMENT, **environment},
    )
    os.close(theirs)
    received = b""
    while True:
        try:
            part = os.read(ours, 4096)
        except OSError:  # Linux says so when the last writer has gone.
            break
        if not part:
            break
        received += part
    os.close(ours)
    assert process.wait() == 0
    return received.decode()


def test_a_pipe_gets_plain_text(capsys: pytest.CaptureFixture[str]) -> None:
    terminal.write([line("a ", Span("[b]", "bold")), line()])

    assert capsys.readouterr().out == "a [b]\n\n"


def test_a_terminal_gets_colours() -> None:
    assert "\x1b[1;31mline 1\x1b[0m of [many]\r\n" in on_terminal(PAGER="", NO_COLOR="")


@pytest.mark.parametrize(("columns", "expected"), [(60, 60), (0, 80)])
def test_help_is_as_wide_as_the_terminal(columns: int, expected: int) -> None:
    code = "import sys; sys.argv = ['sigpb', 'help', 'exit-codes']; "
    code += "from sigpb.cli.main import run; run()"
    text = on_terminal(code=code, columns=columns, COLUMNS="", PAGER="cat", NO_COLOR="1")
    lines = re.sub("\x1b\\[[0-9]*m", "", text).split("\r\n")
    assert expected - 12 < max(map(len, lines)) <= expected


def test_no_color_is_respected() -> None:
    text = on_terminal(PAGER="", NO_COLOR="1")

    assert "line 1" in text
    assert "31m" not in text


def test_a_terminal_is_paged() -> None:
    # This pager says where each line came through.
    text = on_terminal(PAGER="sed s/^/paged:/", NO_COLOR="1")

    assert text.count("paged:") == 2


def test_a_pager_may_be_left_before_the_end() -> None:
    text = on_terminal(100_000, PAGER="head -1")

    assert "line 0" in text
    assert "Traceback" not in text


def test_a_pager_that_is_not_there_is_not_missed() -> None:
    assert "line 1" in on_terminal(PAGER="no-such-pager")


def test_a_line_of_a_table_that_is_not_to_be_wrapped_is_whole(
    capsys: pytest.CaptureFixture[str],
) -> None:
    terminal.say_table(Group(Text("x " * 300, no_wrap=True, overflow="ignore")))
    assert capsys.readouterr().out == "x " * 300 + "\n"
