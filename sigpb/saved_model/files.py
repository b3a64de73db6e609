"""The files of a SavedModel: which one holds the proto, and how they are read and told apart."""

from __future__ import annotations

import errno
import hashlib
import mmap
import os
import shlex
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, NamedTuple, TypeVar

from sigpb.errors import EnvironmentFailure, ModelUnreadable
from sigpb.regular_files import open_regular, read_regular
from sigpb.visible_text import visible
from sigpb.wire import Buffer

BINARY_NAME = "saved_model.pb"
TEXT_NAME = "saved_model.pbtxt"
CHUNKED_NAME = "saved_model.cpb"
PROTO_NAMES = frozenset({BINARY_NAME, TEXT_NAME, CHUNKED_NAME})
"""The names of files that make a directory a model."""
CHECKPOINT_INDEX = "variables/variables.index"
WARMUP_PATH = "assets.extra/tf_serving_warmup_requests"
MAX_PROTO_SIZE = 2**31 - 1
"""The size in bytes of the largest message that protobuf can write or parse."""


def locate(path: Path) -> Path:
    """Finds the proto of the SavedModel in a directory.

    Args:
        path: The model's directory, or the proto file in it.

    Returns:
        The path of its ``saved_model.pb`` or ``saved_model.pbtxt``.

    Raises:
        ModelUnreadable: If there is none, if there are both, or if the model is chunked.
    """
    directory = path.parent if path.name in PROTO_NAMES else path
    if not directory.is_dir():
        from sigpb.saved_model import missing_model  # here, and below, for it is rarely needed

        raise ModelUnreadable(missing_model.no_directory(directory))
    binary, text = directory / BINARY_NAME, directory / TEXT_NAME
    if binary.exists() and text.exists():
        raise ModelUnreadable(
            f"{directory}: holds both {BINARY_NAME} and {TEXT_NAME}. Loaders read the first, some "
            "tools write the second, and the two may differ. Remove the one that is out of date."
        )
    for file in (binary, text):
        if file.is_file():
            return file
        if file.exists() and not file.is_dir():
            raise ModelUnreadable(f"{file}: this is not a regular file.")
    if (directory / CHUNKED_NAME).exists():
        raise ModelUnreadable(
            f"{directory}: holds a chunked SavedModel ({CHUNKED_NAME}), which open-source "
            "TensorFlow can read but not write. Export the model again without chunking."
        )
    from sigpb.saved_model import missing_model

    raise ModelUnreadable(missing_model.no_model_in(directory))


def is_graph_file(path: Path) -> bool:
    """Whether a path is that of a file which, by its name, holds a graph and no SavedModel."""
    return path.name not in PROTO_NAMES and path.is_file()


def is_no_model(path: Path) -> bool:
    """Whether a path is that of a directory without the proto of a model."""
    return path.is_dir() and not any((path / name).exists() for name in PROTO_NAMES)


# The time of modification, in seconds, of an empty file in the place of one that is elsewhere.
_ELSEWHERE = 1_000_000_007


def mark_elsewhere(file: Path) -> None:
    """Marks a file as one that only stands for another one, which was not fetched."""
    os.utime(file, (_ELSEWHERE, _ELSEWHERE))


def is_elsewhere(file: Path) -> bool:
    """Whether a file only stands for one that was not fetched, so that its content is not known.

    Raises:
        OSError: If there is no such file.
    """
    return file.stat().st_mtime_ns == _ELSEWHERE * 10**9


_PART = 1 << 20


class FileState(NamedTuple):
    """What changes when a file is replaced or written to.

    Attributes:
        inode: Number of the file in its file system.
        size: In bytes.
        mtime_ns: Time of the last modification, in nanoseconds since the epoch.
    """

    inode: int
    size: int
    mtime_ns: int

    @classmethod
    def of(cls, file: Path | int) -> FileState:
        """Returns the state of a file, given by path or as a file descriptor.

        Take it from the descriptor that is read from: a path may name another file by then.

        Raises:
            OSError: If there is no such file.
        """
        status = file.stat() if isinstance(file, Path) else os.fstat(file)
        return cls(status.st_ino, status.st_size, status.st_mtime_ns)


def sha256_of(file: Path) -> str:
    """Returns the SHA-256 of a file's content, in hexadecimal; it is read in parts.

    Raises:
        OSError: If it cannot be read.
    """
    digest = hashlib.sha256()
    with open_regular(file) as opened:
        while part := opened.read(_PART):
            digest.update(part)
    return digest.hexdigest()


# What is as it is, however often it is tried.
_STAYS = {errno.EACCES, errno.EINVAL, errno.EISDIR, errno.ELOOP, errno.EPERM}


def read_side_file(file: Path) -> bytes | None:
    """Returns what a file beside a proto holds; None if there is none.

    Raises:
        ModelUnreadable: If there is something that cannot be read, such as a directory.
        EnvironmentFailure: If reading it fails.
    """
    try:
        return read_regular(file)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise unreadable(file, error) from error


def unreadable(file: Path, error: OSError) -> ModelUnreadable | EnvironmentFailure:
    """Returns what to raise where a file of a model cannot be read."""
    kind = ModelUnreadable if error.errno in _STAYS else EnvironmentFailure
    return kind(f"{file}: {error.strerror or error}.")


_REPEAT = "If a copy or a download broke off, repeat it."


def if_damaged(file: Path) -> str:
    """Returns what to do about a file with damaged bytes, as two sentences."""
    damaged, suffix = shlex.quote(str(file)), "" if file.name == BINARY_NAME else file.suffix
    return (
        f"{_REPEAT} 'sigpb wire {damaged}' shows where the damage is, and 'sigpb salvage {damaged} "
        f"salvaged{suffix}' saves what can be read."
    )


_Opened = TypeVar("_Opened", bound="OpenedFile")


class OpenedFile:
    """A file that was opened.

    It can be used in a ``with`` statement, which closes the file and names it in errors about its
    content.

    Attributes:
        file: The file.
        buffer: The bytes of the binary proto: the mapped file, or what a text proto amounts to.
    """

    def __init__(self, file: Path, buffer: Buffer) -> None:
        self.file = file
        self.buffer = buffer

    @property
    def named_by(self) -> Path:
        """What errors about the content name; where they do not, the file is put before them."""
        return self.file

    @property
    def if_damaged(self) -> str:
        """What to do if the content cannot be understood, as sentences; empty if nothing."""
        return if_damaged(self.file) if isinstance(self.buffer, mmap.mmap) else ""

    def close(self) -> None:
        """Closes the mapped file."""
        if isinstance(self.buffer, mmap.mmap):
            self.buffer.close()

    def __enter__(self: _Opened) -> _Opened:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()
        if isinstance(error, ModelUnreadable) and error.path is None:
            error.path = str(self.named_by)
            if visible(error.path) not in str(error):
                problem = f"{self.file}: {str(error).rstrip('.')}. {self.if_damaged}".rstrip()
                located = ModelUnreadable(problem)
                located.path = error.path
                raise located from error


def mapped(file: Path, opened: BinaryIO) -> mmap.mmap:
    """Maps a file that is open.

    Raises:
        ModelUnreadable: If it is empty.
    """
    if not opened.seek(0, 2):
        raise ModelUnreadable(f"{file}: the file is empty. {_REPEAT}")
    return mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ)
