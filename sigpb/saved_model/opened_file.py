"""Files that are opened for reading: mapped, and named in errors about their content."""

from __future__ import annotations

import mmap
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, TypeVar

from sigpb.errors import ModelUnreadable
from sigpb.wire import Buffer

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
        if isinstance(error, ModelUnreadable) and not error.is_located:
            error.is_located = True
            if str(self.named_by) not in str(error):
                located = ModelUnreadable(f"{self.file}: {error}")
                located.is_located = True
                raise located from error


def mapped(file: Path, opened: BinaryIO) -> mmap.mmap:
    """Maps a file that is open.

    Raises:
        ModelUnreadable: If it is empty.
    """
    if not opened.seek(0, 2):
        raise ModelUnreadable(f"{file}: the file is empty.")
    return mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ)
