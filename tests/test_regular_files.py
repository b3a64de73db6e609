"""Only regular files are opened for reading, by everything in sigpb."""

from __future__ import annotations

import ast
import os
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import sigpb
from sigpb.regular_files import is_regular, open_descriptor, open_text, read_regular, read_text

PACKAGE = Path(sigpb.__file__).parent

# What opens a file for reading, unless it says otherwise.
READERS = {"open", "read_bytes", "read_text", "memmap", "fromfile"}

# Files of sigpb itself, which are read as they were installed, files that are created, and what
# Linux says of itself.
OWN = {
    ("cli/main.py", "read_text"),
    ("html_page.py", "read_text"),
    ("tf/op_defs.py", "read_bytes"),
    ("tf/op_versions.py", "read_text"),
    ("tf/ops.py", "read_text"),
    ("protos.py", "read_bytes"),
    ("publishing/durability.py", "read_text"),
    ("publishing/output_file.py", "open"),
    ("remote/model.py", "open"),
}
# Open a remote file by a path of Apache Beam's, and what is in memory.
ELSEWHERE = {("batch/pipeline.py", "FileSystems"), ("saved_model/archive.py", "open")}


def socket_at(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as bound:
        here = Path.cwd()
        os.chdir(path.parent)  # The name of a socket may be 107 bytes long.
        try:
            bound.bind(path.name)
        finally:
            os.chdir(here)


def pipe_at(path: Path) -> None:
    os.mkfifo(path)


def device_at(path: Path) -> None:
    path.symlink_to("/dev/zero")


@pytest.mark.parametrize("make", [pipe_at, socket_at, device_at])
@pytest.mark.parametrize("read", [read_regular, read_text, open_text, open_descriptor])
def test_what_is_no_regular_file_is_not_opened(
    read: Callable[[Path], object], make: Callable[[Path], None], tmp_path: Path
) -> None:
    path = tmp_path / "file"
    make(path)

    with pytest.raises(OSError, match="not a regular file") as error:
        read(path)

    assert error.value.filename == str(path)


def test_a_directory_is_called_one(tmp_path: Path) -> None:
    with pytest.raises(IsADirectoryError):
        read_regular(tmp_path)


def test_a_regular_file_is_read_also_by_a_link(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"\xc3\xa4\r\n")
    (tmp_path / "link").symlink_to("file")

    assert read_regular(tmp_path / "link") == b"\xc3\xa4\r\n"
    assert read_text(tmp_path / "link") == "ä\n"
    assert is_regular(tmp_path / "file")
    assert not is_regular(tmp_path / "link")
    assert not is_regular(tmp_path / "none")


def test_a_pipe_that_comes_in_between_is_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_bytes(b"")
    pipe_at(tmp_path / "pipe")
    status = (tmp_path / "file").stat()
    monkeypatch.setattr(Path, "stat", lambda self: status)

    with pytest.raises(OSError, match="not a regular file"):
        read_regular(tmp_path / "pipe")


def test_nothing_else_in_sigpb_opens_files_for_reading() -> None:
    found = {
        (str(path.relative_to(PACKAGE)), name, call.lineno)
        for path in PACKAGE.rglob("*.py")
        if path.name != "regular_files.py"
        for name, call in calls_that_read(path)
    }

    assert not {each for each in found if each[:2] not in OWN | ELSEWHERE}


def calls_that_read(path: Path) -> Iterator[tuple[str, ast.Call]]:
    tree = ast.parse(path.read_text())
    imported = {
        alias.asname or alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module == "sigpb.regular_files"
        for alias in node.names
    }
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        if isinstance(node.func, ast.Attribute):
            name, of = node.func.attr, ast.unparse(node.func.value)
        else:
            name, of = ast.unparse(node.func), ""
        if name not in READERS or (not of and name in imported):
            continue
        if not is_of_no_file_to_read(of, node):
            yield (of if of == "FileSystems" else name), node


def is_of_no_file_to_read(of: str, call: ast.Call) -> bool:
    """Whether a call named as those that read waits for nobody: it writes, or opens a directory."""
    arguments = [ast.unparse(each) for each in (*call.args, *(k.value for k in call.keywords))]
    if of == "os":
        flags = ("O_DIRECTORY", "O_NONBLOCK", "O_WRONLY", "O_RDWR")
        return any(flag in "|".join(arguments) for flag in flags)
    return any(each in ("'w'", "'wb'", "'x'", "'xb'") for each in arguments)
