"""What finding models asks of a file system."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import NamedTuple, Protocol

from sigpb.remote.urls import is_url


class Entry(NamedTuple):
    """What a directory holds.

    Attributes:
        name: Its name in the directory.
        is_directory: Whether it is one, or a link to one.
        is_link: Whether it is a symbolic link.
    """

    name: str
    is_directory: bool
    is_link: bool = False


class FileSystem(Protocol):
    """A tree of directories. Paths are text, in parts joined by slashes."""

    def entries(self, directory: str) -> Sequence[Entry]:
        """Returns what a directory holds.

        Raises:
            OSError: If it cannot be read, or is none.
        """

    def real_path(self, path: str) -> str:
        """Returns the path without links, the same for all paths of a directory."""


def file_system_of(path: str) -> FileSystem:
    """Returns the file system that a path is in."""
    if is_url(path):
        from sigpb.batch.remote_place import RemoteFileSystem

        return RemoteFileSystem()
    return LocalFileSystem()


class LocalFileSystem:
    """The file system of this machine."""

    def entries(self, directory: str) -> Sequence[Entry]:
        """See `FileSystem`."""
        with os.scandir(directory) as scanned:
            return [Entry(each.name, _is_directory(each), each.is_symlink()) for each in scanned]

    def real_path(self, path: str) -> str:
        """See `FileSystem`."""
        return os.path.realpath(path)


def _is_directory(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # A link that leads to itself.
        return False
